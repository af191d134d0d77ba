//! What the answer cache did for each tenant, counted since start.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::tenancy::TenantId;

/// Searches of one tenant by what the answer cache did for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheFigures {
    /// Answered from an entry.
    pub hits: u64,
    /// Looked for and not found.
    pub misses: u64,
    /// Not looked for, because the request said `bypass`.
    pub bypassed: u64,
    /// Written without a look, because the request said `refresh`.
    pub refreshed: u64,
    /// Of the hits and misses, those that waited for an equal search at the same time and took its answer.
    pub joined: u64,
    /// Looked for while the cache was out of reach.
    pub failures: u64,
    /// Answers that were stored.
    pub stored: u64,
}

/// Counters of every tenant.
#[derive(Debug, Default)]
pub(crate) struct CacheCounters(Mutex<HashMap<TenantId, CacheFigures>>);

impl CacheCounters {
    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, CacheFigures>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the figures of one tenant.
    pub(super) fn count(&self, tenant: &TenantId, change: impl FnOnce(&mut CacheFigures)) {
        let mut all = self.lock();
        match all.get_mut(tenant) {
            Some(figures) => change(figures),
            None => change(all.entry(tenant.clone()).or_default()),
        }
    }

    /// The figures of one tenant.
    pub(crate) fn of(&self, tenant: &TenantId) -> CacheFigures {
        self.lock().get(tenant).copied().unwrap_or_default()
    }

    /// Forgets a tenant that is gone.
    pub(crate) fn forget(&self, tenant: &TenantId) {
        self.lock().remove(tenant);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_each_tenant_by_itself() {
        let counters = CacheCounters::default();
        let (one, two) = (TenantId::parse("one").unwrap(), TenantId::parse("two").unwrap());
        counters.count(&one, |figures| figures.hits += 1);
        counters.count(&one, |figures| figures.misses += 3);
        let one_alone = CacheFigures { hits: 1, misses: 3, ..CacheFigures::default() };
        assert_eq!((counters.of(&one), counters.of(&two)), (one_alone, CacheFigures::default()));
        counters.forget(&one);
        assert_eq!(counters.of(&one), CacheFigures::default());
    }
}
