//! What a case must lead to on this target: the catalogue's word, with what the target declares taken into account.
//!
//! The contract's order of checks decides: what is refused for its size is refused before its schema is looked at, and what a
//! feature would be needed for is refused after both.

use contracts::{
    catalogue::{Case, Expect, Kind},
    model::Operation,
};
use harness::client::Exchange;
use serde_json::Value;

use crate::session::Facts;

/// What must come back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expected {
    /// A success.
    Success,
    /// Anything but a refusal of the request's form.
    Valid {
        /// Pointers of values that name what this target does not list: refusing them is no refusal of the form.
        names: Vec<&'static str>,
    },
    /// One of these refusals.
    Refusal(Vec<(u16, String)>),
    /// A refusal of a body as the Model Context Protocol has it, or the contract's own.
    Rpc,
}

/// What `case` must lead to. `body` is what it sends as JSON, `length` its bytes.
pub(crate) fn of(case: &Case, operation: &Operation, body: Option<&Value>, length: u64, facts: &Facts) -> Expected {
    let feature = operation.feature.as_deref().filter(|feature| !facts.has(feature));
    let before_size = matches!(case.kind, Kind::Method | Kind::Credential | Kind::Tenant | Kind::Scope);
    if !before_size && let Some(refusal) = too_large(operation, length, facts) {
        return refusal;
    }
    if let Expect::Error { status, code, .. } = &case.expect {
        if operation.id == "mcp"
            && *status == 400
            && case.place.as_deref().is_none_or(|place| place.starts_with("/body"))
        {
            return Expected::Rpc;
        }
        let mut refusals = vec![(*status, code.clone())];
        // A cursor or an id that is well formed can be found wrong only by the feature that made it.
        let looked_up = case.kind == Kind::MissingObject || case.place.as_deref() == Some("/query/cursor");
        if let Some(feature) = feature.filter(|_| looked_up) {
            refusals.push(not_enabled(feature));
        }
        return Expected::Refusal(refusals);
    }
    match of_values(operation, body.unwrap_or(&Value::Null), facts) {
        Expected::Valid { names } if case.expect == Expect::Success && names.is_empty() => Expected::Success,
        expected @ (Expected::Success | Expected::Valid { .. } | Expected::Refusal(_) | Expected::Rpc) => expected,
    }
}

/// What a body that is too large leads to, whatever it holds.
pub(crate) fn too_large(operation: &Operation, length: u64, facts: &Facts) -> Option<Expected> {
    let most = facts.limits.as_ref().map_or(u64::MAX, |limits| limits.body_bytes);
    let past = operation.request.is_some() && length > most;
    past.then(|| Expected::Refusal(vec![(413, "PAYLOAD_TOO_LARGE".to_owned())]))
}

/// What a body within the contract leads to: a refusal for what the target does not declare or allow, or anything but a refusal
/// of its form.
pub(crate) fn of_values(operation: &Operation, body: &Value, facts: &Facts) -> Expected {
    let mut refusals: Vec<(u16, String)> = past_limit(operation, body, facts).into_iter().collect();
    if refusals.is_empty() && contradicts_itself(operation, body) {
        refusals.push((400, "VALIDATION_ERROR".to_owned()));
    }
    let feature = operation.feature.as_deref().filter(|feature| !facts.has(feature));
    if let Some(feature) = feature.or_else(|| needed_by_values(operation, body).find(|feature| !facts.has(feature))) {
        // Whether a limit is looked at before or after the feature is the target's choice, and so it is with a name that it does not
        // list.
        if refusals.is_empty() && !unlisted(body, facts).is_empty() {
            refusals.push((400, "VALIDATION_ERROR".to_owned()));
        }
        refusals.push(not_enabled(feature));
    }
    if refusals.is_empty() { Expected::Valid { names: unlisted(body, facts) } } else { Expected::Refusal(refusals) }
}

/// The refusal of an operation or a value whose feature is not declared.
pub(crate) fn not_enabled(feature: &str) -> (u16, String) {
    let code = if feature == "tts" { "TTS_NOT_ENABLED" } else { "CAPABILITY_NOT_ENABLED" };
    (501, code.to_owned())
}

/// The refusal of a value that is within the contract and past a limit of the tenant.
fn past_limit(operation: &Operation, body: &Value, facts: &Facts) -> Option<(u16, String)> {
    let limits = facts.limits.as_ref()?;
    let chars =
        |value: &Value| value.as_str().map_or(0, |text| u64::try_from(text.chars().count()).unwrap_or(u64::MAX));
    let items = |value: &Value| value.as_array().map_or(0, |list| u64::try_from(list.len()).unwrap_or(u64::MAX));
    let past = match operation.id.as_str() {
        "ingest" => {
            items(&body["documents"]) > limits.documents_per_request
                || whole(&body["options"]["size"]).is_some_and(|size| size > limits.chunk_size_tokens_max)
        }
        "retrieve" | "search" => chars(&body["query"]) > limits.query_chars,
        "chat" => {
            let messages = body["messages"].as_array().into_iter().flatten();
            items(&body["messages"]) > limits.messages_per_chat
                || messages.map(|message| chars(&message["content"])).max() > Some(limits.message_chars)
        }
        "synthesize_speech" if chars(&body["text"]) > limits.tts_max_chars => {
            return Some((413, "PAYLOAD_TOO_LARGE".to_owned()));
        }
        _ => false,
    };
    past.then(|| (400, "VALIDATION_ERROR".to_owned()))
}

/// A number without a fraction, however it is spelled: JSON Schema counts `16.0` as an integer.
fn whole(value: &Value) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole, and within every bound of the contract"
    )]
    let spelled = |number: f64| (number.fract() == 0.0 && (0.0..1e15).contains(&number)).then_some(number as u64);
    value.as_u64().or_else(|| value.as_f64().and_then(spelled))
}

/// Values that each fit their schema and not each other: overlap and size, ids that repeat, a last message that is not the user's.
fn contradicts_itself(operation: &Operation, body: &Value) -> bool {
    match operation.id.as_str() {
        "ingest" => {
            let (size, overlap) = (whole(&body["options"]["size"]), whole(&body["options"]["overlap"]));
            let mut ids: Vec<&str> = body["documents"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|document| document["id"].as_str())
                .collect();
            let all = ids.len();
            ids.sort_unstable();
            ids.dedup();
            ids.len() < all || size.zip(overlap).is_some_and(|(size, overlap)| overlap >= size)
        }
        "chat" => {
            let last = body["messages"].as_array().and_then(|messages| messages.last());
            last.is_some_and(|message| message["role"] != "user")
        }
        _ => false,
    }
}

/// Features that single values of a request ask for.
fn needed_by_values(operation: &Operation, body: &Value) -> impl Iterator<Item = &'static str> {
    let is = |key: &str| body[key] == Value::Bool(true);
    let named = |key: &str| body.get(key).is_some();
    let needed = match operation.id.as_str() {
        "ingest" => vec![("async_ingest", is("async"))],
        "retrieve" => vec![("rerank", is("rerank"))],
        "search" => {
            vec![("search_streaming", is("stream")), ("sessions", named("session_id")), ("rerank", is("rerank"))]
        }
        "chat" => {
            let tools = body["tools"].as_array().is_some_and(|tools| !tools.is_empty());
            vec![("sessions", named("session_id")), ("tools", tools)]
        }
        _ => Vec::new(),
    };
    needed.into_iter().filter_map(|(feature, needed)| needed.then_some(feature))
}

/// Where the body names something that the target does not list.
fn unlisted(body: &Value, facts: &Facts) -> Vec<&'static str> {
    let listed =
        [("/model", "/models"), ("/mode", "/retrieval_modes"), ("/format", "/tts/formats"), ("/tool", "/tools")];
    let unlisted =
        listed.into_iter().filter(|(place, list)| body.pointer(place).is_some_and(|value| !facts.lists(list, value)));
    let mut names: Vec<&'static str> = unlisted.map(|(place, _)| place).collect();
    // A filter's schema takes any key, and the rules refuse one that looks like an operator.
    if body["filter"].as_object().is_some_and(|filter| filter.keys().any(|key| key.starts_with('$'))) {
        names.push("/filter");
    }
    // Where only one of the two is given it must suit the tenant's own choice of the other, which the capabilities do not tell.
    if body.pointer("/options/size").is_some() != body.pointer("/options/overlap").is_some() {
        names.push("/options");
    }
    // Whether signs alone have a sound is the provider's to say.
    if body["text"].as_str().is_some_and(|text| !text.contains(char::is_alphanumeric)) {
        names.push("/text");
    }
    // What these may hold is not told by the capabilities.
    names.extend(
        ["/voice", "/language", "/tools", "/arguments"].into_iter().filter(|place| body.pointer(place).is_some()),
    );
    names
}

impl Expected {
    /// Whether the request may have an effect.
    pub(crate) fn may_succeed(&self) -> bool {
        matches!(self, Self::Success | Self::Valid { .. })
    }

    /// What is wrong with the answer, beyond what the judge finds.
    pub(crate) fn problems(&self, case: &Case, exchange: &Exchange) -> Vec<String> {
        let named = match &case.expect {
            Expect::Error { pointer: Some(pointer), status: expected, .. } if *expected == exchange.response.status => {
                let names = pointers(exchange).any(|found| found == *pointer);
                (!names).then(|| format!("expected a detail that names `{pointer}`"))
            }
            Expect::Error { .. } | Expect::Success | Expect::Valid => None,
        };
        self.problem(exchange).into_iter().chain(named).collect()
    }

    /// What is wrong with status and code of the answer.
    pub(crate) fn problem(&self, exchange: &Exchange) -> Option<String> {
        let status = exchange.response.status;
        let code = exchange.response.error_code();
        let found = match &code {
            Some(code) => format!("{status} {code}{}", told(exchange)),
            None => status.to_string(),
        };
        let success = (200..300).contains(&status);
        match self {
            Self::Success | Self::Valid { .. } if success => None,
            Self::Success => Some(format!("expected a success, found {found}")),
            Self::Valid { names } if about_what_is_named(exchange, code.as_deref(), names) => None,
            Self::Valid { .. } => Some(format!("expected anything but a refusal of the request's form, found {found}")),
            Self::Rpc if status == 400 || is_rpc_error(exchange) => None,
            Self::Rpc => Some(format!("expected 400 or a JSON-RPC error, found {found}")),
            Self::Refusal(refusals) => {
                let fits = refusals.iter().any(|(s, c)| *s == status && Some(c) == code.as_ref());
                let told: Vec<String> = refusals.iter().map(|(status, code)| format!("{status} {code}")).collect();
                (!fits).then(|| format!("expected {}, found {found}", told.join(" or ")))
            }
        }
    }
}

/// Whether a refusal of well-formed values is about what they name rather than about their form.
fn about_what_is_named(exchange: &Exchange, code: Option<&str>, names: &[&str]) -> bool {
    match code {
        Some(
            "NOT_FOUND"
            | "TOOL_NOT_ALLOWED"
            | "IDEMPOTENCY_CONFLICT"
            | "JOB_NOT_READY"
            | "CONTENT_BLOCKED"
            | "BUDGET_EXCEEDED"
            | "TOOL_FAILED"
            | "TOOL_TIMEOUT",
        ) => true,
        Some("VALIDATION_ERROR") => {
            let mut places = pointers(exchange).peekable();
            places.peek().is_some() && places.all(|place| names.iter().any(|name| place.starts_with(name)))
        }
        _ => false,
    }
}

fn is_rpc_error(exchange: &Exchange) -> bool {
    let body = exchange.response.json().unwrap_or_default();
    exchange.response.status == 200 && body["error"]["code"].is_i64()
}

/// The places that an error names.
pub(crate) fn pointers(exchange: &Exchange) -> impl Iterator<Item = String> {
    let details = exchange.response.json().and_then(|body| body.pointer("/error/details")?.as_array().cloned());
    details.unwrap_or_default().into_iter().filter_map(|detail| detail["pointer"].as_str().map(str::to_owned))
}

/// The first details of an error, for a message.
fn told(exchange: &Exchange) -> String {
    let details: Vec<String> = pointers(exchange).take(3).collect();
    if details.is_empty() { String::new() } else { format!(" about {}", details.join(", ")) }
}
