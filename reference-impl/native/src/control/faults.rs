//! Faults of the ports.

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use reference_core::tenancy::TenantId;
use reference_http::OPERATIONS;
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
    if let Some(operation) = &spec.operation {
        if port != Port::Handler {
            return Err(Refusal::invalid(Some("/operation"), "expected for the port `handler` alone"));
        }
        if !OPERATIONS.iter().any(|known| known.id == operation) {
            return Err(Refusal::invalid(Some("/operation"), "expected the id of an operation of the contract"));
        }
    }
    Ok(json_response(StatusCode::OK, &control.faults.set(port, spec)))
}

pub(super) async fn clear(
    State(control): State<Control>,
    Path(port): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let port = Port::parse(&port).ok_or_else(|| Refusal::not_found("port"))?;
    match query.as_deref().filter(|query| !query.is_empty()).map(|query| query.split_once('=')) {
        None => {
            control.faults.clear(port);
        }
        // The tenant itself may be gone by now.
        Some(Some(("tenant", id))) => {
            let tenant = TenantId::parse(id);
            let tenant = tenant.map_err(|_| Refusal::invalid(None, "expected a tenant id as `tenant`"))?;
            control.faults.clear_of(port, &tenant);
        }
        Some(_) => return Err(Refusal::invalid(None, "expected no parameter but `tenant`")),
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}
