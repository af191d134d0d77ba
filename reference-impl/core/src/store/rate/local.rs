//! Request counts in memory, for the time that the store of a tenant's counts does not answer.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Admission, RouteClass, View, Window, buckets, decide};
use crate::ports::UnixMillis;
use crate::tenancy::{TenantContext, TenantId};

/// Requests by slot, by bucket.
type Buckets = BTreeMap<String, BTreeMap<i64, i64>>;

/// Counts of one process. They begin at nothing when a store stops answering, and a limit is as wide here as in the store.
/// What is older than a window is forgotten at the tenant's next request.
#[derive(Debug, Default)]
pub struct LocalCounts {
    tenants: Mutex<HashMap<TenantId, Buckets>>,
}

impl LocalCounts {
    /// Counts a request as [`super::admit`] does, or refuses it.
    pub fn admit(&self, tenant: &TenantContext, class: RouteClass, now: UnixMillis) -> Admission {
        let window = Window::of(tenant.settings().times.rate_window_ms, now);
        let named = buckets(tenant, class);
        let mut tenants = self.lock();
        let counts = tenants.entry(tenant.id().clone()).or_default();
        counts.retain(|_, slots| {
            slots.retain(|slot, _| (window.oldest..=window.slot).contains(slot));
            !slots.is_empty()
        });
        let used = |name: &str| counts.get(name).map_or(0, |slots| slots.values().sum::<i64>());
        let admitted = named.iter().all(|(name, limit)| used(name) < i64::from(*limit));
        if admitted {
            for (name, _) in &named {
                *counts.entry(name.clone()).or_default().entry(window.slot).or_default() += 1;
            }
        }
        let none = BTreeMap::new();
        let views = named.iter().map(|(name, limit)| View::of(counts.get(name).unwrap_or(&none), *limit, window));
        decide(views, admitted, now)
    }

    /// Forgets what was counted for one tenant.
    pub fn forget(&self, tenant: &TenantId) {
        self.lock().remove(tenant);
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, Buckets>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
