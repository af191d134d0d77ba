//! From a case of somebody else's document to a request: samples in the path, required headers, and the caller's own.

use bytes::Bytes;
use contracts::{
    Contract,
    catalogue::{Case, Payload, sample},
    model::{Location, Operation},
};
use harness::client::{Request, percent_encode};
use serde_json::Value;

/// The request of `case`, with the headers that go with every request.
pub(super) fn of(contract: &Contract, operation: &Operation, case: &Case, own: &[(String, String)]) -> Request {
    let method = case.method.clone().unwrap_or_else(|| operation.method.clone());
    let body = match &case.payload {
        Payload::None => None,
        Payload::Raw { hex } => Some(Bytes::from(hex::decode(hex).unwrap_or_default())),
        Payload::Json { .. } | Payload::Filled { .. } | Payload::Repeated { .. } => {
            Some(Bytes::from(case.payload.json().unwrap_or_default().to_string()))
        }
    };
    let mut headers: Vec<(String, String)> = Vec::new();
    let required = operation.parameters.iter().filter(|it| it.required && it.location == Location::Header);
    for parameter in required {
        headers.push((parameter.name.to_ascii_lowercase(), text(&sample(contract, &parameter.schema))));
    }
    if body.is_some() {
        let kind = operation.request.as_ref().map_or("application/json", |body| body.media_type.as_str());
        headers.push(("content-type".to_owned(), kind.to_owned()));
    }
    for (name, value) in case.headers.iter().chain(own) {
        headers.retain(|(known, _)| known != name);
        if !value.is_empty() {
            headers.push((name.clone(), value.clone()));
        }
    }
    Request { method, target: path(contract, operation, case), headers, body }
}

/// Path and query.
fn path(contract: &Contract, operation: &Operation, case: &Case) -> String {
    let mut path = operation.path.clone();
    for parameter in operation.parameters.iter().filter(|parameter| parameter.location == Location::Path) {
        let value = percent_encode(&text(&sample(contract, &parameter.schema)));
        path = path.replace(&format!("{{{}}}", parameter.name), if value.is_empty() { "a" } else { &value });
    }
    let pairs = case.query.iter();
    let pairs: Vec<String> =
        pairs.map(|(name, value)| format!("{}={}", percent_encode(name), percent_encode(value))).collect();
    if pairs.is_empty() { path } else { format!("{path}?{}", pairs.join("&")) }
}

/// A value as it stands in a path or a header.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
