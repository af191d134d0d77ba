//! What the service has done, and the way back to a clean start.

use std::collections::BTreeMap;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use reference_core::policy::{PolicyFigures, PolicyPort};
use reference_core::ports::{Databases, Statement, Value};
use reference_core::tenancy::{TenantContext, TenantId};
use reference_core::tools::ToolCounts;
use serde_json::json;

use super::reply::{Refusal, json_response};
use super::{Control, tenants};
use crate::faults::{Port, PortCounters};
use crate::tasks;

pub(super) async fn get(State(control): State<Control>, RawQuery(query): RawQuery) -> Result<Response, Refusal> {
    let tenant = match query.as_deref().unwrap_or_default().split_once('=') {
        None if query.as_deref().unwrap_or_default().is_empty() => None,
        Some(("tenant", id)) => Some(control.tenant(id)?),
        None | Some(_) => return Err(Refusal::invalid(None, "expected no parameter but `tenant`")),
    };
    let ports: BTreeMap<&str, PortCounters> = {
        let counted = control.faults.counters(tenant.as_ref().map(TenantContext::id));
        let of = |port: Port| {
            let counters = counted.get(&port).cloned().unwrap_or_else(|| PortCounters::new(0, 0));
            let Some(models) = policy_port(port) else { return counters };
            let PolicyFigures { retries, breaker } = control.deployment.policies.figures(models, tenant.as_ref());
            PortCounters { retries, breaker: breaker.as_str(), ..counters }
        };
        Port::ALL.into_iter().map(|port| (port.as_str(), of(port))).collect()
    };
    let id = tenant.as_ref().map(TenantContext::id);
    let counts = control.counters.read(id.map(TenantId::as_str));
    let jobs = jobs(&control, id).await?;
    let of = |id: &TenantId| control.deployment.platform.tool_counts(id);
    let tools = match id {
        Some(id) => of(id),
        None => control.deployment.registry.all().iter().fold(ToolCounts::default(), |sum, settings| {
            let counts = of(&settings.tenant);
            ToolCounts { runs: sum.runs + counts.runs, writes: sum.writes + counts.writes }
        }),
    };
    // What this host does not have it has not done: it opens no connections.
    let mut body = json!({
        "ports": ports,
        "requests": counts.requests,
        "handlers": counts.handlers,
        "tool_runs": tools.runs,
        "tool_writes": tools.writes,
        "jwks_fetches": 0,
        "egress": 0,
        "open_streams": control.deployment.streams.open(id),
        "waiting_jobs": jobs.waiting,
        "running_jobs": jobs.running,
    });
    body["tasks"] = json!(tasks::alive());
    let speech = control.deployment.platform.speech();
    if speech.works().is_some() {
        body["speech_calls"] = json!(speech.calls(id));
    }
    if let Some(id) = id {
        body["tenant"] = json!(id.as_str());
    }
    Ok(json_response(StatusCode::OK, &body))
}

/// The models whose policies stand before a port.
fn policy_port(port: Port) -> Option<PolicyPort> {
    match port {
        Port::Embedding => Some(PolicyPort::Embedding),
        Port::Generator => Some(PolicyPort::Generation),
        Port::Reranker => Some(PolicyPort::Rerank),
        Port::Database | Port::Cache | Port::RateStore | Port::Handler => None,
    }
}

#[derive(Default)]
struct Jobs {
    waiting: i64,
    running: i64,
}

async fn jobs(control: &Control, only: Option<&TenantId>) -> Result<Jobs, Refusal> {
    const COUNT: &str =
        "SELECT count(*) FILTER (WHERE status = 'queued'), count(*) FILTER (WHERE status = 'running') FROM jobs";
    let mut jobs = Jobs::default();
    for settings in control.deployment.registry.all() {
        let id = &settings.tenant;
        if only.is_some_and(|only| only != id) || !control.deployment.databases.holds(id) {
            continue;
        }
        let tenant = match control.tenant(id.as_str()) {
            Ok(tenant) => tenant,
            // It was removed since it was listed, and its jobs with it.
            Err(_) if only.is_none() => continue,
            Err(refusal) => return Err(refusal),
        };
        let rows = run(control, &tenant, COUNT).await?;
        if let Some([Value::Integer(waiting), Value::Integer(running)]) = rows.first().map(Vec::as_slice) {
            jobs.waiting += waiting;
            jobs.running += running;
        }
    }
    Ok(jobs)
}

async fn run(control: &Control, tenant: &TenantContext, sql: &'static str) -> Result<Vec<Vec<Value>>, Refusal> {
    let database = control.deployment.databases.open(tenant).await.map_err(|error| Refusal::failed(&error))?;
    let answers = database.batch(vec![Statement::new(sql, Vec::new())]).await;
    Ok(answers.map_err(|error| Refusal::failed(&error))?.pop().unwrap_or_default())
}

pub(super) async fn reset(control: &Control) -> Result<Response, Refusal> {
    let _turn = control.turn.lock().await;
    let deployment = &control.deployment;
    let faults_cleared = control.faults.reset(); // first, so that the stores below can be reached
    deployment.clear_counts().await;
    let clocks_reset = deployment.clock.reset();
    let created: Vec<TenantId> = control.changes().created.iter().cloned().collect();
    for id in &created {
        let tenant = control.tenant(id.as_str())?;
        tenants::remove(control, &tenant).await?;
    }
    let originals = std::mem::take(&mut control.changes().originals);
    for settings in originals.values() {
        let restored = deployment.registry.replace(settings.as_ref().clone());
        restored.map_err(|error| Refusal::failed(&error))?;
    }
    for settings in deployment.registry.all() {
        if deployment.databases.holds(&settings.tenant) {
            run(control, &control.tenant(settings.tenant.as_str())?, "DELETE FROM request_counts").await?;
        }
    }
    control.faults.reset(); // the counts that this itself caused
    control.counters.reset();
    deployment.platform.speech().reset();
    deployment.policies.reset();
    deployment.platform.reset_tool_counts();
    let body = json!({
        "faults_cleared": faults_cleared,
        "tenants_deleted": created.iter().map(TenantId::as_str).collect::<Vec<_>>(),
        "tenants_restored": originals.keys().map(TenantId::as_str).collect::<Vec<_>>(),
        "clocks_reset": clocks_reset,
    });
    Ok(json_response(StatusCode::OK, &body))
}
