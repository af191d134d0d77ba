//! What equal searches share: an entry of the cache, or the answer of one that is under way.

use std::sync::Arc;

use super::cache::{Stored, encode};
use super::error::SearchError;
use super::flight::{Landing, Seat};
use super::known::{Entry, Heard, broken};
use super::model::{CacheMode, CacheReport, QueryReport, SearchAnswer, SearchRequest, SearchTimings, Usage};
use super::searcher::{Open, Searcher};
use crate::answer::flatten;
use crate::retrieve::Degradation;
use crate::sabotage::{self, Sabotage};

/// Version of the rules that queries are understood by: answers to what was understood otherwise are not read.
const UNDERSTANDING: &str = "2";

/// The answer to a search, by where it comes from.
pub enum Answered {
    /// From an entry of the cache.
    Kept(Box<KeptAnswer>),
    /// Made for this request, or for an equal one at the same time.
    Made(Box<SearchAnswer>),
}

impl Answered {
    /// The answer, wherever it comes from.
    pub fn whole(self) -> SearchAnswer {
        match self {
            Self::Kept(kept) => kept.whole(),
            Self::Made(answer) => *answer,
        }
    }
}

/// An entry of the cache as the answer to one request.
pub struct KeptAnswer {
    pub(super) entry: Arc<Entry>,
    /// Where the answer comes from.
    pub(super) cache: CacheReport,
    /// The query as this request has it.
    pub(super) original: String,
    pub(super) heard: Arc<Heard>,
    pub(super) degraded: Vec<Degradation>,
    pub(super) total_us: u64,
}

impl KeptAnswer {
    /// How old the entry is.
    pub fn cache(&self) -> CacheReport {
        self.cache
    }

    /// How long the request took: all of it in looking the entry up.
    pub fn timings(&self) -> SearchTimings {
        SearchTimings { total_us: self.total_us, ..SearchTimings::default() }
    }

    /// What an edge sends whatever the request, written by `write` once for the entry; `None` where this request's answer is told
    /// with more of its own than its cache, its timings and its id: another way of writing the query, findings, or failures.
    ///
    /// - `write`: gets the entry's answer, and gives the parts that those three stand between; `None` where it cannot.
    pub fn written(&self, write: impl FnOnce(&SearchAnswer) -> Option<[Vec<u8>; 2]>) -> Option<&[Vec<u8>; 2]> {
        let stored = &self.entry.stored.answer.query;
        let own = broken()
            || !self.degraded.is_empty()
            || !self.heard.findings.is_empty()
            || self.original != stored.original
            || rewritten(stored, &self.heard).is_some_and(|rewritten| rewritten != stored.rewritten);
        if own { None } else { self.entry.written(write) }
    }

    /// The answer as a whole.
    pub fn whole(self) -> SearchAnswer {
        let hit = SearchAnswer { cache: self.cache, ..self.entry.stored.answer.clone() };
        served(&self.original, &self.heard, self.degraded, self.total_us, hit)
    }
}

/// What was looked up for a query that is written in another way than the one that an answer was made for, where that was the query
/// itself.
fn rewritten(made_for: &QueryReport, heard: &Heard) -> Option<String> {
    (made_for.rewritten == flatten(&made_for.original)).then(|| flatten(&heard.query))
}

/// What was made for an equal search, as an answer to the query `original`.
fn served(
    original: &str,
    heard: &Heard,
    degraded: Vec<Degradation>,
    total_us: u64,
    mut hit: SearchAnswer,
) -> SearchAnswer {
    if let Some(rewritten) = rewritten(&hit.query, heard) {
        hit.query.rewritten = rewritten;
    }
    original.clone_into(&mut hit.query.original);
    hit.timings.total_us = total_us;
    hit.degraded = degraded;
    hit.safety.splice(0..0, heard.findings.iter().cloned());
    if sabotage::on(Sabotage::CacheHitDiffers) {
        hit.answer.push(' ');
    }
    hit
}

impl Searcher<'_> {
    /// What an answer depends on beside models, corpus and request, each part by name. Whatever shapes answers from now on
    /// is added here.
    ///
    /// - `mark`: what tells the tenant's store from an earlier one, whose corpus versions were the same numbers.
    pub(super) fn further_key_parts(mark: &str) -> Vec<(&'static str, String)> {
        vec![("understanding", UNDERSTANDING.to_owned()), ("store", mark.to_owned())]
    }

    /// Answers `open`, once for all equal searches of the tenant at the same time.
    pub(super) async fn fly(&self, request: &SearchRequest, mut open: Open) -> Result<SearchAnswer, SearchError> {
        let count = |change: fn(&mut super::CacheFigures)| self.counters.count(self.tenant.id(), change);
        match request.cache {
            CacheMode::Use => {}
            CacheMode::Bypass => {
                count(|figures| figures.bypassed += 1);
                return self.compute(request, &mut open).await.map(|answer| self.own(&open, answer));
            }
            CacheMode::Refresh => {
                count(|figures| figures.refreshed += 1);
                return self.compute(request, &mut open).await.map(|answer| self.own(&open, answer));
            }
        }
        while !sabotage::on(Sabotage::CacheNeverHits) {
            match self.flights.board(self.tenant.id(), &open.key) {
                Seat::Leader(leader) => {
                    // An equal search may have ended between the look into the cache and now.
                    if self.flights.landed() != open.landed {
                        let key = open.key.clone();
                        if let Some((entry, cache)) = self.cached(&key, &mut open.degraded).await {
                            let hit = SearchAnswer { cache, ..entry.stored.answer.clone() };
                            count(|figures| figures.hits += 1);
                            leader.land(Landing::Answer(Arc::new(hit.clone())));
                            return Ok(self.served(request, open, hit));
                        }
                    }
                    count(|figures| figures.misses += 1);
                    let computed = self.compute(request, &mut open).await;
                    leader.land(match &computed {
                        Ok(answer) => Landing::Answer(Arc::new(answer.clone())),
                        Err(_) => Landing::Failed,
                    });
                    return computed.map(|answer| self.own(&open, answer));
                }
                Seat::Follower(follower) => match follower.landing().await {
                    Landing::Answer(answer) => {
                        let kept = answer.cache.ttl_ms > 0;
                        count(if kept { |figures| figures.hits += 1 } else { |figures| figures.misses += 1 });
                        count(|figures| figures.joined += 1);
                        return Ok(self.joined(request, open, &answer, kept));
                    }
                    // Whatever failed once may work now; nobody waits for the failures of others one after another.
                    Landing::Failed => break,
                    Landing::Dropped => {}
                },
            }
        }
        count(|figures| figures.misses += 1);
        self.compute(request, &mut open).await.map(|answer| self.own(&open, answer))
    }

    /// Makes the answer and keeps it where the request says so.
    async fn compute(&self, request: &SearchRequest, open: &mut Open) -> Result<SearchAnswer, SearchError> {
        let mut answer = self.fresh(request, &open.heard.query, (open.heard.intent, open.heard.intent_score)).await?;
        let complete = answer.degraded.is_empty() || sabotage::on(Sabotage::CacheKeepsDegraded);
        // What was written while the generation model was down is not what is asked for once it is back.
        let complete = complete && (answer.usage.model.is_empty() || answer.usage.model == self.generation_model);
        answer.degraded.splice(0..0, open.degraded.iter().copied());
        let writes = match request.cache {
            CacheMode::Use => true,
            CacheMode::Bypass => sabotage::on(Sabotage::CacheBypassWrites),
            CacheMode::Refresh => !sabotage::on(Sabotage::CacheRefreshDoesNotWrite),
        };
        if writes && complete {
            self.keep(&open.key, &mut answer).await;
        }
        Ok(answer)
    }

    /// What is this request's own of an answer that it made.
    fn own(&self, open: &Open, mut answer: SearchAnswer) -> SearchAnswer {
        // After it was kept: another way of writing the query, which finds this entry, has findings of its own.
        answer.safety.splice(0..0, open.heard.findings.iter().cloned());
        answer.timings.total_us = self.clock.monotonic_us().saturating_sub(open.started);
        answer
    }

    /// What another request made at the same time, as an answer to this one.
    fn joined(&self, request: &SearchRequest, open: Open, made: &SearchAnswer, kept: bool) -> SearchAnswer {
        let shared = SearchAnswer {
            cache: CacheReport { hit: kept, age_ms: 0, ..made.cache },
            timings: SearchTimings::default(),
            usage: Usage::default(),
            ..made.clone()
        };
        let degraded = made.degraded.clone();
        SearchAnswer { degraded, ..self.served(request, open, shared) }
    }

    /// What was made for an equal search, as an answer to this one.
    fn served(&self, request: &SearchRequest, open: Open, hit: SearchAnswer) -> SearchAnswer {
        let total_us = self.clock.monotonic_us().saturating_sub(open.started);
        served(&request.query, &open.heard, open.degraded, total_us, hit)
    }

    /// The entry under `key` that may still be served.
    pub(super) async fn cached(&self, key: &str, degraded: &mut Vec<Degradation>) -> Option<(Arc<Entry>, CacheReport)> {
        let Ok(found) = self.key_value.get(self.tenant, key).await else {
            self.counters.count(self.tenant.id(), |figures| figures.failures += 1);
            if !degraded.contains(&Degradation::CacheUnavailable) {
                degraded.push(Degradation::CacheUnavailable);
            }
            return None;
        };
        let entry = self.known.read(self.tenant, key, found?)?;
        let stored = &entry.stored;
        // The shorter of the two: a tenant that shortens its time means old answers too.
        let ttl_ms = stored.ttl_ms.min(self.tenant.settings().times.cache_ttl_ms);
        let age = self.clock.now(self.tenant.id()).saturating_sub(stored.since);
        let ttl_ms = if sabotage::on(Sabotage::CacheExpiresEarly) { ttl_ms / 2 } else { ttl_ms };
        let expired = age >= ttl_ms && !sabotage::on(Sabotage::CacheNeverExpires);
        if age < 0 || expired {
            return None;
        }
        let millis = |value: i64| u64::try_from(value).unwrap_or(0);
        let told = if sabotage::on(Sabotage::CacheAgeNotReported) { 0 } else { age };
        let cache = CacheReport { hit: true, age_ms: millis(told), ttl_ms: millis(ttl_ms - age) };
        Some((entry, cache))
    }

    async fn keep(&self, key: &str, answer: &mut SearchAnswer) {
        let now = self.clock.now(self.tenant.id());
        let ttl_ms = self.tenant.settings().times.cache_ttl_ms;
        let stored = Stored { answer: answer.clone(), since: now, ttl_ms };
        #[cfg(feature = "sabotage")]
        self.share(&stored).await;
        match self.key_value.put(self.tenant, key, encode(&stored), now.saturating_add(ttl_ms)).await {
            Ok(()) => {
                self.counters.count(self.tenant.id(), |figures| figures.stored += 1);
                answer.cache.ttl_ms = u64::try_from(ttl_ms).unwrap_or(0);
            }
            Err(_) if !answer.degraded.contains(&Degradation::CacheUnavailable) => {
                answer.degraded.push(Degradation::CacheUnavailable);
            }
            Err(_) => {}
        }
    }
}
