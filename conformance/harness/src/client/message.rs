//! What is sent and what comes back, as data.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use crate::credential::Secret;

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// Method as it is sent.
    pub method: String,
    /// Path and query as they are sent, beginning with a slash.
    pub target: String,
    /// Header fields in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, if any.
    pub body: Option<Bytes>,
}

impl Request {
    /// A request without headers or body.
    pub fn new(method: &str, target: &str) -> Self {
        Self { method: method.to_owned(), target: target.to_owned(), headers: Vec::new(), body: None }
    }

    /// Adds a header field.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    /// Adds a bearer credential.
    #[must_use]
    pub fn bearer(self, secret: &Secret) -> Self {
        let value = format!("Bearer {}", secret.expose());
        self.header("authorization", &value)
    }

    /// Sets a JSON body and its content type.
    #[must_use]
    pub fn json(mut self, value: &Value) -> Self {
        self.body = Some(Bytes::from(value.to_string()));
        self.header("content-type", "application/json")
    }

    /// The first value of a header.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The path alone.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or(&self.target)
    }
}

/// A response, read to its end or to the bound.
#[derive(Debug, Clone)]
pub struct Response {
    /// Status.
    pub status: u16,
    /// Header fields in order, names in lower case; bytes that are not UTF-8 are replaced.
    pub headers: Vec<(String, String)>,
    /// The body, or its beginning.
    pub body: Bytes,
    /// Whether the body went on past the bound.
    pub truncated: bool,
    /// Whether the connection broke before the body was complete.
    pub broken: bool,
    /// Time from sending to the headers.
    pub headers_after: Duration,
    /// When each piece of the body arrived, and how much of the body was there then.
    pub arrivals: Vec<(Duration, usize)>,
    /// Whether the reader hung up before the end.
    pub stopped: bool,
}

/// What a reader does after a piece of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Reads on.
    On,
    /// Reads on after so long.
    After(Duration),
    /// Hangs up.
    Stop,
}

impl Response {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Media type without parameters, in lower case; empty when there is none.
    pub fn media_type(&self) -> String {
        let value = self.header("content-type").unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// The body as JSON, if it is.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// `error.code` of the contract's error body.
    pub fn error_code(&self) -> Option<String> {
        self.json()?.pointer("/error/code")?.as_str().map(str::to_owned)
    }
}

/// A request and what came back.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The request.
    pub request: Request,
    /// Where it went.
    pub url: String,
    /// The response.
    pub response: Response,
    /// Time from sending to the end of the body.
    pub elapsed: Duration,
}

/// Percent-encodes `text` for a path segment or a query value: everything but unreserved characters.
pub fn percent_encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
