//! Brings the fixture documents into a target over HTTP, as any client would.

use std::time::Duration;

use contract_types::Limits;
use fixtures::TenantFixture;
use indicatif::ProgressBar;
use serde_json::{Value, json};

use crate::{
    client::{Client, ClientError, Exchange, Request},
    credential::Credential,
};

/// Longest wait that a `retry-after` is obeyed for.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Most attempts of one request.
const ATTEMPTS: usize = 8;

/// Why the fixtures are not there.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// No response.
    #[error("the documents of `{tenant}` could not be ingested: {cause}")]
    Client {
        /// The tenant.
        tenant: String,
        /// Why.
        cause: ClientError,
    },
    /// The target refused.
    #[error("the documents of `{tenant}` could not be ingested: status {status}: {body}")]
    Refused {
        /// The tenant.
        tenant: String,
        /// Status of the answer.
        status: u16,
        /// The beginning of its body.
        body: String,
    },
    /// Some documents failed.
    #[error("documents of `{tenant}` failed to ingest: {ids}")]
    Failed {
        /// The tenant.
        tenant: String,
        /// Their ids and reasons.
        ids: String,
    },
}

/// Sends a request, and again after the time that a `429 RATE_LIMITED` asks for.
///
/// # Errors
///
/// As [`Client::send`].
pub async fn send_patiently(client: &Client, request: &Request) -> Result<Exchange, ClientError> {
    let mut attempt = 1;
    loop {
        let exchange = client.send(request).await?;
        match retry_after(&exchange) {
            Some(wait) if attempt < ATTEMPTS => tokio::time::sleep(wait).await,
            _ => return Ok(exchange),
        }
        attempt += 1;
    }
}

/// How long to wait before asking again, when the answer is `429 RATE_LIMITED`.
pub fn retry_after(exchange: &Exchange) -> Option<Duration> {
    let limited = exchange.response.status == 429 && exchange.response.error_code().as_deref() == Some("RATE_LIMITED");
    let seconds = exchange.response.header("retry-after").and_then(|value| value.parse().ok()).unwrap_or(1);
    limited.then(|| Duration::from_secs(seconds).min(LONGEST_WAIT))
}

/// Ingests the documents of one tenant, within its limits; what is there already stays as it is.
///
/// # Errors
///
/// [`SeedError`].
pub async fn documents(
    client: &Client,
    tenant: &TenantFixture,
    credential: &Credential,
    limits: Option<&Limits>,
    progress: &ProgressBar,
) -> Result<(), SeedError> {
    let inputs = tenant.documents.iter().map(|document| serde_json::to_value(document.to_input()).unwrap_or_default());
    for batch in batches(inputs.collect(), limits) {
        let size = batch.len();
        let request = Request::new("POST", "/ingest").bearer(&credential.secret).json(&json!({ "documents": batch }));
        let client_error = |cause| SeedError::Client { tenant: tenant.id.clone(), cause };
        let exchange = send_patiently(client, &request).await.map_err(client_error)?;
        let body = exchange.response.json().unwrap_or_default();
        if exchange.response.status != 200 {
            let text = String::from_utf8_lossy(&exchange.response.body);
            return Err(SeedError::Refused {
                tenant: tenant.id.clone(),
                status: exchange.response.status,
                body: text.chars().take(500).collect(),
            });
        }
        let failed: Vec<String> = body["documents"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|outcome| outcome["status"] == "failed")
            .map(|outcome| format!("{} ({})", outcome["id"].as_str().unwrap_or("?"), outcome["error"]["message"]))
            .collect();
        if !failed.is_empty() {
            return Err(SeedError::Failed { tenant: tenant.id.clone(), ids: failed.join(", ") });
        }
        progress.inc(u64::try_from(size).unwrap_or(0));
    }
    Ok(())
}

/// Documents in batches that the tenant's limits let through, half of the body limit left free.
fn batches(documents: Vec<Value>, limits: Option<&Limits>) -> Vec<Vec<Value>> {
    let most = limits.map_or(20, |limits| usize::try_from(limits.documents_per_request).unwrap_or(20)).min(20);
    let bytes = limits.map_or(256 << 10, |limits| usize::try_from(limits.body_bytes / 2).unwrap_or(1024));
    let mut batches: Vec<Vec<Value>> = Vec::new();
    let mut room = 0;
    for document in documents {
        let size = document.to_string().len();
        match batches.last_mut() {
            Some(batch) if batch.len() < most && size <= room => {
                batch.push(document);
                room -= size;
            }
            _ => {
                batches.push(vec![document]);
                room = bytes.saturating_sub(size);
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use contract_types::Scope;
    use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

    use super::*;
    use crate::{client::Bounds, credential::Secret};

    #[test]
    fn cuts_batches_by_number_and_by_size() {
        let documents: Vec<Value> = (0..45).map(|n| json!({ "id": n })).collect();
        let sizes: Vec<usize> = batches(documents, None).iter().map(Vec::len).collect();
        assert_eq!(sizes, [20, 20, 5]);
        let large: Vec<Value> = (0..3).map(|_| json!("a".repeat(200 << 10))).collect();
        assert_eq!(batches(large, None).len(), 3);
    }

    #[tokio::test]
    async fn waits_as_long_as_it_is_told_to() {
        let server = MockServer::start().await;
        let limited = json!({"error": {"code": "RATE_LIMITED", "message": "m", "request_id": "r"}});
        let refusal = ResponseTemplate::new(429).insert_header("retry-after", "1").set_body_json(limited);
        Mock::given(any()).respond_with(refusal).up_to_n_times(1).mount(&server).await;
        Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&server).await;
        let client = Client::new(&server.uri(), Bounds::default()).unwrap();
        let began = std::time::Instant::now();
        let exchange = send_patiently(&client, &Request::new("GET", "/")).await.unwrap();
        assert_eq!(exchange.response.status, 200);
        assert!(began.elapsed() >= Duration::from_secs(1));
    }

    #[tokio::test]
    async fn names_documents_that_failed() {
        let server = MockServer::start().await;
        let report =
            json!({"documents": [{"id": "a", "status": "failed", "error": {"message": "no"}}], "corpus_version": 1});
        Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_json(report)).mount(&server).await;
        let client = Client::new(&server.uri(), Bounds::default()).unwrap();
        let all = fixtures::Fixtures::load(&fixtures::Fixtures::embedded_root()).unwrap();
        let tenant = all.tenants().first().unwrap();
        let scopes = vec![Scope::IngestWrite];
        let credential = Credential { tenant: tenant.id.clone(), name: "all".into(), scopes, secret: Secret::new("k") };
        let result = documents(&client, tenant, &credential, None, &ProgressBar::hidden()).await;
        assert!(result.unwrap_err().to_string().contains("a (\"no\")"));
    }
}
