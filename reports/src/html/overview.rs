//! The verdict, and a tile for each run.

use std::fmt::{self, Write};

use contract_types::{RunRecordKind, RunRecordVerdict};

use super::{badge, bar};
use crate::{
    format::{self, Text, count, decimal, length, plural},
    model::{Report, Run},
    verdict::{summary, word},
};

pub(super) fn write(out: &mut String, report: &Report) -> fmt::Result {
    let verdict = report.verdict();
    writeln!(out, "<section class=\"banner {verdict}\">\n<h2>{}</h2>", word(verdict))?;
    writeln!(out, "<p>{}</p>\n</section>", Text(&sentence(report)))?;
    for mixture in report.mixtures() {
        writeln!(out, "<p class=\"hint\">{mixture}</p>")?;
    }
    writeln!(out, "<nav aria-label=\"Runs\" class=\"tiles\">")?;
    for run in &report.current {
        tile(out, run)?;
    }
    writeln!(out, "</nav>")
}

/// Which runs did not pass, or that all did.
fn sentence(report: &Report) -> String {
    let names = |verdict| {
        let named = report.current.iter().filter(move |run| run.record.verdict == verdict);
        named.map(|run| format!("{} on {}", run.record.kind, run.record.target.name)).collect::<Vec<_>>()
    };
    let (failed, errored) = (names(RunRecordVerdict::Fail), names(RunRecordVerdict::Error));
    let mut parts = Vec::new();
    if !failed.is_empty() {
        parts.push(format!("Failed: {}.", failed.join(", ")));
    }
    if !errored.is_empty() {
        parts.push(format!("Could not be completed: {}.", errored.join(", ")));
    }
    if parts.is_empty() {
        parts.push(match report.current.len() {
            1 => "The one run shown passed.".to_owned(),
            runs => format!("All {runs} runs shown passed."),
        });
    }
    parts.join(" ")
}

fn tile(out: &mut String, run: &Run) -> fmt::Result {
    let record = &run.record;
    let (figure, label) = figure(run);
    writeln!(out, "<a class=\"tile\" href=\"#{}\">", run.anchor())?;
    writeln!(out, "<span class=\"row\"><strong>{}</strong>{}</span>", run.title(), badge(record.verdict))?;
    writeln!(out, "<span class=\"target\">{}</span>", Text(&record.target.name))?;
    writeln!(out, "<span class=\"figure\">{figure} <small>{}</small></span>", Text(&label))?;
    if run.tally().total() > 0 {
        writeln!(out, "{}", bar::stacked(run.tally()))?;
    }
    writeln!(out, "<span class=\"sum\">{}</span>", Text(&summary(run)))?;
    let commit = format::commit(record.commit.as_deref());
    writeln!(
        out,
        "<span class=\"facts\">contract {} · commit {commit} · seed {}<br>{}</span>\n</a>",
        Text(&record.contract_version),
        record.seed,
        format::moment(run.started)
    )
}

/// The one figure that says most about a run.
fn figure(run: &Run) -> (String, String) {
    let record = &run.record;
    let cases = || (format::percent(run.tally().passed, run.tally().applicable()), "of cases pass".to_owned());
    let scores = record.scores.as_deref().unwrap_or_default();
    let load = record.load.as_deref().unwrap_or_default();
    match record.kind {
        RunRecordKind::Quality if !scores.is_empty() => {
            let (below, all) = run.below_floor();
            (count(length(all - below)), format!("of {} not below a floor", plural(length(all), "score", "scores")))
        }
        RunRecordKind::Load if !load.is_empty() => {
            let worst = load.iter().max_by(|a, b| a.p95_ms.total_cmp(&b.p95_ms));
            let (value, of) = worst.map_or((0.0, ""), |row| (row.p95_ms, row.operation.as_str()));
            (format!("{} ms", decimal(value, 1)), format!("slowest p95, {of}"))
        }
        RunRecordKind::Quality | RunRecordKind::Load | RunRecordKind::Conformance => cases(),
    }
}
