//! What core asks of the adapters of its ports, asked of this host's on the runtime itself. Reachable where the control API is on.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use reference_core::auth::{Authenticator, KeySet, TokenSettings};
use reference_core::ports::{Clock, Timer, contract};
use reference_core::tenancy::{Registry, TenantContext, TenantId, TenantSettings};
use std::sync::Arc;
use worker::{Env, send::SendFuture};

use crate::clock::JsClock;
use crate::cloud::{KvCache, R2Audio, Vectorize};
use crate::deployment::{AUDIO, CACHE, TENANTS, VECTORS};
use crate::host_contract;
use crate::ids::JsIds;
use crate::store::ObjectDatabases;
use crate::tasks::{JsTimer, WaitUntil};

/// Most bytes of audio of a tenant in these tests.
const BOUND: usize = 100_000;

/// Two tenants of these tests, unknown to the registry: no credential reaches them.
fn tenants(clock: &Arc<dyn Clock>) -> Option<(TenantContext, TenantContext)> {
    let ids = [TenantId::parse("contract-owner").ok()?, TenantId::parse("contract-stranger").ok()?];
    let settings = ids.clone().map(|id| TenantSettings::new(id, "port contract"));
    let registry = Arc::new(Registry::new(settings).ok()?);
    let tokens = TokenSettings::new("contract".to_owned(), "contract".to_owned());
    let authenticator = Authenticator::new(registry, Arc::clone(clock), tokens, KeySet::default(), false);
    Some((authenticator.maintenance(&ids[0])?, authenticator.maintenance(&ids[1])?))
}

/// One path for each port, `POST /databases`, `/key-values`, `/vectors` and `/audio`, and `/host` for clock, randomness, timer and work beside requests: 204 where the contract holds, 404 where the binding is
/// missing. A breach panics, so that the request fails and the console says which.
pub(crate) fn router(env: &Env) -> Router {
    let (one, two, three, four) = (env.clone(), env.clone(), env.clone(), env.clone());
    Router::new()
        .route("/databases", post(move || SendFuture::new(databases(one.clone()))))
        .route("/key-values", post(move || SendFuture::new(key_values(two.clone()))))
        .route("/vectors", post(move || SendFuture::new(vectors(three.clone()))))
        .route("/host", post(|| SendFuture::new(host())))
        .route("/audio", post(move || SendFuture::new(audio(four.clone()))))
}

async fn databases(env: Env) -> StatusCode {
    let clock: Arc<dyn Clock> = Arc::new(JsClock::default());
    let Some((owner, stranger)) = tenants(&clock) else { return StatusCode::NOT_FOUND };
    let Ok(namespace) = env.durable_object(TENANTS) else { return StatusCode::NOT_FOUND };
    let databases = ObjectDatabases::new(namespace);
    contract::assert_databases_isolate_tenants(&databases, &owner, &stranger).await;
    contract::assert_batches_are_atomic(&databases, &owner).await;
    StatusCode::NO_CONTENT
}

async fn key_values(env: Env) -> StatusCode {
    let clock: Arc<dyn Clock> = Arc::new(JsClock::default());
    let Some((owner, stranger)) = tenants(&clock) else { return StatusCode::NOT_FOUND };
    let Ok(namespace) = env.kv(CACHE) else { return StatusCode::NOT_FOUND };
    let later = clock.system() + 3_600_000;
    contract::assert_key_values_isolate_tenants(&KvCache::new(namespace, clock), &owner, &stranger, later).await;
    StatusCode::NO_CONTENT
}

async fn host() -> StatusCode {
    let (clock, timer) = (JsClock::default(), Arc::new(JsTimer) as Arc<dyn Timer>);
    let Ok(tenant) = TenantId::parse("contract-owner") else { return StatusCode::NOT_FOUND };
    host_contract::assert_clock_goes_forward(&clock, &tenant);
    host_contract::assert_ids_are_drawn(&JsIds);
    host_contract::assert_timer_waits(&*timer, &clock).await;
    host_contract::assert_background_runs(&WaitUntil, &timer).await;
    StatusCode::NO_CONTENT
}

async fn audio(env: Env) -> StatusCode {
    let clock: Arc<dyn Clock> = Arc::new(JsClock::default());
    let Some((owner, stranger)) = tenants(&clock) else { return StatusCode::NOT_FOUND };
    let Ok(bucket) = env.bucket(AUDIO) else { return StatusCode::NOT_FOUND };
    let later = clock.system() + 3_600_000;
    let store = R2Audio::new(bucket, clock).bounded(BOUND as u64);
    contract::assert_audio_isolates_tenants(&store, &owner, &stranger, later).await;
    contract::assert_audio_is_bounded(&store, &owner, &stranger, later, BOUND).await;
    StatusCode::NO_CONTENT
}

async fn vectors(env: Env) -> StatusCode {
    let clock: Arc<dyn Clock> = Arc::new(JsClock::default());
    let Some((owner, stranger)) = tenants(&clock) else { return StatusCode::NOT_FOUND };
    let Some(index) = Vectorize::new(&env, VECTORS) else { return StatusCode::NOT_FOUND };
    contract::assert_vectors_isolate_tenants(&index, &owner, &stranger, &*clock, &JsTimer).await;
    StatusCode::NO_CONTENT
}
