//! The verdict in one line of plain text.

use contract_types::RunRecordVerdict;

use crate::{
    format::{count, length, plural},
    model::{Report, Run, Suite},
    saboteurs::Board,
    tally::Tally,
};

/// The commands that make run records, as the README has them.
pub const HOW_TO_RUN: [&str; 3] = [
    "cargo test -p conformance",
    "cargo run -p quality -- smoke --target local",
    "cargo run -p loadtests --release -- --target local --scenario search --users 8 --duration 20s",
];

/// `fail: conformance on local fail (118 of 120 passed, 2 failed); quality on local pass (…)`.
pub fn verdict_line(report: &Report) -> String {
    let runs: Vec<String> =
        report.current.iter().map(|run| format!("{} {} ({})", run.name(), run.record.verdict, summary(run))).collect();
    format!("{}: {}", report.verdict(), runs.join("; "))
}

/// The run in a few words: what was looked at, and what was wrong.
pub(crate) fn summary(run: &Run) -> String {
    let (tally, record) = (run.tally(), &run.record);
    let mut parts = Vec::new();
    let board = Board::of(run);
    if let Some(board) = &board {
        parts.push(format!("{} of {} saboteurs caught", count(board.caught), count(board.seeded)));
    }
    if tally.applicable() > 0 {
        parts.push(format!("{} of {} cases passed", count(tally.passed), count(tally.applicable())));
        parts.extend(trouble(tally));
    } else if run.suite() == Suite::Conformance && board.is_none() {
        parts.push("no case ran".to_owned());
    }
    let (held, floors) = run.floors();
    if floors > 0 {
        parts.push(format!("{} of {} floors held", count(held), count(floors)));
    } else if let Some(scores) = record.scores.as_ref().filter(|scores| !scores.is_empty()) {
        parts.push(plural(length(scores.len()), "score", "scores"));
    }
    let (kept, budgets) = run.budgets();
    if budgets > 0 {
        parts.push(format!("{} of {} budgets kept", count(kept), count(budgets)));
    } else if let Some(load) = record.load.as_ref().filter(|load| !load.is_empty()) {
        parts.push(plural(length(load.len()), "measurement", "measurements"));
    }
    if parts.is_empty() {
        parts.push("nothing was measured".to_owned());
    }
    if run.part().is_some() {
        parts.push("a part of the suite alone".to_owned());
    }
    parts.join(", ")
}

/// What else happened to the cases that apply: `3 failed`, `1 errored`, `2 known failures`.
pub(crate) fn trouble(tally: Tally) -> Vec<String> {
    let known = plural(tally.known, "known failure", "known failures");
    let parts = [
        (tally.failed, format!("{} failed", count(tally.failed))),
        (tally.errored, format!("{} errored", count(tally.errored))),
        (tally.known, known),
    ];
    parts.into_iter().filter(|(number, _)| *number > 0).map(|(_, text)| text).collect()
}

/// The verdict as one word to begin a line with.
pub(crate) fn word(verdict: RunRecordVerdict) -> &'static str {
    match verdict {
        RunRecordVerdict::Pass => "Pass",
        RunRecordVerdict::Fail => "Fail",
        RunRecordVerdict::Error => "Error",
    }
}
