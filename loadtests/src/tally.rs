//! Latencies of like requests, in a histogram that can be added to others: goose measures to the headers only, and percentiles of
//! several histograms cannot be averaged.

use std::{collections::BTreeMap, time::Duration};

use contract_types::{HistogramBucket, LoadInterval, LoadRecord, LoadRecordPhase};
use hdrhistogram::Histogram;

/// Longest latency that is told apart, in microseconds; a longer one counts as this.
const LONGEST_US: u64 = 600_000_000;
/// Bounds a decade in the buckets of a record: each is about 6 % above the one before.
const BOUNDS_A_DECADE: u32 = 40;
/// Decades that the buckets span, from 0.01 ms to 1,000 s.
const DECADES: u32 = 8;
/// The lowest bound, in microseconds.
const LOWEST_US: f64 = 10.0;

/// What a request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The expected status, and of a stream a good end.
    Answered,
    /// Another status.
    Status(u16),
    /// A stream that ended with an error event.
    StreamError,
    /// A stream without an end, or with events in the wrong order.
    Cut,
    /// No response, or one that broke off.
    Transport,
}

/// Requests of one kind.
#[derive(Debug, Clone)]
pub struct Tally {
    latencies: Histogram<u64>,
    outcomes: BTreeMap<Outcome, u64>,
}

impl Default for Tally {
    fn default() -> Self {
        let mut latencies = Histogram::new_with_bounds(1, 2_000, 3).expect("the bounds are constants that fit");
        latencies.auto(true);
        Self { latencies, outcomes: BTreeMap::new() }
    }
}

impl Tally {
    /// Counts a request that took `latency`. A failed one counts with its latency too, so that a time-out cannot hide.
    ///
    /// # Panics
    ///
    /// Never: the histogram grows to the longest latency.
    pub fn take(&mut self, latency: Duration, outcome: Outcome) {
        let latency = micros(latency).clamp(1, LONGEST_US);
        self.latencies.record(latency).expect("the histogram grows to the longest latency");
        *self.outcomes.entry(outcome).or_default() += 1;
    }

    /// Takes in what another has counted.
    ///
    /// # Panics
    ///
    /// Never: the histogram grows to what the other holds.
    pub fn add(&mut self, other: &Self) {
        self.latencies.add(&other.latencies).expect("the histogram grows to what the other holds");
        for (outcome, count) in &other.outcomes {
            *self.outcomes.entry(*outcome).or_default() += count;
        }
    }

    /// Requests that were counted.
    pub fn requests(&self) -> u64 {
        self.outcomes.values().sum()
    }

    /// Requests that did not get what they must.
    pub fn errors(&self) -> u64 {
        self.requests() - self.outcomes.get(&Outcome::Answered).copied().unwrap_or(0)
    }

    /// How many requests came to what.
    pub fn outcomes(&self) -> &BTreeMap<Outcome, u64> {
        &self.outcomes
    }

    /// The latency in milliseconds that `quantile` of the requests did not exceed; 0 without requests.
    pub fn quantile_ms(&self, quantile: f64) -> f64 {
        milliseconds(self.latencies.value_at_quantile(quantile).min(self.latencies.max()))
    }

    /// The longest latency in milliseconds.
    pub fn max_ms(&self) -> f64 {
        milliseconds(self.latencies.max())
    }

    /// The latencies in buckets; bounds are the same in every run, empty buckets are left out.
    pub fn buckets(&self) -> Vec<HistogramBucket> {
        let mut counts = Buckets::default();
        for recorded in self.latencies.iter_recorded() {
            counts.count(recorded.value_iterated_to(), recorded.count_since_last_iteration());
        }
        counts.records()
    }

    /// The measurement of a record; the requests began over `span`.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub fn record(&self, scenario: &str, operation: &str, phase: LoadRecordPhase, span: Duration) -> LoadRecord {
        let rate = if span.is_zero() { 0.0 } else { self.requests() as f64 / span.as_secs_f64() };
        LoadRecord {
            scenario: scenario.to_owned(),
            operation: operation.to_owned(),
            tenant: None,
            phase: Some(phase),
            cache: None,
            requests: self.requests(),
            errors: self.errors(),
            rate_per_s: rate,
            p50_ms: self.quantile_ms(0.50),
            p95_ms: self.quantile_ms(0.95),
            p99_ms: self.quantile_ms(0.99),
            max_ms: self.max_ms(),
            budget_p95_ms: None,
            histogram: Some(self.buckets()),
            timeline: None,
        }
    }
}

/// Counts in the buckets of a record: small, and good enough for one stretch of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Buckets(BTreeMap<u64, u64>);

impl Buckets {
    fn count(&mut self, latency_us: u64, requests: u64) {
        *self.0.entry(bound_us(latency_us)).or_default() += requests;
    }

    fn records(&self) -> Vec<HistogramBucket> {
        self.0.iter().map(|(bound, count)| HistogramBucket { up_to_ms: milliseconds(*bound), count: *count }).collect()
    }
}

/// Requests stretch by stretch of time, each of the same length.
#[derive(Debug, Clone)]
pub struct Timeline {
    stretch: Duration,
    stretches: BTreeMap<u32, Stretch>,
}

#[derive(Debug, Clone, Default)]
struct Stretch {
    errors: u64,
    requests: u64,
    buckets: Buckets,
}

impl Timeline {
    /// Nothing yet, in stretches of this length.
    pub fn new(stretch: Duration) -> Self {
        Self { stretch, stretches: BTreeMap::new() }
    }

    /// Length of a stretch.
    pub fn stretch(&self) -> Duration {
        self.stretch
    }

    /// Counts a request that was to begin `after` the beginning of the run.
    pub fn take(&mut self, after: Duration, latency: Duration, outcome: Outcome) {
        let index = after.as_nanos() / self.stretch.as_nanos().max(1);
        let stretch = self.stretches.entry(u32::try_from(index).unwrap_or(u32::MAX)).or_default();
        stretch.requests += 1;
        stretch.errors += u64::from(outcome != Outcome::Answered);
        stretch.buckets.count(micros(latency).clamp(1, LONGEST_US), 1);
    }

    /// Takes in what another of the same stretches has counted.
    pub fn add(&mut self, other: &Self) {
        for (index, stretch) in &other.stretches {
            let own = self.stretches.entry(*index).or_default();
            own.requests += stretch.requests;
            own.errors += stretch.errors;
            stretch.buckets.0.iter().for_each(|(bound, count)| *own.buckets.0.entry(*bound).or_default() += count);
        }
    }

    /// As a record holds it; stretches without requests between others are told too.
    pub fn records(&self) -> Vec<LoadInterval> {
        let Some(last) = self.stretches.keys().next_back() else { return Vec::new() };
        let empty = Stretch::default();
        let at = |index: u32| (self.stretch * index).as_secs_f64() * 1000.0;
        (0..=*last)
            .map(|index| {
                let stretch = self.stretches.get(&index).unwrap_or(&empty);
                LoadInterval {
                    from_ms: at(index),
                    to_ms: at(index + 1),
                    requests: stretch.requests,
                    errors: stretch.errors,
                    histogram: stretch.buckets.records(),
                }
            })
            .collect()
    }
}

/// The bound of the bucket that `latency_us` lies in, in microseconds. Bounds rise by the same factor.
fn bound_us(latency_us: u64) -> u64 {
    let last = BOUNDS_A_DECADE * DECADES;
    let exact = |step: u32| LOWEST_US * 10_f64.powf(f64::from(step) / f64::from(BOUNDS_A_DECADE));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 10 to 10^9")]
    let bound = |step: u32| exact(step).round() as u64;
    #[expect(clippy::cast_precision_loss, reason = "at most 6 * 10^8")]
    let place = (latency_us as f64 / LOWEST_US).log10() * f64::from(BOUNDS_A_DECADE);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded on both sides")]
    let mut step = (place.floor() - 1.0).clamp(0.0, f64::from(last)) as u32;
    // Bounds are whole microseconds, so rounding may have moved one by a step.
    while step < last && bound(step) < latency_us {
        step += 1;
    }
    bound(step)
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "at most 10^9")]
fn milliseconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(latencies_ms: impl IntoIterator<Item = u64>) -> Tally {
        let mut tally = Tally::default();
        latencies_ms.into_iter().for_each(|ms| tally.take(Duration::from_millis(ms), Outcome::Answered));
        tally
    }

    #[test]
    fn percentiles_of_a_sum_are_those_of_all_requests() {
        let mut sum = tally(1..=500);
        sum.add(&tally(501..=1000));
        for (quantile, expected) in [(0.5, 500.0), (0.95, 950.0), (0.99, 990.0)] {
            let found = sum.quantile_ms(quantile);
            assert!((found - expected).abs() <= expected * 0.002, "{quantile}: {found}");
        }
        assert_eq!((sum.requests(), sum.errors()), (1000, 0));
    }

    #[test]
    fn counts_a_failure_with_its_latency() {
        let mut tally = Tally::default();
        tally.take(Duration::from_secs(2), Outcome::Status(503));
        tally.take(Duration::from_secs(20_000), Outcome::Transport);
        assert_eq!((tally.requests(), tally.errors()), (2, 2));
        assert!(tally.quantile_ms(0.5) >= 1_998.0 && tally.max_ms() >= 599_000.0, "{tally:?}");
    }

    #[test]
    fn buckets_hold_every_request_once_at_rising_bounds_that_are_the_same_in_every_run() {
        let buckets = tally([1, 1, 5, 40, 40, 41, 900, 20_000]).buckets();
        assert_eq!(buckets.iter().map(|bucket| bucket.count).sum::<u64>(), 8);
        assert!(buckets.is_sorted_by(|left, right| left.up_to_ms < right.up_to_ms), "{buckets:?}");
        assert!(buckets.iter().all(|bucket| bucket.count > 0));
        let mut before = 0;
        for latency in (1..2_000).chain((2_000..3_000_000).step_by(977)) {
            let bound = bound_us(latency);
            assert!(bound >= latency && bound >= before, "{latency}: {bound}");
            assert_eq!(bound_us(bound), bound, "a bound lies in its own bucket");
            assert!(latency < 100 || (bound - latency) * 100 <= latency * 7, "{latency}: {bound}");
            before = bound;
        }
    }

    #[test]
    fn a_timeline_tells_stretches_without_requests_too() {
        let mut timeline = Timeline::new(Duration::from_secs(1));
        timeline.take(Duration::from_millis(999), Duration::from_millis(4), Outcome::Answered);
        let mut other = Timeline::new(Duration::from_secs(1));
        other.take(Duration::from_secs(2), Duration::from_millis(4), Outcome::Status(500));
        timeline.add(&other);
        let told: Vec<_> = timeline.records().iter().map(|it| (it.from_ms, it.to_ms, it.requests, it.errors)).collect();
        assert_eq!(told, [(0.0, 1000.0, 1, 0), (1000.0, 2000.0, 0, 0), (2000.0, 3000.0, 1, 1)]);
    }

    #[test]
    fn measures_nothing_without_requests() {
        let record = Tally::default().record("search", "search", LoadRecordPhase::Response, Duration::ZERO);
        assert_eq!((record.requests, record.histogram.map(|buckets| buckets.len())), (0, Some(0)));
        assert!(record.rate_per_s.abs() < f64::EPSILON && record.max_ms.abs() < f64::EPSILON);
    }
}
