//! The verdicts over time, and the runs before the current ones, each with a link to its record.

use std::fmt::{self, Write};

use contract_types::RunRecordVerdict;

use super::{badge, close_table, link, open_table};
use crate::{
    format::{self, Text, count, length, moment},
    gate::same_kind,
    model::{Report, Run},
    verdict::summary,
};

/// Most rows of the table.
const SHOWN: usize = 200;
/// Most marks of one line of verdicts.
const MARKS: usize = 60;

pub(super) fn write(out: &mut String, report: &Report) -> fmt::Result {
    let history = &report.history;
    if history.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<section class=\"run\" id=\"history\" aria-labelledby=\"history-title\">\n<h2 id=\"history-title\">History</h2>"
    )?;
    verdicts(out, report)?;
    open_table(out, "history", "Other runs, newest first; the verdict above does not count them")?;
    writeln!(
        out,
        "<thead><tr><th scope=\"col\">Started</th><th scope=\"col\">Run</th><th scope=\"col\">Verdict</th><th scope=\"col\">Found</th>\
         <th scope=\"col\">Commit</th><th scope=\"col\" class=\"num\">Seed</th><th scope=\"col\">Record</th></tr></thead>\n<tbody>"
    )?;
    for run in history.iter().take(SHOWN) {
        let record = &run.record;
        writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td><code>{}</code></td><td class=\"num\">{}</td>\
             <td><a href=\"{}\">JSON<span class=\"aloud\"> of {}</span></a></td></tr>",
            moment(run.started),
            Text(&run.name()),
            badge(record.verdict),
            Text(&summary(run)),
            format::commit(record.commit.as_deref()),
            record.seed,
            link(&run.file),
            Text(&run.file)
        )?;
    }
    close_table(out)?;
    if history.len() > SHOWN {
        writeln!(out, "<p class=\"hint\">{} older records lie beside this page.</p>", history.len() - SHOWN)?;
    }
    writeln!(out, "</section>")
}

/// A line for each run that counts, a mark for each run of its kind, the newest at the right. Height tells verdicts apart as colour does.
fn verdicts(out: &mut String, report: &Report) -> fmt::Result {
    writeln!(out, "<dl class=\"verdicts\">")?;
    for run in &report.current {
        let same = report.beside(run).into_iter().filter(|other| same_kind(other, run));
        let mut runs: Vec<&Run> = same.take(MARKS).collect();
        runs.reverse();
        let number = |verdict| count(length(runs.iter().filter(|run| run.record.verdict == verdict).count()));
        let told = [
            (RunRecordVerdict::Pass, "passed"),
            (RunRecordVerdict::Fail, "failed"),
            (RunRecordVerdict::Error, "could not be completed"),
        ];
        let told = told.map(|(verdict, word)| (number(verdict), word));
        let told: Vec<String> =
            told.iter().filter(|(number, _)| number != "0").map(|(number, word)| format!("{number} {word}")).collect();
        let told = told.join(", ");
        write!(out, "<div><dt>{}</dt><dd><span class=\"marks\" aria-hidden=\"true\">", Text(&run.name()))?;
        for run in &runs {
            write!(out, "<i class=\"{}\"></i>", run.record.verdict)?;
        }
        writeln!(out, "</span> <small>{told}</small></dd></div>")?;
    }
    writeln!(out, "</dl>")
}
