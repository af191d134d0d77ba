//! An HTTP client that sends exactly what it is told: method, path and headers go out as written, and nothing is followed,
//! decoded or added but `host` and the body's length.

mod message;

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::{HeaderName, HeaderValue, Method, Uri};
use http_body_util::{BodyExt, Full};
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Client as Pool, connect::HttpConnector},
    rt::TokioExecutor,
};

pub use message::{Exchange, Flow, Request, Response, percent_encode};

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is none.
    #[error("`{url}` is no http or https address: {expected}")]
    Address {
        /// The address.
        url: String,
        /// What was expected.
        expected: String,
    },
    /// The request cannot be written as HTTP.
    #[error("the request cannot be sent as HTTP: {0}")]
    Request(String),
    /// No connection.
    #[error("no connection to {url}: {cause}")]
    Unreachable {
        /// The address.
        url: String,
        /// Why.
        cause: String,
    },
    /// No complete response in time.
    #[error("no complete response within {0:?}")]
    TimedOut(Duration),
    /// The connection broke before there was a response.
    #[error("the connection broke before a response: {0}")]
    Broken(String),
}

/// Bounds on one exchange.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Longest time from sending to the end of the body.
    pub time: Duration,
    /// Most bytes of a body that are read.
    pub body: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { time: Duration::from_mins(1), body: 64 << 20 }
    }
}

/// Environment variable: longest time of one exchange of a run in milliseconds, where a minute is too short or too long.
pub const REQUEST_TIMEOUT: &str = "PLUMBLINE_REQUEST_TIMEOUT_MS";

/// The time that a run is told to allow an exchange is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{REQUEST_TIMEOUT} is `{0}`: expected milliseconds from 100 to 600000")]
pub struct TimeoutError(String);

impl Bounds {
    /// The bounds of a run: the default ones, with the time that [`REQUEST_TIMEOUT`] gives. `variable` reads the environment.
    ///
    /// # Errors
    ///
    /// [`TimeoutError`] when the variable holds something else.
    pub fn of_run(variable: impl Fn(&str) -> Option<String>) -> Result<Self, TimeoutError> {
        let Some(text) = variable(REQUEST_TIMEOUT).filter(|text| !text.is_empty()) else { return Ok(Self::default()) };
        let milliseconds = text.parse().ok().filter(|milliseconds| (100..=600_000).contains(milliseconds));
        let time = milliseconds.map(Duration::from_millis).ok_or(TimeoutError(text))?;
        Ok(Self { time, ..Self::default() })
    }
}

#[derive(Debug, Clone)]
enum Connections {
    Plain(Pool<HttpConnector, Full<Bytes>>),
    Secure(Pool<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

/// A client of one deployment.
#[derive(Debug, Clone)]
pub struct Client {
    connections: Connections,
    base: String,
    bounds: Bounds,
    /// Header fields that every request carries after its own.
    standing: Vec<(HeaderName, HeaderValue)>,
}

impl Client {
    /// A client of the deployment at `base`, which has no final slash. It connects at the first request.
    ///
    /// # Errors
    ///
    /// [`ClientError::Address`] when `base` is no http or https address, or no root certificates can be read for https.
    pub fn new(base: &str, bounds: Bounds) -> Result<Self, ClientError> {
        let base = base.trim_end_matches('/');
        let address = |expected: &str| ClientError::Address { url: base.to_owned(), expected: expected.to_owned() };
        let uri: Uri = base.parse().map_err(|_| address("expected something like http://127.0.0.1:8787"))?;
        let mut plain = HttpConnector::new();
        plain.set_connect_timeout(Some(Duration::from_secs(10)));
        plain.set_nodelay(true);
        // A connection for each request: a reused one may be closed by the target at the moment that it is written to, and
        // a request that is sent again to cover for that would hide a target that hangs up.
        let mut pool = Pool::builder(TokioExecutor::new());
        pool.pool_max_idle_per_host(0);
        let connections = match uri.scheme_str() {
            Some("http") => Connections::Plain(pool.build(plain)),
            Some("https") => {
                plain.enforce_http(false);
                let secure = hyper_rustls::HttpsConnectorBuilder::new()
                    .with_native_roots()
                    .map_err(|_| address("no root certificates found; set SSL_CERT_FILE"))?
                    .https_only()
                    .enable_http1()
                    .wrap_connector(plain);
                Connections::Secure(pool.build(secure))
            }
            _ => return Err(address("expected http:// or https://")),
        };
        Ok(Self { connections, base: base.to_owned(), bounds, standing: Vec::new() })
    }

    /// The same client, whose every request carries `headers` after its own.
    ///
    /// # Errors
    ///
    /// [`ClientError::Request`] for a name or a value that HTTP does not have.
    pub fn carrying<'a>(mut self, headers: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Self, ClientError> {
        for (name, value) in headers {
            self.standing.push(field(name, value)?);
        }
        Ok(self)
    }

    /// The address of the deployment.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Sends a request and reads the response to its end.
    ///
    /// # Errors
    ///
    /// [`ClientError`] when there is no response; a response that breaks off is marked, not an error.
    pub async fn send(&self, request: &Request) -> Result<Exchange, ClientError> {
        self.send_within(request, self.bounds).await
    }

    /// As [`Client::send`], with other bounds.
    ///
    /// # Errors
    ///
    /// As [`Client::send`].
    pub async fn send_within(&self, request: &Request, bounds: Bounds) -> Result<Exchange, ClientError> {
        self.watch(request, bounds, |_, _, _| Flow::On).await
    }

    /// As [`Client::send_within`], telling `each` of every piece of the body as it arrives: what is known of the response so
    /// far, the time since sending, and the piece.
    ///
    /// # Errors
    ///
    /// As [`Client::send`].
    pub async fn watch<F>(&self, request: &Request, bounds: Bounds, mut each: F) -> Result<Exchange, ClientError>
    where
        F: FnMut(&Response, Duration, &[u8]) -> Flow + Send,
    {
        let url = format!("{}{}", self.base, request.target);
        let mut message = write(&url, request)?;
        for (name, value) in &self.standing {
            message.headers_mut().append(name.clone(), value.clone());
        }
        let began = Instant::now();
        let head = match &self.connections {
            Connections::Plain(pool) => pool.request(message),
            Connections::Secure(pool) => pool.request(message),
        };
        let head = tokio::time::timeout(bounds.time, head).await.map_err(|_| ClientError::TimedOut(bounds.time))?;
        let head = head.map_err(|error| {
            let cause = chain(&error);
            if error.is_connect() {
                ClientError::Unreachable { url: self.base.clone(), cause }
            } else {
                ClientError::Broken(cause)
            }
        })?;
        let headers_after = began.elapsed();
        let (parts, mut body) = head.into_parts();
        let headers = parts
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        let mut response = Response {
            status: parts.status.as_u16(),
            headers: headers.collect(),
            body: Bytes::new(),
            truncated: false,
            broken: false,
            headers_after,
            arrivals: Vec::new(),
            stopped: false,
        };
        let mut read = BytesMut::new();
        loop {
            let left = bounds.time.saturating_sub(began.elapsed());
            let frame =
                tokio::time::timeout(left, body.frame()).await.map_err(|_| ClientError::TimedOut(bounds.time))?;
            match frame {
                None => break,
                Some(Err(_)) => {
                    response.broken = true;
                    break;
                }
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { continue };
                    let room = bounds.body.saturating_sub(read.len());
                    read.extend_from_slice(&data[..data.len().min(room)]);
                    let at = began.elapsed();
                    response.arrivals.push((at, read.len()));
                    if data.len() > room {
                        response.truncated = true;
                        break;
                    }
                    match each(&response, at, &data) {
                        Flow::On => {}
                        Flow::After(pause) => tokio::time::sleep(pause).await,
                        Flow::Stop => {
                            response.stopped = true;
                            break;
                        }
                    }
                }
            }
        }
        response.body = read.freeze();
        Ok(Exchange { request: request.clone(), url, response, elapsed: began.elapsed() })
    }
}

fn refuse(what: &str, cause: &dyn std::fmt::Display) -> ClientError {
    ClientError::Request(format!("{what}: {cause}"))
}

fn field(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), ClientError> {
    let read = HeaderName::from_bytes(name.as_bytes()).map_err(|e| refuse("header name", &e))?;
    let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|e| refuse(&format!("header `{name}`"), &e))?;
    Ok((read, value))
}

fn write(url: &str, request: &Request) -> Result<http::Request<Full<Bytes>>, ClientError> {
    let method = Method::from_bytes(request.method.as_bytes()).map_err(|e| refuse("method", &e))?;
    let uri: Uri = url.parse().map_err(|e| refuse("address", &e))?;
    let mut message = http::Request::new(Full::new(request.body.clone().unwrap_or_default()));
    *message.method_mut() = method;
    *message.uri_mut() = uri;
    for (name, value) in &request.headers {
        let (name, value) = field(name, value)?;
        message.headers_mut().append(name, value);
    }
    Ok(message)
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

#[cfg(test)]
mod tests;
