//! A strip: median to 95th percentile as a bar, the tail as a line, the budget as a mark, on one logarithmic scale a scenario.

use std::fmt::Write;

use contract_types::LoadRecord;

use crate::format::decimal;

/// Percent of a strip that the name of a decade takes.
const ROOM: f64 = 30.0;

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
        // Names that would stand in one another are left out, from the second on; the last one always stands.
        let all: Vec<f64> = self.decades().collect();
        let mut free = f64::NEG_INFINITY;
        for (at, decade) in all.iter().copied().enumerate() {
            let place = self.place(decade);
            let last = at + 1 == all.len();
            if place < free || (!last && place > 100.0 - ROOM) {
                continue;
            }
            free = place + ROOM;
            let anchor = if place < 1.0 {
                "start"
            } else if place > 99.0 {
                "end"
            } else {
                "middle"
            };
            write!(out, "<text x=\"{place:.1}%\" y=\"12\" text-anchor=\"{anchor}\">{}</text>", name(decade))
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
