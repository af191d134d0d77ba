//! Compares two answers to one request: status, media type, body, save what is declared to differ and why.

use harness::{
    client::Response,
    sse::{Item, Parser},
};
use serde_json::{Map, Value};

/// Fields whose values two deployments of one contract may tell differently, wherever they stand, and why. Whether the field is
/// there, and whether it is null, must be alike all the same.
pub const MAY_DIFFER: [(&str, &str); 21] = [
    ("request_id", "drawn anew for each request"),
    ("trace_id", "drawn anew for each request"),
    ("job_id", "drawn by the deployment"),
    ("session_id", "drawn by the deployment"),
    ("call_id", "drawn by the deployment"),
    ("created_at", "a moment of the deployment's clock"),
    ("updated_at", "a moment of the deployment's clock"),
    ("started_at", "a moment of the deployment's clock"),
    ("finished_at", "a moment of the deployment's clock"),
    ("expires_at", "a moment of the deployment's clock"),
    ("resets_at", "a moment of the deployment's clock"),
    ("at", "a moment of the deployment's clock"),
    ("latency_ms", "a duration that was measured"),
    ("duration_ms", "a duration that was measured"),
    ("age_ms", "a duration that was measured"),
    ("ttl_ms", "what is left of a lifetime at a moment"),
    ("timings_ms", "durations that were measured"),
    ("next_cursor", "sealed with the deployment's own secret"),
    ("formats", "those of speech that the deployment has an encoder for, and the Worker has none"),
    ("implementation", "names the deployment"),
    ("corpus_version", "counts writes, and how many the seeding took is the deployment's limits' matter"),
];

/// Answers that two deployments may give differently as a whole, and why. Status and media type must be alike all the same.
pub const BODIES_MAY_DIFFER: [(&str, &str); 6] = [
    ("get_docs", "a page for people, which each deployment draws its own way"),
    ("get_capabilities", "says what the deployment has; the suite holds each against what it says"),
    ("get_usage", "sums what everybody did until a moment"),
    ("get_metrics", "sums what everybody did until a moment"),
    ("cancel_job", "whether a job ends before it is cancelled is a matter of speed"),
    ("list_audit", "its hashes and ids are made with a secret of the deployment"),
];

/// Requests that one of the two may refuse as `VALIDATION_ERROR`, by a part of their ids, and why. The suite holds each against what
/// it says of itself.
pub const ONE_MAY_REFUSE: [(&str, &str); 1] =
    [("synthesize_speech/body/format/enum/", "one of the two has no encoder for this format")];

/// Ids that a deployment draws, by how they begin.
const DRAWN: [&str; 3] = ["job_", "ses_", "aud_"];
/// Letters of a drawn id after its beginning.
const DRAWN_LETTERS: usize = 26;

/// Why one of two answers to the request `id` may be a refusal, where one of them is.
pub fn refused_by_one(id: &str, one: &Response, other: &Response) -> Option<&'static str> {
    let refused = [one, other].map(|it| it.error_code().as_deref() == Some("VALIDATION_ERROR"));
    let declared = ONE_MAY_REFUSE.iter().find(|(part, _)| id.contains(part));
    declared.filter(|_| refused[0] != refused[1]).map(|(_, why)| *why)
}

/// What differs between two answers of `operation`, as one sentence; `None` where nothing does that must not.
pub fn difference(operation: &str, one: &Response, other: &Response) -> Option<String> {
    if one.status != other.status {
        let codes = [one, other].map(|it| it.error_code().unwrap_or_default());
        return Some(format!("status: {} {} and {} {}", one.status, codes[0], other.status, codes[1]));
    }
    if one.media_type() != other.media_type() {
        return Some(format!("media type: `{}` and `{}`", one.media_type(), other.media_type()));
    }
    if BODIES_MAY_DIFFER.iter().any(|(name, _)| *name == operation) {
        return None;
    }
    let bodies = [one, other].map(body);
    innermost(&bodies[0], &bodies[1], &mut String::new())
}

/// A body as JSON: events as a list without heartbeats, any other text as a string.
fn body(response: &Response) -> Value {
    let text = || Value::String(String::from_utf8_lossy(&response.body).into_owned());
    match response.media_type().as_str() {
        "text/event-stream" => {
            let event = |item| match item {
                Item::Event(event) => {
                    let data = serde_json::from_str(&event.data).unwrap_or(Value::String(event.data));
                    Some(serde_json::json!({"event": event.name, "data": plain(None, data)}))
                }
                Item::Comment(_) => None,
            };
            Value::Array(Parser::new().push(&response.body).into_iter().filter_map(event).collect())
        }
        _ => response.json().map_or_else(text, |body| plain(None, body)),
    }
}

/// The value without what may differ.
fn plain(field: Option<&str>, value: Value) -> Value {
    let may_differ = |field: &str| MAY_DIFFER.iter().any(|(name, _)| *name == field);
    let may_differ = field.is_some_and(may_differ);
    match value {
        Value::Null => Value::Null,
        _ if may_differ => Value::String("(may differ)".to_owned()),
        Value::String(text) => Value::String(undrawn(&text)),
        Value::Array(items) => Value::Array(items.into_iter().map(|item| plain(None, item)).collect()),
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| {
                let value = plain(Some(&name), value);
                (name, value)
            });
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Value::Bool(_) | Value::Number(_) => value,
    }
}

/// The text with the letters of drawn ids taken out, wherever they stand.
fn undrawn(text: &str) -> String {
    let mut rest = text;
    let mut plain = String::with_capacity(text.len());
    while let Some((at, begins)) = DRAWN.iter().filter_map(|begins| Some((rest.find(begins)?, begins))).min() {
        let after = at + begins.len();
        let letters =
            rest[after..].bytes().take_while(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()).count();
        plain.push_str(&rest[..after]);
        rest = &rest[after + if letters == DRAWN_LETTERS { letters } else { 0 }..];
    }
    plain + rest
}

/// The first place at which two values differ, as a JSON pointer, and what stands there.
fn innermost(one: &Value, other: &Value, at: &mut String) -> Option<String> {
    if one == other {
        return None;
    }
    let length = at.len();
    let mut inner = |key: &str, one: Option<&Value>, other: Option<&Value>| {
        at.push('/');
        at.push_str(key);
        let found = match (one, other) {
            (Some(one), Some(other)) => innermost(one, other, at),
            (one, other) => Some(format!("{at}: {} and {}", shown(one), shown(other))),
        };
        at.truncate(length);
        found
    };
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let keys = one.keys().chain(other.keys().filter(|key| !one.contains_key(*key)));
            keys.filter(|key| one.get(*key) != other.get(*key)).find_map(|key| inner(key, one.get(key), other.get(key)))
        }
        (Value::Array(one), Value::Array(other)) => (0..one.len().max(other.len()))
            .filter(|index| one.get(*index) != other.get(*index))
            .find_map(|index| inner(&index.to_string(), one.get(index), other.get(index))),
        (one, other) => Some(format!("{at}: {} and {}", shown(Some(one)), shown(Some(other)))),
    }
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), |value| value.to_string().chars().take(160).collect())
}
