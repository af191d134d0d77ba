//! Tenants and their clocks.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use reference_core::ports::Clock;
use reference_core::tenancy::{RegistryError, TenantContext, TenantId, TenantSettings};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::reply::{Refusal, json_response, parse};
use super::{Control, digest};
use crate::config;
use crate::deployment;

pub(super) async fn list(State(control): State<Control>) -> Response {
    let tenants = control.deployment.registry.all();
    let ids: Vec<&str> = tenants.iter().map(|settings| settings.tenant.as_str()).collect();
    json_response(StatusCode::OK, &json!({ "tenants": ids }))
}

pub(super) async fn put(
    State(control): State<Control>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let _turn = control.turn.lock().await;
    let (deployment, value) = (&control.deployment, parse(&body)?);
    let models = deployment::models().with(&deployment.config.model_providers);
    let settings = config::from_value("the request", &id, value, &[], &deployment.config, &models);
    let settings = settings.map_err(|problems| {
        let first = problems.first();
        let more = match problems.len() {
            0 | 1 => String::new(),
            count => format!(" (and {} more)", count - 1),
        };
        let message = first.map_or("the configuration is refused", |problem| problem.expected.as_str());
        Refusal::invalid(first.map(|problem| problem.place.as_str()), format!("{message}{more}"))
    })?;
    let tenants = deployment.registry.all();
    if let Some(other) = tenants.iter().find(|other| config::too_like(&settings.tenant, &other.tenant)) {
        return Err(Refusal::conflict(format!("the id is too like `{}`", other.tenant)));
    }
    let (tenant, credentials) = (settings.tenant.clone(), settings.credentials.len());
    let before = deployment.registry.get(&tenant);
    deployment.registry.replace(settings).map_err(|error| match error {
        RegistryError::HostnameTaken { .. } => Refusal::invalid(Some("/hostnames"), error.to_string()),
        RegistryError::TenantExists { .. } | RegistryError::Invalid { .. } => Refusal::invalid(None, error.to_string()),
    })?;
    let created = before.is_none();
    let mut changes = control.changes();
    match before {
        Some(before) if !changes.created.contains(&tenant) => drop(changes.originals.entry(tenant).or_insert(before)),
        Some(_) => {}
        None => drop(changes.created.insert(tenant)),
    }
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok(json_response(status, &json!({"tenant": id, "created": created, "credentials": credentials})))
}

pub(super) async fn delete(State(control): State<Control>, Path(id): Path<String>) -> Result<Response, Refusal> {
    let _turn = control.turn.lock().await;
    let tenant = control.tenant(&id)?;
    let removed = remove(&control, &tenant).await?;
    let cached = control.deployment.platform.ports().key_value.counted(&tenant).await.entries;
    let verified = cached == 0 && !control.deployment.databases.holds(tenant.id());
    Ok(json_response(StatusCode::OK, &json!({"tenant": id, "removed": removed, "verified": verified})))
}

/// Takes the tenant out and empties every store of it; returns how many items each had.
pub(super) async fn remove(control: &Control, tenant: &TenantContext) -> Result<Map<String, Json>, Refusal> {
    let deployment = &control.deployment;
    // Nobody is served while it goes.
    let settings = deployment.registry.remove(tenant.id());
    let removed = emptied(control, tenant).await;
    match (settings, &removed) {
        (Some(settings), Ok(_)) => {
            let mut changes = control.changes();
            if !changes.created.remove(tenant.id()) {
                changes.originals.entry(tenant.id().clone()).or_insert(settings);
            }
        }
        // What is left can be asked for again by its name alone.
        (Some(settings), Err(_)) => drop(deployment.registry.replace(TenantSettings::clone(&settings))),
        (None, _) => {}
    }
    deployment.forget_counts(tenant.id()).await;
    deployment.clock.forget(tenant.id());
    removed
}

/// Empties every store of the tenant; returns how many items each had.
async fn emptied(control: &Control, tenant: &TenantContext) -> Result<Map<String, Json>, Refusal> {
    let deployment = &control.deployment;
    let mut removed = Map::new();
    if deployment.databases.holds(tenant.id()) {
        for (store, digest) in digest::stores(control, tenant).await? {
            removed.insert(store.to_owned(), json!(digest.items));
        }
    }
    let erased = deployment.platform.erase(tenant).await.map_err(|error| Refusal::failed(&error))?;
    removed.insert("cache".to_owned(), json!(erased.cache));
    if let Some(audio) = erased.audio {
        removed.insert("audio".to_owned(), json!(audio));
    }
    if let Some(vectors) = erased.vectors {
        removed.insert("vector_index".to_owned(), json!(vectors));
    }
    Ok(removed)
}

pub(super) async fn clock(State(control): State<Control>, Path(id): Path<String>) -> Result<Response, Refusal> {
    let tenant = control.tenant(&id)?;
    Ok(reading(&control, tenant.id()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_ms: u64,
}

/// Ten years.
const LONGEST_ADVANCE_MS: u64 = 315_360_000_000;

pub(super) async fn advance(
    State(control): State<Control>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let tenant = control.tenant(&id)?;
    let Advance { advance_ms } = parse(&body)?;
    if advance_ms > LONGEST_ADVANCE_MS {
        return Err(Refusal::invalid(Some("/advance_ms"), format!("expected at most {LONGEST_ADVANCE_MS}")));
    }
    // Whatever is due by it is found due when it is next looked at; nothing waits for a timer.
    control.deployment.clock.advance(tenant.id(), advance_ms);
    Ok(reading(&control, tenant.id()))
}

fn reading(control: &Control, tenant: &TenantId) -> Response {
    let clock = &control.deployment.clock;
    let now = Timestamp::from_millisecond(clock.now(tenant)).unwrap_or_default();
    let offset = clock.offset(tenant);
    json_response(StatusCode::OK, &json!({"tenant": tenant.as_str(), "offset_ms": offset, "now": format!("{now:.3}")}))
}
