//! JavaScript's clocks. In production they stand still between input and output.

use std::sync::atomic::{AtomicI64, Ordering};

use reference_core::{
    ports::{Clock, UnixMillis},
    tenancy::TenantId,
};
use worker::{js_sys, wasm_bindgen::prelude::wasm_bindgen};

#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen)]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
}

/// `Date.now`, held where the machine's time steps back. Every tenant has the same time.
#[derive(Debug, Default)]
pub(crate) struct JsClock {
    latest: AtomicI64,
}

impl Clock for JsClock {
    fn now(&self, _tenant: &TenantId) -> UnixMillis {
        self.system()
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
