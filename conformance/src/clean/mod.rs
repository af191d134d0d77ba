//! Finds what broken runs left on a target, by the marks that the suite puts into everything it writes, and takes it away.

mod ours;

use std::collections::BTreeSet;

use harness::{
    client::{Client, ClientError, Exchange, Request},
    credential::Credential,
    seed,
};
use serde_json::Value;

pub(crate) use ours::Ours;

/// Most pages of one list: a cursor that leads round in a circle ends here.
const MOST_PAGES: usize = 10_000;

/// Why a tenant could not be cleaned. Its text is one message for a person.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CleanError {
    /// No response.
    #[error("{0}")]
    Client(#[from] ClientError),
    /// The target answered something else than the list.
    #[error("GET {target} answers {status}{code}, expected 200 and a list of {key}")]
    Refused {
        /// Path and query.
        target: String,
        /// Status of the answer.
        status: u16,
        /// Its error code, with a blank before it.
        code: String,
        /// What should have been listed.
        key: &'static str,
    },
    /// The list does not end.
    #[error("GET {0} never comes to its last page")]
    Endless(String),
}

/// Something that the suite left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Left {
    /// `document` or `job`.
    pub(crate) kind: &'static str,
    /// Its id.
    pub(crate) id: String,
}

/// What is left of the suite in the credential's tenant: jobs that still run, then documents.
///
/// # Errors
///
/// [`CleanError`].
pub(crate) async fn find(client: &Client, credential: &Credential, ours: &Ours<'_>) -> Result<Vec<Left>, CleanError> {
    let mut left = Vec::new();
    if ["ingest:write", "tools:execute", "tts:write"].iter().any(|scope| credential.holds(scope)) {
        for job in list(client, credential, "/jobs", "jobs").await? {
            let running = matches!(job["status"].as_str(), Some("queued" | "running"));
            let mut items = job["items"].as_array().into_iter().flatten().filter_map(|item| item["id"].as_str());
            if let (true, Some(id)) = (running && items.any(|id| ours.marks(id)), job["id"].as_str()) {
                left.push(Left { kind: "job", id: id.to_owned() });
            }
        }
    }
    for document in list(client, credential, "/documents", "documents").await? {
        if let Some(id) = document["id"].as_str().filter(|_| ours.is_document(&document)) {
            left.push(Left { kind: "document", id: id.to_owned() });
        }
    }
    Ok(left)
}

/// Takes one thing away; gives what the target said where it did not.
///
/// # Errors
///
/// [`ClientError`] when there is no response.
pub(crate) async fn remove(
    client: &Client,
    credential: &Credential,
    left: &Left,
) -> Result<Option<String>, ClientError> {
    let request = Request::new("DELETE", &format!("/{}s/{}", left.kind, left.id)).bearer(&credential.secret);
    let exchange = seed::send_patiently(client, &request).await?;
    // What is gone already, or a job that has ended meanwhile, is as it should be.
    let gone = matches!(exchange.response.status, 200..=299 | 404 | 409);
    Ok((!gone).then(|| format!("{}{}", exchange.response.status, code(&exchange))))
}

/// Everything on every page of a list.
async fn list(
    client: &Client,
    credential: &Credential,
    path: &str,
    key: &'static str,
) -> Result<Vec<Value>, CleanError> {
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    let mut target = format!("{path}?limit=100");
    while seen.len() < MOST_PAGES && seen.insert(target.clone()) {
        let request = Request::new("GET", &target).bearer(&credential.secret);
        let exchange = seed::send_patiently(client, &request).await?;
        let body = exchange.response.json().unwrap_or_default();
        let (200, Some(page)) = (exchange.response.status, body[key].as_array()) else {
            let (status, code) = (exchange.response.status, code(&exchange));
            return Err(CleanError::Refused { target, status, code, key });
        };
        found.extend(page.iter().cloned());
        let Some(cursor) = body["next_cursor"].as_str() else { return Ok(found) };
        target = format!("{path}?limit=100&cursor={}", harness::client::percent_encode(cursor));
    }
    Err(CleanError::Endless(path.to_owned()))
}

fn code(exchange: &Exchange) -> String {
    exchange.response.error_code().map(|code| format!(" {code}")).unwrap_or_default()
}
