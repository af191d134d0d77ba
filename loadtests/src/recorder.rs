//! Takes in every request of a run, from all workers at once, and tells them apart by what matters for their latency.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use contract_types::{LoadRecord, LoadRecordCache, LoadRecordPhase};

use crate::{
    action::Action,
    tally::{Outcome, Tally, Timeline},
};

/// Parts that workers write to; few enough that histograms stay small, enough that workers seldom wait for each other.
const SHARDS: usize = 8;
/// Operation of a record that counts all operations.
pub(crate) const ALL: &str = "all";

/// What a latency measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The whole response.
    Response,
    /// From the start of a stream to its first event, or of audio to its first byte.
    FirstEvent,
    /// Between two events of a stream.
    EventGap,
}

impl Phase {
    fn record(self) -> LoadRecordPhase {
        match self {
            Self::Response => LoadRecordPhase::Response,
            Self::FirstEvent => LoadRecordPhase::FirstEvent,
            Self::EventGap => LoadRecordPhase::EventGap,
        }
    }
}

/// What is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Part of the run, such as before and after a spike.
    pub part: usize,
    /// What was asked for.
    pub action: Action,
    /// Index of the tenant, in the order of the workload.
    pub tenant: usize,
    /// Whether the answer came from the target's cache, where it says so.
    pub cached: Option<bool>,
    /// What is measured.
    pub phase: Phase,
}

/// A request that is over.
#[derive(Debug, Clone, Copy)]
pub struct Request {
    /// What it was; its phase is left to the times.
    pub key: Key,
    /// When it was to begin.
    pub start: Instant,
    /// How long it took from then.
    pub latency: Duration,
    /// How it ended.
    pub outcome: Outcome,
}

#[derive(Debug)]
struct Shard {
    tallies: BTreeMap<Key, Tally>,
    timelines: BTreeMap<Action, Timeline>,
    /// First start and last end of each part.
    spans: BTreeMap<usize, (Instant, Instant)>,
}

/// Takes in every request of a run.
#[derive(Debug)]
pub struct Recorder {
    began: Instant,
    stretch: Duration,
    shards: Vec<Mutex<Shard>>,
}

impl Recorder {
    /// A recorder for a run that begins now; its timelines have stretches of this length.
    pub fn new(stretch: Duration) -> Self {
        let shard = || Shard { tallies: BTreeMap::new(), timelines: BTreeMap::new(), spans: BTreeMap::new() };
        Self { began: Instant::now(), stretch, shards: (0..SHARDS).map(|_| Mutex::new(shard())).collect() }
    }

    /// Records a request of the worker number `worker`; of a stream also its first event and the gaps between events.
    pub fn record(&self, worker: u64, request: &Request, first_event: Option<Duration>, gaps: &[Duration]) {
        let Request { key, start, latency, outcome } = *request;
        let index = usize::try_from(worker % SHARDS as u64).unwrap_or(0);
        let mut shard = self.shards[index].lock().unwrap_or_else(PoisonError::into_inner);
        let end = start + latency;
        let span = shard.spans.entry(key.part).or_insert((start, end));
        *span = (span.0.min(start), span.1.max(end));
        let at = |phase| Key { phase, ..key };
        shard.tallies.entry(at(Phase::Response)).or_default().take(latency, outcome);
        if let Some(after) = first_event {
            shard.tallies.entry(at(Phase::FirstEvent)).or_default().take(after, outcome);
        }
        if !gaps.is_empty() {
            let tally = shard.tallies.entry(at(Phase::EventGap)).or_default();
            for gap in gaps {
                tally.take(*gap, outcome);
            }
        }
        let (after, stretch) = (start.saturating_duration_since(self.began), self.stretch);
        let timeline = shard.timelines.entry(key.action).or_insert_with(|| Timeline::new(stretch));
        timeline.take(after, latency, outcome);
    }

    /// Everything that was recorded so far.
    pub fn measured(&self) -> Measured {
        let mut measured = Measured { tallies: BTreeMap::new(), timelines: BTreeMap::new(), spans: BTreeMap::new() };
        for shard in &self.shards {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            for (key, tally) in &shard.tallies {
                measured.tallies.entry(*key).or_default().add(tally);
            }
            for (action, timeline) in &shard.timelines {
                measured.timelines.entry(*action).or_insert_with(|| Timeline::new(self.stretch)).add(timeline);
            }
            for (part, (first, last)) in &shard.spans {
                let span = measured.spans.entry(*part).or_insert((*first, *last));
                *span = (span.0.min(*first), span.1.max(*last));
            }
        }
        measured
    }
}

/// What a run measured.
#[derive(Debug)]
pub struct Measured {
    tallies: BTreeMap<Key, Tally>,
    timelines: BTreeMap<Action, Timeline>,
    spans: BTreeMap<usize, (Instant, Instant)>,
}

impl Measured {
    /// The sum of everything that `wanted` holds for.
    pub fn sum(&self, wanted: impl Fn(&Key) -> bool) -> Tally {
        let mut sum = Tally::default();
        self.tallies.iter().filter(|(key, _)| wanted(key)).for_each(|(_, tally)| sum.add(tally));
        sum
    }

    /// Whole responses of one part of the run.
    pub fn responses(&self, part: usize) -> Tally {
        self.sum(|key| key.part == part && key.phase == Phase::Response)
    }

    /// Whole responses of all of the run.
    pub fn all(&self) -> Tally {
        self.sum(|key| key.phase == Phase::Response)
    }

    /// From the first intended start of a part to its last end.
    pub fn span(&self, part: usize) -> Duration {
        self.spans.get(&part).map_or(Duration::ZERO, |(first, last)| *last - *first)
    }

    /// Indices of the tenants that requests were made for.
    pub fn tenants(&self) -> BTreeSet<usize> {
        self.tallies.keys().map(|key| key.tenant).collect()
    }

    /// The measurements of one part of the run under `scenario`: all operations, each operation, its phases, its cached and other
    /// answers, and its tenants. The whole run's timelines go with a scenario of one part.
    pub fn records(&self, scenario: &str, part: usize, tenants: &[String]) -> Vec<LoadRecord> {
        let span = self.span(part);
        let timed = self.spans.len() == 1;
        let here: BTreeSet<Action> = self.tallies.keys().filter(|key| key.part == part).map(|key| key.action).collect();
        let mut records = Vec::new();
        if here.len() > 1 {
            let mut record = self.responses(part).record(scenario, ALL, LoadRecordPhase::Response, span);
            record.timeline = timed.then(|| {
                let mut all =
                    Timeline::new(self.timelines.values().next().map_or(Duration::from_secs(1), Timeline::stretch));
                self.timelines.values().for_each(|timeline| all.add(timeline));
                all.records()
            });
            records.push(record);
        }
        for action in here {
            let id = action.operation().id;
            let of = |key: &Key| key.part == part && key.action == action;
            let make = |phase: Phase, wanted: &dyn Fn(&Key) -> bool| {
                let tally = self.sum(|key| of(key) && key.phase == phase && wanted(key));
                (tally.requests() > 0).then(|| tally.record(scenario, id, phase.record(), span))
            };
            let mut whole = make(Phase::Response, &|_| true);
            if let Some(record) = &mut whole {
                record.timeline = self.timelines.get(&action).filter(|_| timed).map(Timeline::records);
            }
            records.extend(whole);
            for phase in [Phase::FirstEvent, Phase::EventGap] {
                records.extend(make(phase, &|_| true));
            }
            for (cached, word) in [(true, LoadRecordCache::Hit), (false, LoadRecordCache::Miss)] {
                records.extend(make(Phase::Response, &|key| key.cached == Some(cached)).map(|mut record| {
                    record.cache = Some(word);
                    record
                }));
            }
            for (index, tenant) in tenants.iter().enumerate() {
                for phase in [Phase::Response, Phase::FirstEvent] {
                    records.extend(make(phase, &|key| key.tenant == index).map(|mut record| {
                        record.tenant = Some(tenant.as_str().into());
                        record
                    }));
                }
            }
        }
        records
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(action: Action, tenant: usize, cached: Option<bool>) -> Key {
        Key { part: 0, action, tenant, cached, phase: Phase::Response }
    }

    fn recorder() -> Recorder {
        let recorder = Recorder::new(Duration::from_secs(1));
        let start = Instant::now();
        let take = |worker, key, ms, first: Option<u64>| {
            let latency = Duration::from_millis(ms);
            let request = Request { key, start, latency, outcome: Outcome::Answered };
            let gaps = first.map(|_| Duration::from_millis(2)).into_iter().collect::<Vec<_>>();
            recorder.record(worker, &request, first.map(Duration::from_millis), &gaps);
        };
        take(0, key(Action::Search, 0, Some(true)), 1, None);
        take(1, key(Action::Search, 0, Some(false)), 20, None);
        take(2, key(Action::Search, 1, Some(false)), 30, None);
        take(9, key(Action::Chat, 1, None), 40, Some(5));
        recorder
    }

    #[test]
    fn tells_apart_operation_tenant_cache_and_phase_and_loses_nothing() {
        let measured = recorder().measured();
        assert_eq!((measured.all().requests(), measured.tenants().len()), (4, 2));
        let records = measured.records("mixed", 0, &["a".to_owned(), "b".to_owned()]);
        let told: Vec<String> = records
            .iter()
            .map(|it| {
                let tenant = it.tenant.as_ref().map_or("-", |tenant| tenant.as_str());
                let cache = it.cache.map_or("-".to_owned(), |cache| cache.to_string());
                let phase = it.phase.map_or("-".to_owned(), |phase| phase.to_string());
                format!("{} {phase} {tenant} {cache} {}", it.operation, it.requests)
            })
            .collect();
        assert_eq!(
            told,
            [
                "all response - - 4",
                "chat response - - 1",
                "chat first_event - - 1",
                "chat event_gap - - 1",
                "chat response b - 1",
                "chat first_event b - 1",
                "search response - - 3",
                "search response - hit 1",
                "search response - miss 2",
                "search response a - 2",
                "search response b - 1",
            ]
        );
        let timeline = records[0].timeline.as_ref().expect("a run of one part has a timeline");
        assert_eq!(timeline.iter().map(|it| it.requests).sum::<u64>(), 4);
    }

    #[test]
    fn parts_have_their_own_spans_and_no_timeline() {
        let recorder = recorder();
        let late = Request {
            key: Key { part: 1, ..key(Action::Search, 0, None) },
            start: Instant::now(),
            latency: Duration::from_millis(500),
            outcome: Outcome::Status(503),
        };
        recorder.record(0, &late, None, &[]);
        let measured = recorder.measured();
        assert_eq!(measured.span(1), Duration::from_millis(500));
        let records = measured.records("spike", 1, &["a".to_owned()]);
        assert_eq!((records[0].requests, records[0].errors, records[0].timeline.is_none()), (1, 1, true));
        assert!((records[0].rate_per_s - 2.0).abs() < 1e-9, "{records:?}");
    }
}
