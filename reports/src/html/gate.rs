//! The gate of each target on the overview. It is judged as of the newest record, so that the same records give the same page.

use std::fmt::{self, Write};

use contract_types::{GatePart, GatePartVerdict, GateReport, GateReportVerdict};

use super::{close_table, open_table, outcome_badge};
use crate::{
    format::{Text, count, decimal, length},
    gate::{Terms, gate, label},
    model::{Report, Run},
};

/// Reasons of a part that are shown; its run's section has all.
const REASONS_SHOWN: usize = 3;
/// Cases that are not steady, of which so many are shown.
const FLAKY_SHOWN: usize = 5;

pub(super) fn write(out: &mut String, report: &Report) -> fmt::Result {
    let runs: Vec<Run> = report.current.iter().chain(&report.history).cloned().collect();
    let Some(now) = runs.iter().map(|run| run.finished).max() else { return Ok(()) };
    let mut targets: Vec<&str> = report.current.iter().map(|run| run.record.target.name.as_str()).collect();
    targets.sort_unstable();
    targets.dedup();
    for target in targets {
        table(out, &gate(&runs, &Terms::new(target, now)))?;
    }
    Ok(())
}

fn table(out: &mut String, report: &GateReport) -> fmt::Result {
    let told = match report.verdict {
        GateReportVerdict::Pass => "open",
        GateReportVerdict::Fail => "shut",
        GateReportVerdict::Error => "undecided",
    };
    open_table(out, "history gate", &format!("Gate of {}: {told}", report.target))?;
    writeln!(
        out,
        "<thead><tr><th scope=\"col\">Part</th><th scope=\"col\">Verdict</th><th scope=\"col\">Found</th><th scope=\"col\">Why</th>\
         <th scope=\"col\" class=\"num\">Figure</th></tr></thead>\n<tbody>"
    )?;
    for part in &report.parts {
        row(out, part)?;
    }
    close_table(out)?;
    if !report.flaky.is_empty() {
        let shown: Vec<String> = report
            .flaky
            .iter()
            .take(FLAKY_SHOWN)
            .map(|case| format!("{} (failed in {} of {} runs)", case.case, count(case.failed), count(case.runs)))
            .collect();
        let number = count(length(report.flaky.len()));
        writeln!(
            out,
            "<p class=\"hint\">Not steady on {}, {number} in all: {}.</p>",
            Text(&report.target),
            Text(&shown.join(", "))
        )?;
    }
    Ok(())
}

fn row(out: &mut String, part: &GatePart) -> fmt::Result {
    let verdict = match part.verdict {
        GatePartVerdict::Pass => outcome_badge("pass", "Pass"),
        GatePartVerdict::Fail => outcome_badge("fail", "Fail"),
        GatePartVerdict::Error => outcome_badge("error", "Error"),
        GatePartVerdict::LeftOut => "left out".to_owned(),
    };
    write!(
        out,
        "<tr><th scope=\"row\">{}</th><td>{verdict}</td><td>{}</td><td class=\"why\">",
        Text(&label(part.part, part.name.as_deref())),
        Text(&part.summary)
    )?;
    for reason in part.reasons.iter().take(REASONS_SHOWN) {
        write!(
            out,
            "<small class=\"told\">{}: <code>{}</code> {}</small>",
            reason.kind,
            Text(&reason.what),
            Text(&reason.told)
        )?;
    }
    let left = part.reasons.len().saturating_sub(REASONS_SHOWN);
    if left > 0 {
        write!(out, "<small class=\"told\">and {} more</small>", count(length(left)))?;
    }
    writeln!(out, "</td><td class=\"num\">{}</td></tr>", figures(part))
}

/// The first and the last figure of the trend with what they are.
fn figures(part: &GatePart) -> String {
    let figures: Vec<f64> = part.trend.iter().filter_map(|point| point.figure).collect();
    let measure = part.measure.as_deref().unwrap_or_default();
    match figures.as_slice() {
        [] => "–".to_owned(),
        [only] => format!("{}<small class=\"told\">{}</small>", decimal(*only, 3), Text(measure)),
        [first, .., last] => {
            format!("{} → {}<small class=\"told\">{}</small>", decimal(*first, 3), decimal(*last, 3), Text(measure))
        }
    }
}
