//! An upstream that takes JSON and answers with JSON. What it says of itself goes no further than a status: an answer may repeat
//! the key or the texts that it was sent.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use reference_core::ports::ModelError;
use serde_json::Value as Json;

use crate::config::Provider;

/// Longest answer, in bytes: 2,048 vectors of 8,192 numbers in decimal are some 200 MB, which nobody asks for at once.
const ANSWER_BYTES: usize = 64 << 20;

/// Connections; only those of an https upstream need certificates of the host.
#[derive(Debug, Clone)]
enum Pool {
    Plain(Client<HttpConnector, Full<Bytes>>),
    Secure(Client<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

/// Why no endpoint can be made.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The certificates that this host trusts cannot be read.
    #[error("certificates of this host cannot be read; https upstreams need them")]
    Certificates(#[source] std::io::Error),
}

/// The upstream of one provider. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Endpoint {
    pool: Pool,
    provider: Arc<Provider>,
}

impl Endpoint {
    /// The endpoint of a provider; nothing is called yet.
    ///
    /// # Errors
    ///
    /// [`EndpointError`].
    pub fn new(provider: Provider) -> Result<Self, EndpointError> {
        let mut plain = HttpConnector::new();
        plain.set_connect_timeout(Some(provider.timeout));
        plain.set_nodelay(true);
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_idle_timeout(Duration::from_secs(30));
        let pool = if provider.url.starts_with("https:") {
            plain.enforce_http(false);
            let secure = HttpsConnectorBuilder::new().with_native_roots().map_err(EndpointError::Certificates)?;
            Pool::Secure(builder.build(secure.https_only().enable_http1().wrap_connector(plain)))
        } else {
            Pool::Plain(builder.build(plain))
        };
        Ok(Self { pool, provider: Arc::new(provider) })
    }

    /// What it is made of.
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// The id that tenants name the model by.
    pub fn id(&self) -> &str {
        &self.provider.id
    }

    /// Posts `body` to `path`, such as `/embeddings`, and gives the answer's JSON. Redirects are not followed, so that the key
    /// reaches no other host. One call, without repeating.
    ///
    /// # Errors
    ///
    /// [`ModelError::TimedOut`] after the provider's time, [`ModelError::Unavailable`] where it cannot be reached or says that it
    /// cannot serve, [`ModelError::Unusable`] for every answer that is no JSON.
    pub async fn post(&self, path: &str, body: &Json) -> Result<Json, ModelError> {
        let call = async {
            let request = self.request(path, body)?;
            let response = match &self.pool {
                Pool::Plain(pool) => pool.request(request).await,
                Pool::Secure(pool) => pool.request(request).await,
            };
            let response = response.map_err(|error| {
                self.unavailable(if error.is_connect() { "it cannot be connected to" } else { "the connection broke" })
            })?;
            self.judge(response.status())?;
            let body = Limited::new(response.into_body(), ANSWER_BYTES).collect().await;
            let bytes = body.map_err(|_| self.unavailable("its answer broke off or is too long"))?.to_bytes();
            serde_json::from_slice(&bytes).map_err(|_| self.unusable("its answer is no JSON"))
        };
        let after_ms = u64::try_from(self.provider.timeout.as_millis()).unwrap_or(u64::MAX);
        let timed_out = |_| ModelError::TimedOut { model: self.provider.id.clone(), after_ms };
        tokio::time::timeout(self.provider.timeout, call).await.map_err(timed_out)?
    }

    fn request(&self, path: &str, body: &Json) -> Result<Request<Full<Bytes>>, ModelError> {
        let mut request = Request::new(Full::new(Bytes::from(body.to_string())));
        *request.method_mut() = Method::POST;
        let uri = format!("{}{path}", self.provider.url).parse();
        *request.uri_mut() = uri.map_err(|_| self.unavailable("its address is none"))?;
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(key) = &self.provider.key {
            headers.insert(header::AUTHORIZATION, key.header());
        }
        Ok(request)
    }

    /// A refusal of our key or request is told apart from trouble of the upstream in the log alone; for the platform, the model
    /// is not there in both cases.
    fn judge(&self, status: StatusCode) -> Result<(), ModelError> {
        match status.as_u16() {
            200..=299 => Ok(()),
            401 | 403 => Err(self.unavailable(&format!("it refused the key (status {})", status.as_u16()))),
            300..=399 => Err(self.unusable(&format!("it redirects (status {})", status.as_u16()))),
            _ => Err(self.unavailable(&format!("status {}", status.as_u16()))),
        }
    }

    /// The upstream is out of service.
    pub fn unavailable(&self, reason: &str) -> ModelError {
        ModelError::Unavailable { model: self.provider.id.clone(), reason: reason.to_owned() }
    }

    /// The upstream answered with something that does not fit.
    pub fn unusable(&self, reason: &str) -> ModelError {
        ModelError::Unusable { model: self.provider.id.clone(), reason: reason.to_owned() }
    }
}
