//! The verdict in one line of plain text.

use contract_types::{RunRecordKind, RunRecordVerdict};

use crate::{
    format::{count, length, plural},
    model::{Report, Run},
};

/// The commands that make run records.
pub const HOW_TO_RUN: [&str; 3] = [
    "cargo test -p conformance -- --target local",
    "cargo run -p quality -- --target local",
    "cargo run -p loadtests -- --target local",
];

/// `fail: conformance on local fail (118 of 120 passed, 2 failed); quality on local pass (…)`.
pub fn verdict_line(report: &Report) -> String {
    let runs: Vec<String> = report
        .current
        .iter()
        .map(|run| {
            let record = &run.record;
            format!("{} on {} {} ({})", record.kind, record.target.name, record.verdict, summary(run))
        })
        .collect();
    format!("{}: {}", report.verdict(), runs.join("; "))
}

/// The run in a few words: what was looked at, and what was wrong.
pub(crate) fn summary(run: &Run) -> String {
    let tally = run.tally();
    let mut parts = Vec::new();
    if tally.applicable() > 0 || run.record.kind == RunRecordKind::Conformance {
        parts.push(format!("{} of {} cases passed", count(tally.passed), count(tally.applicable())));
    }
    for (number, word) in [(tally.failed, "failed"), (tally.errored, "errored")] {
        if number > 0 {
            parts.push(format!("{} {word}", count(number)));
        }
    }
    if tally.known > 0 {
        parts.push(plural(tally.known, "known failure", "known failures"));
    }
    let (below, scores) = run.below_floor();
    if scores > 0 {
        parts.push(format!("{}, {} below the floor", plural(length(scores), "score", "scores"), count(length(below))));
    }
    let (over, rows) = run.over_budget();
    if rows > 0 {
        parts.push(format!("{}, {} over budget", plural(length(rows), "measurement", "measurements"), count(length(over))));
    }
    if parts.is_empty() {
        parts.push("nothing was measured".to_owned());
    }
    parts.join(", ")
}

/// The verdict as one word to begin a line with.
pub(crate) fn word(verdict: RunRecordVerdict) -> &'static str {
    match verdict {
        RunRecordVerdict::Pass => "Pass",
        RunRecordVerdict::Fail => "Fail",
        RunRecordVerdict::Error => "Error",
    }
}
