//! A comment in Markdown for a pull request. Every text of a record stands in a code span or block, where nothing in it is markup.

use std::fmt::{self, Write};

use contract_types::{CaseRecord, RunRecordVerdict};

use crate::{
    format::{self, count, cut, decimal, invisible, length, percent, written},
    html::{FAILURES_SHOWN, dimension},
    model::{Report, Run},
    redact, tally,
    verdict::{HOW_TO_RUN, summary, word},
};

/// A comment on GitHub holds 65,536 characters at most.
const COMMENT_BYTES: usize = 60_000;
/// Failures with their command, for each run.
const COMMANDS_SHOWN: usize = 10;
/// Longest message in the table, in bytes.
const MESSAGE_BYTES: usize = 300;

/// Draws the comment.
pub fn comment(report: &Report) -> String {
    written(|out| write_all(out, report))
}

fn write_all(out: &mut String, report: &Report) -> fmt::Result {
    if report.is_empty() {
        return writeln!(out, "### Plumbline: no runs yet\n\nRun one of these:\n\n```\n{}\n```", HOW_TO_RUN.join("\n"));
    }
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
            record.kind,
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
    for run in &report.current {
        section(out, run)?;
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

fn section(out: &mut String, run: &Run) -> fmt::Result {
    let record = &run.record;
    failures(out, run)?;
    let scores = record.scores.iter().flatten().filter_map(|score| {
        let floor = score.floor.filter(|floor| score.value < *floor)?;
        let at = score.k.map(|k| format!(" at {k}")).unwrap_or_default();
        let (place, metric) = (format!("{}/{}", score.tenant.as_str(), score.collection), code(&score.metric, 64));
        Some(format!("{}: {metric}{at} is {}, floor {}", code(&place, 140), decimal(score.value, 3), decimal(floor, 3)))
    });
    list(out, "Scores below their floor", run, scores)?;
    let load = record.load.iter().flatten().filter_map(|row| {
        let budget = row.budget_p95_ms.filter(|budget| row.p95_ms > *budget)?;
        let tenant = row.tenant.as_ref().map(|tenant| format!(" of {}", tenant.as_str())).unwrap_or_default();
        let place = format!("{}/{}{tenant}", row.scenario, row.operation);
        Some(format!("{}: p95 {} ms, budget {} ms", code(&place, 140), decimal(row.p95_ms, 1), decimal(budget, 1)))
    });
    list(out, "Latency over budget", run, load)?;
    let coverage = record.coverage.iter().flatten().map(|row| {
        let (reached, total) = (count(row.reached), count(row.total));
        format!("{} {reached} of {total} ({})", dimension(row.dimension), percent(row.reached, row.total))
    });
    let coverage: Vec<String> = coverage.collect();
    if coverage.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nCoverage of the contract on {}: {}", code(&record.target.name, 64), coverage.join(" · "))
}

fn list(out: &mut String, title: &str, run: &Run, items: impl Iterator<Item = String>) -> fmt::Result {
    for (index, item) in items.enumerate() {
        if index == 0 {
            writeln!(out, "\n**{title}: {} on** {}\n", run.record.kind, code(&run.record.target.name, 64))?;
        }
        if out.len() > COMMENT_BYTES {
            return writeln!(out, "- more on the page");
        }
        writeln!(out, "- {item}")?;
    }
    Ok(())
}

fn failures(out: &mut String, run: &Run) -> fmt::Result {
    let failures = tally::failures(&run.record.cases);
    if failures.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n**What went wrong: {} on** {}\n", run.record.kind, code(&run.record.target.name, 64))?;
    writeln!(out, "| case | rule | level | message |\n|---|---|---|---|")?;
    let mut shown = 0;
    for case in failures.iter().take(FAILURES_SHOWN) {
        if out.len() > COMMENT_BYTES / 2 {
            break;
        }
        let rule = case.rule.as_deref().unwrap_or("–");
        let message = code(case.message.as_deref().unwrap_or("no message was recorded"), MESSAGE_BYTES);
        writeln!(out, "| {} | {rule} | {} | {message} |", code(&case.id, MESSAGE_BYTES), case.level)?;
        shown += 1;
    }
    if failures.len() > shown {
        writeln!(out, "\n{} more are on the page.", count(length(failures.len() - shown)))?;
    }
    commands(out, &failures)
}

fn commands(out: &mut String, failures: &[&CaseRecord]) -> fmt::Result {
    let with: Vec<(&CaseRecord, &str)> =
        failures.iter().filter_map(|case| Some((*case, case.curl.as_deref()?))).take(COMMANDS_SHOWN).collect();
    if with.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n<details><summary>Commands to repeat</summary>\n")?;
    for (case, curl) in with {
        let clean = visible(&redact(curl));
        let fence = "`".repeat(longest_run(&clean).max(2) + 1);
        if out.len() + clean.len() < COMMENT_BYTES {
            writeln!(out, "{}\n\n{fence}sh\n{clean}\n{fence}\n", code(&case.id, MESSAGE_BYTES))?;
        }
    }
    writeln!(out, "</details>")
}

/// `text` as a code span that also fits into a table: one line, its bars escaped, its fence longer than any in it.
fn code(text: &str, bytes: usize) -> String {
    let line = visible(&redact(text)).split_whitespace().collect::<Vec<_>>().join(" ");
    let (shown, shortened) = cut(&line, bytes);
    let fence = "`".repeat(longest_run(shown) + 1);
    let pad = if shown.starts_with('`') || shown.ends_with('`') { " " } else { "" };
    let shown = shown.replace('|', "\\|");
    format!("{fence}{pad}{shown}{}{pad}{fence}", if shortened { "…" } else { "" })
}

fn visible(text: &str) -> String {
    text.chars().map(|c| if invisible(c) { '\u{fffd}' } else { c }).collect()
}

/// Length of the longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}
