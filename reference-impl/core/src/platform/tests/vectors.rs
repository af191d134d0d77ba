//! Vectors that change with the model, or cannot be used.

use std::sync::atomic::AtomicUsize;

use contract_types::ErrorCode;
use futures_util::FutureExt;

use super::*;
use crate::ports::{Embedded, Statement};
use crate::retrieve::ReindexError;

/// The hashed embedder under another name and sign; each text uses up one of `left`, and without any it hangs.
struct Other {
    left: AtomicUsize,
}

impl Other {
    const MODEL: &'static str = "other";

    fn new(left: usize) -> Arc<Self> {
        Arc::new(Self { left: AtomicUsize::new(left) })
    }
}

impl Embedder for Other {
    fn model(&self) -> &'static str {
        Self::MODEL
    }

    fn dimensions(&self) -> usize {
        512
    }

    fn kind(&self) -> EmbedderKind {
        EmbedderKind::Neural
    }

    fn embed<'a>(
        &'a self,
        _: &'a TenantContext,
        texts: &'a [String],
        _: EmbedPurpose,
    ) -> BoxFuture<'a, Result<Embedded, ModelError>> {
        let spent = self.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(texts.len()));
        if spent.is_err() {
            return Box::pin(std::future::pending());
        }
        let reversed = |text: &String| HashedEmbedder::vector(text).into_iter().rev().map(|value| -value).collect();
        Box::pin(async move { Ok(texts.iter().map(reversed).collect::<Vec<_>>().into()) })
    }
}

/// A platform over the house's stores that has `embedder` too, and the owner as configured with `model`.
fn moved(house: &House, embedder: Arc<Other>, model: &str) -> (Platform, TenantContext) {
    let mut ports = house.platform.ports().clone();
    ports.embedders.push(embedder);
    let mut settings = TenantSettings::clone(house.tenants.owner().settings());
    model.clone_into(&mut settings.models.embedding);
    house.tenants.registry.replace(settings).unwrap();
    (Platform::new(ports, &[7; 32], INDEX_BYTES), house.tenants.owner())
}

fn many() -> Vec<DocumentInput> {
    let text = |id: usize| {
        let sentences: Vec<String> =
            (0..40).map(|at| format!("Bolt {at} of part {id} is number {}.", at * id)).collect();
        sentences.join(" ")
    };
    (0..20).map(|id| document(&format!("part-{id}"), &text(id), &json!({"id": id}))).collect()
}

async fn ranked(platform: &Platform, tenant: &TenantContext) -> Vec<(String, f64)> {
    let request = RetrieveRequest { mode: Some(RetrievalMode::Dense), ..RetrieveRequest::new("number of bolt 7") };
    let found = platform.retrieve(tenant, &request).await.unwrap();
    found.chunks.into_iter().map(|chunk| (chunk.chunk_id, chunk.score)).collect()
}

fn mismatch<T>(outcome: &Result<T, SearchError>) -> bool {
    matches!(outcome, Err(SearchError::Retrieve(RetrieveError::IndexMismatch { .. })))
}

#[tokio::test]
async fn reindexes_at_once_and_goes_on_after_it_was_killed() {
    let options = ChunkOptions { size: Some(32), ..ChunkOptions::default() };
    let house = house();
    let before = house.tenants.owner();
    house.platform.ingest(&before, &many(), options).await.unwrap();
    let old = ranked(&house.platform, &before).await;

    let (platform, owner) = moved(&house, Other::new(150), Other::MODEL);
    let request = RetrieveRequest::new("number of bolt 7");
    assert!(mismatch(&platform.retrieve(&owner, &request).await));
    let mut told = Vec::new();
    let killed = platform.reindex(&owner, &mut |progress| told.push(progress)).now_or_never();
    assert!(killed.is_none(), "the model hangs after 150 texts");
    assert!(told.iter().map(|it| it.done).eq([0, 64, 128]) && told[0].total > 150, "{told:?}");
    assert!(mismatch(&platform.retrieve(&owner, &request).await));
    assert_eq!(ranked(&house.platform, &before).await, old, "the old index answers as it did");

    let (platform, owner) = moved(&house, Other::new(10_000), Other::MODEL);
    let done = platform.reindex(&owner, &mut |_| {}).await.unwrap();
    assert_eq!((done.chunks, done.resumed), (told[0].total, 128));
    assert_eq!((done.from.as_deref(), done.to.as_str()), (Some("hashed-lexical-v1/512"), "other/512"));
    let new = ranked(&platform, &owner).await;
    assert!(mismatch(&house.platform.retrieve(&before, &request).await), "what was in memory is not served on");

    // As if it had been ingested by the new model from the start, and nothing of a document looks new.
    let fresh = super::house();
    let (other, stranger) = moved(&fresh, Other::new(10_000), Other::MODEL);
    other.ingest(&stranger, &many(), options).await.unwrap();
    assert_eq!(new, ranked(&other, &stranger).await);
    let again = platform.ingest(&owner, &many(), options).await.unwrap();
    assert!(again.documents.iter().all(|it| it.status == DocumentStatus::Unchanged));
}

#[tokio::test]
async fn begins_anew_where_another_model_was_begun() {
    let (house, _) = filled().await;
    let (platform, owner) = moved(&house, Other::new(0), Other::MODEL);
    assert!(platform.reindex(&owner, &mut |_| {}).now_or_never().is_none());
    let (platform, owner) = moved(&house, Other::new(0), HashedEmbedder::MODEL);
    let done = platform.reindex(&owner, &mut |_| {}).await.unwrap();
    assert_eq!((done.resumed, done.to.as_str()), (0, "hashed-lexical-v1/512"));
    let (platform, owner) = moved(&house, Other::new(0), "absent");
    let refused = platform.reindex(&owner, &mut |_| {}).await;
    assert!(matches!(refused, Err(ReindexError::UnknownModel { .. })));
}

#[tokio::test]
async fn takes_chunks_along_that_come_in_meanwhile_and_leaves_those_that_go() {
    let house = house();
    let owner = house.tenants.owner();
    house.platform.ingest(&owner, &many(), ChunkOptions::default()).await.unwrap();
    let (platform, owner) = moved(&house, Other::new(10_000), HashedEmbedder::MODEL);
    let mut first = true;
    let mut change = |_| {
        if std::mem::take(&mut first) {
            let (platform, owner) = (&house.platform, &owner);
            platform.delete_document(owner, "part-3").now_or_never().unwrap().unwrap();
            let new = [document("late", "A bolt that came late.", &json!({}))];
            platform.ingest(owner, &new, ChunkOptions::default()).now_or_never().unwrap().unwrap();
        }
    };
    platform.reindex(&owner, &mut change).await.unwrap();
    let found = platform.retrieve(&owner, &RetrieveRequest::new("bolt that came late")).await.unwrap();
    assert_eq!(found.chunks[0].document_id, "late");
    let database = platform.ports().databases.open(&owner).await.unwrap();
    let left = "SELECT (SELECT count(*) FROM reindexed), (SELECT count(*) FROM chunks WHERE document_id = 'part-3')";
    let left = database.batch(vec![Statement::new(left, Vec::new())]).await.unwrap();
    assert_eq!(left, [[[crate::ports::Value::Integer(0), crate::ports::Value::Integer(0)]]]);
}

#[tokio::test]
async fn refuses_vectors_that_are_no_numbers_and_stores_nothing_of_the_document() {
    for bad in [f32::NAN, f32::INFINITY, f32::MAX] {
        let (house, owner) = filled().await;
        *house.embedder.poison.lock().unwrap() = Some(bad);
        let documents = [document("new", "New text.", &json!({})), document("refund", "Changed.", &json!({}))];
        let error = house.platform.ingest(&owner, &documents, ChunkOptions::default()).await.unwrap_err();
        assert!(matches!(error, IngestError::Model(_)), "{error}");
        assert_eq!(error.code(), ErrorCode::UpstreamUnavailable);
        assert!(matches!(house.platform.get_document(&owner, "new").await, Err(IngestError::NotFound)));
        assert!(house.platform.get_document(&owner, "refund").await.unwrap().text.contains("17 days"));
        let found = house.platform.retrieve(&owner, &RetrieveRequest::new("refund of a customer")).await.unwrap();
        assert_eq!(found.degraded, [Degradation::EmbeddingUnavailable]);
        assert!(found.chunks.iter().all(|chunk| chunk.score.is_finite()));
        assert!(house.platform.reindex(&owner, &mut |_| {}).await.is_err());
        *house.embedder.poison.lock().unwrap() = None;
        let found = house.platform.retrieve(&owner, &RetrieveRequest::new("refund of a customer")).await.unwrap();
        assert!(found.degraded.is_empty() && found.chunks[0].document_id == "refund");
    }
}

#[tokio::test]
async fn fuses_by_ranks_where_the_tenant_says_so() {
    let house = house_with(|settings| settings.retrieval.fusion = crate::tenancy::Fusion::Rrf);
    let owner = house.tenants.owner();
    house.platform.ingest(&owner, &corpus(), ChunkOptions::default()).await.unwrap();
    let request = RetrieveRequest { explain: true, ..RetrieveRequest::new("refund within days of delivery") };
    let found = house.platform.retrieve(&owner, &request).await.unwrap();
    assert_eq!(found.chunks[0].document_id, "refund");
    assert!((found.chunks[0].score - 1.0).abs() < 1e-9, "first in both halves");
    let expected = |dense: f64, lexical: f64| (0.5 * 61.0 / (60.0 + dense) + 0.5 * 61.0 / (60.0 + lexical)).min(1.0);
    let allowed: Vec<f64> = (1..5)
        .flat_map(|one| (1..5).map(move |two| (one, two)))
        .map(|(one, two)| expected(f64::from(one), f64::from(two)))
        .collect();
    for candidate in found.explain.unwrap().candidates.iter().filter(|it| it.dense.is_some() && it.lexical.is_some()) {
        assert!(allowed.iter().any(|score| (score - candidate.fused).abs() < 2e-6), "{candidate:?}");
    }
}
