//! JavaScript's clocks, moved forward for single tenants where a test asks for it. In production they stand still between
//! input and output.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock};

use reference_core::{
    ports::{Clock, UnixMillis},
    sabotage::{self, Sabotage},
    tenancy::TenantId,
};
use worker::{js_sys, wasm_bindgen::prelude::wasm_bindgen};

#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen)]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
}

/// `Date.now`, held where the machine's time steps back, plus an offset for each tenant.
#[derive(Debug, Default)]
pub(crate) struct JsClock {
    latest: AtomicI64,
    offsets: RwLock<HashMap<TenantId, i64>>,
}

#[cfg(feature = "control")]
impl JsClock {
    /// Moves the tenant's time forward by `ms` and returns how far it is ahead of the machine's then.
    pub(crate) fn advance(&self, tenant: &TenantId, ms: u64) -> i64 {
        let mut offsets = self.offsets.write().unwrap_or_else(PoisonError::into_inner);
        let offset = offsets.entry(tenant.clone()).or_default();
        *offset = offset.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX));
        *offset
    }

    /// Takes back every offset; the only way a tenant's time goes back. Returns how many there were.
    pub(crate) fn reset(&self) -> usize {
        let offsets = std::mem::take(&mut *self.offsets.write().unwrap_or_else(PoisonError::into_inner));
        offsets.values().filter(|offset| **offset != 0).count()
    }

    /// Takes back one tenant's offset, for a tenant that is gone.
    pub(crate) fn forget(&self, tenant: &TenantId) {
        self.offsets.write().unwrap_or_else(PoisonError::into_inner).remove(tenant);
    }
}

impl JsClock {
    /// How far the tenant's time is ahead of the machine's, in milliseconds.
    pub(crate) fn offset(&self, tenant: &TenantId) -> i64 {
        let offsets = self.offsets.read().unwrap_or_else(PoisonError::into_inner);
        if sabotage::on(Sabotage::WorkerClockShared) {
            return offsets.values().copied().max().unwrap_or_default();
        }
        offsets.get(tenant).copied().unwrap_or_default()
    }
}

impl Clock for JsClock {
    fn now(&self, tenant: &TenantId) -> UnixMillis {
        self.system().saturating_add(self.offset(tenant))
    }

    fn system(&self) -> UnixMillis {
        #[expect(clippy::cast_possible_truncation, reason = "a whole number of milliseconds, far below 2^53")]
        let now = js_sys::Date::now() as i64;
        self.latest.fetch_max(now, Ordering::Relaxed).max(now)
    }

    fn monotonic_us(&self) -> u64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts up from 0")]
        let microseconds = (performance_now() * 1000.0) as u64;
        microseconds
    }
}
