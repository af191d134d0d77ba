//! Claims of the contract that the operations as a whole must keep.

use std::collections::HashSet;

use contract_types::ErrorCode;
use sha2::{Digest, Sha256};

use super::*;

fn sha256(content: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(content)))
}

async fn ingest(house: &House, tenant: &TenantContext, document: DocumentInput) -> crate::ingest::DocumentOutcome {
    let report = house.platform.ingest(tenant, &[document], ChunkOptions::default()).await.unwrap();
    report.documents.into_iter().next().unwrap()
}

#[tokio::test]
async fn hashes_the_content_as_sent_and_nothing_else() {
    let house = house();
    let owner = house.tenants.owner();
    let content = "# Bell\r\n\nThe bell is *loud*, 90\u{a0}dB.";
    let hash = sha256(content);
    let first = document("bell", content, &json!({"stage": "draft"}));
    let other_metadata = document("bell", content, &json!({"stage": "final"}));
    let other_type = DocumentInput { content_type: ContentType::Plain, ..other_metadata.clone() };
    for (input, status) in [
        (first.clone(), DocumentStatus::Created),
        (first, DocumentStatus::Unchanged),
        (other_metadata, DocumentStatus::Updated),
        (other_type.clone(), DocumentStatus::Updated),
        (other_type.clone(), DocumentStatus::Unchanged),
    ] {
        let metadata = input.metadata.clone();
        let outcome = ingest(&house, &owner, input).await;
        assert_eq!((outcome.status, &outcome.content_hash), (status, &hash));
        let stored = house.platform.get_document(&owner, "bell").await.unwrap().summary;
        assert_eq!((&stored.content_hash, stored.metadata), (&hash, metadata));
    }
    let options = ChunkOptions { size: Some(16), ..ChunkOptions::default() };
    let report = house.platform.ingest(&owner, &[other_type], options).await.unwrap();
    assert_eq!(report.documents[0].status, DocumentStatus::Updated, "other chunk options");
    assert_eq!(report.documents[0].content_hash, hash);
}

#[tokio::test]
async fn reports_the_chunks_that_a_failed_document_still_has() {
    let house = house();
    let owner = house.tenants.owner();
    let json = |content: &str| DocumentInput { content_type: ContentType::Json, ..document("a", content, &json!({})) };
    let missing = ingest(&house, &owner, json("{")).await;
    assert_eq!((missing.status, missing.chunks), (DocumentStatus::Failed, 0));
    let held = ingest(&house, &owner, json(r#"{"size": 5}"#)).await.chunks;
    assert!(held > 0);
    let unreadable = ingest(&house, &owner, json(r#"{"size": "#)).await;
    house.embedder.down.store(true, Relaxed);
    // Beside one that needs no model, since a request that comes to nothing as a whole has no outcomes.
    let beside = DocumentInput { id: "b".to_owned(), ..json("{") };
    let request = [json(r#"{"size": 6}"#), beside];
    let report = house.platform.ingest(&owner, &request, ChunkOptions::default()).await.unwrap();
    let unembedded = report.documents.into_iter().next().unwrap();
    for (failed, content, code) in [
        (unreadable, r#"{"size": "#, ErrorCode::ValidationError),
        (unembedded, r#"{"size": 6}"#, ErrorCode::UpstreamUnavailable),
    ] {
        assert_eq!((failed.status, failed.chunks), (DocumentStatus::Failed, held));
        assert_eq!((failed.content_hash, failed.error.unwrap().code), (sha256(content), code));
    }
    let stored = house.platform.get_document(&owner, "a").await.unwrap();
    assert_eq!(stored.summary.content_hash, sha256(r#"{"size": 5}"#));
}

#[tokio::test]
async fn reports_each_document_that_cannot_be_embedded_wherever_it_stands() {
    let (house, owner) = filled().await;
    house.embedder.down.store(true, Relaxed);
    let mut documents = corpus();
    documents.insert(0, document("new", "Never embedded.", &json!({})));
    documents.push(document("newer", "Never embedded.", &json!({})));
    let report = house.platform.ingest(&owner, &documents, ChunkOptions::default()).await.unwrap();
    let statuses: Vec<_> = report.documents.iter().map(|it| it.status).collect();
    let (failed, unchanged) = (DocumentStatus::Failed, DocumentStatus::Unchanged);
    assert_eq!(statuses, [failed, unchanged, unchanged, unchanged, failed]);
    assert_eq!(report.corpus_version, 3);
}

#[tokio::test]
async fn refuses_an_id_that_stands_twice_in_a_request() {
    let house = house();
    let owner = house.tenants.owner();
    let documents = ["a", "b", "a", "b"].map(|id| document(id, "x", &json!({})));
    let refused = house.platform.ingest(&owner, &documents, ChunkOptions::default()).await.unwrap_err();
    assert_eq!((refused.code(), refused.pointer().as_deref()), (ErrorCode::ValidationError, Some("/documents/2/id")));
    let job = house.platform.start_ingest_job(&owner, &documents, ChunkOptions::default()).await;
    assert!(matches!(job, Err(JobError::Ingest(IngestError::RepeatedId { index: 2 }))));
    assert!(house.platform.list_documents(&owner, 10, None).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn gives_a_job_the_report_of_the_same_request_also_where_all_of_it_fails() {
    let house = house();
    let owner = house.tenants.owner();
    let broken = [DocumentInput { content_type: ContentType::Json, ..document("bad", "{", &json!({})) }];
    let direct = house.platform.ingest(&owner, &broken, ChunkOptions::default()).await.unwrap();
    let job = house.platform.start_ingest_job(&owner, &broken, ChunkOptions::default()).await.unwrap();
    house.platform.run_jobs(&owner).await.unwrap();
    assert_eq!(ingested(house.platform.job_result(&owner, job.id.as_str()).await.unwrap()), direct);
    let ended = house.platform.get_job(&owner, job.id.as_str()).await.unwrap();
    assert_eq!((ended.status, ended.items[0].status), (JobStatus::Succeeded, JobStatus::Failed));
}

#[tokio::test]
async fn serves_one_entry_to_queries_that_differ_in_case_and_white_space() {
    let (house, owner) = filled().await;
    let first = search(&house, &owner, "How long does the warranty last?").await;
    let again = search(&house, &owner, " how LONG does\tthe Warranty\nlast?").await;
    assert!(!first.cache.hit && again.cache.hit);
    assert_eq!((&again.answer, &again.citations), (&first.answer, &first.citations));
    assert_eq!(again.query.original, " how LONG does\tthe Warranty\nlast?");
    assert_eq!(again.query.rewritten, "how LONG does the Warranty last?");
    assert!(first.usage.model == Extractive::MODEL && again.usage.model.is_empty(), "a hit calls no model");
    assert!(!search(&house, &owner, "How long does the warranty last").await.cache.hit);
}

#[tokio::test]
async fn explains_with_the_raw_scores_of_both_halves() {
    let house = house_with(|settings| settings.models.rerank = Some(TermOverlap::MODEL.to_owned()));
    let owner = house.tenants.owner();
    house.platform.ingest(&owner, &corpus(), ChunkOptions::default()).await.unwrap();
    let ask = async |mode: RetrievalMode, rerank: bool| {
        let request = RetrieveRequest {
            mode: Some(mode),
            explain: true,
            rerank: Some(rerank),
            ..RetrieveRequest::new("customer refund within 17 days")
        };
        house.platform.retrieve(&owner, &request).await.unwrap()
    };
    let hybrid = ask(RetrievalMode::Hybrid, false).await.explain.unwrap().candidates;
    let (dense, lexical) = (ask(RetrievalMode::Dense, false).await, ask(RetrievalMode::Lexical, false).await);
    let (dense, lexical) = (dense.explain.unwrap().candidates, lexical.explain.unwrap().candidates);
    assert!(dense.iter().all(|it| it.lexical.is_none()) && lexical.iter().all(|it| it.dense.is_none()));
    // A cosine is scaled so that the best is 1; what is told is not.
    assert!(dense[0].dense.is_some_and(|cosine| (-1.0..0.99).contains(&cosine)) && dense[0].fused > 0.99, "{dense:?}");
    assert!(lexical[0].lexical.is_some_and(|bm25| bm25 > 1.0) && lexical[0].fused > 0.99, "{lexical:?}");
    for candidate in &hybrid {
        let same = |others: &[crate::retrieve::CandidateScore]| {
            others.iter().find(|it| it.chunk_id == candidate.chunk_id).map(|it| (it.dense, it.lexical))
        };
        assert_eq!(same(&dense).and_then(|it| it.0), candidate.dense);
        assert_eq!(same(&lexical).and_then(|it| it.1), candidate.lexical);
    }
    let reranked = ask(RetrievalMode::Hybrid, true).await;
    let candidates = reranked.explain.unwrap().candidates;
    assert!(candidates.windows(2).all(|pair| pair[0].fused >= pair[1].fused));
    for chunk in reranked.chunks {
        let candidate = candidates.iter().find(|it| it.chunk_id == chunk.chunk_id).unwrap();
        assert_eq!(candidate.reranked, Some(chunk.score));
    }
}

#[tokio::test]
async fn adds_to_the_end_alone_when_a_reranked_request_asks_for_more() {
    let house = house_with(|settings| settings.models.rerank = Some(TermOverlap::MODEL.to_owned()));
    let owner = house.tenants.owner();
    let documents: Vec<_> = (0..90)
        .map(|number| {
            let padding = "pedal ".repeat(number % 7);
            document(&format!("d{number}"), &format!("{padding}bell {} lamp", "x ".repeat(number % 19)), &json!({}))
        })
        .collect();
    house.platform.ingest(&owner, &documents, ChunkOptions::default()).await.unwrap();
    let mut before: Vec<String> = Vec::new();
    for top_k in [1, 20, 50, 51, 80] {
        let request = RetrieveRequest { top_k, ..RetrieveRequest::new("pedal bell lamp") };
        let found = house.platform.retrieve(&owner, &request).await.unwrap();
        let ids: Vec<String> = found.chunks.into_iter().map(|chunk| chunk.chunk_id).collect();
        assert_eq!(ids.len(), top_k);
        assert_eq!(ids[..before.len()], before);
        before = ids;
    }
    assert_eq!(before.iter().collect::<HashSet<_>>().len(), before.len());
}

#[tokio::test]
async fn answers_sources_without_a_text_while_the_generator_is_missing() {
    let (house, owner) = filled().await;
    let query = "How long does the warranty last?";
    house.writer.down.store(true, Relaxed);
    let answer = search(&house, &owner, query).await;
    assert_eq!(answer.degraded, [Degradation::GeneratorUnavailable]);
    assert_eq!((answer.answer.as_str(), answer.citations.len()), ("", 0));
    assert_eq!(answer.sources[0].document_id, "warranty");
    let thresholds = owner.settings().retrieval.confidence;
    assert_eq!(answer.confidence.band, Band::of(answer.confidence.score, thresholds));
    assert!(answer.confidence.band == Band::Low && !answer.confidence.reasons.is_empty());
    assert!(answer.usage.model.is_empty() && answer.cache.ttl_ms == 0);
    let nothing = Filter::parse(json!({"area": "nowhere"}).as_object().unwrap()).unwrap();
    let request = SearchRequest { filter: nothing, ..SearchRequest::new(query) };
    let none = house.platform.search(&owner, &request).await.unwrap();
    assert!(none.confidence.band == Band::None && none.sources.is_empty() && none.degraded.is_empty(), "{none:?}");
    house.writer.down.store(false, Relaxed);
    let back = search(&house, &owner, query).await;
    assert!(!back.cache.hit && back.degraded.is_empty() && back.answer.contains("2 years"));
}

#[tokio::test]
async fn refuses_empty_queries_and_control_characters() {
    let (house, owner) = filled().await;
    let refused =
        ["", " ", " \n\t", "\u{a0}\u{2003}", "\u{0}", "refund\u{0}", "a\u{8}b", "a\u{1b}[31m", "\u{7f}x", "x\u{9f}"];
    for query in refused {
        for error in [
            house.platform.search(&owner, &SearchRequest::new(query)).await.unwrap_err(),
            house.platform.retrieve(&owner, &RetrieveRequest::new(query)).await.unwrap_err(),
        ] {
            let fault = (error.code(), error.pointer());
            assert_eq!(fault, (ErrorCode::ValidationError, Some("/query".to_owned())), "{query:?}");
        }
    }
    for query in ["refund\tpolicy\r\n", "\u{200d}", "\u{202e}refund", "e\u{301}"] {
        assert!(house.platform.search(&owner, &SearchRequest::new(query)).await.is_ok(), "{query:?}");
    }
}

#[tokio::test]
async fn answers_after_a_document_of_one_endless_word() {
    let (house, owner) = filled().await;
    let endless = [document("jamo", &"ᄀ".repeat(11_000), &json!({}))];
    let report = house.platform.ingest(&owner, &endless, ChunkOptions::default()).await.unwrap();
    assert_eq!(report.documents[0].status, DocumentStatus::Created);
    let database = house.platform.ports().databases.open(&owner).await.unwrap();
    // As a store may hold it that was written before words were bounded.
    let insert = crate::ports::Statement::new(
        "INSERT INTO words_fts (rowid, body) VALUES (9999, ?1)",
        vec![crate::ports::Value::Text("ᄀ".repeat(11_000))],
    );
    database.batch(vec![insert]).await.unwrap();
    house.platform.retriever.vocabulary(&owner, &*database).await.unwrap();
    assert!(house.platform.search(&owner, &SearchRequest::new("refund")).await.is_ok());
}

#[tokio::test]
async fn refuses_metadata_beyond_the_contract_with_its_place() {
    let house = house();
    let owner = house.tenants.owner();
    let documents = [document("a", "x", &json!({})), document("b", "x", &json!({"n": u64::MAX}))];
    let refused = house.platform.ingest(&owner, &documents, ChunkOptions::default()).await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.pointer().as_deref()),
        (ErrorCode::ValidationError, Some("/documents/1/metadata"))
    );
}
