//! Counts on their way into a store that several processes add to, and back.

use super::series::{BUCKETS, Entry, Figure, Histogram, Series};
use super::table::{Kind, Metric};
use super::{HIT, MISS};

/// Part of a plain number.
const NUMBER: i64 = 0;
/// Part of the first bucket of a histogram; the others follow, and then its sum.
const FIRST_BUCKET: i64 = 1;
/// Part of the sum of a histogram, after its buckets.
const SUM: i64 = 17;
/// Part of the day that the used share of the budget is of.
pub(super) const DAY: i64 = -1;

/// A number of one series, as it is added to what is kept, or as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    pub(crate) metric: Metric,
    /// Values of the labels that the table names, in its order.
    pub(crate) labels: Box<[Box<str>]>,
    /// Which of the series' numbers it is: 0, or of a histogram a bucket from 1 on, and then the sum; -1 for the day of a budget.
    pub(crate) part: i64,
    pub(crate) value: f64,
}

impl Change {
    /// Whether it takes the place of what is kept, and is not added to it.
    pub(crate) fn replaces(&self) -> bool {
        self.metric.family().kind == Kind::Gauge
    }
}

impl Series {
    /// Takes out everything that was counted. What is there and zero is told as well, so that it is seen to be there.
    pub(super) fn take(&mut self) -> Vec<Change> {
        let taken = std::mem::replace(self, Self::empty());
        let mut changes = Vec::new();
        for metric in Metric::ALL {
            for Entry { labels, figure } in taken.of(*metric) {
                let mut tell =
                    |part, value| changes.push(Change { metric: *metric, labels: labels.clone(), part, value });
                match figure {
                    Figure::Number(number) => tell(NUMBER, *number),
                    Figure::Times(histogram) => told(histogram, tell),
                }
            }
        }
        changes
    }

    /// Whether there is nothing to take out.
    pub(super) fn is_empty(&self) -> bool {
        Metric::ALL.iter().all(|metric| self.of(*metric).is_empty())
    }

    /// Adds what was taken out of this or another process's series, or what is kept.
    pub(super) fn apply(&mut self, Change { metric, labels, part, value }: &Change) {
        let labels: Vec<&str> = labels.iter().map(|label| &**label).collect();
        if labels.len() != metric.family().labels.len() {
            return;
        }
        match (self.figure(*metric, &labels), usize::try_from(part - FIRST_BUCKET)) {
            (Figure::Number(number), Err(_)) if metric.family().kind == Kind::Gauge => *number = *value,
            (Figure::Number(number), Err(_)) => *number += value,
            (Figure::Times(histogram), Ok(_)) if *part == SUM => histogram.sum_ms += value,
            (Figure::Times(histogram), Ok(bucket)) if bucket < BUCKETS => {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count that was whole")]
                let count = *value as u64;
                histogram.buckets[bucket] += count;
            }
            // Of a release with other bounds.
            (Figure::Number(_), Ok(_)) | (Figure::Times(_), _) => {}
        }
    }

    /// Works out what follows from the counts.
    pub(super) fn derive(&mut self) {
        let of = |result: &str| {
            let entries = self.of(Metric::CacheRequests).iter();
            let found = entries.filter(|entry| entry.labels.first().is_some_and(|it| **it == *result));
            found.map(|entry| if let Figure::Number(count) = entry.figure { count } else { 0.0 }).sum::<f64>()
        };
        let (hits, misses) = (of(HIT), of(MISS));
        if hits + misses > 0.0 {
            self.set(Metric::CacheHitRate, &[], hits / (hits + misses));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn told(histogram: &Histogram, mut tell: impl FnMut(i64, f64)) {
    for (part, count) in (FIRST_BUCKET..SUM).zip(histogram.buckets) {
        if count > 0 {
            tell(part, count as f64);
        }
    }
    tell(SUM, histogram.sum_ms);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_comes_after_the_last_bucket() {
        assert_eq!(usize::try_from(SUM - FIRST_BUCKET), Ok(BUCKETS));
    }

    #[test]
    fn what_is_taken_out_and_put_back_is_the_same() {
        let mut series = Series::default();
        for value in [0.5, 7.0, 1e9] {
            series.add(Metric::Latency, &["/search"], value);
        }
        series.add(Metric::Requests, &["/search", "POST", "200"], 3.0);
        series.set(Metric::CacheEntries, &[], 4.0);
        let before = series.clone();
        let changes = series.take();
        assert!(series.is_empty());
        for change in &changes {
            series.apply(change);
        }
        assert!(Metric::ALL.iter().all(|metric| series.of(*metric) == before.of(*metric)), "{changes:?}");
    }
}
