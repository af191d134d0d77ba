//! Keeps tests apart that would disturb each other: who needs a tenant alone, and who works beside others.
//!
//! A test begins when all tenants that it needs are free, and holds none while it waits. If it took them one by one, a test that
//! waits long for a busy tenant would keep everybody else from the idle ones. Who needs many tenants could then wait for ever, so
//! whoever has waited long keeps those that come later from what it needs.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

/// How long a test is passed over: well below the time that it may take in all.
const PATIENCE: Duration = Duration::from_secs(90);

/// The tenants of a run and who is at work in them.
#[derive(Debug)]
pub(super) struct Apart {
    state: Mutex<State>,
    /// Who has waited this long is not passed over any more.
    patience: Duration,
}

/// Tenants that a test has, alone or beside others, until this is dropped.
#[derive(Debug)]
#[must_use = "the tenants are free again when this is dropped"]
pub struct Guard {
    apart: Arc<Apart>,
    wanted: Vec<Want>,
}

#[derive(Debug, Default)]
struct State {
    rooms: BTreeMap<String, Room>,
    /// In the order in which they came. Who came first and can begin, begins, unless somebody before it has waited too long.
    waiting: Vec<Waiting>,
}

/// What everybody is in, also those who need no tenant. No tenant has this name.
const HOUSE: &str = "";

/// Who is at work in a tenant.
#[derive(Debug, Default)]
struct Room {
    beside: usize,
    alone: bool,
}

#[derive(Debug, Clone)]
struct Want {
    tenant: String,
    alone: bool,
}

#[derive(Debug)]
struct Waiting {
    wanted: Vec<Want>,
    since: Instant,
    begins: oneshot::Sender<Guard>,
}

impl Apart {
    /// Nobody is at work in any of `tenants`.
    pub(super) fn new(tenants: impl IntoIterator<Item = String>) -> Self {
        let rooms = tenants.into_iter().chain([HOUSE.to_owned()]).map(|tenant| (tenant, Room::default())).collect();
        Self { state: Mutex::new(State { rooms, waiting: Vec::new() }), patience: PATIENCE }
    }

    /// As a new one of the same tenants.
    pub(super) fn another(&self) -> Self {
        Self::new(self.lock().rooms.keys().filter(|tenant| *tenant != HOUSE).cloned())
    }

    /// Waits until nobody else is at work, in whichever tenant or in none.
    pub(super) async fn guard_all(self: &Arc<Self>) -> Guard {
        let house = Want { tenant: HOUSE.to_owned(), alone: true };
        self.wait(vec![house]).await
    }

    /// Waits until all of `tenants` that this knows can be had together, each alone where `alone` says so.
    pub(super) async fn guard<'a>(
        self: &Arc<Self>,
        tenants: impl IntoIterator<Item = &'a String>,
        alone: impl Fn(&str) -> bool,
    ) -> Guard {
        let mut wanted = vec![Want { tenant: HOUSE.to_owned(), alone: false }];
        wanted.extend(tenants.into_iter().map(|tenant| Want { tenant: tenant.clone(), alone: alone(tenant) }));
        self.wait(wanted).await
    }

    async fn wait(self: &Arc<Self>, mut wanted: Vec<Want>) -> Guard {
        let (begins, begun) = oneshot::channel();
        {
            let mut state = self.lock();
            wanted.retain(|want| state.rooms.contains_key(&want.tenant));
            state.waiting.push(Waiting { wanted, since: Instant::now(), begins });
        }
        self.admit();
        begun.await.expect("who waits stays in the list until its guard is sent")
    }

    /// Lets everybody begin who can.
    fn admit(self: &Arc<Self>) {
        let mut begun = Vec::new();
        {
            let mut state = self.lock();
            let State { rooms, waiting } = &mut *state;
            let mut kept = BTreeSet::new();
            for one in std::mem::take(waiting) {
                let free = |want: &Want| {
                    !kept.contains(&want.tenant) && rooms.get(&want.tenant).is_none_or(|room| room.admits(want.alone))
                };
                if !one.wanted.iter().all(free) {
                    if one.since.elapsed() >= self.patience && !one.begins.is_closed() {
                        kept.extend(one.wanted.iter().map(|want| want.tenant.clone()));
                    }
                    waiting.push(one);
                    continue;
                }
                for want in &one.wanted {
                    if let Some(room) = rooms.get_mut(&want.tenant) {
                        room.enter(want.alone);
                    }
                }
                begun.push((one.begins, Guard { apart: Arc::clone(self), wanted: one.wanted }));
            }
        }
        for (begins, guard) in begun {
            // Whoever no longer waits gives the guard back here, and the tenants are free again.
            drop(begins.send(guard));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        {
            let mut state = self.apart.lock();
            for want in &self.wanted {
                if let Some(room) = state.rooms.get_mut(&want.tenant) {
                    room.leave(want.alone);
                }
            }
        }
        self.apart.admit();
    }
}

impl Room {
    fn admits(&self, alone: bool) -> bool {
        !self.alone && (!alone || self.beside == 0)
    }

    fn enter(&mut self, alone: bool) {
        if alone { self.alone = true } else { self.beside += 1 }
    }

    fn leave(&mut self, alone: bool) {
        if alone { self.alone = false } else { self.beside -= 1 }
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn apart() -> Arc<Apart> {
        Arc::new(Apart::new(["a".to_owned(), "b".to_owned()]))
    }

    type Place = std::pin::Pin<Box<dyn Future<Output = Guard>>>;

    /// A place that is asked for once it is polled.
    fn ask(apart: &Arc<Apart>, tenants: &[&str], alone: bool) -> Place {
        let (apart, tenants) = (Arc::clone(apart), tenants.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>());
        Box::pin(async move { apart.guard(&tenants, |_| alone).await })
    }

    fn poll(place: &mut Place) -> Option<Guard> {
        match place.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(guard) => Some(guard),
            Poll::Pending => None,
        }
    }

    #[test]
    fn who_wants_a_tenant_alone_waits_for_everybody_else() {
        let apart = apart();
        let one = poll(&mut ask(&apart, &["a"], false)).expect("nobody is there");
        let other = poll(&mut ask(&apart, &["a", "b"], false)).expect("beside the first");
        let mut alone = ask(&apart, &["a"], true);
        assert!(poll(&mut alone).is_none());
        drop(one);
        assert!(poll(&mut alone).is_none());
        drop(other);
        let alone = poll(&mut alone).expect("all have left");
        assert!(poll(&mut ask(&apart, &["a"], false)).is_none());
        drop(alone);
    }

    #[test]
    fn who_waits_for_a_busy_tenant_keeps_nobody_from_an_idle_one() {
        let apart = apart();
        let _busy = poll(&mut ask(&apart, &["b"], true)).expect("nobody is there");
        let mut both = ask(&apart, &["a", "b"], true);
        assert!(poll(&mut both).is_none());
        assert!(poll(&mut ask(&apart, &["a"], true)).is_some());
    }

    #[test]
    fn who_came_first_begins_first() {
        let apart = apart();
        let busy = poll(&mut ask(&apart, &["a"], true)).expect("nobody is there");
        let (mut first, mut second) = (ask(&apart, &["a"], true), ask(&apart, &["a"], true));
        assert!(poll(&mut first).is_none());
        assert!(poll(&mut second).is_none());
        drop(busy);
        assert!(poll(&mut second).is_none());
        assert!(poll(&mut first).is_some());
    }

    #[test]
    fn who_has_waited_long_is_passed_over_no_more() {
        let apart = Arc::new(Apart { patience: Duration::ZERO, ..Apart::new(["a".to_owned(), "b".to_owned()]) });
        let busy = poll(&mut ask(&apart, &["a"], false)).expect("nobody is there");
        let mut both = ask(&apart, &["a", "b"], true);
        assert!(poll(&mut both).is_none());
        let mut later = ask(&apart, &["b"], false);
        assert!(poll(&mut later).is_none());
        drop(busy);
        let both = poll(&mut both).expect("everybody has left");
        assert!(poll(&mut later).is_none());
        drop(both);
        assert!(poll(&mut later).is_some());
    }

    #[test]
    fn who_wants_everything_waits_also_for_those_who_need_no_tenant() {
        let apart = apart();
        let none = poll(&mut ask(&apart, &[], false)).expect("nobody is there");
        let house = Arc::clone(&apart);
        let mut all: Place = Box::pin(async move { house.guard_all().await });
        assert!(poll(&mut all).is_none());
        drop(none);
        let all = poll(&mut all).expect("everybody has left");
        for mut later in [ask(&apart, &[], false), ask(&apart, &["a"], false)] {
            assert!(poll(&mut later).is_none());
        }
        drop(all);
        assert!(poll(&mut ask(&apart, &["a"], true)).is_some());
    }

    #[test]
    fn who_gives_up_leaves_the_tenant_free() {
        let apart = apart();
        let busy = poll(&mut ask(&apart, &["a"], true)).expect("nobody is there");
        let mut gone = ask(&apart, &["a"], true);
        assert!(poll(&mut gone).is_none());
        drop(gone);
        drop(busy);
        assert!(poll(&mut ask(&apart, &["a"], true)).is_some());
    }

    #[test]
    fn unknown_tenants_are_nobodys() {
        let apart = apart();
        let _one = poll(&mut ask(&apart, &["c"], true)).expect("not known");
        assert!(poll(&mut ask(&apart, &["c"], true)).is_some());
    }
}
