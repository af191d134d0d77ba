//! Latency by percentile, a small curve for each row that kept its histogram: the tail is where it bends.

use std::fmt::{self, Write};

use contract_types::{HistogramBucket, LoadRecord};

use super::{
    load::subject,
    strip::{Scale, name},
};
use crate::format::{Text, decimal, share};

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 130.0;
const LEFT: f64 = 44.0;
const BOTTOM: f64 = 20.0;
const TOP: f64 = 8.0;
/// Nines on the horizontal axis: 0, 90, 99 and 99.9 percent are at equal distances.
const NINES: f64 = 3.0;
/// The last percentile on it, as a share.
const LAST: f64 = 0.999;

pub(super) fn figures(out: &mut String, scenario: &str, rows: &[&LoadRecord]) -> fmt::Result {
    let kept: Vec<(&LoadRecord, &[HistogramBucket])> = rows
        .iter()
        .filter_map(|row| Some((*row, row.histogram.as_deref().filter(|buckets| total(buckets) > 1)?)))
        .collect();
    if kept.is_empty() {
        return Ok(());
    }
    let scale = Scale::of(&kept.iter().map(|(row, _)| *row).collect::<Vec<_>>());
    writeln!(out, "<div class=\"curves\">")?;
    for (row, buckets) in kept {
        let (operation, narrowed) = subject(row);
        let label = format!(
            "Latency of {operation} in {scenario} by percentile: median {} ms, 95th {} ms, 99th {} ms",
            decimal(row.p50_ms, 1),
            decimal(row.p95_ms, 1),
            decimal(row.p99_ms, 1)
        );
        let narrowed = if narrowed.is_empty() { narrowed } else { format!("{narrowed}, ") };
        let small = Text(&narrowed);
        writeln!(out, "<figure>\n<figcaption>{} <small>{small}by percentile</small></figcaption>", Text(operation))?;
        writeln!(
            out,
            "<svg class=\"curve\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
            Text(&label)
        )?;
        grid(out, &scale)?;
        if let Some(budget) = row.budget_p95_ms {
            let (x, y) = (across(0.95), down(&scale, budget));
            writeln!(out, "<path class=\"budget\" d=\"M{:.1} {y:.1}H{:.1}\"/>", x - 14.0, x + 14.0)?;
        }
        writeln!(out, "<polyline class=\"line\" points=\"{}\"/>", points(&scale, buckets))?;
        writeln!(out, "</svg>\n</figure>")?;
    }
    writeln!(out, "</div>")
}

fn total(buckets: &[HistogramBucket]) -> u64 {
    buckets.iter().fold(0, |sum, bucket| sum.saturating_add(bucket.count))
}

/// The place of the percentile `p`, given as a share below 1.
fn across(p: f64) -> f64 {
    let nines = -(1.0 - p).max(1e-9).log10();
    LEFT + (nines / NINES).min(1.0) * (WIDTH - LEFT - 6.0)
}

fn down(scale: &Scale, ms: f64) -> f64 {
    TOP + (1.0 - scale.place(ms) / 100.0) * (HEIGHT - TOP - BOTTOM)
}

fn grid(out: &mut String, scale: &Scale) -> fmt::Result {
    for decade in scale.decades() {
        let y = down(scale, decade);
        writeln!(out, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{:.1}\"/>", WIDTH - 6.0)?;
        writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            y + 3.0,
            name(decade)
        )?;
    }
    for (p, label, anchor) in
        [(0.0, "0 %", "start"), (0.9, "90 %", "middle"), (0.99, "99 %", "middle"), (0.999, "99.9 %", "end")]
    {
        let x = across(p);
        writeln!(out, "<path class=\"grid\" d=\"M{x:.1} {TOP}V{:.1}\"/>", HEIGHT - BOTTOM)?;
        writeln!(out, "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{label}</text>", HEIGHT - 6.0)?;
    }
    Ok(())
}

/// The upper bound of each bucket at the share of requests up to it.
fn points(scale: &Scale, buckets: &[HistogramBucket]) -> String {
    let all = total(buckets);
    let mut below = 0_u64;
    let mut points = Vec::new();
    for bucket in buckets.iter().filter(|bucket| bucket.count > 0) {
        let y = down(scale, bucket.up_to_ms);
        if points.is_empty() {
            points.push(format!("{LEFT:.1},{y:.1}"));
        }
        below = below.saturating_add(bucket.count);
        let share = share(below, all);
        points.push(format!("{:.1},{y:.1}", across(share)));
        if share >= LAST {
            break;
        }
    }
    points.join(" ")
}
