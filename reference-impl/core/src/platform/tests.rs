use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use contract_types::ErrorCode;
use serde_json::{Value as Json, json};

mod audio;
mod chat;
mod chat_tools;
mod contract;
mod embedding;
mod erase;
mod flights;
mod health;
mod house;
mod kept;
mod races;
mod safety;
mod shared_metrics;
mod vectors;

use house::{House, corpus, document, filled, house, house_with, report_of, search};

use super::*;
use crate::answer::{Band, Extractive, NO_ANSWER};
use crate::ingest::{ContentType, DocumentStatus, UnicodeWords};
use crate::ports::{
    Background, BoxFuture, EmbedPurpose, Embedded, EmbedderKind, Generation, GenerationRequest, Generator,
    GeneratorKind, MemoryKeyValue, ModelError,
};
use crate::retrieve::{Degradation, Filter, HashedEmbedder, TermOverlap};
use crate::search::{CacheMode, Intent};
use crate::store::jobs::JobStatus;
use crate::tenancy::{RetrievalMode, TenantSettings};
use crate::testkit::{MemoryDatabases, TestTenants, TestTimer};

#[tokio::test]
async fn ingests_once_and_replaces_whole_documents() {
    let (house, owner) = filled().await;
    let again = house.platform.ingest(&owner, &corpus(), ChunkOptions::default()).await.unwrap();
    assert!(again.documents.iter().all(|it| it.status == DocumentStatus::Unchanged));
    assert_eq!(again.corpus_version, 3);
    let changed = document("refund", "Vouchers alone are returned.", &json!({"area": "billing"}));
    let report = house.platform.ingest(&owner, &[changed], ChunkOptions::default()).await.unwrap();
    assert_eq!((report.documents[0].status, report.corpus_version), (DocumentStatus::Updated, 4));
    let chunks = house.platform.list_chunks(&owner, "refund", 10, None).await.unwrap();
    assert_eq!(chunks.items.len(), 1);
    let stored = house.platform.get_document(&owner, "refund").await.unwrap();
    assert_eq!(stored.text, "Vouchers alone are returned.");
    let found = house.platform.retrieve(&owner, &RetrieveRequest::new("17 days of delivery")).await.unwrap();
    assert!(found.chunks.iter().all(|chunk| !chunk.text.contains("17 days")));
}

#[tokio::test]
async fn reports_a_broken_document_and_takes_the_others() {
    let house = house();
    let owner = house.tenants.owner();
    let broken = DocumentInput { content_type: ContentType::Json, ..document("bad", "{", &json!({})) };
    let report = house.platform.ingest(&owner, &[broken, corpus().remove(0)], ChunkOptions::default()).await.unwrap();
    assert_eq!(report.documents[0].status, DocumentStatus::Failed);
    assert_eq!(report.documents[1].status, DocumentStatus::Created);
    assert!(matches!(house.platform.get_document(&owner, "bad").await, Err(IngestError::NotFound)));
}

#[tokio::test]
async fn keeps_tenants_apart() {
    let (house, owner) = filled().await;
    let stranger = house.tenants.stranger();
    for mode in RetrievalMode::ALL {
        let request =
            RetrieveRequest { mode: Some(*mode), top_k: 100, ..RetrieveRequest::new("warranty refund battery") };
        assert!(house.platform.retrieve(&stranger, &request).await.unwrap().chunks.is_empty());
    }
    search(&house, &owner, "How long does the warranty last?").await;
    let answer = search(&house, &stranger, "How long does the warranty last?").await;
    assert!(!answer.cache.hit && answer.sources.is_empty() && answer.confidence.band == Band::None);
    assert!(matches!(house.platform.get_document(&stranger, "refund").await, Err(IngestError::NotFound)));
    assert!(matches!(house.platform.delete_document(&stranger, "refund").await, Err(IngestError::NotFound)));
    assert!(house.platform.get_document(&owner, "refund").await.is_ok());
    assert!(house.platform.list_documents(&stranger, 10, None).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn ranks_filters_and_cuts_exactly() {
    let (house, owner) = filled().await;
    for mode in RetrievalMode::ALL {
        let request =
            RetrieveRequest { mode: Some(*mode), explain: true, ..RetrieveRequest::new("refund within days") };
        let found = house.platform.retrieve(&owner, &request).await.unwrap();
        assert_eq!(found.chunks[0].document_id, "refund", "{mode}");
        assert!(found.chunks.windows(2).all(|pair| pair[0].score >= pair[1].score));
        assert!(found.chunks.iter().zip(1..).all(|(chunk, rank)| chunk.rank == rank));
        let text = house.platform.get_document(&owner, "refund").await.unwrap().text;
        assert_eq!(text[found.chunks[0].span.clone()], found.chunks[0].text);
        let again = house.platform.retrieve(&owner, &request).await.unwrap();
        assert_eq!(again.chunks, found.chunks);
        assert_eq!(again.explain.unwrap().embedding_cache_hit, *mode != RetrievalMode::Lexical);
        let least = found.chunks[0].score;
        let strict = RetrieveRequest { min_score: Some(least), ..request.clone() };
        assert!(house.platform.retrieve(&owner, &strict).await.unwrap().chunks.iter().all(|it| it.score >= least));
        let filter = json!({"area": {"$ne": "billing"}, "version": {"$gte": 2}});
        let filter = Filter::parse(filter.as_object().unwrap()).unwrap();
        let filtered = RetrieveRequest { filter, top_k: 1, ..request };
        let found = house.platform.retrieve(&owner, &filtered).await.unwrap();
        assert!(found.chunks.len() <= 1 && found.chunks.iter().all(|it| it.document_id != "refund"));
        assert_eq!(found.explain.unwrap().filtered_out, 1);
    }
}

#[tokio::test]
async fn survives_any_query() {
    let (house, owner) = filled().await;
    for query in ["\"", "a\" OR body:*", "NEAR(", "*", "😀", "' OR 1=1 --", "() AND NOT", "\"\"", "the of and"] {
        let request = RetrieveRequest { mode: Some(RetrievalMode::Hybrid), ..RetrieveRequest::new(query) };
        assert!(house.platform.retrieve(&owner, &request).await.is_ok(), "{query:?}");
        assert!(house.platform.search(&owner, &SearchRequest::new(query)).await.is_ok(), "{query:?}");
    }
}

#[tokio::test]
async fn answers_with_quotes_that_stand_in_their_chunks() {
    let (house, owner) = filled().await;
    let cases = [
        ("How long does the warranty last?", "2 years", "warranty"),
        ("Within how many days may a customer ask for a refund?", "17 days", "refund"),
        ("How many hours does a full charge of the battery take?", "4 hours", "battery"),
        ("how long is the waranty", "2 years", "warranty"),
    ];
    for (query, expected, document) in cases {
        let answer = search(&house, &owner, query).await;
        assert!(answer.answer.contains(expected), "{query}: {answer:?}");
        assert!(answer.confidence.band >= Band::Medium, "{query}: {:?}", answer.confidence);
        assert_eq!(answer.citations[0].document_id, document);
        for (citation, marker) in answer.citations.iter().zip(1..) {
            let chunks = house.platform.list_chunks(&owner, &citation.document_id, 100, None).await.unwrap();
            let chunk = chunks.items.iter().find(|chunk| chunk.id == citation.chunk_id).unwrap();
            assert_eq!(chunk.text[citation.chunk_span.clone()], citation.quote);
            assert_eq!(citation.marker, marker);
            assert!(answer.answer[citation.answer_span.end..].starts_with(" ["));
        }
    }
}

#[tokio::test]
async fn says_so_where_the_documents_do_not_answer() {
    let (house, owner) = filled().await;
    for query in [
        "Which animals live in the Amazon rainforest?",
        "Who painted the ceiling of the chapel?",
        "Does the trailer hitch fit a child seat?",
        "What is the salary of the chief executive?",
    ] {
        let answer = search(&house, &owner, query).await;
        assert_eq!(answer.confidence.band, Band::None, "{query}: {answer:?}");
        assert!(answer.citations.is_empty() && answer.sources.is_empty() && answer.answer == NO_ANSWER);
    }
    let greeting = search(&house, &owner, "Hello!").await;
    assert!(greeting.query.intent == Intent::ChitChat && greeting.sources.is_empty());
    let refused = house.platform.search(&owner, &SearchRequest::new("how do I make a bomb?")).await;
    assert!(matches!(refused, Err(SearchError::Blocked(_))));
}

#[tokio::test]
async fn caches_until_time_or_corpus_move_on() {
    let (house, owner) = filled().await;
    let query = "How long does the warranty last?";
    let first = search(&house, &owner, query).await;
    assert!(!first.cache.hit && first.cache.ttl_ms > 0);
    house.tenants.clock.advance(owner.id(), 1_000);
    let second = search(&house, &owner, "How  long does the warranty last?").await;
    assert!(second.cache.hit && second.cache.age_ms >= 1_000);
    assert_eq!((&second.answer, &second.citations, &second.sources), (&first.answer, &first.citations, &first.sources));
    assert_eq!(second.query.original, "How  long does the warranty last?");
    let bypass = SearchRequest { cache: CacheMode::Bypass, ..SearchRequest::new(query) };
    assert!(!house.platform.search(&owner, &bypass).await.unwrap().cache.hit);
    let refresh = SearchRequest { cache: CacheMode::Refresh, ..SearchRequest::new(query) };
    assert!(!house.platform.search(&owner, &refresh).await.unwrap().cache.hit);
    assert_eq!(search(&house, &owner, query).await.cache.age_ms, 0);
    house.platform.delete_document(&owner, "battery").await.unwrap();
    assert!(!search(&house, &owner, query).await.cache.hit);
    assert!(search(&house, &owner, query).await.cache.hit);
    house.tenants.clock.advance(owner.id(), 3_600_000);
    assert!(!search(&house, &owner, query).await.cache.hit);
}

#[tokio::test]
async fn goes_on_without_an_embedder() {
    let (house, owner) = filled().await;
    house.embedder.down.store(true, Relaxed);
    let found = house.platform.retrieve(&owner, &RetrieveRequest::new("refund")).await.unwrap();
    assert_eq!(found.degraded, [Degradation::EmbeddingUnavailable]);
    assert_eq!(found.chunks[0].document_id, "refund");
    let report = house.platform.ingest(&owner, &[document("new", "x", &json!({}))], ChunkOptions::default()).await;
    assert_eq!(report.unwrap_err().code(), ErrorCode::UpstreamUnavailable);
    assert!(matches!(house.platform.get_document(&owner, "new").await, Err(IngestError::NotFound)));
}

#[tokio::test]
async fn never_mixes_embeddings() {
    let (house, owner) = filled().await;
    house.embedder.longer.store(true, Relaxed);
    let refused = house.platform.retrieve(&owner, &RetrieveRequest::new("refund")).await;
    assert!(matches!(refused, Err(SearchError::Retrieve(RetrieveError::IndexMismatch { .. }))));
}

#[tokio::test]
async fn reranks_where_the_tenant_has_a_reranker() {
    let plain = house_with(|_| {});
    let owner = plain.tenants.owner();
    let request = RetrieveRequest { rerank: Some(true), explain: true, ..RetrieveRequest::new("full charge battery") };
    let refused = plain.platform.retrieve(&owner, &request).await;
    assert!(matches!(refused, Err(SearchError::Retrieve(RetrieveError::RerankNotEnabled))));
    let house = house_with(|settings| settings.models.rerank = Some(TermOverlap::MODEL.to_owned()));
    let owner = house.tenants.owner();
    house.platform.ingest(&owner, &corpus(), ChunkOptions::default()).await.unwrap();
    let found = house.platform.retrieve(&owner, &request).await.unwrap();
    assert_eq!(found.chunks[0].document_id, "battery");
    assert!(found.explain.unwrap().candidates[0].reranked.is_some());
}

#[tokio::test]
async fn ingests_as_a_job() {
    let house = house();
    let owner = house.tenants.owner();
    let job = house.platform.start_ingest_job(&owner, &corpus(), ChunkOptions::default()).await.unwrap();
    assert_eq!((job.status, job.total), (JobStatus::Queued, 3));
    let waiting = house.platform.job_result(&owner, job.id.as_str()).await;
    assert!(matches!(waiting, Err(JobError::NotReady)));
    let work: Vec<_> = house.later.0.lock().unwrap().drain(..).collect();
    for future in work {
        future.await;
    }
    let ended = house.platform.get_job(&owner, job.id.as_str()).await.unwrap();
    assert_eq!((ended.status, ended.done), (JobStatus::Succeeded, 3));
    let report = report_of(&house, &owner, job.id.as_str()).await;
    assert_eq!((report.documents.len(), report.corpus_version), (3, 3));
    let cancelled = house.platform.start_ingest_job(&owner, &corpus(), ChunkOptions::default()).await.unwrap();
    assert_eq!(house.platform.cancel_job(&owner, cancelled.id.as_str()).await.unwrap().status, JobStatus::Cancelled);
    assert_eq!(house.platform.run_jobs(&owner).await.unwrap(), 0);
    let first = house.platform.list_jobs(&owner, 1, None).await.unwrap();
    let second = house.platform.list_jobs(&owner, 1, first.next_cursor.as_deref()).await.unwrap();
    assert!(second.next_cursor.is_none() && second.items[0].id != first.items[0].id);
    let stranger = house.tenants.stranger();
    assert!(matches!(house.platform.get_job(&stranger, job.id.as_str()).await, Err(JobError::NotFound)));
    assert!(matches!(
        house.platform.list_jobs(&stranger, 1, first.next_cursor.as_deref()).await,
        Err(JobError::Cursor(_))
    ));
}

#[tokio::test]
async fn pages_through_documents() {
    let (house, owner) = filled().await;
    let mut cursor = None;
    let mut seen = Vec::new();
    loop {
        let page = house.platform.list_documents(&owner, 2, cursor.as_deref()).await.unwrap();
        seen.extend(page.items.into_iter().map(|document| document.id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["battery", "refund", "warranty"]);
    let health = house.platform.ports().health(&owner, || Box::pin(std::future::pending())).await;
    assert!(health.iter().all(|it| it.state == DependencyState::Up));
}
