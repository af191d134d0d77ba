//! What the stand-in was sent, and what is wrong with it at present.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;
use serde_json::Value;

use super::{Fault, Operation};

/// Requests that are remembered.
const KEPT: usize = 10_000;

/// A request that came.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Seen {
    operation: &'static str,
    model: String,
    /// Whether it came with the right key.
    authorized: bool,
    /// Whether it asked for an event stream.
    stream: bool,
    /// Trace id of its `traceparent`; empty without one.
    trace_id: String,
    /// Names of the tools that it offers.
    tools: Vec<String>,
    /// Who speaks in the last message of a conversation; empty elsewhere.
    last_role: String,
    /// Every text of its body, one after the other.
    text: String,
}

impl Seen {
    pub(super) fn of(operation: Operation, body: &Value, authorized: bool, traceparent: &str) -> Self {
        let mut text = String::new();
        gather(body, &mut text);
        let names = body["tools"].as_array().into_iter().flatten().map(|it| &it["function"]["name"]);
        let last = body["messages"].as_array().and_then(|messages| messages.last());
        Self {
            operation: operation.name(),
            model: body["model"].as_str().unwrap_or_default().to_owned(),
            authorized,
            stream: body["stream"] == true,
            trace_id: traceparent.split('-').nth(1).unwrap_or_default().to_owned(),
            tools: names.filter_map(|it| it.as_str().map(str::to_owned)).collect(),
            last_role: last.and_then(|it| it["role"].as_str()).unwrap_or_default().to_owned(),
            text,
        }
    }
}

/// Every text in `value`, in order.
fn gather(value: &Value, into: &mut String) {
    match value {
        Value::String(text) => {
            into.push_str(text);
            into.push('\n');
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, into)),
        Value::Object(fields) => fields.values().for_each(|field| gather(field, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Which requests are asked for.
#[derive(Debug, Default)]
pub(super) struct Query {
    holds: Option<String>,
    operation: Option<String>,
}

impl Query {
    /// Reads `holds` and `operation`.
    pub(super) fn of(url: &wiremock::http::Url) -> Self {
        let value = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        Self { holds: value("holds"), operation: value("operation") }
    }
}

/// Faults in force, and the requests so far.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) faults: BTreeMap<Operation, Fault>,
    seen: VecDeque<Seen>,
}

impl State {
    pub(super) fn remember(&mut self, seen: Seen) {
        if self.seen.len() == KEPT {
            self.seen.pop_front();
        }
        self.seen.push_back(seen);
    }

    /// The fault that strikes a call of `operation`, where `fits` takes it. One that counts its calls ends with its last.
    pub(super) fn strike(&mut self, operation: Operation, fits: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let fault = self.faults.get_mut(&operation).filter(|fault| fits(fault))?;
        let found = fault.clone();
        match &mut fault.calls {
            None => {}
            Some(0 | 1) => {
                self.faults.remove(&operation);
            }
            Some(left) => *left -= 1,
        }
        Some(found)
    }

    /// The requests that are asked for, oldest first.
    pub(super) fn found(&self, query: &Query) -> Vec<Seen> {
        let fits = |seen: &&Seen| {
            query.holds.as_ref().is_none_or(|text| seen.text.contains(text.as_str()))
                && query.operation.as_ref().is_none_or(|operation| seen.operation == operation)
        };
        self.seen.iter().filter(fits).cloned().collect()
    }
}
