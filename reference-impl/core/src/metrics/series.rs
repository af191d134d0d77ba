//! The counts of one tenant.

use super::table::{BOUNDS_MS, Kind, Metric};

/// Buckets of a histogram, the one without a bound included.
pub(super) const BUCKETS: usize = BOUNDS_MS.len() + 1;

/// Counts of one histogram.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Histogram {
    /// Observations in each bucket, not cumulative.
    pub(super) buckets: [u64; BUCKETS],
    /// Their sum, in milliseconds.
    pub(super) sum_ms: f64,
}

impl Histogram {
    pub(super) fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    fn record(&mut self, value_ms: f64) {
        let bucket = BOUNDS_MS.iter().position(|bound| value_ms <= *bound).unwrap_or(BUCKETS - 1);
        self.buckets[bucket] += 1;
        self.sum_ms += value_ms;
    }
}

/// A number, or many by size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Figure {
    Number(f64),
    Times(Histogram),
}

/// One series.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// Values of the labels that the table names, in its order.
    pub(super) labels: Box<[Box<str>]>,
    pub(super) figure: Figure,
}

/// Every series of one tenant. There are few of each metric, since labels come from bounded sets.
#[derive(Debug, Clone)]
pub(super) struct Series(Vec<Vec<Entry>>);

impl Default for Series {
    /// What has no labels is there from the start, so that its first event is seen as a rise.
    fn default() -> Self {
        let of = |metric: &Metric| {
            let figure = match metric.family().kind {
                Kind::Histogram => Figure::Times(Histogram::default()),
                Kind::Counter => Figure::Number(0.0),
                // Absent until it is known.
                Kind::Gauge => return Vec::new(),
            };
            let from_start = metric.family().labels.is_empty();
            from_start.then(|| Entry { labels: Box::default(), figure }).into_iter().collect()
        };
        Self(Metric::ALL.iter().map(of).collect())
    }
}

impl Series {
    /// Not even what has no labels.
    pub(super) fn empty() -> Self {
        Self(vec![Vec::new(); Metric::ALL.len()])
    }

    /// The series of one metric.
    pub(super) fn of(&self, metric: Metric) -> &[Entry] {
        self.0.get(metric as usize).map_or(&[], Vec::as_slice)
    }

    /// Adds `value` to a counter, or records it in a histogram.
    pub(super) fn add(&mut self, metric: Metric, labels: &[&str], value: f64) {
        match self.figure(metric, labels) {
            Figure::Number(number) => *number += value,
            Figure::Times(histogram) => histogram.record(value),
        }
    }

    /// Sets a gauge.
    pub(super) fn set(&mut self, metric: Metric, labels: &[&str], value: f64) {
        *self.figure(metric, labels) = Figure::Number(value);
    }

    pub(super) fn figure(&mut self, metric: Metric, labels: &[&str]) -> &mut Figure {
        debug_assert_eq!(labels.len(), metric.family().labels.len(), "{metric:?}");
        let entries = &mut self.0[metric as usize];
        let same = |entry: &Entry| entry.labels.iter().map(|label| &**label).eq(labels.iter().copied());
        let place = entries.iter().position(same).unwrap_or_else(|| {
            let figure = match metric.family().kind {
                Kind::Histogram => Figure::Times(Histogram::default()),
                Kind::Counter | Kind::Gauge => Figure::Number(0.0),
            };
            entries.push(Entry { labels: labels.iter().map(|label| Box::from(*label)).collect(), figure });
            entries.len() - 1
        });
        &mut entries[place].figure
    }
}
