//! How a call travels, as a port.

use std::fmt;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use reference_core::ports::BoxFuture;

/// A header field of a call. What is secret shows itself to the upstream alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name, in lower case.
    pub name: &'static str,
    /// Its value: visible ASCII and spaces.
    pub value: String,
    /// Whether it must stand in no log.
    pub secret: bool,
}

impl Header {
    /// A field that may be seen.
    pub fn new(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, value: value.into(), secret: false }
    }

    /// A field that must stand in no log.
    pub fn secret(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, value: value.into(), secret: true }
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = if self.secret { ".." } else { &self.value };
        write!(f, "{}: {value}", self.name)
    }
}

/// A `POST` of JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchRequest {
    /// Whole address.
    pub url: String,
    /// Header fields, `content-type` among them.
    pub headers: Vec<Header>,
    /// The JSON text.
    pub body: String,
}

/// What came back.
pub struct FetchResponse {
    /// Status.
    pub status: u16,
    /// `content-type`, as sent.
    pub content_type: Option<String>,
    /// `retry-after`, as sent.
    pub retry_after: Option<String>,
    /// `date`, as sent.
    pub date: Option<String>,
    /// The body as it arrives. Dropping it ends the exchange.
    pub body: BoxStream<'static, Result<Bytes, FetchError>>,
}

/// Why nothing came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchError {
    /// There was no connection: the upstream has seen nothing.
    NotConnected,
    /// The exchange broke; the upstream may have worked on it.
    Broken,
}

/// Makes calls. It follows no redirect, so that a key reaches no other host, repeats nothing and knows no deadline: those who
/// call have one.
pub trait Fetch: Send + Sync {
    /// Sends `request`; ready once the answer's header has come. Dropping the future ends the exchange.
    fn fetch(&self, request: FetchRequest) -> BoxFuture<'_, Result<FetchResponse, FetchError>>;
}
