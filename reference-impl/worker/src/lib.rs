//! The reference deployment as a Cloudflare Worker: adapters over Durable Objects and JavaScript's clocks, timers and
//! randomness, and the fetch entry. Every rule and every route comes from `reference-core` and `reference-http`.
//!
//! Off the Worker's target this crate is empty, so that a build of the workspace on a host needs nothing of it.
#![cfg(target_arch = "wasm32")]

mod clock;
mod cloud;
mod config;
#[cfg(feature = "sabotage")]
mod confused;
#[cfg(feature = "control")]
mod contract;
#[cfg(feature = "control")]
#[path = "../../native/src/control/mod.rs"]
#[expect(unreachable_pub, reason = "the native server, which has the same control API, is a library too")]
mod control;
#[cfg(feature = "control")]
#[path = "../../native/src/counters.rs"]
#[expect(unreachable_pub, reason = "the native server is a library too")]
mod counters;
mod deployment;
mod docs;
#[cfg(feature = "control")]
#[path = "../../native/src/faults/mod.rs"]
#[expect(unreachable_pub, reason = "the native server is a library too")]
mod faults;
mod fetch;
#[cfg(feature = "control")]
#[path = "../../native/src/host_contract.rs"]
mod host_contract;
mod ids;
mod models;
mod store;
mod tasks;
mod telemetry;
mod unready;
mod wire;
#[path = "../../native/src/models/word_piece.rs"]
#[expect(unreachable_pub, reason = "the native server, which has the same tokenizer, is a library too")]
mod word_piece;

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering},
};

use axum::{
    Router,
    http::{
        HeaderMap, HeaderName, HeaderValue,
        header::{AUTHORIZATION, HOST},
    },
};
use reference_core::ports::{Background as _, Clock as _, Timer as _};
use reference_core::sabotage::{self, Sabotage};
use reference_core::tenancy::TenantId;
use tower::Service;
use worker::{Context, Env, event, web_sys};

use deployment::Deployment;
use tasks::{JsTimer, WaitUntil};

/// The service of this isolate. No request owns it; what belongs to a request is made anew for each call of a port.
static SERVICE: OnceLock<Served> = OnceLock::new();

/// Time after which work that waits for a model is tried again, in microseconds.
const WAKE_EVERY_US: u64 = 2_000_000;

/// What this isolate answers with.
struct Served {
    router: Router,
    deployment: Arc<Deployment>,
    /// When waiting work was last tried again, in microseconds of the monotonic clock.
    woken_us: AtomicU64,
    #[cfg(feature = "control")]
    control: Option<Router>,
}

impl Served {
    fn assemble(env: &Env) -> worker::Result<Self> {
        let deployment = Arc::new(Deployment::assemble(env)?);
        Ok(Self {
            router: deployment.router.clone(),
            #[cfg(feature = "control")]
            control: control::router(Arc::clone(&deployment)).ok(),
            woken_us: AtomicU64::new(0),
            deployment,
        })
    }

    /// Tries work again that waits for a model, where it has waited long enough. No timer outlives a request here, so requests
    /// do it, of whatever tenant.
    fn wake(&self) {
        let now_us = self.deployment.clock.monotonic_us();
        if now_us.saturating_sub(self.woken_us.load(Ordering::Relaxed)) >= WAKE_EVERY_US {
            self.woken_us.store(now_us, Ordering::Relaxed);
            self.deployment.platform.wake();
        }
    }

    /// The router of the entry that was called: the module around this one names the control API's in the bindings that it
    /// hands over, which no request can do.
    fn entry(&self, env: &Env) -> Router {
        #[cfg(feature = "control")]
        if let Some(control) = &self.control
            && env.var("ENTRY").is_ok_and(|entry| entry.to_string() == "control")
        {
            return control.clone();
        }
        #[cfg(feature = "control")]
        if self.control.is_some() && env.var("ENTRY").is_ok_and(|entry| entry.to_string() == "contract") {
            return contract::router(env);
        }
        let _ = env;
        self.router.clone()
    }
}

/// The service of this isolate, assembled where it is not there yet.
fn served(env: &Env) -> worker::Result<&'static Served> {
    if let Some(served) = SERVICE.get() {
        return Ok(served);
    }
    let assembled = Served::assemble(env)?;
    Ok(SERVICE.get_or_init(|| assembled))
}

/// Runs the queued jobs of a tenant, as its object's alarm asks.
async fn run_jobs(env: &Env, tenant: &TenantId) -> worker::Result<()> {
    let served = served(env)?;
    // A tenant that is not configured any more has nobody to run jobs for.
    let Some(tenant) = served.deployment.authenticator.maintenance(tenant) else { return Ok(()) };
    let ran = served.deployment.platform.run_jobs(&tenant).await;
    served.deployment.platform.keep_metrics().await;
    ran.map(drop).map_err(|error| worker::Error::RustError(error.to_string()))
}

/// Answers every request.
#[event(fetch)]
async fn fetch(request: web_sys::Request, env: Env, _context: Context) -> worker::Result<web_sys::Response> {
    let mut request = wire::request(request)?;
    let mut service = if let Some(served) = SERVICE.get() {
        served.wake();
        served.entry(&env)
    } else {
        let served = match served(&env) {
            Ok(served) => served,
            Err(cause) => return wire::answer(unready::answer(&request, &cause)?).await,
        };
        warm();
        served.entry(&env)
    };
    separate(request.headers_mut());
    wire::answer(service.call(request).await?).await
}

/// Compiles patterns beside the first request of the isolate, piece by piece: compiled within a request they would take the time
/// that its deadline gives it.
fn warm() {
    WaitUntil.spawn(Box::pin(async {
        for piece in reference_core::warm::PIECES {
            JsTimer.sleep(0).await;
            piece();
        }
    }));
}

/// Fields whose repetition is refused as such, and whose values have no comma in them.
const SINGLE: [HeaderName; 2] = [AUTHORIZATION, HOST];

/// Undoes what the host does to header fields: it joins repeated ones, and keeps white space around values.
fn separate(headers: &mut HeaderMap) {
    for value in headers.values_mut() {
        let bytes = value.as_bytes();
        let trimmed = bytes.trim_ascii();
        if trimmed.len() != bytes.len()
            && let Ok(trimmed) = HeaderValue::from_bytes(trimmed)
        {
            *value = trimmed;
        }
    }
    if sabotage::on(Sabotage::WorkerFieldsJoined) {
        return;
    }
    for name in SINGLE {
        let joined = headers.get(&name).and_then(|value| value.to_str().ok()).filter(|value| value.contains(','));
        let Some(joined) = joined.map(str::to_owned) else { continue };
        headers.remove(&name);
        for value in joined.split(',').filter_map(|value| HeaderValue::from_str(value.trim()).ok()) {
            headers.append(&name, value);
        }
    }
}
