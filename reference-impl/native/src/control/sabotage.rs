//! Flaws of the deployment, turned on and off; in a build with the feature `sabotage` alone.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use reference_core::sabotage::{self, Sabotage};
use serde_json::{Value, json};

use super::Control;
use super::reply::{Refusal, json_response};

pub(super) async fn list() -> Response {
    let switches: Vec<Value> = Sabotage::ALL
        .iter()
        .filter(|which| which.is_here())
        .map(|which| json!({"name": which.name(), "rule": which.rule(), "text": which.text()}))
        .collect();
    json_response(StatusCode::OK, &report(&switches))
}

pub(super) async fn set(State(control): State<Control>, Path(name): Path<String>) -> Result<Response, Refusal> {
    let which = Sabotage::ALL.iter().find(|which| which.is_here() && which.name() == name);
    let which = which.ok_or_else(|| Refusal::not_found("sabotage"))?;
    turn(&control, Some(*which)).await?;
    Ok(json_response(StatusCode::OK, &json!({"name": which.name(), "rule": which.rule(), "text": which.text()})))
}

pub(super) async fn clear(State(control): State<Control>) -> Result<Response, Refusal> {
    turn(&control, None).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Turns a flaw on, or all off, and forgets what is kept in memory under the one before.
async fn turn(control: &Control, which: Option<Sabotage>) -> Result<(), Refusal> {
    let _turn = control.turn.lock().await;
    sabotage::set(which);
    for settings in control.deployment.registry.all() {
        let tenant = control.tenant(settings.tenant.as_str())?;
        control.deployment.platform.forget(&tenant).await.map_err(|error| Refusal::failed(&error))?;
    }
    Ok(())
}

fn report(switches: &[Value]) -> Value {
    let mut body = json!({ "switches": switches });
    if let Some(on) = sabotage::current() {
        body["on"] = json!(on.name());
    }
    body
}
