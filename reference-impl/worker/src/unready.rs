//! What a Worker answers that cannot serve, since a binding or its configuration is missing or wrong: the contract's error. Why it is so
//! stands on the console alone.

use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use contract_types::{ErrorBody, ErrorCode, ErrorInfo};
use reference_core::{ids::RequestId, ports::Clock as _};
use serde_json::json;

use crate::{clock::JsClock, ids::JsIds};

const REQUEST_ID: &str = "x-request-id";

pub(crate) fn answer(request: &Request<Body>, cause: &worker::Error) -> worker::Result<Response<Body>> {
    let asked = request.headers().get(REQUEST_ID).and_then(|id| RequestId::parse(id.to_str().ok()?));
    let id = asked.unwrap_or_else(|| RequestId::random(JsClock::default().system(), &JsIds));
    worker::console_error!(
        "{}",
        json!({"request_id": id.as_str(), "cause": format!("this Worker cannot serve: {cause}")})
    );
    let message = "something that this needs is out of reach; try again".to_owned();
    let body = ErrorBody::new(ErrorInfo::new(ErrorCode::UpstreamUnavailable, message, id.as_str().into()));
    let response = Response::builder()
        .status(StatusCode::SERVICE_UNAVAILABLE)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CACHE_CONTROL, "no-store")
        .header(header::RETRY_AFTER, "1")
        .header(REQUEST_ID, id.as_str());
    Ok(response.body(Body::from(serde_json::to_vec(&body)?))?)
}
