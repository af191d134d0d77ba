//! Answers and problems on their way out.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use contract_types::{ErrorBody, ErrorCode, ErrorDetail, ErrorInfo};
use reference_core::sabotage::{self, Sabotage};
use serde::Serialize;

use crate::sse::StreamLog;

/// A successful answer: its body and the headers that belong to it.
#[derive(Debug)]
pub struct Reply<T> {
    /// The body.
    pub body: T,
    /// Headers of this answer alone; the edge adds those that every answer carries.
    pub headers: Vec<(&'static str, String)>,
}

impl<T> From<T> for Reply<T> {
    fn from(body: T) -> Self {
        Self { body, headers: Vec::new() }
    }
}

/// Server-sent events as they are made.
#[derive(Debug)]
pub struct EventStream {
    pub(crate) body: Body,
    pub(crate) log: StreamLog,
}

/// Sound as it is made.
#[derive(Debug)]
pub struct Audio {
    /// Its media type, with parameters.
    pub media_type: String,
    /// The bytes.
    pub body: Body,
}

/// JSON of a body in the bytes that are sent.
#[derive(Debug)]
pub struct Written(pub Vec<u8>);

fn respond(status: u16, media_type: Option<&str>, headers: Vec<(&'static str, String)>, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(value) = media_type.and_then(|media_type| HeaderValue::from_str(media_type).ok()) {
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    for (name, value) in headers {
        insert(response.headers_mut(), name, &value);
    }
    response
}

/// Sets a header; a value that no header can hold is left out.
pub(crate) fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

impl<T: Serialize> Reply<T> {
    pub(crate) fn json(self, status: u16) -> Response {
        match serde_json::to_vec(&self.body) {
            Ok(bytes) => respond(status, Some("application/json"), self.headers, Body::from(bytes)),
            Err(error) => Problem::internal(&error).respond(500),
        }
    }
}

impl Reply<Written> {
    pub(crate) fn written(self, status: u16) -> Response {
        respond(status, Some("application/json"), self.headers, Body::from(self.body.0))
    }
}

impl Reply<String> {
    pub(crate) fn text(self, status: u16, media_type: &str) -> Response {
        let media_type = format!("{media_type}; charset=utf-8");
        respond(status, Some(&media_type), self.headers, Body::from(self.body))
    }
}

impl Reply<()> {
    pub(crate) fn empty(self, status: u16) -> Response {
        respond(status, None, self.headers, Body::empty())
    }
}

impl Reply<EventStream> {
    pub(crate) fn event_stream(self, status: u16) -> Response {
        let mut response = respond(status, Some("text/event-stream"), self.headers, self.body.body);
        response.extensions_mut().insert(self.body.log);
        response
    }
}

impl Reply<Audio> {
    pub(crate) fn audio(self, status: u16) -> Response {
        respond(status, Some(&self.body.media_type), self.headers, self.body.body)
    }
}

/// A failure as the client sees it, and what the log may say beyond that.
#[derive(Debug)]
pub struct Problem {
    /// The contract's code, which fixes the status.
    pub code: ErrorCode,
    /// For the client: what was wrong and what was expected, without any stored or secret text.
    pub message: String,
    /// Particulars for the client.
    pub details: Vec<ErrorDetail>,
    /// Headers of this answer alone.
    pub headers: Vec<(&'static str, String)>,
    /// For the log alone.
    pub cause: Option<String>,
}

impl Problem {
    /// A problem with a message for the client.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: Vec::new(), headers: Vec::new(), cause: None }
    }

    /// A failure of ours. The client learns nothing of it; the log gets the chain of causes.
    pub fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        Self::new(
            ErrorCode::InternalError,
            "the request could not be completed; quote the request id when reporting it",
        )
        .caused_by(error)
    }

    /// Adds a particular.
    #[must_use]
    pub fn detail(mut self, detail: ErrorDetail) -> Self {
        self.details.push(detail);
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Keeps the chain of causes for the log.
    #[must_use]
    pub fn caused_by(mut self, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            text = format!("{text}: {inner}");
            cause = inner.source();
        }
        self.cause = Some(text);
        self
    }

    /// The same failure at an operation whose contract does not have its status.
    pub(crate) fn undocumented(self, operation: &str) -> Self {
        let cause = format!("`{operation}` has no documented answer for {}: {}", self.code, self.message);
        let cause = self.cause.map_or_else(|| cause.clone(), |inner| format!("{cause}: {inner}"));
        Self {
            cause: Some(cause),
            ..Self::new(
                ErrorCode::InternalError,
                "the request could not be completed; quote the request id when reporting it",
            )
        }
    }

    /// The answer. The request id is filled in by the edge, which alone knows it.
    pub(crate) fn respond(mut self, status: u16) -> Response {
        let mut headers = std::mem::take(&mut self.headers);
        if sabotage::on(Sabotage::OutagesTellNoDelay) && status == 503 {
            headers.retain(|(name, _)| *name != "retry-after");
        }
        let mut response = respond(status, None, headers, Body::empty());
        response.extensions_mut().insert(Failed::from(self));
        response
    }

    /// The answer under the code's own status.
    pub(crate) fn into_response(self) -> Response {
        let status = self.code.status();
        self.respond(status)
    }
}

/// What the edge needs to write an error's body and log line.
#[derive(Debug, Clone)]
pub(crate) struct Failed {
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
    pub(crate) details: Vec<ErrorDetail>,
    pub(crate) cause: Option<String>,
    /// Whether the answer tells it already, in a form of its own.
    pub(crate) told: bool,
}

impl From<Problem> for Failed {
    fn from(problem: Problem) -> Self {
        let Problem { code, message, details, cause, headers: _ } = problem;
        Self { code, message, details, cause, told: false }
    }
}

impl Failed {
    /// A failure that the answer tells in a form of its own.
    pub(crate) fn told(problem: Problem) -> Self {
        Self { told: true, ..Self::from(problem) }
    }

    /// The contract's error body.
    pub(crate) fn body(&self, request_id: &str) -> ErrorBody {
        ErrorBody {
            error: ErrorInfo {
                code: self.code,
                message: self.message.clone(),
                details: (!self.details.is_empty()).then(|| self.details.clone()),
                request_id: request_id.into(),
            },
        }
    }
}

/// An empty detail with a message, to be filled in.
pub(crate) fn detail(message: impl Into<String>) -> ErrorDetail {
    ErrorDetail::new(message.into())
}
