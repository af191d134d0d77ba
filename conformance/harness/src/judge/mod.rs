//! The judge: holds each response against the contract, whatever the case that caused it had expected.

mod headers;
mod stream;
mod validators;

use std::{collections::HashMap, fmt, sync::Arc};

use contract_types::ErrorCode;
use contracts::{Contract, model::Operation};
use serde_json::Value;

use crate::client::{Exchange, Response};
use headers::HeaderRule;
use stream::StreamRule;
pub use stream::{Seen, SeenEvent, Watch};
pub use validators::misfits;
use validators::{Check, Validators};

/// Where a response departs from the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ViolationKind {
    /// The status is not documented.
    Status,
    /// A header is missing or does not fit.
    Header,
    /// The content type is not documented.
    ContentType,
    /// The body does not fit its schema.
    Body,
    /// The error code does not belong to the status.
    ErrorCode,
    /// The event stream is out of order.
    Stream,
}

/// One departure from the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What it concerns.
    pub kind: ViolationKind,
    /// What was expected and what was found.
    pub message: String,
}

impl Violation {
    fn new(kind: ViolationKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// The contract, compiled for judging.
#[derive(Debug)]
pub struct Judge {
    operations: HashMap<String, Judged>,
    paths: Vec<PathTemplate>,
    error_body: Arc<Check>,
    /// Headers that a refusal by the router carries.
    route_headers: Vec<HeaderRule>,
    /// Whether the rules of our own contract hold beside its document.
    ours: bool,
}

#[derive(Debug)]
struct Judged {
    statuses: HashMap<u16, Documented>,
    stream: Option<StreamRule>,
}

#[derive(Debug)]
struct Documented {
    headers: Vec<HeaderRule>,
    bodies: Vec<(String, Arc<Check>)>,
}

#[derive(Debug)]
struct PathTemplate {
    segments: Vec<String>,
    methods: Vec<(String, String)>,
}

impl Judge {
    /// Compiles every schema that a response can have.
    ///
    /// # Panics
    ///
    /// When a schema of the contract is none, which its linter rules out.
    pub fn new(contract: &Contract) -> Self {
        let mut validators = Validators::new(contract);
        let error_body = validators.named("ErrorBody");
        Self::compile(contract, validators, error_body, true)
    }

    /// Compiles somebody else's contract. Its document alone is the measure: nothing is known of its error body, of paths that it
    /// does not have, or of a body that it does not describe.
    ///
    /// # Panics
    ///
    /// When a schema of the contract is none, which reading it rules out.
    pub fn foreign(contract: &Contract) -> Self {
        let mut validators = Validators::new(contract);
        let anything = validators.of(&serde_json::json!({}));
        Self::compile(contract, validators, anything, false)
    }

    fn compile(contract: &Contract, mut validators: Validators, error_body: Arc<Check>, ours: bool) -> Self {
        let mut operations = HashMap::new();
        let mut paths: Vec<PathTemplate> = Vec::new();
        let mut route_headers = Vec::new();
        for operation in &contract.operations {
            let statuses = operation.responses.iter().map(|response| {
                let headers = response.headers.iter().map(|header| HeaderRule::new(header, &mut validators)).collect();
                let bodies = response.bodies.iter().map(|body| (body.media_type.clone(), validators.of(&body.schema)));
                (response.status, Documented { bodies: bodies.collect(), headers })
            });
            let judged = Judged {
                statuses: statuses.collect(),
                stream: operation.stream.as_ref().map(|stream| StreamRule::new(stream, &mut validators)),
            };
            if route_headers.is_empty()
                && let Some(refused) = operation.responses.iter().find(|response| response.status == 500)
            {
                route_headers = refused.headers.iter().map(|header| HeaderRule::new(header, &mut validators)).collect();
            }
            operations.insert(operation.id.clone(), judged);
            add_path(&mut paths, operation);
        }
        Self { operations, paths, error_body, route_headers, ours }
    }

    /// The operation that `method` and `path` reach; `path` is without query, as it was sent.
    pub fn operation(&self, method: &str, path: &str) -> Option<&str> {
        let template = self.paths.iter().find(|template| template.fits(path))?;
        template.methods.iter().find(|(known, _)| known == method).map(|(_, id)| id.as_str())
    }

    /// Begins to watch the event stream of an operation, where it has one.
    pub fn watch(&self, operation: &str) -> Option<Watch<'_>> {
        self.operations.get(operation)?.stream.as_ref().map(StreamRule::watch)
    }

    /// Every departure from the contract in the response to a request.
    ///
    /// A request that reaches no operation is judged by what the contract says of unknown paths and methods.
    pub fn violations(&self, exchange: &Exchange) -> Vec<Violation> {
        let (request, response) = (&exchange.request, &exchange.response);
        let operation = self.operation(&request.method, request.path());
        match operation.and_then(|id| self.operations.get(id).map(|judged| (id, judged))) {
            Some((id, judged)) => self.of_operation(id, judged, &request.method, response),
            None if !self.ours => Vec::new(),
            None => self.of_route(&request.method, request.path(), response),
        }
    }

    fn of_operation(&self, id: &str, judged: &Judged, method: &str, response: &Response) -> Vec<Violation> {
        let Some(documented) = judged.statuses.get(&response.status) else {
            let mut known: Vec<u16> = judged.statuses.keys().copied().collect();
            known.sort_unstable();
            let message = format!("status {} of `{id}` is not documented; documented are {known:?}", response.status);
            return vec![Violation::new(ViolationKind::Status, message)];
        };
        let mut found = headers::violations(&documented.headers, response);
        if response.broken {
            found.push(Violation::new(ViolationKind::Body, "the connection broke before the body was complete"));
        } else if response.truncated {
            found.push(Violation::new(ViolationKind::Body, "the body is larger than any answer of the contract"));
        } else {
            found.extend(self.body(documented, judged.stream.as_ref(), method, response));
        }
        found
    }

    fn body(
        &self,
        documented: &Documented,
        stream: Option<&StreamRule>,
        method: &str,
        response: &Response,
    ) -> Vec<Violation> {
        let media_type = response.media_type();
        if !self.ours && (documented.bodies.is_empty() || method == "HEAD") {
            return Vec::new();
        }
        if documented.bodies.is_empty() {
            let empty = response.body.is_empty();
            let message = || format!("status {} has no body, found {} bytes", response.status, response.body.len());
            return if empty { Vec::new() } else { vec![Violation::new(ViolationKind::Body, message())] };
        }
        let Some((_, check)) = documented.bodies.iter().find(|(known, _)| covers(known, &media_type)) else {
            let known: Vec<&str> = documented.bodies.iter().map(|(known, _)| known.as_str()).collect();
            let found = response.header("content-type").unwrap_or("none");
            let message =
                format!("content type of status {}: expected {}, found {found}", response.status, known.join(" or "));
            return vec![Violation::new(ViolationKind::ContentType, message)];
        };
        match media_type.as_str() {
            "application/json" => self.json(check, response),
            kind if kind.ends_with("+json") => self.json(check, response),
            "text/event-stream" => stream.map_or_else(Vec::new, |rule| rule.violations(response)),
            kind if kind.starts_with("text/") => match std::str::from_utf8(&response.body) {
                Ok(text) => body_violations(check, &Value::from(text)),
                Err(_) => vec![Violation::new(ViolationKind::Body, "the text is not UTF-8")],
            },
            _ if response.body.is_empty() => vec![Violation::new(ViolationKind::Body, "the body is empty")],
            kind if kind.starts_with("audio/") && self.ours && !response.stopped => {
                let wrong = crate::audio::read(response).err();
                wrong.into_iter().map(|message| Violation::new(ViolationKind::Body, message)).collect()
            }
            _ => Vec::new(),
        }
    }

    fn json(&self, check: &Check, response: &Response) -> Vec<Violation> {
        let charset = response.header("content-type").unwrap_or_default().to_ascii_lowercase();
        let mut found = Vec::new();
        if charset.contains("charset=") && !charset.contains("charset=utf-8") {
            found.push(Violation::new(ViolationKind::ContentType, format!("JSON is UTF-8, found {charset}")));
        }
        let body: Value = match serde_json::from_slice(&response.body) {
            Ok(body) => body,
            Err(error) => {
                found.push(Violation::new(ViolationKind::Body, format!("the body is not JSON: {error}")));
                return found;
            }
        };
        found.extend(body_violations(check, &body));
        if self.ours {
            found.extend(error_violations(response, &body));
        }
        found
    }

    fn of_route(&self, method: &str, path: &str, response: &Response) -> Vec<Violation> {
        let template = self.paths.iter().find(|template| template.fits(path));
        let (expected, code) = if template.is_some() { (405, "METHOD_NOT_ALLOWED") } else { (404, "NOT_FOUND") };
        if template.is_some() && matches!(method, "OPTIONS" | "HEAD") {
            return Vec::new();
        }
        if response.status != expected {
            let message = format!(
                "{method} {path} is not in the contract: expected {expected} {code}, found {}",
                response.status
            );
            return vec![Violation::new(ViolationKind::Status, message)];
        }
        let mut found = headers::violations(&self.route_headers, response);
        if let Some(template) = template {
            found.extend(template.allow_violation(response));
        }
        if response.media_type() == "application/json" {
            found.extend(self.json(&self.error_body, response));
        } else {
            let kind = response.header("content-type").unwrap_or("none");
            let message = format!("content type of status {expected}: expected application/json, found {kind}");
            found.push(Violation::new(ViolationKind::ContentType, message));
        }
        found
    }
}

/// Whether a documented media type, which may be a range such as `text/*`, covers `found`.
fn covers(documented: &str, found: &str) -> bool {
    documented.eq_ignore_ascii_case(found)
        || documented == "*/*"
        || documented.strip_suffix('*').is_some_and(|kind| kind.ends_with('/') && found.starts_with(kind))
}

fn body_violations(check: &Check, body: &Value) -> Vec<Violation> {
    check
        .problems(body)
        .into_iter()
        .map(|message| Violation::new(ViolationKind::Body, format!("body{message}")))
        .collect()
}

/// What a schema cannot say of an error: its code belongs to the status, its request id is that of the header.
fn error_violations(response: &Response, body: &Value) -> Vec<Violation> {
    let mut found = Vec::new();
    let error = body.get("error").filter(|error| error.get("request_id").is_some());
    if let Some(code) = error.and_then(|error| error.get("code")).and_then(Value::as_str)
        && let Some(known) = ErrorCode::ALL.iter().find(|known| known.as_str() == code)
        && known.status() != response.status
    {
        let message = format!("{code} belongs to status {}, found {}", known.status(), response.status);
        found.push(Violation::new(ViolationKind::ErrorCode, message));
    }
    let inside = error.unwrap_or(body).get("request_id").and_then(Value::as_str);
    if let (Some(inside), Some(header)) = (inside, response.header("x-request-id"))
        && inside != header
        && response.header("idempotent-replayed").is_none()
    {
        let message = format!("request_id of the body is `{inside}`, x-request-id is `{header}`");
        found.push(Violation::new(ViolationKind::Header, message));
    }
    found
}

fn add_path(paths: &mut Vec<PathTemplate>, operation: &Operation) {
    let segments: Vec<String> = operation.path.split('/').skip(1).map(str::to_owned).collect();
    let method = (operation.method.clone(), operation.id.clone());
    match paths.iter_mut().find(|template| template.segments == segments) {
        Some(template) => template.methods.push(method),
        None => paths.push(PathTemplate { segments, methods: vec![method] }),
    }
    // A literal segment wins over a parameter.
    paths.sort_by_key(|template| template.segments.iter().filter(|segment| segment.starts_with('{')).count());
}

impl PathTemplate {
    fn fits(&self, path: &str) -> bool {
        let mut given = path.split('/').skip(1);
        let all = self.segments.iter().all(|segment| {
            given
                .next()
                .is_some_and(|found| if segment.starts_with('{') { !found.is_empty() } else { segment == found })
        });
        all && given.next().is_none()
    }

    fn allow_violation(&self, response: &Response) -> Option<Violation> {
        let allow = response.header("allow").unwrap_or_default().to_ascii_uppercase();
        let listed: Vec<&str> = allow.split(',').map(str::trim).collect();
        let missing: Vec<&str> =
            self.methods.iter().map(|(method, _)| method.as_str()).filter(|method| !listed.contains(method)).collect();
        let message = || format!("`allow` of 405: expected it to list {}, found `{allow}`", missing.join(", "));
        (!missing.is_empty()).then(|| Violation::new(ViolationKind::Header, message()))
    }
}

#[cfg(test)]
mod tests;
