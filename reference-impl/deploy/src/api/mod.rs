//! A thin client of the Cloudflare API: one account, one token, calls that are tried again only where that is safe.

mod calls;
mod error;
mod multipart;
mod patience;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, StatusCode, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::credentials::Secret;

pub use calls::{IndexInfo, Route, Script, Version, VersionShare, Zone};
pub use error::ApiError;
pub use multipart::{Module, Upload};
pub use patience::Patience;
pub(crate) use wire::{deployment_body, list};

/// Where the API is; the variable that wrangler reads too names another place.
pub const BASE_URL: &str = "https://api.cloudflare.com/client/v4";
/// Variable for another place.
pub const BASE_URL_VARIABLE: &str = "CLOUDFLARE_API_BASE_URL";
/// Most pages of a list; they are far beyond an account's bounds.
const PAGES: u32 = 200;
/// Entries of a page, as many as every list of an account gives.
const ENTRIES: usize = 100;
/// Entries of a page of zones: a call for more is refused.
const ZONES: usize = 50;

#[derive(Debug, Clone)]
pub(crate) enum Pool {
    Plain(Client<HttpConnector, Full<Bytes>>),
    Secure(Client<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

impl Pool {
    pub(crate) fn new(url: &str) -> Result<Self, ApiError> {
        let mut plain = HttpConnector::new();
        plain.set_nodelay(true);
        let builder = Client::builder(TokioExecutor::new());
        if url.starts_with("http://") {
            return Ok(Self::Plain(builder.build(plain)));
        }
        plain.enforce_http(false);
        let connector = HttpsConnectorBuilder::new().with_native_roots();
        let connector =
            connector.map_err(|_| ApiError::Unusable("expected certificates of this host for https, found none"))?;
        Ok(Self::Secure(builder.build(connector.https_only().enable_http1().wrap_connector(plain))))
    }

    /// Sends once; gives status, the wait that the answer asks for, and the body.
    pub(crate) async fn send(
        &self,
        request: Request<Full<Bytes>>,
        call: &str,
        timeout: Duration,
    ) -> Result<(StatusCode, Option<Duration>, Bytes), ApiError> {
        let broken = |error: Box<dyn std::error::Error + Send + Sync>| ApiError::Broken(call.to_owned(), error);
        let exchange = async {
            let answer = match self {
                Self::Plain(pool) => pool.request(request).await,
                Self::Secure(pool) => pool.request(request).await,
            };
            let (parts, body) = answer.map_err(|error| broken(error.into()))?.into_parts();
            let asked = parts.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
            let wait = asked.and_then(|text| patience::retry_after(text, jiff::Timestamp::now()));
            let body = body.collect().await.map_err(|error| broken(error.into()))?.to_bytes();
            Ok((parts.status, wait, body))
        };
        tokio::time::timeout(timeout, exchange).await.unwrap_or_else(|_| Err(ApiError::TimedOut(call.to_owned())))
    }
}

/// The API for one account.
#[derive(Debug, Clone)]
pub struct Api {
    pool: Pool,
    base: Arc<str>,
    account: Arc<str>,
    token: Secret,
    patience: Patience,
}

/// What is sent; it is never shown.
#[derive(Clone)]
pub(crate) enum Body {
    None,
    Json(Value),
    Multipart { boundary: String, bytes: Bytes },
}

impl Api {
    /// A client for `account`, by its id.
    ///
    /// # Errors
    ///
    /// [`ApiError::Unusable`] where this host has no certificates, and where the token would cross the net in the open.
    pub fn new(base: &str, account: &str, token: Secret, patience: Patience) -> Result<Self, ApiError> {
        let base = base.trim_end_matches('/');
        if !(base.starts_with("https://") || patience::is_here(base)) {
            return Err(ApiError::Unusable(
                "expected an address of the API that begins with https://, or one of this machine",
            ));
        }
        Ok(Self { pool: Pool::new(base)?, base: base.into(), account: account.into(), token, patience })
    }

    /// Path below the account.
    fn own(&self, path: &str) -> String {
        format!("/accounts/{}/{path}", self.account)
    }

    async fn once(&self, method: &Method, path: &str, body: &Body) -> Result<Value, ApiError> {
        let call = format!("{method} {}", path.split('?').next().unwrap_or_default());
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        request = request.header(header::USER_AGENT, concat!("plumbline-deploy/", env!("CARGO_PKG_VERSION")));
        let mut bearer = header::HeaderValue::from_str(&format!("Bearer {}", self.token.expose())).map_err(|_| {
            ApiError::Unusable("expected a token of plain letters, digits and signs; check where it comes from")
        })?;
        bearer.set_sensitive(true);
        request = request.header(header::AUTHORIZATION, bearer);
        let bytes = match body {
            Body::None => Bytes::new(),
            Body::Json(value) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Bytes::from(value.to_string())
            }
            Body::Multipart { boundary, bytes } => {
                request = request.header(header::CONTENT_TYPE, format!("multipart/form-data; boundary={boundary}"));
                bytes.clone()
            }
        };
        let request = request
            .body(Full::new(bytes))
            .map_err(|_| ApiError::Unusable("expected an address of the API that can be called"))?;
        let (status, wait, bytes) = self.pool.send(request, &call, self.patience.timeout).await?;
        if status == StatusCode::TOO_MANY_REQUESTS {
            return Err(ApiError::Busy { call, wait: wait.unwrap_or_default() });
        }
        let answer: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        if status.is_success() && answer["success"] == true {
            return Ok(answer);
        }
        if status.is_success() {
            return Err(ApiError::Strange(call, "an object with `success: true`".to_owned()));
        }
        let error = &answer["errors"][0];
        Err(ApiError::Refused {
            call,
            status: status.as_u16(),
            code: error["code"].as_i64().unwrap_or_default(),
            // The API may repeat what it was sent.
            message: crate::credentials::redacted(error["message"].as_str().unwrap_or("no message")).into_owned(),
        })
    }

    /// The wait behind the try of this number, which no number of tries makes longer than the longest.
    fn backoff(&self, tries: u32) -> Duration {
        let doubled = self.patience.backoff.saturating_mul(2_u32.saturating_pow(tries - 1));
        doubled.min(self.patience.longest_wait)
    }

    /// Calls until it succeeds. What only reads, and what may be done twice, is also tried again when it failed openly; anything else
    /// only where the API was too busy to take it.
    async fn call(&self, method: Method, path: &str, body: Body, twice_is_once: bool) -> Result<Value, ApiError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match self.once(&method, path, &body).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let backoff = self.backoff(tries);
            let wait = if let ApiError::Busy { wait, .. } = &error {
                backoff.max(*wait)
            } else if error.is_open() && twice_is_once {
                backoff
            } else {
                return Err(error);
            };
            if wait > self.patience.longest_wait {
                return Err(error);
            }
            if tries >= self.patience.tries {
                return Err(error);
            }
            tokio::time::sleep(wait).await;
        }
    }

    pub(crate) async fn read(&self, path: &str) -> Result<Value, ApiError> {
        Ok(self.call(Method::GET, path, Body::None, true).await?["result"].take())
    }

    /// Every entry of a list that comes in pages of at most `size`; `entries` is where they are in `result`, which is the list itself
    /// where it is empty.
    async fn pages(&self, path: &str, entries: &str, size: usize) -> Result<Vec<Value>, ApiError> {
        let mut all = Vec::new();
        for page in 1..=PAGES {
            let sign = if path.contains('?') { '&' } else { '?' };
            let at = format!("{path}{sign}page={page}&per_page={size}");
            let mut answer = self.call(Method::GET, &at, Body::None, true).await?;
            let found = list(&mut answer["result"], entries);
            let count = found.len() as u64;
            let info = &answer["result_info"];
            let total = info["total_count"].as_u64();
            let pages = info["total_pages"].as_u64();
            if pages.is_none() && total.is_none() && count > 0 && all.ends_with(&found) {
                // A list that has no pages gives the same whatever page it is asked for.
                return Ok(all);
            }
            all.extend(found);
            let more = match (pages, total) {
                (Some(pages), _) => u64::from(page) < pages,
                (None, Some(total)) => (all.len() as u64) < total,
                // Where nobody says how many there are, another page may follow one that is full.
                (None, None) => count >= info["per_page"].as_u64().unwrap_or(size as u64),
            };
            if count == 0 || !more {
                return Ok(all);
            }
        }
        Err(ApiError::Strange(path.to_owned(), format!("at most {PAGES} pages")))
    }

    /// Creates something. After a failure that may have taken effect, `find` looks for it before it is tried again, so that nothing is
    /// created twice.
    async fn create<T, F>(
        &self,
        method: Method,
        path: &str,
        body: Body,
        read: fn(&Value) -> Option<T>,
        find: F,
    ) -> Result<T, ApiError>
    where
        F: AsyncFn() -> Result<Option<T>, ApiError>,
    {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.call(method.clone(), path, body.clone(), false).await {
                Ok(answer) => {
                    return read(&answer["result"])
                        .ok_or_else(|| ApiError::Strange(format!("{method} {path}"), "what was created".to_owned()));
                }
                // An answer that is not understood may be that of something between here and the API.
                Err(error) if error.is_open() || matches!(error, ApiError::Strange(..)) => {
                    tokio::time::sleep(self.backoff(tries)).await;
                    if let Some(found) = find().await? {
                        return Ok(found);
                    }
                    // The last try is looked for too: what nobody knows of, nobody takes back.
                    if tries >= self.patience.tries {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }
}
