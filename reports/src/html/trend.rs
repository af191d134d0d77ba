//! Figures of quality over the runs: a line for each collection, and a table with a row a run, newest first.

use std::{
    collections::HashSet,
    fmt::{self, Write},
};

use contract_types::{RunRecordKind, ScoreRecord};

use super::{badge, close_table, lines, link, open_table};
use crate::{
    format::{self, Text, decimal, moment, signed},
    model::{Report, Run},
};

/// The figure that is followed.
const METRIC: (&str, u64) = ("ndcg", 10);
/// Most runs of one table.
const SHOWN: usize = 30;

pub(super) fn write(out: &mut String, report: &Report) -> fmt::Result {
    for (target, runs) in followed_runs(report) {
        section(out, target, &runs)?;
    }
    Ok(())
}

/// The targets whose figures are drawn over time.
pub(super) fn targets(report: &Report) -> impl Iterator<Item = &str> {
    followed_runs(report).map(|(target, _)| target)
}

/// The runs of each target of quality, newest first, where there are several.
fn followed_runs(report: &Report) -> impl Iterator<Item = (&str, Vec<&Run>)> {
    let newest = report.current.iter().filter(|run| run.record.kind == RunRecordKind::Quality);
    let mut told = HashSet::new();
    // One target may have several runs that count, of which each did something else; its figures are drawn once.
    let newest = newest.filter(move |run| told.insert(run.record.target.name.as_str()));
    newest.filter_map(|run| {
        let name = run.record.target.name.as_str();
        let mut runs = report.beside(run);
        runs.truncate(SHOWN);
        (runs.len() > 1 && runs.iter().any(|run| followed(run).next().is_some())).then_some((name, runs))
    })
}

fn followed(run: &Run) -> impl Iterator<Item = &ScoreRecord> {
    let scores = run.record.scores.iter().flatten();
    scores.filter(|score| score.metric == METRIC.0 && score.k == Some(METRIC.1))
}

/// What a column is of: collection and tenant.
fn key(score: &ScoreRecord) -> (&str, &str) {
    (score.collection.as_str(), score.tenant.as_str())
}

fn section(out: &mut String, target: &str, runs: &[&Run]) -> fmt::Result {
    let mut columns: Vec<(&str, &str)> = runs.iter().flat_map(|run| followed(run).map(key)).collect();
    columns.sort_unstable();
    columns.dedup();
    writeln!(out, "<section class=\"run\" id=\"trend-{0}\" aria-label=\"Quality of {0} over time\">", Text(target))?;
    writeln!(out, "<h2>Quality over time <span>on {}</span></h2>", Text(target))?;
    writeln!(out, "<p class=\"lead\">nDCG at 10 by collection.</p>\n<div class=\"curves\">")?;
    for column in &columns {
        let value = |run: &&Run| followed(run).find(|score| key(score) == *column).map(|score| score.value);
        let values: Vec<f64> = runs.iter().rev().filter_map(value).collect();
        lines::figure(out, column.0, column.1, &values)?;
    }
    writeln!(out, "</div>")?;
    table(out, runs, &columns)?;
    writeln!(out, "</section>")
}

fn table(out: &mut String, runs: &[&Run], columns: &[(&str, &str)]) -> fmt::Result {
    open_table(out, "history", "nDCG at 10, newest run first, with the change to the run before that has the figure")?;
    write!(
        out,
        "<thead><tr><th scope=\"col\">Started</th><th scope=\"col\">Verdict</th><th scope=\"col\">Commit</th>"
    )?;
    for (collection, tenant) in columns {
        write!(out, "<th scope=\"col\" class=\"num\">{}<br><small>{}</small></th>", Text(collection), Text(tenant))?;
    }
    writeln!(out, "<th scope=\"col\">Record</th></tr></thead>\n<tbody>")?;
    for (place, run) in runs.iter().enumerate().filter(|(_, run)| followed(run).next().is_some()) {
        let record = &run.record;
        write!(
            out,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td><code>{}</code></td>",
            moment(run.started),
            badge(record.verdict),
            format::commit(record.commit.as_deref())
        )?;
        for column in columns {
            let value = |run: &Run| followed(run).find(|score| key(score) == *column).map(|score| score.value);
            let earlier = runs[place + 1..].iter().find_map(|run| value(run));
            match (value(run), earlier) {
                (Some(now), Some(before)) => {
                    let tone = if now < before { " fail" } else { "" };
                    let change = signed(now - before, 3);
                    write!(
                        out,
                        "<td class=\"num\">{} <small class=\"num{tone}\">{change}</small></td>",
                        decimal(now, 3)
                    )?;
                }
                (Some(now), None) => write!(out, "<td class=\"num\">{}</td>", decimal(now, 3))?,
                (None, _) => write!(out, "<td class=\"num\">–</td>")?,
            }
        }
        writeln!(out, "<td><a href=\"{}\">JSON</a></td></tr>", link(&run.file))?;
    }
    close_table(out)
}
