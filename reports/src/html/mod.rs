//! The page: one file, no script, nothing fetched. Every text of a record goes through [`Text`].

mod bar;
mod cases;
mod compare;
mod contents;
mod coverage;
mod curve;
mod failures;
mod gate;
mod history;
mod lines;
mod load;
mod overview;
mod probes;
mod quality;
mod rankings;
mod rules;
mod run;
mod saboteurs;
mod strip;
mod timeline;
mod trend;

pub(crate) use coverage::name as dimension;

use std::fmt::{self, Write};

use contract_types::RunRecordVerdict;

use crate::{
    format::{Text, written},
    model::{Report, Run},
    read::Problem,
    verdict::{HOW_TO_RUN, word},
};

/// The page's style sheet, which it holds inline.
pub const STYLE: &str = include_str!("style.css");

/// Most cases with their exchange on one page; the record holds the rest.
pub(crate) const FAILURES_SHOWN: usize = 100;
/// Most names in one folded list.
const NAMES_SHOWN: usize = 500;

/// Draws the page. The same records always give the same page.
pub fn page(report: &Report) -> String {
    let title = if report.is_empty() { "No runs yet" } else { word(report.verdict()) };
    document(title, |out| {
        if report.is_empty() {
            return empty(out);
        }
        contents::write(out, report)?;
        overview::write(out, report)?;
        for run in &report.current {
            run::write(out, run, report.comparison(run).as_ref())?;
        }
        trend::write(out, report)?;
        history::write(out, report)
    })
}

/// Draws the page that stands in for a report while records cannot be read.
pub fn broken_page(problems: &[Problem]) -> String {
    document("Broken record", |out| {
        writeln!(
            out,
            "<section class=\"banner error\">\n<h2>No verdict</h2>\n<p>A run record cannot be read.</p>\n</section>"
        )?;
        for problem in problems {
            writeln!(out, "<p class=\"message\">{}</p>", Text(&problem.to_string()))?;
        }
        Ok(())
    })
}

fn empty(out: &mut String) -> fmt::Result {
    writeln!(out, "<section class=\"banner none\">\n<h2>No runs yet</h2>")?;
    writeln!(
        out,
        "<p>No run record lies in this folder. Run one of the suites, then draw the page again:</p>\n</section>"
    )?;
    let commands = HOW_TO_RUN.join("\n");
    writeln!(out, "<pre class=\"command\" tabindex=\"0\">{}\ncargo run -p reports</pre>", Text(&commands))
}

fn document(title: &str, body: impl FnOnce(&mut String) -> fmt::Result) -> String {
    written(|out| {
        head(out, title)?;
        body(out)?;
        out.write_str(FOOT)
    })
}

const FOOT: &str = "</main>
<footer><p>Drawn by <code>cargo run -p reports</code> from the run records beside this page and from nothing else.</p></footer>
</body>
</html>
";

/// A bob on its line.
const MARK: &str = "<svg class=\"mark\" width=\"14\" height=\"34\" viewBox=\"0 0 14 34\" aria-hidden=\"true\">\
<path d=\"M7 0v17\" stroke=\"currentColor\" stroke-width=\"1.5\"/><path d=\"M3 16h8l2.5 6L7 34 .5 22z\" fill=\"currentColor\"/></svg>";

fn head(out: &mut String, title: &str) -> fmt::Result {
    writeln!(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">")?;
    writeln!(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")?;
    writeln!(out, "<meta name=\"color-scheme\" content=\"light dark\">")?;
    // Should hostile text ever get past the escaping, it still finds nothing that runs and nowhere to call.
    writeln!(
        out,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    )?;
    writeln!(out, "<title>{} · Plumbline report</title>\n<style>\n{STYLE}</style>\n</head>\n<body>", Text(title))?;
    writeln!(out, "<a class=\"skip\" href=\"#report\">Skip to the report</a>")?;
    writeln!(out, "<header>{MARK}<h1>Plumbline <span>report</span></h1></header>\n<main id=\"report\">")
}

/// Where a run was, and what it did there: `local`, `local, search`.
fn place(run: &Run) -> String {
    let target = &run.record.target.name;
    run.did().map_or_else(|| target.clone(), |did| format!("{target}, {did}"))
}

/// The badge of a verdict: a mark and a word, so that colour is never alone.
fn badge(verdict: RunRecordVerdict) -> String {
    format!("<span class=\"badge {verdict}\">{}</span>", word(verdict))
}

/// A badge of anything else that ends well or badly.
fn outcome_badge(class: &str, word: &str) -> String {
    format!("<span class=\"badge {class}\">{word}</span>")
}

/// What is told about a row, below its name, where there is anything to tell.
fn beneath(told: &str) -> String {
    if told.is_empty() { String::new() } else { format!("<small class=\"told\">{}</small>", Text(told)) }
}

/// Opens a table that scrolls by itself on a narrow page.
fn open_table(out: &mut String, class: &str, caption: &str) -> fmt::Result {
    let caption = Text(caption);
    writeln!(out, "<div class=\"scroll\" role=\"region\" aria-label=\"{caption}\" tabindex=\"0\">")?;
    writeln!(out, "<table class=\"{class}\">\n<caption>{caption}</caption>")
}

fn close_table(out: &mut String) -> fmt::Result {
    writeln!(out, "</tbody>\n</table>\n</div>")
}

/// A folded list of names, each with its reason where it has one.
fn fold<'a>(
    out: &mut String,
    summary: &str,
    names: impl ExactSizeIterator<Item = (&'a str, Option<&'a str>)>,
) -> fmt::Result {
    let class = if names.len() > 12 { "names many" } else { "names" };
    let left = names.len().saturating_sub(NAMES_SHOWN);
    writeln!(out, "<details>\n<summary>{}</summary>\n<ul class=\"{class}\">", Text(summary))?;
    for (name, reason) in names.take(NAMES_SHOWN) {
        match reason {
            Some(reason) => writeln!(out, "<li><code>{}</code> <span>{}</span></li>", Text(name), Text(reason))?,
            None => writeln!(out, "<li><code>{}</code></li>", Text(name))?,
        }
    }
    if left > 0 {
        writeln!(out, "<li>and {left} more in the record</li>")?;
    }
    writeln!(out, "</ul>\n</details>")
}

/// A file name as a relative address: it can neither leave the folder nor name a scheme.
fn link(file: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let encode = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    format!("./{}", file.bytes().map(encode).collect::<String>())
}
