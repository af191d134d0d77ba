//! A strip: median to 95th percentile as a bar, the tail as a line, the budget as a mark, on one logarithmic scale a scenario.

use std::fmt::Write;

use contract_types::LoadRecord;

use crate::format::decimal;

/// Percent of a strip that a letter of a name takes where the strip is narrowest: 6.2 of 144 pixels.
const LETTER: f64 = 4.3;
/// Percent of it between two names.
const GAP: f64 = 6.0;

/// Milliseconds to a place between 0 and 100 percent.
pub(super) struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    /// Whole decades around everything that `rows` measured.
    pub(super) fn of(rows: &[&LoadRecord]) -> Self {
        let values = || {
            rows.iter()
                .flat_map(|row| [Some(row.p50_ms), Some(row.max_ms), row.budget_p95_ms])
                .flatten()
                .filter(|ms| *ms > 0.0)
        };
        let low = values().fold(f64::INFINITY, f64::min);
        let high = values().fold(0.0, f64::max);
        if high <= 0.0 {
            return Self { low: 1.0, high: 10.0 };
        }
        let (low, high) = (low.max(0.01).log10().floor(), high.log10().ceil());
        Self { low: 10_f64.powf(low), high: 10_f64.powf(high.max(low + 1.0)) }
    }

    /// The place of `ms`, in percent.
    pub(super) fn place(&self, ms: f64) -> f64 {
        let share = (ms.max(self.low) / self.low).log10() / (self.high / self.low).log10();
        share.clamp(0.0, 1.0) * 100.0
    }

    /// The powers of ten from end to end.
    pub(super) fn decades(&self) -> impl Iterator<Item = f64> {
        let high = self.high;
        std::iter::successors(Some(self.low), |value| Some(value * 10.0))
            .take_while(move |value| *value <= high * 1.001)
    }

    /// The names of the decades, above a column of strips. The row headings beside the strips hold the numbers.
    pub(super) fn axis(&self) -> String {
        let mut out = "<svg class=\"axis\" width=\"1\" height=\"16\" aria-hidden=\"true\">".to_owned();
        // Names that would stand in one another are left out; those of both ends always stand.
        let all: Vec<(f64, String)> = self.decades().map(|decade| (self.place(decade), name(decade))).collect();
        let Some(((end, _), last)) = all.last().map(|(place, name)| (extent(*place, name), all.len() - 1)) else {
            return out + "</svg>";
        };
        let mut free = f64::NEG_INFINITY;
        for (at, (place, name)) in all.iter().enumerate() {
            let (from, to) = extent(*place, name);
            if at != last && (from < free || to + GAP > end) {
                continue;
            }
            free = to + GAP;
            let anchor = anchor(*place);
            write!(out, "<text x=\"{place:.1}%\" y=\"12\" text-anchor=\"{anchor}\">{name}</text>")
                .expect("writing to a String cannot fail");
        }
        out + "</svg>"
    }

    /// The strip of one row; empty where nothing was measured.
    pub(super) fn strip(&self, row: &LoadRecord) -> String {
        if row.max_ms <= 0.0 {
            return "<span></span>".to_owned();
        }
        let [p50, p95, p99, max] = [row.p50_ms, row.p95_ms, row.p99_ms, row.max_ms].map(|ms| self.place(ms));
        let over = row.budget_p95_ms.is_some_and(|budget| row.p95_ms > budget);
        let mut out = format!(
            "<svg class=\"latency{}\" width=\"1\" height=\"18\" aria-hidden=\"true\">",
            if over { " over" } else { "" }
        );
        let mut draw = |shape: String| out.push_str(&shape);
        for decade in self.decades() {
            let place = self.place(decade);
            draw(format!("<line class=\"grid\" x1=\"{place:.1}%\" x2=\"{place:.1}%\" y1=\"0\" y2=\"18\"/>"));
        }
        draw(format!("<line class=\"tail\" x1=\"{p95:.1}%\" x2=\"{max:.1}%\" y1=\"9\" y2=\"9\"/>"));
        draw(format!("<line class=\"end\" x1=\"{p99:.1}%\" x2=\"{p99:.1}%\" y1=\"5\" y2=\"13\"/>"));
        draw(format!(
            "<rect class=\"body\" x=\"{p50:.1}%\" width=\"{:.1}%\" y=\"5\" height=\"8\" rx=\"2\"/>",
            (p95 - p50).max(0.8)
        ));
        draw(format!("<circle class=\"max\" cx=\"{max:.1}%\" cy=\"9\" r=\"2\"/>"));
        if let Some(budget) = row.budget_p95_ms.map(|ms| self.place(ms)) {
            draw(format!("<line class=\"budget\" x1=\"{budget:.1}%\" x2=\"{budget:.1}%\" y1=\"1\" y2=\"17\"/>"));
        }
        out + "</svg>"
    }
}

/// On which side of its place a name stands: at the ends beside it, else around it.
fn anchor(place: f64) -> &'static str {
    if place < 1.0 {
        "start"
    } else if place > 99.0 {
        "end"
    } else {
        "middle"
    }
}

/// Where a name begins and ends, in percent of the narrowest strip.
fn extent(place: f64, name: &str) -> (f64, f64) {
    let wide = name.chars().map(|_| LETTER).sum::<f64>();
    match anchor(place) {
        "start" => (place, place + wide),
        "end" => (place - wide, place),
        _ => (place - wide / 2.0, place + wide / 2.0),
    }
}

/// `10 ms`, `0.1 ms`, `1 s`.
pub(super) fn name(decade: f64) -> String {
    if decade >= 999.0 {
        format!("{} s", decimal(decade / 1000.0, 0))
    } else if decade > 0.99 {
        format!("{} ms", decimal(decade, 0))
    } else {
        format!("{} ms", decimal(decade, if decade > 0.09 { 1 } else { 2 }))
    }
}

#[cfg(test)]
mod tests {
    use super::Scale;

    /// Where the names of an axis begin and end on a strip of `width` pixels, by the widths of letters of 11 pixels.
    fn extents(axis: &str, width: f64) -> Vec<(f64, f64)> {
        let long = |name: &str| -> f64 {
            name.chars()
                .map(|letter| {
                    if letter == 'm' {
                        9.2
                    } else if "., ".contains(letter) {
                        3.1
                    } else {
                        6.1
                    }
                })
                .sum()
        };
        let of = |text: &str| {
            let place: f64 = text.split(['"', '%']).nth(1).unwrap().parse().unwrap();
            let (anchor, rest) = text.split_once("text-anchor=\"").unwrap().1.split_once("\">").unwrap();
            let (at, long) = (place / 100.0 * width, long(rest.split('<').next().unwrap()));
            match anchor {
                "start" => (at, at + long),
                "end" => (at - long, at),
                _ => (at - long / 2.0, at + long / 2.0),
            }
        };
        axis.split("<text ").skip(1).map(of).collect()
    }

    #[test]
    fn no_name_of_an_axis_stands_in_another_on_the_narrowest_strip() {
        for low in -2..=3_i32 {
            for decades in 1..=6_i32 - low {
                let scale = Scale { low: 10_f64.powi(low), high: 10_f64.powi(low + decades) };
                let axis = scale.axis();
                let names = extents(&axis, 144.0);
                assert!(names.len() >= 2, "both ends are named: {axis}");
                for pair in names.windows(2) {
                    assert!(pair[0].1 + 2.0 <= pair[1].0, "{low} and {decades} decades: {names:?} in {axis}");
                }
            }
        }
    }
}
