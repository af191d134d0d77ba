//! The way to a collector: the client that calls models too, for the exporter.

use std::pin::Pin;
use std::time::Duration;

use axum::http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use opentelemetry_http::{Bytes, HttpClient, HttpError};

use crate::models::{CertificatesError, HttpFetch};

/// Longest answer of a collector that is read, in bytes; it says how many spans it refused and why.
const ANSWER: usize = 64 << 10;

/// A client of one collector.
#[derive(Debug)]
pub(super) struct Collector {
    fetch: HttpFetch,
    patience: Duration,
}

impl Collector {
    pub(super) fn new(secure: bool, patience: Duration) -> Result<Self, CertificatesError> {
        Ok(Self { fetch: HttpFetch::new(secure)?, patience })
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let response = self
            .fetch
            .exchange(Request::from_parts(parts, Full::new(body)))
            .await
            .map_err(|error| format!("{error:?}"))?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, ANSWER).collect().await?.to_bytes();
        Ok(Response::from_parts(parts, body))
    }
}

impl HttpClient for Collector {
    // The trait is declared by a macro; this is what it expects, by hand.
    fn send_bytes<'client, 'sent>(
        &'client self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'sent>>
    where
        'client: 'sent,
        Self: 'sent,
    {
        Box::pin(async move { tokio::time::timeout(self.patience, self.send(request)).await? })
    }
}
