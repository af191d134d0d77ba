//! Brings a collection into its tenant: what is there with the same content stays, what is not is sent, what belongs to other
//! collections is removed. So a run that was cut off goes on where it stopped.

use std::collections::{BTreeMap, BTreeSet};

use contract_types::{DocumentList, DocumentSummary, IngestReport, Limits};
use futures_util::{StreamExt, TryStreamExt, stream};
use harness::client::percent_encode;
use indicatif::ProgressBar;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    collection::{Collection, Sent, item},
    wire::{RunError, Wire},
};

/// How often a batch may be cut in two because the target was too slow for it.
const ATTEMPTS: usize = 8;
/// Most documents of one request.
const BATCH: usize = 40;
/// Batches at once: a target writes one tenant's documents one after the other, so more would only wait there.
const AT_ONCE: usize = 2;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Filled {
    /// Documents that were sent.
    pub sent: usize,
    /// Documents that were there already.
    pub kept: usize,
    /// Documents that were removed.
    pub removed: usize,
}

/// Every document of the tenant.
///
/// # Errors
///
/// [`RunError`] when a page is not answered as the contract says.
pub async fn held(wire: &Wire<'_>) -> Result<Vec<DocumentSummary>, RunError> {
    let mut found: Vec<DocumentSummary> = Vec::new();
    let mut path = "/documents?limit=100".to_owned();
    loop {
        let page: DocumentList = wire.ask("GET", &path, None).await?;
        let empty = page.documents.is_empty();
        found.extend(page.documents);
        match page.next_cursor {
            Some(cursor) if !empty => path = format!("/documents?limit=100&cursor={}", percent_encode(&cursor.0)),
            Some(_) | None => return Ok(found),
        }
    }
}

/// The hash that a target reports for `content`.
pub fn content_hash(content: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(content.as_bytes())))
}

/// Whether the target holds `document` to the letter.
pub fn is_held(document: &Sent, held: &DocumentSummary) -> bool {
    let metadata = serde_json::to_value(&held.metadata).unwrap_or_default();
    held.content_hash.0 == content_hash(&document.content) && metadata == Value::Object(document.metadata.clone())
}

/// Makes the tenant hold `collection`; with `again` every document is sent, whatever is there.
///
/// # Errors
///
/// [`RunError`] when the target refuses, or fails to ingest a document.
pub async fn fill(
    wire: &Wire<'_>,
    collection: &Collection,
    limits: Option<&Limits>,
    again: bool,
    progress: &ProgressBar,
) -> Result<Filled, RunError> {
    let there = held(wire).await?;
    let there: BTreeMap<&str, &DocumentSummary> = there.iter().map(|held| (held.id.0.as_str(), held)).collect();
    let mut filled = Filled::default();
    if collection.alone {
        let own: BTreeSet<&str> = collection.documents.iter().map(|document| document.id.as_str()).collect();
        let strange: Vec<String> = there.keys().filter(|id| !own.contains(*id)).map(|id| (*id).to_owned()).collect();
        filled.removed = strange.len();
        progress.set_message(format!("{}: removing others", collection.name));
        remove(wire, strange).await?;
    }
    let missing: Vec<&Sent> = collection
        .documents
        .iter()
        .filter(|document| again || !there.get(document.id.as_str()).is_some_and(|held| is_held(document, held)))
        .collect();
    filled.sent = missing.len();
    filled.kept = collection.documents.len() - missing.len();
    progress.set_message(format!("{}: ingesting", collection.name));
    progress.set_length(u64::try_from(collection.documents.len()).unwrap_or(0));
    progress.set_position(u64::try_from(filled.kept).unwrap_or(0));
    stream::iter(batches(&missing, limits))
        .map(|batch| send(wire, collection, batch, progress))
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    Ok(filled)
}

async fn remove(wire: &Wire<'_>, ids: Vec<String>) -> Result<(), RunError> {
    stream::iter(ids)
        .map(|id| async move {
            let path = format!("/documents/{}", percent_encode(&id));
            wire.ask::<Value>("DELETE", &path, None).await.map(|_| ())
        })
        .buffer_unordered(wire.pace.concurrency())
        .try_collect()
        .await
}

async fn send(
    wire: &Wire<'_>,
    collection: &Collection,
    batch: Vec<Value>,
    progress: &ProgressBar,
) -> Result<(), RunError> {
    let mut waiting = vec![batch];
    let mut attempts = 0;
    while let Some(batch) = waiting.pop() {
        match send_once(wire, collection, &batch, progress).await {
            // Slower than the tenant's deadline allows: what was ingested stays so, and less at once may be done in time.
            Err(RunError::Refused { status: 503 | 504, .. }) if attempts < ATTEMPTS => {
                attempts += 1;
                let (one, other) = batch.split_at(batch.len() / 2);
                waiting.extend([one, other].into_iter().filter(|half| !half.is_empty()).map(<[Value]>::to_vec));
            }
            sent => sent?,
        }
    }
    Ok(())
}

async fn send_once(
    wire: &Wire<'_>,
    collection: &Collection,
    batch: &[Value],
    progress: &ProgressBar,
) -> Result<(), RunError> {
    let size = u64::try_from(batch.len()).unwrap_or(0);
    let report: IngestReport = wire.ask("POST", "/ingest", Some(json!({ "documents": batch }))).await?;
    let failed = report.documents.iter().filter_map(|outcome| Some((outcome.id.0.as_str(), outcome.error.as_ref()?)));
    let failed: Vec<String> = failed.map(|(id, error)| format!("{id} ({})", error.message)).collect();
    if !failed.is_empty() {
        return Err(RunError::Failed { collection: collection.name.clone(), ids: failed.join(", ") });
    }
    progress.inc(size);
    Ok(())
}

/// Documents in batches that the tenant's limits let through, half of the body limit left free.
fn batches(documents: &[&Sent], limits: Option<&Limits>) -> Vec<Vec<Value>> {
    let most = limits.map_or(BATCH, |limits| usize::try_from(limits.documents_per_request).unwrap_or(BATCH)).min(BATCH);
    let bytes = limits.map_or(256 << 10, |limits| usize::try_from(limits.body_bytes / 2).unwrap_or(1024));
    let mut batches: Vec<Vec<Value>> = Vec::new();
    let mut room = 0;
    for document in documents {
        let value = item(document);
        let size = value.to_string().len();
        match batches.last_mut() {
            Some(batch) if batch.len() < most && size <= room => {
                batch.push(value);
                room -= size;
            }
            _ => {
                batches.push(vec![value]);
                room = bytes.saturating_sub(size);
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_batches_by_number_and_by_size() {
        let document = |id: usize, size: usize| Sent {
            id: format!("c:{id}"),
            content: "a".repeat(size),
            content_type: "text/markdown".to_owned(),
            metadata: serde_json::Map::new(),
        };
        let small: Vec<Sent> = (0..90).map(|id| document(id, 10)).collect();
        let sizes: Vec<usize> = batches(&small.iter().collect::<Vec<_>>(), None).iter().map(Vec::len).collect();
        assert_eq!(sizes, [40, 40, 10]);
        let large: Vec<Sent> = (0..3).map(|id| document(id, 200 << 10)).collect();
        assert_eq!(batches(&large.iter().collect::<Vec<_>>(), None).len(), 3);
    }

    #[test]
    fn hashes_as_the_contract_says() {
        assert_eq!(content_hash(""), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
