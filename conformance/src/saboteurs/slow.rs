//! Answers that come late, so that their time tells what their content does not.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use harness::client::Request;

/// Which answers of an operation come late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slow {
    /// Those about an object that exists, whoever asks.
    Known,
    /// Those to a query that nobody else has asked before: what another asked is answered from what is stored.
    Unasked,
    /// Every one.
    Every(Duration),
    /// Every fifth.
    Fifth(Duration),
    /// Those to a caller that has fewer requests under way than another: who presses harder is served first.
    Crowded,
}

/// What a known object and an unasked query cost.
const LOOK_UP: Duration = Duration::from_millis(8);
/// What giving way to a crowd costs.
const GIVING_WAY: Duration = Duration::from_millis(60);
/// Requests of another that make a crowd.
const CROWD: usize = 3;

/// What a proxy remembers of its callers.
#[derive(Debug, Default)]
pub(super) struct Memory {
    objects: Vec<String>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// Who asked a body first.
    asked: BTreeMap<Vec<u8>, String>,
    /// Requests under way of each caller.
    under_way: BTreeMap<String, usize>,
    count: usize,
}

impl Memory {
    /// One that knows these ids.
    pub(super) fn of(objects: Vec<String>) -> Self {
        Self { objects, seen: Mutex::default() }
    }

    /// Takes in a request, and gives the time that its answer comes late.
    pub(super) fn arrived(&self, slow: Slow, request: &Request) -> Option<Duration> {
        let who = caller(request);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        *seen.under_way.entry(who.clone()).or_default() += 1;
        seen.count += 1;
        match slow {
            Slow::Known => {
                let known = |id: &String| request.path().split('/').any(|part| part == id);
                self.objects.iter().any(known).then_some(LOOK_UP)
            }
            Slow::Unasked => {
                let body = request.body.as_deref().unwrap_or_default().to_vec();
                let first = seen.asked.entry(body).or_insert_with(|| who.clone());
                (*first == who).then_some(LOOK_UP)
            }
            Slow::Every(late) => Some(late),
            Slow::Fifth(late) => seen.count.is_multiple_of(5).then_some(late),
            Slow::Crowded => {
                let crowd = seen.under_way.iter().any(|(other, count)| *other != who && *count >= CROWD);
                let own = seen.under_way.get(&who).copied().unwrap_or(0);
                (crowd && own < CROWD).then_some(GIVING_WAY)
            }
        }
    }

    /// The answer has gone out.
    pub(super) fn answered(&self, request: &Request) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = seen.under_way.get_mut(&caller(request)) {
            *count = count.saturating_sub(1);
        }
    }
}

fn caller(request: &Request) -> String {
    let own = request.headers.iter().find(|(name, _)| name == "authorization");
    own.map(|(_, value)| value.clone()).unwrap_or_default()
}
