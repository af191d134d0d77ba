//! The gate's verdict as a comment for a pull request: the parts, what keeps the gate shut, what is not steady, and the trend.

use std::fmt::{self, Write};

use contract_types::{GatePart, GatePartVerdict, GatePoint, GatePointVerdict, GateReport, GateReportVerdict};

use super::text::{Comment, code};
use crate::{
    format::{count, decimal, length, written},
    gate::label,
};

/// Reasons of each part that are shown.
const REASONS_SHOWN: usize = 20;
/// Cases that are not steady, of which so many are shown.
const FLAKY_SHOWN: usize = 10;
/// Points of a trend that are shown.
const POINTS_SHOWN: usize = 20;
/// Longest reason, in bytes.
const TOLD_BYTES: usize = 600;

/// Draws the comment, 60,000 characters at most.
pub fn gate_comment(report: &GateReport) -> String {
    let mut comment = Comment::default();
    comment.add(&written(|out| head(out, report)));
    for part in &report.parts {
        if !part.reasons.is_empty() {
            comment.add(&written(|out| reasons(out, part)));
        }
    }
    if !report.flaky.is_empty() {
        comment.add(&written(|out| flaky(out, report)));
    }
    comment.add(&written(|out| trends(out, report)));
    for remark in &report.remarks {
        comment.add(&format!("\n{}\n", code(remark, TOLD_BYTES)));
    }
    comment.finish()
}

fn head(out: &mut String, report: &GateReport) -> fmt::Result {
    let mark = match report.verdict {
        GateReportVerdict::Pass => "✅",
        GateReportVerdict::Fail => "❌",
        GateReportVerdict::Error => "⚠️",
    };
    writeln!(out, "### {mark} Plumbline gate on {}: {}\n", code(&report.target, 64), report.verdict)?;
    writeln!(out, "| part | verdict | found | reasons |\n|---|---|---|--:|")?;
    for part in &report.parts {
        writeln!(
            out,
            "| {} | {} | {} | {} |",
            label(part.part, part.name.as_deref()),
            word(part.verdict),
            part.summary.replace('|', "\\|"),
            count(length(part.reasons.len()))
        )?;
    }
    Ok(())
}

fn word(verdict: GatePartVerdict) -> &'static str {
    match verdict {
        GatePartVerdict::Pass => "✅ pass",
        GatePartVerdict::Fail => "❌ fail",
        GatePartVerdict::Error => "⚠️ error",
        GatePartVerdict::LeftOut => "left out",
    }
}

fn reasons(out: &mut String, part: &GatePart) -> fmt::Result {
    writeln!(out, "\n**{}**\n", label(part.part, part.name.as_deref()))?;
    for reason in part.reasons.iter().take(REASONS_SHOWN) {
        writeln!(out, "- {}: {}: {}", reason.kind, code(&reason.what, 200), code(&reason.told, TOLD_BYTES))?;
    }
    match part.reasons.len().saturating_sub(REASONS_SHOWN) {
        0 => Ok(()),
        left => writeln!(
            out,
            "- {} more in {}",
            count(length(left)),
            code(part.record.as_deref().unwrap_or("the record"), 200)
        ),
    }
}

fn flaky(out: &mut String, report: &GateReport) -> fmt::Result {
    writeln!(out, "\n<details><summary>{} cases are not steady</summary>\n", count(length(report.flaky.len())))?;
    for case in report.flaky.iter().take(FLAKY_SHOWN) {
        writeln!(
            out,
            "- {}: failed in {} of {} runs, changed {} times within a commit, repeated in {}",
            code(&case.case, 255),
            count(case.failed),
            count(case.runs),
            count(case.flips),
            count(case.repeated)
        )?;
    }
    writeln!(out, "\n</details>")
}

fn trends(out: &mut String, report: &GateReport) -> fmt::Result {
    let told: Vec<&GatePart> = report.parts.iter().filter(|part| part.trend.len() > 1).collect();
    if told.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n<details><summary>Trend, the newest run at the right</summary>\n")?;
    writeln!(out, "| part | verdicts | first and last | figure |\n|---|---|---|---|")?;
    for part in told {
        let points = &part.trend[part.trend.len().saturating_sub(POINTS_SHOWN)..];
        let marks: String = points.iter().map(mark).collect();
        writeln!(
            out,
            "| {} | {marks} | {} | {} |",
            label(part.part, part.name.as_deref()),
            ends(points),
            part.measure.as_deref().unwrap_or("–")
        )?;
    }
    writeln!(out, "\n</details>")
}

fn mark(point: &GatePoint) -> &'static str {
    match point.verdict {
        GatePointVerdict::Pass => "🟩",
        GatePointVerdict::Fail => "🟥",
        GatePointVerdict::Error => "🟨",
    }
}

/// `0.981 → 0.984`.
fn ends(points: &[GatePoint]) -> String {
    let figures: Vec<f64> = points.iter().filter_map(|point| point.figure).collect();
    match (figures.first(), figures.last()) {
        (Some(first), Some(last)) => format!("{} → {}", decimal(*first, 3), decimal(*last, 3)),
        _ => "–".to_owned(),
    }
}
