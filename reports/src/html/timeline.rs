//! Latency over time, a curve for each row that kept its stretches: where the run was slow, and whether it failed there.

use std::fmt::{self, Write};

use contract_types::{LoadInterval, LoadRecord};

use super::{
    load::subject,
    strip::{Scale, name},
};
use crate::{
    format::{Text, count, decimal},
    histogram::quantile_ms,
};

const WIDTH: f64 = 620.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 6.0;
const BOTTOM: f64 = 20.0;
const TOP: f64 = 8.0;

pub(super) fn figures(out: &mut String, scenario: &str, rows: &[&LoadRecord]) -> fmt::Result {
    let kept = rows.iter().filter_map(|row| Some((*row, row.timeline.as_deref().filter(|it| it.len() > 1)?)));
    let kept: Vec<(&LoadRecord, &[LoadInterval])> = kept.collect();
    if kept.is_empty() {
        return Ok(());
    }
    writeln!(out, "<div class=\"curves over-time\">")?;
    for (row, stretches) in kept {
        figure(out, scenario, row, stretches)?;
    }
    writeln!(out, "</div>")
}

fn figure(out: &mut String, scenario: &str, row: &LoadRecord, stretches: &[LoadInterval]) -> fmt::Result {
    let scale = Scale::of(&[row]);
    let (operation, narrowed) = subject(row);
    let ends = stretches.last().map_or(1.0, |last| last.to_ms).max(1.0);
    let across = |ms: f64| LEFT + ms / ends * (WIDTH - LEFT - RIGHT);
    let down = |ms: f64| TOP + (1.0 - scale.place(ms) / 100.0) * (HEIGHT - TOP - BOTTOM);
    let failing = stretches.iter().filter(|it| it.errors > 0);
    let label = format!(
        "Latency of {operation} in {scenario} over {} s: median and 95th percentile of each stretch; errors in {} of {} stretches",
        decimal(ends / 1000.0, 0),
        count(failing.clone().count() as u64),
        count(stretches.len() as u64)
    );
    let narrowed = if narrowed.is_empty() { narrowed } else { format!("{narrowed}, ") };
    writeln!(
        out,
        "<figure>\n<figcaption>{} <small>{}median and p95 over time</small></figcaption>",
        Text(operation),
        Text(&narrowed)
    )?;
    writeln!(
        out,
        "<svg class=\"curve\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
        Text(&label)
    )?;
    for decade in scale.decades() {
        let y = down(decade);
        writeln!(out, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{:.1}\"/>", WIDTH - RIGHT)?;
        writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            y + 3.0,
            name(decade)
        )?;
    }
    // A quarter of a short run is no whole number of seconds.
    let decimals = usize::from(ends < 60_000.0);
    for quarter in 0..=4_u8 {
        let at = ends * f64::from(quarter) / 4.0;
        let anchor = match quarter {
            0 => "start",
            4 => "end",
            _ => "middle",
        };
        let (x, seconds) = (across(at), decimal(at / 1000.0, decimals));
        writeln!(out, "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{seconds} s</text>", HEIGHT - 6.0)?;
    }
    for stretch in failing {
        let (x, width) = (across(stretch.from_ms), across(stretch.to_ms) - across(stretch.from_ms));
        writeln!(
            out,
            "<rect class=\"failing\" x=\"{x:.1}\" y=\"{TOP}\" width=\"{width:.1}\" height=\"{:.1}\"/>",
            HEIGHT - TOP - BOTTOM
        )?;
    }
    for (class, quantile) in [("line soft", 0.5), ("line", 0.95)] {
        let points = stretches.iter().filter_map(|stretch| {
            let ms = quantile_ms(&stretch.histogram, quantile)?;
            Some(format!("{:.1},{:.1}", across(f64::midpoint(stretch.from_ms, stretch.to_ms)), down(ms)))
        });
        let points = points.collect::<Vec<_>>().join(" ");
        writeln!(out, "<polyline class=\"{class}\" points=\"{points}\"/>")?;
    }
    if let Some(budget) = row.budget_p95_ms {
        writeln!(out, "<path class=\"budget\" d=\"M{LEFT} {:.1}H{:.1}\"/>", down(budget), WIDTH - RIGHT)?;
    }
    writeln!(out, "</svg>\n</figure>")
}
