//! How calls to models behind URLs travel on this host.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, header};
use futures_util::StreamExt;
use http_body_util::{BodyDataStream, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use reference_core::ports::BoxFuture;
use reference_providers::{Fetch, FetchError, FetchRequest, FetchResponse};

/// Longest time to connect; a call's own time ends earlier where it is shorter.
const CONNECT: Duration = Duration::from_secs(10);
/// Time that an idle connection is kept.
const IDLE: Duration = Duration::from_secs(30);

/// Connections; only those of an https upstream need certificates of the host.
#[derive(Debug, Clone)]
enum Pool {
    Plain(Client<HttpConnector, Full<Bytes>>),
    Secure(Client<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

/// Certificates that this host trusts cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("certificates of this host cannot be read; https upstreams need them")]
pub struct CertificatesError(#[source] std::io::Error);

/// A client over HTTP/1.1. It follows no redirects and repeats nothing: also a call that meets a connection which the upstream
/// has just closed fails, and is for the policy to repeat.
#[derive(Debug, Clone)]
pub struct HttpFetch(Pool);

impl HttpFetch {
    /// A client for an upstream whose address begins with `https:` or does not.
    ///
    /// # Errors
    ///
    /// [`CertificatesError`], for https alone.
    pub fn new(secure: bool) -> Result<Self, CertificatesError> {
        let mut plain = HttpConnector::new();
        plain.set_connect_timeout(Some(CONNECT));
        plain.set_nodelay(true);
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_idle_timeout(IDLE).retry_canceled_requests(false);
        if !secure {
            return Ok(Self(Pool::Plain(builder.build(plain))));
        }
        plain.enforce_http(false);
        let connector = HttpsConnectorBuilder::new().with_native_roots().map_err(CertificatesError)?;
        Ok(Self(Pool::Secure(builder.build(connector.https_only().enable_http1().wrap_connector(plain)))))
    }

    /// The answer to a request, whatever it carries.
    pub(crate) async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, FetchError> {
        let response = match &self.0 {
            Pool::Plain(pool) => pool.request(request).await,
            Pool::Secure(pool) => pool.request(request).await,
        };
        response.map_err(|error| if error.is_connect() { FetchError::NotConnected } else { FetchError::Broken })
    }

    async fn send(&self, request: FetchRequest) -> Result<FetchResponse, FetchError> {
        let response = self.exchange(http_request(request)?).await?;
        let (parts, body) = response.into_parts();
        let chunks = BodyDataStream::new(body).map(|chunk| chunk.map_err(|_| FetchError::Broken));
        Ok(FetchResponse {
            status: parts.status.as_u16(),
            content_type: text(&parts.headers, &header::CONTENT_TYPE),
            retry_after: text(&parts.headers, &header::RETRY_AFTER),
            date: text(&parts.headers, &header::DATE),
            body: chunks.boxed(),
        })
    }
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// An address or a field that cannot be sent reaches nobody.
fn http_request(request: FetchRequest) -> Result<Request<Full<Bytes>>, FetchError> {
    let mut built = Request::new(Full::new(Bytes::from(request.body)));
    *built.method_mut() = Method::POST;
    *built.uri_mut() = request.url.parse().map_err(|_| FetchError::NotConnected)?;
    for field in request.headers {
        let mut value = HeaderValue::from_str(&field.value).map_err(|_| FetchError::NotConnected)?;
        value.set_sensitive(field.secret);
        built.headers_mut().insert(HeaderName::from_static(field.name), value);
    }
    Ok(built)
}

impl Fetch for HttpFetch {
    fn fetch(&self, request: FetchRequest) -> BoxFuture<'_, Result<FetchResponse, FetchError>> {
        Box::pin(self.send(request))
    }
}

#[cfg(test)]
mod tests;
