//! A figure over the runs as a small line: oldest left, newest right, the newest marked.

use std::fmt::{self, Write};

use crate::format::{Text, decimal, length, plural};

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 96.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 10.0;
/// Least height of the scale, so that noise is not drawn as a mountain.
const LEAST: f64 = 0.02;

/// Draws `values`, oldest first, under the name of what they measure. One value alone makes no line.
pub(super) fn figure(out: &mut String, name: &str, small: &str, values: &[f64]) -> fmt::Result {
    let (Some(first), Some(last)) = (values.first(), values.last()) else { return Ok(()) };
    if values.len() < 2 {
        return Ok(());
    }
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let middle = f64::midpoint(low, high);
    let half = ((high - low) / 2.0).max(LEAST / 2.0) * 1.1;
    let (low, high) = (middle - half, middle + half);
    let down = |value: f64| TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM);
    #[expect(clippy::cast_precision_loss, reason = "a page shows some dozens of runs")]
    let across = |place: usize| LEFT + place as f64 / (values.len() - 1) as f64 * (WIDTH - LEFT - RIGHT);
    let label = format!(
        "{name} over {}: from {} to {}",
        plural(length(values.len()), "run", "runs"),
        decimal(*first, 3),
        decimal(*last, 3)
    );
    writeln!(out, "<figure>\n<figcaption>{} <small>{}</small></figcaption>", Text(name), Text(small))?;
    writeln!(
        out,
        "<svg class=\"curve\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
        Text(&label)
    )?;
    for value in [low, high] {
        let y = down(value);
        writeln!(out, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{:.1}\"/>", WIDTH - RIGHT)?;
        writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            y + 4.0,
            decimal(value, 3)
        )?;
    }
    let points: Vec<String> =
        values.iter().enumerate().map(|(place, value)| format!("{:.1},{:.1}", across(place), down(*value))).collect();
    writeln!(out, "<polyline class=\"line\" points=\"{}\"/>", points.join(" "))?;
    writeln!(out, "<circle class=\"now\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\"/>", across(values.len() - 1), down(*last))?;
    writeln!(out, "</svg>\n</figure>")
}
