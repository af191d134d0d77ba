//! Operations must say all that the generator, the edge and the suite rely on.

use std::collections::HashSet;

use serde_json::Value;

use super::{Finding, finding};
use crate::{
    Contract,
    model::{Operation, Scopes},
    pointer::join,
};

/// The capability words, the same in every tree, and `platform` for what belongs to none of them.
const WORDS: [&str; 9] = ["platform", "ingest", "retrieve", "answer", "search", "chat", "tools", "tts", "telemetry"];

pub(super) fn check(contract: &Contract, findings: &mut Vec<Finding>) {
    let mut ids = HashSet::new();
    for operation in &contract.operations {
        let at = join(&join("/paths", &operation.path), &operation.method.to_lowercase());
        let mut say = |message: String| findings.push(finding("openapi.yaml", &at, message));
        if !ids.insert(operation.id.clone()) || operation.id != crate::generate::naming::snake(&operation.id) {
            say(format!("`operationId` `{}` must be unique and snake_case", operation.id));
        }
        if !WORDS.contains(&operation.tag.as_str()) {
            say(format!("tag `{}` is no capability word; use one of {}", operation.tag, WORDS.join(", ")));
        }
        if !["open", "read", "write", "model"].contains(&operation.route_class.as_str()) {
            say(format!("`x-route-class` `{}` must be open, read, write or model", operation.route_class));
        }
        let values = |name: &str| contract.schemas.get(name).and_then(|schema| schema.get("enum")).cloned();
        let known = |list: Option<Value>, name: &str| {
            list.is_some_and(|list| list.as_array().is_some_and(|list| list.iter().any(|value| value == name)))
        };
        if let Some(feature) = &operation.feature
            && !known(values("Feature"), feature)
        {
            say(format!("`x-feature` `{feature}` is no value of Feature"));
        }
        let (Scopes::AllOf(names) | Scopes::AnyOf(names)) = &operation.scopes else {
            statuses(operation, &[406, 500], &mut say);
            continue;
        };
        for name in names.iter().filter(|name| !known(values("Scope"), name)) {
            say(format!("`x-scopes` names `{name}`, which is no value of Scope"));
        }
        statuses(operation, &[400, 401, 403, 406, 429, 500], &mut say);
        if operation.request.is_some() {
            statuses(operation, &[413, 415], &mut say);
        }
        if operation.feature.is_some() {
            statuses(operation, &[501], &mut say);
        }
        stream(contract, operation, &mut say);
    }
}

fn statuses(operation: &Operation, wanted: &[u16], say: &mut dyn FnMut(String)) {
    for status in wanted.iter().filter(|status| operation.response(**status).is_none()) {
        say(format!("`{}` must document status {status}: the edge can answer it", operation.id));
    }
    for response in &operation.responses {
        if !response.headers.iter().any(|header| header.name == "x-request-id" && header.required) {
            say(format!("`{}` {} must carry the header `x-request-id`", operation.id, response.status));
        }
    }
}

fn stream(contract: &Contract, operation: &Operation, say: &mut dyn FnMut(String)) {
    let streams = operation.responses.iter().flat_map(|r| &r.bodies).any(|body| body.media_type == "text/event-stream");
    let Some(description) = &operation.stream else {
        if streams {
            say(format!("`{}` answers text/event-stream and needs `x-sse`", operation.id));
        }
        return;
    };
    for (event, schema) in description.get("events").and_then(Value::as_object).into_iter().flatten() {
        if schema.as_str().is_none_or(|name| !contract.schemas.contains_key(name)) {
            say(format!("event `{event}` of `x-sse` must name a schema"));
        }
    }
}
