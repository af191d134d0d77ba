//! Places for calls at once. A tenant has fewer than there are, and those who wait come in turn, tenant by tenant.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use super::PolicySettings;
use crate::ports::Timer;
use crate::sabotage::{self, Sabotage};
use crate::tenancy::TenantId;

/// How often a call that nobody may wake looks whether it has got a place, in milliseconds: seldom enough to cost nothing beside
/// the call of a model that it waits for.
const LOOK_AGAIN_MS: u64 = 10;

/// Places that all tenants share in the flaw where one of them can take all.
const SHARED: usize = 1;

#[derive(Debug, Default)]
struct State {
    taken: usize,
    tenants: BTreeMap<TenantId, Tenant>,
    /// Tenants with calls that wait, next first.
    turns: VecDeque<TenantId>,
}

#[derive(Debug, Default)]
struct Tenant {
    taken: usize,
    waiting: VecDeque<Arc<Waiter>>,
}

#[derive(Debug, Default)]
struct Waiter(Mutex<Turn>);

#[derive(Debug, Default)]
struct Turn {
    given: bool,
    waker: Option<Waker>,
}

impl Waiter {
    fn lock(&self) -> MutexGuard<'_, Turn> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The places of one model.
#[derive(Debug)]
pub(super) struct Bulkhead {
    places: usize,
    of_tenant: usize,
    waiting_of_tenant: usize,
    state: Mutex<State>,
}

impl Bulkhead {
    pub(super) fn new(settings: &PolicySettings) -> Self {
        Self {
            places: settings.places,
            of_tenant: settings.places_of_tenant,
            waiting_of_tenant: settings.waiting_of_tenant,
            state: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Places in all, and those that one tenant may have.
    fn bounds(&self) -> (usize, usize) {
        if sabotage::on(Sabotage::PlacesTakenByOne) { (SHARED, SHARED) } else { (self.places, self.of_tenant) }
    }

    /// A place for a call of `tenant`, after the others of it that wait; `None` when too many do. With `look_again` a call that
    /// waits is woken by that timer alone, and not by the one that gives its place back.
    pub(super) async fn take(self: &Arc<Self>, tenant: &TenantId, look_again: Option<&dyn Timer>) -> Option<Place> {
        let waiter = {
            let (places, of_tenant) = self.bounds();
            let mut state = self.lock();
            let free = state.taken < places;
            let own = state.tenants.entry(tenant.clone()).or_default();
            if free && own.taken < of_tenant && own.waiting.is_empty() {
                own.taken += 1;
                state.taken += 1;
                return Some(self.place(tenant));
            }
            if own.waiting.len() >= self.waiting_of_tenant {
                return None;
            }
            let waiter = Arc::new(Waiter::default());
            own.waiting.push_back(Arc::clone(&waiter));
            if !state.turns.contains(tenant) {
                state.turns.push_back(tenant.clone());
            }
            waiter
        };
        let waiting = Waiting { bulkhead: self, tenant, waiter };
        if let Some(timer) = look_again {
            while !std::mem::take(&mut waiting.waiter.lock().given) {
                timer.sleep(LOOK_AGAIN_MS).await;
            }
            return Some(self.place(tenant));
        }
        poll_fn(|context| {
            let mut turn = waiting.waiter.lock();
            if turn.given {
                turn.given = false;
                return Poll::Ready(());
            }
            turn.waker = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
        Some(self.place(tenant))
    }

    fn place(self: &Arc<Self>, tenant: &TenantId) -> Place {
        Place { bulkhead: Arc::clone(self), tenant: tenant.clone() }
    }

    /// Gives a place back and free ones to those who wait.
    fn give_back(&self, tenant: &TenantId) {
        let wakers = {
            let mut state = self.lock();
            state.taken = state.taken.saturating_sub(1);
            if let Some(own) = state.tenants.get_mut(tenant) {
                own.taken = own.taken.saturating_sub(1);
            }
            let wakers = self.hand_out(&mut state);
            if state.tenants.get(tenant).is_some_and(|own| own.taken == 0 && own.waiting.is_empty()) {
                state.tenants.remove(tenant);
            }
            wakers
        };
        // Woken without the lock: a waker may poll at once.
        wakers.into_iter().for_each(Waker::wake);
    }

    fn hand_out(&self, state: &mut State) -> Vec<Waker> {
        let (places, of_tenant) = self.bounds();
        let mut wakers = Vec::new();
        let mut passed_over = 0;
        while state.taken < places && passed_over < state.turns.len() {
            let Some(id) = state.turns.pop_front() else { break };
            let Some(own) = state.tenants.get_mut(&id) else { continue };
            if own.taken >= of_tenant {
                passed_over += 1;
                state.turns.push_back(id);
                continue;
            }
            let Some(waiter) = own.waiting.pop_front() else { continue };
            own.taken += 1;
            if !own.waiting.is_empty() {
                state.turns.push_back(id);
            }
            state.taken += 1;
            passed_over = 0;
            let mut turn = waiter.lock();
            turn.given = true;
            wakers.extend(turn.waker.take());
        }
        wakers
    }
}

/// A call that waits; one that is given up leaves the queue, and gives back what it got meanwhile.
struct Waiting<'a> {
    bulkhead: &'a Arc<Bulkhead>,
    tenant: &'a TenantId,
    waiter: Arc<Waiter>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let unused = {
            let mut state = self.bulkhead.lock();
            if let Some(own) = state.tenants.get_mut(self.tenant) {
                own.waiting.retain(|waiter| !Arc::ptr_eq(waiter, &self.waiter));
            }
            self.waiter.lock().given
        };
        if unused {
            self.bulkhead.give_back(self.tenant);
        }
    }
}

/// A place, given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    bulkhead: Arc<Bulkhead>,
    tenant: TenantId,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.bulkhead.give_back(&self.tenant);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::task::{Context, Wake};

    use futures_util::FutureExt;

    use super::*;
    use crate::ports::BoxFuture;
    use crate::testkit::TestTimer;

    fn tenant(id: &str) -> TenantId {
        TenantId::parse(id).unwrap()
    }

    fn bulkhead(places: usize, places_of_tenant: usize, waiting_of_tenant: usize) -> Arc<Bulkhead> {
        let settings = PolicySettings { places, places_of_tenant, waiting_of_tenant, ..PolicySettings::default() };
        Arc::new(Bulkhead::new(&settings))
    }

    /// A call that has been polled once, and what it gave if it was ready.
    #[expect(clippy::option_option, reason = "whether it was ready, and whether it got a place")]
    fn ask<'a>(
        bulkhead: &'a Arc<Bulkhead>,
        tenant: &'a TenantId,
    ) -> (BoxFuture<'a, Option<Place>>, Option<Option<Place>>) {
        let mut call: BoxFuture<'a, Option<Place>> = Box::pin(bulkhead.take(tenant, None));
        let place = call.as_mut().now_or_never();
        (call, place)
    }

    #[test]
    fn leaves_places_to_other_tenants() {
        let (bulkhead, one, other) = (bulkhead(4, 3, 1), tenant("aurora-bikes"), tenant("meridian-lab"));
        let taken: Vec<_> = (0..3).map(|_| ask(&bulkhead, &one).1.unwrap().unwrap()).collect();
        let (waiting, none) = ask(&bulkhead, &one);
        assert!(none.is_none() && ask(&bulkhead, &one).1.unwrap().is_none(), "one waits, the next is turned away");
        assert!(ask(&bulkhead, &other).1.unwrap().is_some(), "the other is served at once");
        drop(taken);
        assert!(waiting.now_or_never().unwrap().is_some());
    }

    #[test]
    fn serves_those_who_wait_in_turn_by_tenant() {
        let (bulkhead, one, other) = (bulkhead(1, 1, 8), tenant("aurora-bikes"), tenant("meridian-lab"));
        let mut place = ask(&bulkhead, &one).1.unwrap();
        let mut calls: Vec<_> = [&one, &one, &other].into_iter().map(|id| Some(ask(&bulkhead, id).0)).collect();
        for expected in [0, 2, 1] {
            drop(place.take());
            place = calls[expected].take().unwrap().now_or_never().unwrap();
            assert!(place.is_some(), "{expected}");
            for call in calls.iter_mut().flatten() {
                assert!(call.as_mut().now_or_never().is_none());
            }
        }
        drop(place);
        let state = bulkhead.lock();
        assert_eq!((state.taken, state.tenants.len()), (0, 0));
    }

    /// A waker that counts how often it is called.
    #[derive(Default)]
    struct Calls(AtomicUsize);

    impl Wake for Calls {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn wakes_nobody_who_looks_again_by_a_timer() {
        for apart in [false, true] {
            let (bulkhead, one, timer) = (bulkhead(1, 1, 8), tenant("aurora-bikes"), TestTimer::default());
            let look_again = apart.then_some(&timer as &dyn Timer);
            let place = ask(&bulkhead, &one).1.unwrap();
            let mut call: BoxFuture<'_, Option<Place>> = Box::pin(bulkhead.take(&one, look_again));
            let calls = Arc::new(Calls::default());
            let waker = Waker::from(Arc::clone(&calls));
            let mut context = Context::from_waker(&waker);
            assert!(call.as_mut().poll(&mut context).is_pending());
            drop(place);
            assert_eq!(calls.0.load(Relaxed), usize::from(!apart), "by the one that gives its place back");
            timer.pass(LOOK_AGAIN_MS);
            assert!(matches!(call.as_mut().poll(&mut context), Poll::Ready(Some(_))), "apart: {apart}");
        }
    }

    #[test]
    fn loses_no_place_by_calls_that_are_given_up() {
        let (bulkhead, one) = (bulkhead(1, 1, 8), tenant("aurora-bikes"));
        let place = ask(&bulkhead, &one).1.unwrap();
        let (early, late) = (ask(&bulkhead, &one).0, ask(&bulkhead, &one).0);
        drop(early);
        drop(place);
        drop(late);
        assert!(ask(&bulkhead, &one).1.unwrap().is_some());
        assert_eq!(bulkhead.lock().taken, 0);
    }
}
