//! The reference deployment as a Cloudflare Worker: adapters over Durable Objects and JavaScript's clocks, timers and
//! randomness, and the fetch entry. Every rule and every route comes from `reference-core` and `reference-http`.
//!
//! Off the Worker's target this crate is empty, so that a build of the workspace on a host needs nothing of it.
#![cfg(target_arch = "wasm32")]

mod clock;
mod config;
mod deployment;
mod docs;
mod ids;
mod store;
mod tasks;
mod telemetry;

use std::sync::OnceLock;

use axum::{
    Router,
    http::{HeaderMap, HeaderValue, header::AUTHORIZATION},
};
use tower::Service;
use worker::{Context, Env, HttpRequest, event};

/// The service of this isolate. No request owns it; what belongs to a request is made anew for each call of a port.
static SERVICE: OnceLock<Router> = OnceLock::new();

/// Answers every request.
#[event(fetch)]
async fn fetch(
    mut request: HttpRequest,
    env: Env,
    _context: Context,
) -> worker::Result<axum::http::Response<axum::body::Body>> {
    let mut service = if let Some(service) = SERVICE.get() {
        service.clone()
    } else {
        let assembled = deployment::assemble(&env)?;
        SERVICE.get_or_init(|| assembled).clone()
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
