//! Searches that are already under way: of equal ones of a tenant at the same time, one computes and the others wait for it.
//!
//! Equal means the same key of the answer cache, which holds everything that an answer depends on, the tenant first. Works
//! without a runtime: who waits is woken by whoever lands, also when that one fails or is dropped half-way.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::model::SearchAnswer;
use crate::tenancy::TenantId;

/// How a flight ended.
#[derive(Debug, Clone)]
pub(super) enum Landing {
    /// With an answer for everybody, which says of itself whether it stands in the cache.
    Answer(Arc<SearchAnswer>),
    /// With a failure: each may try for itself.
    Failed,
    /// The one who computed went away: another one takes its place.
    Dropped,
}

#[derive(Debug)]
enum State {
    Under(HashMap<u64, Waker>),
    Landed(Landing),
}

/// One computation that others may wait for.
#[derive(Debug)]
pub(crate) struct Flight(Mutex<State>);

impl Flight {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn land(&self, landing: Landing) {
        let before = std::mem::replace(&mut *self.lock(), State::Landed(landing));
        // Woken without the lock: a waker may poll at once.
        if let State::Under(wakers) = before {
            for waker in wakers.into_values() {
                waker.wake();
            }
        }
    }

    fn poll(&self, follower: u64, context: &mut Context<'_>) -> Poll<Landing> {
        match &mut *self.lock() {
            State::Under(wakers) => {
                wakers.insert(follower, context.waker().clone());
                Poll::Pending
            }
            State::Landed(landing) => Poll::Ready(landing.clone()),
        }
    }
}

/// Every flight of a platform.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    under: Mutex<Table>,
    apart: bool,
}

#[derive(Debug, Default)]
struct Table {
    flights: HashMap<(TenantId, String), Arc<Flight>>,
    followers: u64,
    landed: u64,
}

/// A place in a flight.
#[derive(Debug)]
pub(crate) enum Seat {
    /// This one computes.
    Leader(Leader),
    /// This one waits.
    Follower(Follower),
}

/// Whoever computes; its end, whichever, is the flight's.
#[derive(Debug)]
pub(crate) struct Leader {
    flights: Arc<Flights>,
    key: (TenantId, String),
    flight: Arc<Flight>,
    landing: Landing,
}

/// Whoever waits.
#[derive(Debug)]
pub(crate) struct Follower {
    flight: Arc<Flight>,
    number: u64,
}

impl Flights {
    /// Flights that nobody joins.
    pub(crate) fn apart() -> Self {
        Self { apart: true, ..Self::default() }
    }

    /// Takes a place among the searches of `tenant` with `key`.
    pub(super) fn board(self: &Arc<Self>, tenant: &TenantId, key: &str) -> Seat {
        let mut table = self.lock();
        table.followers += 1;
        let number = table.followers;
        let own = if self.apart { format!("{key} {number}") } else { key.to_owned() };
        let key = (tenant.clone(), own);
        if let Some(flight) = table.flights.get(&key) {
            return Seat::Follower(Follower { flight: Arc::clone(flight), number });
        }
        let flight = Arc::new(Flight(Mutex::new(State::Under(HashMap::new()))));
        table.flights.insert(key.clone(), Arc::clone(&flight));
        Seat::Leader(Leader { flights: Arc::clone(self), key, flight, landing: Landing::Dropped })
    }

    /// How many have ended; where it has not changed between two looks, no equal search can have ended.
    pub(super) fn landed(&self) -> u64 {
        self.lock().landed
    }

    /// Flights under way.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().flights.len()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.under.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leader {
    /// Ends the flight with `landing`.
    pub(super) fn land(mut self, landing: Landing) {
        self.landing = landing;
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        // Out of the table first, so that nobody boards a flight that has landed.
        {
            let mut table = self.flights.lock();
            table.flights.remove(&self.key);
            table.landed += 1;
        }
        self.flight.land(std::mem::replace(&mut self.landing, Landing::Dropped));
    }
}

impl Follower {
    /// Waits for the end of the flight.
    pub(super) async fn landing(self) -> Landing {
        poll_fn(|context| self.flight.poll(self.number, context)).await
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        if let State::Under(wakers) = &mut *self.flight.lock() {
            wakers.remove(&self.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(id: &str) -> TenantId {
        TenantId::parse(id).unwrap()
    }

    fn follow(flights: &Arc<Flights>, id: &str) -> Option<Follower> {
        match flights.board(&tenant(id), "k") {
            Seat::Follower(follower) => Some(follower),
            Seat::Leader(_) => None,
        }
    }

    #[tokio::test]
    async fn wakes_every_follower_however_the_leader_ends() {
        for ends in [Some(Landing::Failed), None] {
            let flights = Arc::new(Flights::default());
            let Seat::Leader(leader) = flights.board(&tenant("one"), "k") else { panic!("the first one leads") };
            let followers: Vec<_> = (0..3).filter_map(|_| follow(&flights, "one")).collect();
            assert_eq!(followers.len(), 3);
            let waiting = tokio::spawn(futures_util::future::join_all(followers.into_iter().map(Follower::landing)));
            tokio::task::yield_now().await;
            let failed = ends.is_some();
            match ends {
                Some(landing) => leader.land(landing),
                None => drop(leader),
            }
            for landing in waiting.await.unwrap() {
                assert!(matches!((landing, failed), (Landing::Failed, true) | (Landing::Dropped, false)));
            }
            assert_eq!(flights.len(), 0);
        }
    }

    #[test]
    fn flies_with_nobody_of_another_tenant_or_key() {
        let flights = Arc::new(Flights::default());
        let leader = flights.board(&tenant("one"), "k");
        assert!(follow(&flights, "two").is_none());
        assert!(matches!(flights.board(&tenant("one"), "l"), Seat::Leader(_)));
        assert!(follow(&flights, "one").is_some());
        drop(leader);
        assert!(follow(&flights, "one").is_none(), "a flight that ended takes nobody");
    }

    #[test]
    fn lets_everybody_lead_where_nobody_may_join() {
        let flights = Arc::new(Flights::apart());
        let seats: Vec<Seat> = (0..3).map(|_| flights.board(&tenant("one"), "k")).collect();
        assert!(seats.iter().all(|seat| matches!(seat, Seat::Leader(_))));
        drop(seats);
        assert_eq!(flights.len(), 0);
    }

    #[test]
    fn forgets_followers_that_went_away() {
        let flights = Arc::new(Flights::default());
        let Seat::Leader(leader) = flights.board(&tenant("one"), "k") else { panic!("the first one leads") };
        let follower = follow(&flights, "one").unwrap();
        let mut context = Context::from_waker(Waker::noop());
        assert!(follower.flight.poll(follower.number, &mut context).is_pending());
        drop(follower);
        assert!(matches!(&*leader.flight.lock(), State::Under(wakers) if wakers.is_empty()));
    }
}
