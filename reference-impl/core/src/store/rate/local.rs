//! Request counts in memory: of one tenant, and of all for the time that the store of their counts does not answer.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Admission, RouteClass, View, Window, buckets, decide};
use crate::ports::UnixMillis;
use crate::tenancy::{TenantContext, TenantId};

/// Counts of one tenant: requests by slot, by bucket.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) buckets: BTreeMap<String, BTreeMap<i64, i64>>,
    /// The oldest and the present slot when what no longer counts was last taken out.
    pub(super) swept: Option<(i64, i64)>,
}

/// What became of a request.
pub(super) struct Counted {
    pub(super) admission: Admission,
    /// Where it was counted; `None` where it was refused.
    pub(super) added: Option<([String; 3], i64)>,
}

impl Counts {
    /// Counts a request as [`super::admit`] does, or refuses it.
    pub(super) fn admit(&mut self, tenant: &TenantContext, class: RouteClass, now: UnixMillis) -> Counted {
        let window = Window::of(tenant.settings().times.rate_window_ms, now);
        let named = buckets(tenant, class);
        self.sweep(window);
        let used = |name: &str| self.buckets.get(name).map_or(0, |slots| slots.values().sum::<i64>());
        let admitted = named.iter().all(|(name, limit)| used(name) < i64::from(*limit));
        if admitted {
            for (name, _) in &named {
                match self.buckets.get_mut(name) {
                    Some(slots) => *slots.entry(window.slot).or_default() += 1,
                    None => _ = self.buckets.insert(name.clone(), BTreeMap::from([(window.slot, 1)])),
                }
            }
        }
        let none = BTreeMap::new();
        let views = named.iter().map(|(name, limit)| View::of(self.buckets.get(name).unwrap_or(&none), *limit, window));
        let admission = decide(views, admitted, now);
        Counted { admission, added: admitted.then(|| (named.map(|(name, _)| name), window.slot)) }
    }

    /// Takes out what is older than the window, and what is ahead of the present, counted under another length of the window.
    fn sweep(&mut self, window: Window) {
        let bounds = (window.oldest, window.slot);
        if self.swept == Some(bounds) {
            return;
        }
        self.swept = Some(bounds);
        self.buckets.retain(|_, slots| {
            slots.retain(|slot, _| (window.oldest..=window.slot).contains(slot));
            !slots.is_empty()
        });
    }
}

/// Counts of one process. They begin at nothing when a store stops answering, and a limit is as wide here as in the store.
/// What is older than a window is forgotten at the tenant's next request.
#[derive(Debug, Default)]
pub struct LocalCounts {
    tenants: Mutex<HashMap<TenantId, Counts>>,
}

impl LocalCounts {
    /// Counts a request as [`super::admit`] does, or refuses it.
    pub fn admit(&self, tenant: &TenantContext, class: RouteClass, now: UnixMillis) -> Admission {
        self.lock().entry(tenant.id().clone()).or_default().admit(tenant, class, now).admission
    }

    /// Forgets what was counted for one tenant.
    pub fn forget(&self, tenant: &TenantId) {
        self.lock().remove(tenant);
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, Counts>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
