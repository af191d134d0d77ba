//! One run: where, when and from what it was made, then what it found.

use std::fmt::{self, Write};

use super::{
    badge, cases, compare, coverage, failures, link, load, place, probes, quality, rankings, rules, saboteurs,
};
use crate::{
    compare::Comparison,
    format::{Text, moment, span},
    model::Run,
    saboteurs::Board,
    tally,
    verdict::summary,
};

pub(super) fn write(out: &mut String, run: &Run, comparison: Option<&Comparison<'_>>) -> fmt::Result {
    let record = &run.record;
    let anchor = run.anchor();
    writeln!(out, "<section class=\"run\" id=\"{anchor}\" aria-labelledby=\"{anchor}-title\">")?;
    let place = place(run);
    let name = Text(&place);
    writeln!(out, "<h2 id=\"{anchor}-title\">{} <span>on {name}</span> {}</h2>", run.title(), badge(record.verdict))?;
    writeln!(out, "<p class=\"lead\">{}.</p>", Text(&capital(&summary(run))))?;
    facts(out, run)?;
    if run.remarks().next().is_some() {
        writeln!(out, "<h3>Notes</h3>\n<ul class=\"notes\">")?;
        for note in run.remarks() {
            writeln!(out, "<li>{}</li>", Text(note))?;
        }
        writeln!(out, "</ul>")?;
    }
    if let Some(comparison) = comparison {
        compare::write(out, comparison)?;
    }
    if let Some(board) = Board::of(run) {
        saboteurs::write(out, &board)?;
    }
    failures::write(out, run)?;
    quality::write(out, record.scores.as_deref().unwrap_or_default())?;
    rankings::write(out, record.changes.as_deref().unwrap_or_default())?;
    load::write(out, record.load.as_deref().unwrap_or_default())?;
    let plain = tally::plain(&record.cases);
    cases::write(out, &plain)?;
    rules::write(out, &anchor, &plain)?;
    probes::write(out, &record.cases)?;
    coverage::write(out, record.coverage.as_deref().unwrap_or_default())?;
    writeln!(out, "</section>")
}

fn facts(out: &mut String, run: &Run) -> fmt::Result {
    let record = &run.record;
    let implementation = match (&record.target.implementation, &record.target.version) {
        (Some(name), Some(version)) => format!("{name} {version}"),
        (Some(name), None) => name.clone(),
        (None, Some(version)) => format!("version {version}"),
        (None, None) => "not reported".to_owned(),
    };
    writeln!(out, "<dl class=\"facts\">")?;
    let started = format!("<time datetime=\"{}\">{}</time>", run.started, moment(run.started));
    let rows = [
        ("Address", format!("<code>{}</code>", Text(&record.target.base_url))),
        ("Implementation", Text(&implementation).to_string()),
        ("Contract", Text(&record.contract_version).to_string()),
        ("Suite", Text(&record.tool_version).to_string()),
        ("Started", started),
        ("Took", span(run.started, run.finished)),
        ("Seed", record.seed.to_string()),
        ("Record", format!("<a href=\"{}\">JSON</a>", link(&run.file))),
    ];
    for (term, value) in rows {
        writeln!(out, "<div><dt>{term}</dt><dd>{value}</dd></div>")?;
    }
    writeln!(
        out,
        "<div class=\"wide\"><dt>Repeat with</dt><dd><code class=\"pick\">{}</code></dd></div>",
        Text(&record.command)
    )?;
    let commit = Text(record.commit.as_deref().unwrap_or("outside a repository"));
    writeln!(out, "<div class=\"wide\"><dt>Commit</dt><dd><code>{commit}</code></dd></div>\n</dl>")
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
