//! The verdict, and a tile for each run.

use std::fmt::{self, Write};

use contract_types::RunRecordVerdict;

use super::{badge, bar, gate, place};
use crate::{
    format::{self, Text, count, decimal},
    model::{Report, Run, Suite},
    saboteurs::Board,
    verdict::{trouble, word},
};

pub(super) fn write(out: &mut String, report: &Report) -> fmt::Result {
    let verdict = report.verdict();
    writeln!(out, "<section class=\"banner {verdict}\">\n<h2>{}</h2>", word(verdict))?;
    writeln!(out, "<p>{}</p>\n</section>", Text(&sentence(report)))?;
    for mixture in report.mixtures() {
        writeln!(out, "<p class=\"hint\">{mixture}</p>")?;
    }
    levels(out, report)?;
    writeln!(out, "<nav aria-label=\"Runs\" class=\"tiles\">")?;
    for run in &report.current {
        tile(out, run)?;
    }
    writeln!(out, "</nav>")?;
    gate::write(out, report)
}

/// The levels of conformance that runs have reached, and the next ones.
fn levels(out: &mut String, report: &Report) -> fmt::Result {
    for run in &report.current {
        let levels = run.levels();
        if levels.is_empty() {
            continue;
        }
        write!(out, "<p class=\"levels\"><span>Level of {}</span>", Text(&run.name()))?;
        for level in levels {
            let class = if level.starts_with("next") { "level next" } else { "level" };
            write!(out, " <span class=\"{class}\">{}</span>", Text(level))?;
        }
        writeln!(out, "</p>")?;
    }
    Ok(())
}

/// Which runs did not pass, or that all did.
fn sentence(report: &Report) -> String {
    let names = |verdict| {
        let named = report.current.iter().filter(move |run| run.record.verdict == verdict);
        named.map(Run::name).collect::<Vec<_>>()
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
    let partial: Vec<String> = report.current.iter().filter(|run| run.part().is_some()).map(Run::name).collect();
    if !partial.is_empty() {
        parts.push(format!("Of a part of its suite alone: {}.", partial.join(", ")));
    }
    parts.join(" ")
}

fn tile(out: &mut String, run: &Run) -> fmt::Result {
    let (record, tally) = (&run.record, run.tally());
    let (figure, label) = figure(run);
    writeln!(out, "<a class=\"tile\" href=\"#{}\">", run.anchor())?;
    writeln!(out, "<span class=\"row\"><strong>{}</strong>{}</span>", run.title(), badge(record.verdict))?;
    writeln!(out, "<span class=\"target\">{}</span>", Text(&place(run)))?;
    if let Some(chosen) = run.part() {
        writeln!(out, "<span class=\"part\">Part of the suite, {}</span>", Text(chosen))?;
    }
    writeln!(out, "<span class=\"figure\">{figure} <small>{}</small></span>", Text(&label))?;
    let board = Board::of(run);
    if let Some(board) = board.as_ref().filter(|_| run.suite() == Suite::Saboteurs) {
        writeln!(out, "{}", bar::stacked(board.tally))?;
    }
    if tally.total() > 0 {
        writeln!(out, "{}", bar::stacked(tally))?;
    }
    let mut rest = trouble(tally);
    if tally.not_applicable > 0 {
        rest.push(format!("{} not applicable", count(tally.not_applicable)));
    }
    if run.suite() == Suite::Load {
        let (kept, budgets) = run.budgets();
        rest.push(match budgets {
            0 => "no budget to keep".to_owned(),
            _ => format!("{} of {} budgets kept", count(kept), count(budgets)),
        });
    }
    writeln!(out, "<span class=\"rest\">{}</span>", Text(&rest.join(", ")))?;
    let facts = [
        format!("contract {}", record.contract_version),
        format!("commit {}", format::commit(record.commit.as_deref())),
        format!("seed {}", record.seed),
        format::moment(run.started),
    ];
    write!(out, "<span class=\"facts\">")?;
    for fact in facts {
        write!(out, "<span>{}</span> ", Text(&fact))?;
    }
    writeln!(out, "</span>\n</a>")
}

/// The one figure that says most about a run, and what it is.
fn figure(run: &Run) -> (String, String) {
    let (record, tally) = (&run.record, run.tally());
    let (held, floors) = run.floors();
    let slowest = record.load.iter().flatten().max_by(|a, b| a.p95_ms.total_cmp(&b.p95_ms));
    match (run.suite(), slowest) {
        (Suite::Quality, _) if floors > 0 => {
            (format::percent(held, floors), format!("{} of {} floors held", count(held), count(floors)))
        }
        (Suite::Load, Some(row)) => {
            (format!("{} ms", decimal(row.p95_ms, 1)), format!("slowest p95: {} in {}", row.operation, row.scenario))
        }
        (Suite::Saboteurs, _) => Board::of(run).map_or_else(
            || ("–".to_owned(), "nothing was seeded".to_owned()),
            |board| (format!("{} / {}", count(board.caught), count(board.seeded)), "saboteurs caught".to_owned()),
        ),
        _ if tally.applicable() == 0 => ("–".to_owned(), "nothing ran".to_owned()),
        _ => (
            format::percent(tally.passed, tally.applicable()),
            format!("{} of {} cases passed", count(tally.passed), count(tally.applicable())),
        ),
    }
}
