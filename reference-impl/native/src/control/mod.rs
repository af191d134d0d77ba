//! The test-only control API of `contracts/control.yaml`: a second listener, on loopback alone.

mod counters;
mod digest;
mod faults;
mod reply;
#[cfg(feature = "sabotage")]
mod sabotage;
mod tenants;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post, put};
use reference_core::tenancy::{TenantContext, TenantId, TenantSettings};

use crate::counters::Counters;
use crate::deployment::Deployment;
use crate::faults::Faults;
use crate::tasks::Turn;
use reply::Refusal;

/// What the control API works on, and what it has changed.
#[derive(Clone)]
struct Control {
    deployment: Arc<Deployment>,
    faults: Arc<Faults>,
    counters: Arc<Counters>,
    changes: Arc<Mutex<Changes>>,
    /// One change of tenants at a time.
    turn: Arc<Turn>,
}

/// What a reset takes back.
#[derive(Default)]
struct Changes {
    created: BTreeSet<TenantId>,
    /// Settings as they were at the start, of tenants that were replaced or deleted.
    originals: BTreeMap<TenantId, Arc<TenantSettings>>,
}

impl Control {
    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tenant of this id, for work on its stores.
    fn tenant(&self, id: &str) -> Result<TenantContext, Refusal> {
        let id = TenantId::parse(id).ok();
        id.and_then(|id| self.deployment.authenticator.maintenance(&id)).ok_or_else(|| Refusal::not_found("tenant"))
    }
}

/// The control API over `deployment`.
///
/// # Errors
///
/// When the deployment was assembled without test tools.
pub fn router(deployment: Arc<Deployment>) -> anyhow::Result<Router> {
    let tools = deployment.test_tools.as_ref();
    let tools = tools.ok_or_else(|| anyhow::anyhow!("the deployment was assembled without test tools"))?;
    let (faults, counters) = (Arc::clone(&tools.faults), Arc::clone(&tools.counters));
    let control = Control { deployment, faults, counters, changes: Arc::default(), turn: Arc::default() };
    let routes = Router::new();
    #[cfg(feature = "sabotage")]
    let routes = routes
        .route("/sabotage", get(sabotage::list).delete(sabotage::clear))
        .route("/sabotage/{name}", put(sabotage::set));
    Ok(routes
        .route("/tenants", get(tenants::list))
        .route("/tenants/{tenant}", put(tenants::put).delete(tenants::delete))
        .route("/tenants/{tenant}/clock", get(tenants::clock).post(tenants::advance))
        .route("/tenants/{tenant}/digest", get(digest::get))
        .route("/faults", get(faults::list))
        .route("/faults/{port}", put(faults::set).delete(faults::clear))
        .route("/counters", get(counters::get))
        .route("/reset", post(reset))
        .fallback(|| async { Refusal::not_found("path") })
        .with_state(control)
        .layer(from_fn(local_only)))
}

async fn reset(State(control): State<Control>) -> Result<Response, Refusal> {
    counters::reset(&control).await
}

/// Web pages reach loopback too, under a name of their own or from their own origin: neither is let in.
async fn local_only(request: Request, next: Next) -> Result<Response, Refusal> {
    let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if !["127.0.0.1", "localhost", "[::1]"].contains(&name) || request.headers().contains_key(header::ORIGIN) {
        return Err(Refusal::invalid(None, "send `host` as a loopback address, and no `origin`"));
    }
    Ok(next.run(request).await)
}
