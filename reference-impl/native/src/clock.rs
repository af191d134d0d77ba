//! The machine's time, moved forward for single tenants where a test asks for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use reference_core::ports::{Clock, UnixMillis};
use reference_core::tenancy::TenantId;

/// System time plus an offset for each tenant. It stands still where the machine's time steps back.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
    latest: AtomicI64,
    offsets: RwLock<HashMap<TenantId, i64>>,
}

impl SystemClock {
    /// A clock without offsets.
    pub fn new() -> Self {
        Self { started: Instant::now(), latest: AtomicI64::new(0), offsets: RwLock::default() }
    }

    /// Moves the tenant's time forward by `ms` and returns how far it is ahead of the machine's then.
    pub fn advance(&self, tenant: &TenantId, ms: u64) -> i64 {
        let mut offsets = self.offsets.write().unwrap_or_else(PoisonError::into_inner);
        let offset = offsets.entry(tenant.clone()).or_default();
        *offset = offset.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX));
        *offset
    }

    /// How far the tenant's time is ahead of the machine's, in milliseconds.
    pub fn offset(&self, tenant: &TenantId) -> i64 {
        self.offsets.read().unwrap_or_else(PoisonError::into_inner).get(tenant).copied().unwrap_or_default()
    }

    /// Takes back every offset; the only way a tenant's time goes back. Returns how many there were.
    pub fn reset(&self) -> usize {
        let offsets = std::mem::take(&mut *self.offsets.write().unwrap_or_else(PoisonError::into_inner));
        offsets.values().filter(|offset| **offset != 0).count()
    }

    /// Takes back one tenant's offset, for a tenant that is gone.
    pub fn forget(&self, tenant: &TenantId) {
        self.offsets.write().unwrap_or_else(PoisonError::into_inner).remove(tenant);
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self, tenant: &TenantId) -> UnixMillis {
        self.system().saturating_add(self.offset(tenant))
    }

    fn system(&self) -> UnixMillis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        self.latest.fetch_max(now, Ordering::Relaxed).max(now)
    }

    fn monotonic_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_one_tenant_and_no_other() {
        let clock = SystemClock::new();
        let (moved, still) = (TenantId::parse("a").unwrap(), TenantId::parse("b").unwrap());
        assert_eq!(clock.advance(&moved, 86_400_000), 86_400_000);
        assert_eq!(clock.advance(&moved, 1), 86_400_001);
        let ahead = clock.now(&moved) - clock.now(&still);
        assert!((86_399_000..=86_400_001).contains(&ahead), "{ahead}");
        assert_eq!((clock.reset(), clock.reset(), clock.offset(&moved)), (1, 0, 0));
    }

    #[test]
    fn does_not_go_back_with_the_machine() {
        let clock = SystemClock::new();
        let future = clock.system() + 60_000;
        clock.latest.store(future, Ordering::Relaxed); // as if the machine's time had stepped back a minute
        assert_eq!(clock.system(), future);
        assert_eq!(clock.now(&TenantId::parse("a").unwrap()), future);
    }
}
