//! Latencies of every request, kept in histograms of our own: goose measures to the headers only, and its percentiles
//! know nothing of an intended start.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use contract_types::{HistogramBucket, LoadRecord, LoadRecordPhase};
use hdrhistogram::Histogram;

/// Longest latency that is told apart, in microseconds; a longer one counts as this.
const LONGEST_US: u64 = 600_000_000;
/// Bounds a decade in the buckets of a record: each is about 12 % above the one before.
const BOUNDS_A_DECADE: u32 = 20;
/// Decades that the buckets span, from 0.1 ms to 1,000 s.
const DECADES: u32 = 7;

/// What a request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The expected status.
    Answered,
    /// Another status.
    Status(u16),
    /// No response, or one that broke off.
    Transport,
}

/// The requests of one tenant.
#[derive(Debug, Clone)]
pub struct Tally {
    latencies: Histogram<u64>,
    outcomes: BTreeMap<Outcome, u64>,
}

impl Tally {
    fn new() -> Self {
        let latencies = Histogram::new_with_bounds(1, LONGEST_US, 3).expect("the bounds are constants that fit");
        Self { latencies, outcomes: BTreeMap::new() }
    }

    fn add(&mut self, other: &Self) {
        self.latencies.add(&other.latencies).expect("every histogram has the same bounds");
        for (outcome, count) in &other.outcomes {
            *self.outcomes.entry(*outcome).or_default() += count;
        }
    }

    /// Requests that were sent.
    pub fn requests(&self) -> u64 {
        self.outcomes.values().sum()
    }

    /// Requests that did not get the expected status.
    pub fn errors(&self) -> u64 {
        self.requests() - self.outcomes.get(&Outcome::Answered).copied().unwrap_or(0)
    }

    /// How many requests came to what.
    pub fn outcomes(&self) -> &BTreeMap<Outcome, u64> {
        &self.outcomes
    }

    /// The latency in milliseconds that `quantile` of the requests did not exceed; 0 without requests.
    pub fn quantile_ms(&self, quantile: f64) -> f64 {
        milliseconds(self.latencies.value_at_quantile(quantile))
    }

    /// The longest latency in milliseconds.
    pub fn max_ms(&self) -> f64 {
        milliseconds(self.latencies.max())
    }

    /// The latencies in buckets; bounds are the same in every run, empty buckets are left out.
    pub fn buckets(&self) -> Vec<HistogramBucket> {
        let mut bounds = bounds_us().peekable();
        let mut buckets: Vec<HistogramBucket> = Vec::new();
        let mut current: Option<u64> = None;
        for recorded in self.latencies.iter_recorded() {
            while bounds.next_if(|bound| *bound < recorded.value_iterated_to()).is_some() {}
            let bound = bounds.peek().copied().unwrap_or(LONGEST_US);
            match buckets.last_mut().filter(|_| current == Some(bound)) {
                Some(bucket) => bucket.count += recorded.count_since_last_iteration(),
                None => buckets.push(HistogramBucket {
                    up_to_ms: milliseconds(bound),
                    count: recorded.count_since_last_iteration(),
                }),
            }
            current = Some(bound);
        }
        buckets
    }
}

/// The requests of one user; users do not wait for each other's locks.
#[derive(Debug)]
struct Shard {
    tenants: Vec<Tally>,
    span: Option<(Instant, Instant)>,
}

/// Takes in every request of a run.
#[derive(Debug)]
pub struct Recorder {
    shards: Vec<Mutex<Shard>>,
}

impl Recorder {
    /// A recorder for so many users and tenants.
    pub fn new(users: usize, tenants: usize) -> Self {
        let shard = || Mutex::new(Shard { tenants: (0..tenants).map(|_| Tally::new()).collect(), span: None });
        Self { shards: (0..users.max(1)).map(|_| shard()).collect() }
    }

    /// Records a request of the user number `user` that was to begin at `start` and has just ended.
    ///
    /// A failed request counts with its latency too, so that a time-out cannot hide.
    pub fn record(&self, user: usize, tenant: usize, start: Instant, outcome: Outcome) {
        let now = Instant::now();
        let mut shard = self.shards[user % self.shards.len()].lock().unwrap_or_else(PoisonError::into_inner);
        let (first, last) = shard.span.unwrap_or((start, now));
        shard.span = Some((first.min(start), last.max(now)));
        let latency = u64::try_from((now - start).as_micros()).unwrap_or(LONGEST_US);
        let tally = &mut shard.tenants[tenant];
        tally.latencies.saturating_record(latency.max(1));
        *tally.outcomes.entry(outcome).or_default() += 1;
    }

    /// Everything that was recorded so far.
    pub fn measured(&self) -> Measured {
        let mut measured = Measured { tenants: Vec::new(), all: Tally::new(), elapsed: Duration::ZERO };
        let mut whole: Option<(Instant, Instant)> = None;
        for shard in &self.shards {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            measured.tenants.resize_with(shard.tenants.len(), Tally::new);
            for (sum, tally) in measured.tenants.iter_mut().zip(&shard.tenants) {
                sum.add(tally);
                measured.all.add(tally);
            }
            whole = match (whole, shard.span) {
                (Some((first, last)), Some(span)) => Some((first.min(span.0), last.max(span.1))),
                (either, None) | (None, either) => either,
            };
        }
        measured.elapsed = whole.map_or(Duration::ZERO, |(first, last)| last - first);
        measured
    }
}

/// What a run measured.
#[derive(Debug)]
pub struct Measured {
    /// One tally a tenant, in the order of the workload.
    pub tenants: Vec<Tally>,
    /// All tenants together.
    pub all: Tally,
    /// From the first intended start to the last end.
    pub elapsed: Duration,
}

impl Measured {
    /// Requests a second that `tally` reached.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub fn rate(&self, tally: &Tally) -> f64 {
        if self.elapsed.is_zero() { 0.0 } else { tally.requests() as f64 / self.elapsed.as_secs_f64() }
    }

    /// The record of `tally`.
    pub fn record(&self, scenario: &str, operation: &str, tenant: Option<&str>, tally: &Tally) -> LoadRecord {
        LoadRecord {
            scenario: scenario.to_owned(),
            operation: operation.to_owned(),
            tenant: tenant.map(Into::into),
            phase: Some(LoadRecordPhase::Response),
            requests: tally.requests(),
            errors: tally.errors(),
            rate_per_s: self.rate(tally),
            p50_ms: tally.quantile_ms(0.50),
            p95_ms: tally.quantile_ms(0.95),
            p99_ms: tally.quantile_ms(0.99),
            max_ms: tally.max_ms(),
            budget_p95_ms: None,
            histogram: Some(tally.buckets()),
        }
    }
}

/// Bucket bounds in microseconds, rising: 20 a decade.
fn bounds_us() -> impl Iterator<Item = u64> {
    (0..=BOUNDS_A_DECADE * DECADES).map(|step| {
        let exact = 100.0 * 10_f64.powf(f64::from(step) / f64::from(BOUNDS_A_DECADE));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 100 to 10^9")]
        let bound = exact.round() as u64;
        bound.min(LONGEST_US)
    })
}

#[expect(clippy::cast_precision_loss, reason = "at most 6 * 10^8")]
fn milliseconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorder(latencies_ms: &[u64]) -> Recorder {
        let recorder = Recorder::new(3, 2);
        let now = Instant::now();
        for (index, latency) in latencies_ms.iter().enumerate() {
            let start = now.checked_sub(Duration::from_millis(*latency)).expect("the machine is up for longer");
            recorder.record(index, index % 2, start, Outcome::Answered);
        }
        recorder
    }

    #[test]
    fn gives_percentiles_over_all_users() {
        let measured = recorder(&(1..=1000).collect::<Vec<_>>()).measured();
        assert_eq!(measured.all.requests(), 1000);
        for (quantile, expected) in [(0.5, 500.0), (0.95, 950.0), (0.99, 990.0)] {
            let found = measured.all.quantile_ms(quantile);
            assert!((found - expected).abs() < expected * 0.01 + 25.0, "{quantile}: {found}");
        }
        assert_eq!(measured.tenants[0].requests() + measured.tenants[1].requests(), 1000);
    }

    #[test]
    fn buckets_hold_every_request_once_at_rising_bounds() {
        let tally = recorder(&[1, 1, 5, 40, 40, 41, 900, 20_000]).measured().all;
        let buckets = tally.buckets();
        assert_eq!(buckets.iter().map(|bucket| bucket.count).sum::<u64>(), 8);
        assert!(buckets.is_sorted_by(|left, right| left.up_to_ms < right.up_to_ms), "{buckets:?}");
        assert!(buckets.iter().all(|bucket| bucket.count > 0));
    }

    #[test]
    fn counts_a_failure_with_its_latency() {
        let recorder = Recorder::new(1, 1);
        let start = Instant::now().checked_sub(Duration::from_secs(2)).expect("the machine is up for longer");
        recorder.record(0, 0, start, Outcome::Status(503));
        recorder.record(0, 0, start, Outcome::Transport);
        let measured = recorder.measured();
        assert_eq!((measured.all.requests(), measured.all.errors()), (2, 2));
        assert!(measured.all.quantile_ms(0.5) >= 1_990.0);
    }

    #[test]
    fn measures_nothing_without_requests() {
        let measured = Recorder::new(2, 1).measured();
        let record = measured.record("search", "search", None, &measured.all);
        assert_eq!((record.requests, record.histogram.map(|buckets| buckets.len())), (0, Some(0)));
        assert!(record.rate_per_s.abs() < f64::EPSILON && record.max_ms.abs() < f64::EPSILON);
    }
}
