//! A comment in Markdown for a pull request: the verdict first, then for each run what changed and what went wrong.

mod gate;
mod text;

use std::fmt::{self, Write};

use contract_types::{CaseRecord, RunRecordVerdict};

use crate::{
    compare::{Change, Comparison},
    format::{self, count, decimal, length, percent, written},
    html::dimension,
    model::{Report, Run, Suite},
    saboteurs::Board,
    tally,
    verdict::{HOW_TO_RUN, summary, word},
};

pub use gate::gate_comment;
use text::{Comment, block, code};

/// Failures with their message and command, for each run.
const FAILURES_SHOWN: usize = 10;
/// Names in one folded list.
const NAMES_SHOWN: usize = 20;
/// Longest message and longest name, in bytes.
const MESSAGE_BYTES: usize = 600;
/// Longest command, in bytes.
const COMMAND_BYTES: usize = 2000;

/// Draws the comment, 60,000 characters at most.
pub fn comment(report: &Report) -> String {
    let mut comment = Comment::default();
    if report.is_empty() {
        comment
            .add(&format!("### Plumbline: no runs yet\n\nRun one of these:\n\n```\n{}\n```\n", HOW_TO_RUN.join("\n")));
        return comment.finish();
    }
    comment.add(&written(|out| head(out, report)));
    for run in &report.current {
        section(&mut comment, run, report.comparison(run).as_ref());
    }
    comment.finish()
}

fn head(out: &mut String, report: &Report) -> fmt::Result {
    let verdict = report.verdict();
    writeln!(out, "### {} Plumbline: {}\n", mark(verdict), word(verdict).to_lowercase())?;
    writeln!(
        out,
        "| run | target | verdict | found | contract | commit | seed | started |\n|---|---|---|---|---|---|--:|---|"
    )?;
    for run in &report.current {
        let record = &run.record;
        writeln!(
            out,
            "| {} | {} | {} {} | {} | {} | {} | {} | {} |",
            run.did().map_or_else(|| run.suite().to_string(), |did| format!("{} {did}", run.suite())),
            code(&record.target.name, 64),
            mark(record.verdict),
            record.verdict,
            summary(run),
            code(&record.contract_version, 64),
            code(format::commit(record.commit.as_deref()), 64),
            record.seed,
            format::moment(run.started)
        )?;
    }
    for mixture in report.mixtures() {
        writeln!(out, "\n{mixture}")?;
    }
    Ok(())
}

fn mark(verdict: RunRecordVerdict) -> &'static str {
    match verdict {
        RunRecordVerdict::Pass => "✅",
        RunRecordVerdict::Fail => "❌",
        RunRecordVerdict::Error => "⚠️",
    }
}

/// `conformance on` or `load search on` with the target in a code span.
fn name(run: &Run) -> String {
    let did = run.did().map(|did| format!(" {did}")).unwrap_or_default();
    format!("{}{did} on {}", run.suite(), code(&run.record.target.name, 64))
}

fn section(comment: &mut Comment, run: &Run, comparison: Option<&Comparison<'_>>) {
    comment.add(&format!("\n#### {} {}\n", mark(run.record.verdict), name(run)));
    if run.suite() != Suite::Saboteurs {
        comment.add(&format!("\n{}\n", counts(run)));
    }
    let levels: Vec<String> = run.levels().iter().map(|level| code(level, 140)).collect();
    if !levels.is_empty() {
        comment.add(&format!("\nLevel: {}\n", levels.join(" · ")));
    }
    if let Some(comparison) = comparison {
        changes(comment, comparison);
    }
    if let Some(board) = Board::of(run) {
        comment.add(&written(|out| saboteurs(out, &board)));
    }
    failures(comment, run);
    figures(comment, run);
    comment.add(&written(|out| coverage(out, run)));
}

/// How the cases ended: `175 passed · 3 failed · 142 not applicable`.
fn counts(run: &Run) -> String {
    let tally = run.tally();
    let parts = [
        (tally.passed, "passed"),
        (tally.failed, "failed"),
        (tally.errored, "errored"),
        (tally.known, "known to fail"),
        (tally.not_applicable, "not applicable"),
    ];
    let shown = parts.into_iter().filter(|(number, name)| *number > 0 || (*name == "passed" && tally.total() > 0));
    let shown: Vec<String> = shown.map(|(number, name)| format!("{} {name}", count(number))).collect();
    if shown.is_empty() { format!("{}.", summary(run)) } else { format!("{}.", shown.join(" · ")) }
}

fn changes(comment: &mut Comment, comparison: &Comparison<'_>) {
    let before = comparison.before;
    let against = format!(
        "the run of {} at {}",
        format::moment(before.started),
        code(format::commit(before.record.commit.as_deref()), 64)
    );
    let lists = comparison.lists();
    if lists.is_empty() {
        return comment.add(&format!("\nNothing got better or worse since {against}.\n"));
    }
    let said: Vec<String> =
        lists.iter().map(|(name, changes)| format!("{} {name}", count(length(changes.len())))).collect();
    comment.add(&format!("\nSince {against}: {}.\n", said.join(", ")));
    for (name, changes) in lists {
        comment.add(&written(|out| folded(out, name, changes)));
    }
}

fn folded(out: &mut String, name: &str, changes: &[Change]) -> fmt::Result {
    writeln!(out, "\n<details><summary>{} {name}</summary>\n", count(length(changes.len())))?;
    for change in changes.iter().take(NAMES_SHOWN) {
        writeln!(out, "- {} ({})", code(&change.id, MESSAGE_BYTES), change.words())?;
    }
    let left = changes.len().saturating_sub(NAMES_SHOWN);
    if left > 0 {
        writeln!(out, "- {} more on the page", count(length(left)))?;
    }
    writeln!(out, "\n</details>")
}

fn saboteurs(out: &mut String, board: &Board<'_>) -> fmt::Result {
    writeln!(out, "\n**Saboteurs: {} / {} caught**", count(board.caught), count(board.seeded))?;
    for (index, id) in board.escaped().take(NAMES_SHOWN).enumerate() {
        let gap = if index == 0 { "\nNot caught:\n\n" } else { "" };
        writeln!(out, "{gap}- {}", code(id, MESSAGE_BYTES))?;
    }
    match board.escaped().count().saturating_sub(NAMES_SHOWN) {
        0 => Ok(()),
        left => writeln!(out, "- {left} more on the page"),
    }
}

fn failures(comment: &mut Comment, run: &Run) {
    let failures = tally::failures(&run.record.cases);
    if failures.is_empty() {
        return;
    }
    comment.add(&format!("\n**What went wrong: {}**\n", count(length(failures.len()))));
    for case in failures.iter().take(FAILURES_SHOWN) {
        comment.add(&written(|out| failure(out, case)));
    }
    let left = failures.len().saturating_sub(FAILURES_SHOWN);
    if left > 0 {
        comment.add(&format!("\n{} more are on the page.\n", count(length(left))));
    }
}

fn failure(out: &mut String, case: &CaseRecord) -> fmt::Result {
    let rule = case.rule.as_deref().unwrap_or(&case.kind).replace('_', " ");
    let message = code(case.message.as_deref().unwrap_or("no message was recorded"), MESSAGE_BYTES);
    writeln!(out, "\n{} · {rule} · {} · {}  ", code(&case.id, MESSAGE_BYTES), case.level, case.outcome)?;
    writeln!(out, "{message}")?;
    match &case.curl {
        Some(curl) => {
            writeln!(out, "\n<details><summary>Repeat it</summary>\n\n{}\n</details>", block(curl, COMMAND_BYTES))
        }
        None => Ok(()),
    }
}

/// Scores below their floor and latencies over their budget.
fn figures(comment: &mut Comment, run: &Run) {
    let record = &run.record;
    let scores = record.scores.iter().flatten().filter_map(|score| {
        let floor = score.floor.filter(|floor| score.value < *floor)?;
        let at = score.k.map(|k| format!(" at {k}")).unwrap_or_default();
        let (place, metric) = (format!("{}/{}", score.tenant.as_str(), score.collection), code(&score.metric, 64));
        Some(format!("{}: {metric}{at} is {}, floor {}", code(&place, 140), decimal(score.value, 3), decimal(floor, 3)))
    });
    list(comment, "Scores below their floor", scores);
    let load = record.load.iter().flatten().filter_map(|row| {
        let budget = row.budget_p95_ms.filter(|budget| row.p95_ms > *budget)?;
        let tenant = row.tenant.as_ref().map(|tenant| format!(" of {}", tenant.as_str())).unwrap_or_default();
        let place = format!("{}/{}{tenant}", row.scenario, row.operation);
        Some(format!("{}: p95 {} ms, budget {} ms", code(&place, 140), decimal(row.p95_ms, 1), decimal(budget, 1)))
    });
    list(comment, "Latency over budget", load);
}

fn list(comment: &mut Comment, title: &str, items: impl Iterator<Item = String>) {
    for (index, item) in items.enumerate() {
        if index == 0 {
            comment.add(&format!("\n**{title}**\n\n"));
        }
        comment.add(&format!("- {item}\n"));
    }
}

fn coverage(out: &mut String, run: &Run) -> fmt::Result {
    for (index, row) in run.record.coverage.iter().flatten().enumerate() {
        if index == 0 {
            writeln!(out, "\n**Coverage of the contract**\n")?;
        }
        let (reached, total) = (count(row.reached), count(row.total));
        let excluded = length(row.excluded.as_ref().map_or(0, Vec::len));
        let note = if excluded > 0 { format!(", {} excluded with a reason", count(excluded)) } else { String::new() };
        let share = percent(row.reached, row.total);
        writeln!(out, "- {}: {reached} of {total} ({share}){note}", dimension(row.dimension))?;
    }
    Ok(())
}
