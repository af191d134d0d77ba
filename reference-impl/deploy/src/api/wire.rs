//! Small pieces of requests and answers.

use serde_json::{Value, json};

use super::VersionShare;

/// The list at `entries` in `result`, or `result` itself.
pub(crate) fn list(result: &mut Value, entries: &str) -> Vec<Value> {
    let found = if entries.is_empty() { result.take() } else { result[entries].take() };
    match found {
        Value::Array(items) => items,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => Vec::new(),
    }
}

/// Body of a deployment that shares the traffic out.
pub(crate) fn deployment_body(shares: &[VersionShare], message: &str) -> Value {
    let versions: Vec<Value> =
        shares.iter().map(|share| json!({"version_id": share.version, "percentage": share.percentage})).collect();
    json!({"strategy": "percentage", "versions": versions, "annotations": {"workers/message": message}})
}
