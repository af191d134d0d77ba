//! A clock that stands still until told.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::ports::{Clock, UnixMillis};
use crate::tenancy::TenantId;

/// Every tenant's clock starts at the same moment and is advanced alone. The monotonic clock ticks a microsecond a reading.
#[derive(Debug)]
pub struct ManualClock {
    start: UnixMillis,
    advanced: Mutex<BTreeMap<TenantId, i64>>,
    readings: AtomicU64,
}

impl ManualClock {
    /// 2026-01-01T00:00:00Z.
    pub const START: UnixMillis = 1_767_225_600_000;

    /// A clock that stands at `start`.
    pub fn at(start: UnixMillis) -> Self {
        Self { start, advanced: Mutex::default(), readings: AtomicU64::new(0) }
    }

    /// Moves one tenant's time forward by `ms`.
    pub fn advance(&self, tenant: &TenantId, ms: u32) {
        let mut advanced = self.advanced.lock().unwrap_or_else(PoisonError::into_inner);
        *advanced.entry(tenant.clone()).or_default() += i64::from(ms);
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::at(Self::START)
    }
}

impl Clock for ManualClock {
    fn now(&self, tenant: &TenantId) -> UnixMillis {
        let advanced = self.advanced.lock().unwrap_or_else(PoisonError::into_inner);
        self.start + advanced.get(tenant).copied().unwrap_or_default()
    }

    fn system(&self) -> UnixMillis {
        self.start
    }

    fn monotonic_us(&self) -> u64 {
        self.readings.fetch_add(1, Ordering::Relaxed)
    }
}
