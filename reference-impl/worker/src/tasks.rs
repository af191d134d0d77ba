//! Work beside requests, and waiting.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reference_core::ids::JobId;
use reference_core::ports::Timer;
use reference_core::ports::{Background, BoxFuture};
use reference_core::sabotage::{self, Sabotage};
use reference_core::tenancy::TenantContext;
use worker::{
    Delay, js_sys,
    send::SendFuture,
    wasm_bindgen::{JsValue, prelude::wasm_bindgen},
    wasm_bindgen_futures::future_to_promise,
};

use crate::store::ObjectDatabases;

#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen, module = "cloudflare:workers")]
extern "C" {
    /// `waitUntil` of the request that is being served. The port knows no request, and needs none this way.
    #[wasm_bindgen(catch, js_name = waitUntil)]
    fn wait_until(work: &js_sys::Promise) -> Result<(), JsValue>;
}

/// How often a job at work tells so, in milliseconds; a few times in what its tenant's object waits before it takes it for lost.
const AT_WORK_EVERY_MS: u64 = 5_000;

/// Pieces of work beside requests that are under way in this isolate.
static ALIVE: AtomicUsize = AtomicUsize::new(0);

/// Keeps the request's isolate alive until its work is done, or until the host's own limit; alarms of tenants' objects go beyond it.
pub(crate) struct WithAlarms(pub(crate) Arc<ObjectDatabases>);

impl Background for WithAlarms {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        WaitUntil.spawn(work);
    }

    fn wake_later<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, ()> {
        Box::pin(SendFuture::new(self.0.wake_later(tenant)))
    }

    fn watch<'a>(&'a self, tenant: &'a TenantContext, job: &'a JobId) -> BoxFuture<'a, ()> {
        Box::pin(SendFuture::new(async move {
            loop {
                self.0.at_work(tenant, job).await;
                JsTimer.sleep(AT_WORK_EVERY_MS).await;
            }
        }))
    }
}

/// The same without alarms.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct WaitUntil;

impl Background for WaitUntil {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        if sabotage::on(Sabotage::WorkerWorkDropped) {
            return;
        }
        Self::spawn_quietly(async move {
            let _counted = Counted::new();
            work.await;
        });
    }
}

impl WaitUntil {
    /// The same for what is no work of a tenant's, and is not counted among it.
    pub(crate) fn spawn_quietly(work: impl Future<Output = ()> + 'static) {
        let promise = future_to_promise(AssertUnwindSafe(async move {
            work.await;
            Ok(JsValue::UNDEFINED)
        }));
        if let Err(error) = wait_until(&promise) {
            // The work runs all the same as long as the isolate does; a job that is lost is found again in its store.
            worker::console_error!("background work is not waited for: {error:?}");
        }
    }
}

struct Counted;

impl Counted {
    fn new() -> Self {
        ALIVE.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

/// `setTimeout`.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct JsTimer;

impl Timer for JsTimer {
    fn sleep(&self, milliseconds: u64) -> BoxFuture<'static, ()> {
        if sabotage::on(Sabotage::WorkerTimerStands) {
            return Box::pin(futures_util::future::pending());
        }
        Box::pin(SendFuture::new(Delay::from(Duration::from_millis(milliseconds))))
    }
}

#[cfg(feature = "control")]
pub(crate) use control::{Turn, alive, delay, sleep};

#[cfg(feature = "control")]
mod control {
    //! What the control API asks of a host.

    use std::sync::atomic::{AtomicBool, Ordering};

    use reference_core::ports::{BoxFuture, Timer as _};

    use super::{ALIVE, JsTimer};

    /// How often one that waits for its turn looks again.
    const LOOK_AGAIN_MS: u64 = 5;

    /// Is ready after some milliseconds.
    pub(crate) fn sleep(milliseconds: u64) -> BoxFuture<'static, ()> {
        JsTimer.sleep(milliseconds)
    }

    /// As [`sleep`], in whole milliseconds, for `setTimeout` knows no others.
    pub(crate) async fn delay(milliseconds: f64) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the control API takes 0 to 600000"
        )]
        sleep(milliseconds.round() as u64).await;
    }

    /// Pieces of work that are under way in the isolate.
    pub(crate) fn alive() -> usize {
        ALIVE.load(Ordering::Relaxed)
    }

    /// Lets one at a time do something. Others look again and again: no request can be woken by another one.
    #[derive(Debug, Default)]
    pub(crate) struct Turn(AtomicBool);

    /// The turn, given back when dropped.
    pub(crate) struct Taken<'a>(&'a Turn);

    impl Turn {
        pub(crate) async fn lock(&self) -> Taken<'_> {
            while self.0.swap(true, Ordering::Acquire) {
                sleep(LOOK_AGAIN_MS).await;
            }
            Taken(self)
        }
    }

    impl Drop for Taken<'_> {
        fn drop(&mut self) {
            self.0.0.store(false, Ordering::Release);
        }
    }
}
