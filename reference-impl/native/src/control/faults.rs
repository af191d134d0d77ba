//! Faults of the ports.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use reference_core::tenancy::TenantId;
use serde_json::json;

use super::Control;
use super::reply::{Refusal, json_response, parse};
use crate::faults::{FaultSpec, Port};

pub(super) async fn list(State(control): State<Control>) -> Response {
    json_response(StatusCode::OK, &json!({ "faults": control.faults.list() }))
}

pub(super) async fn set(
    State(control): State<Control>,
    Path(port): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let port = Port::parse(&port).ok_or_else(|| Refusal::not_found("port"))?;
    let spec: FaultSpec = parse(&body)?;
    if let Some((pointer, expected)) = spec.out_of_bounds() {
        return Err(Refusal::invalid(Some(pointer), expected));
    }
    if spec.tenant.as_ref().is_some_and(|tenant| TenantId::parse(tenant).is_err()) {
        return Err(Refusal::invalid(Some("/tenant"), "expected a tenant id"));
    }
    Ok(json_response(StatusCode::OK, &control.faults.set(port, spec)))
}

pub(super) async fn clear(State(control): State<Control>, Path(port): Path<String>) -> Result<Response, Refusal> {
    let port = Port::parse(&port).ok_or_else(|| Refusal::not_found("port"))?;
    control.faults.clear(port);
    Ok(StatusCode::NO_CONTENT.into_response())
}
