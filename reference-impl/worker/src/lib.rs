//! The reference deployment as a Cloudflare Worker: adapters over Durable Objects and JavaScript's clocks, timers and
//! randomness, and the fetch entry. Every rule and every route comes from `reference-core` and `reference-http`.
//!
//! Off the Worker's target this crate is empty, so that a build of the workspace on a host needs nothing of it.
#![cfg(target_arch = "wasm32")]

mod clock;
mod config;
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
mod ids;
mod models;
mod store;
mod tasks;
mod telemetry;

use std::sync::{Arc, OnceLock};

use axum::{
    Router,
    http::{HeaderMap, HeaderValue, header::AUTHORIZATION},
};
use tower::Service;
use worker::{Context, Env, HttpRequest, event};

use deployment::Deployment;

/// The service of this isolate. No request owns it; what belongs to a request is made anew for each call of a port.
static SERVICE: OnceLock<Served> = OnceLock::new();

/// What this isolate answers with.
struct Served {
    router: Router,
    #[cfg(feature = "control")]
    control: Option<Router>,
}

impl Served {
    fn assemble(env: &Env) -> worker::Result<Self> {
        let deployment = Arc::new(Deployment::assemble(env)?);
        Ok(Self {
            router: deployment.router.clone(),
            #[cfg(feature = "control")]
            control: control::router(deployment).ok(),
        })
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
        let _ = env;
        self.router.clone()
    }
}

/// Answers every request.
#[event(fetch)]
async fn fetch(
    mut request: HttpRequest,
    env: Env,
    _context: Context,
) -> worker::Result<axum::http::Response<axum::body::Body>> {
    let mut service = if let Some(served) = SERVICE.get() {
        served.entry(&env)
    } else {
        let assembled = Served::assemble(&env)?;
        SERVICE.get_or_init(|| assembled).entry(&env)
    };
    separate(request.headers_mut());
    Ok(service.call(request).await?)
}

/// Undoes the host's joining of repeated `Authorization` headers, which are refused as such. No credential has a comma in it.
fn separate(headers: &mut HeaderMap) {
    let joined = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).filter(|value| value.contains(','));
    let Some(joined) = joined.map(str::to_owned) else { return };
    headers.remove(AUTHORIZATION);
    for value in joined.split(',').filter_map(|value| HeaderValue::from_str(value.trim()).ok()) {
        headers.append(AUTHORIZATION, value);
    }
}
