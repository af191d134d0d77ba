//! Ingestion as a job keeps it: its work, its report and its failure.

use serde_json::{Map, Value as Json, json};

use crate::ingest::{
    ContentType, DocumentInput, DocumentOutcome, DocumentStatus, IngestError, IngestReport, ItemError,
};
use crate::store::jobs::JobFailure;
use crate::tenancy::{ChunkSettings, ChunkStrategy};

pub(super) fn failure(error: &IngestError) -> JobFailure {
    JobFailure { code: error.code(), message: error.to_string() }
}

pub(super) fn encode_work(documents: &[DocumentInput], settings: ChunkSettings) -> Json {
    let documents: Vec<Json> = documents
        .iter()
        .map(
            |it| json!({"id": it.id, "type": it.content_type.as_str(), "content": it.content, "metadata": it.metadata}),
        )
        .collect();
    json!({
        "documents": documents,
        "size": settings.size_tokens, "overlap": settings.overlap_tokens, "strategy": settings.strategy.as_str(),
    })
}

pub(super) fn decode_work(json: &Json) -> Option<(Vec<DocumentInput>, ChunkSettings)> {
    let document = |json: &Json| {
        Some(DocumentInput {
            id: json["id"].as_str()?.to_owned(),
            content_type: ContentType::parse(json["type"].as_str()?)?,
            content: json["content"].as_str()?.to_owned(),
            metadata: json["metadata"].as_object().cloned().unwrap_or_else(Map::new),
        })
    };
    let documents = json["documents"].as_array()?.iter().map(document).collect::<Option<_>>()?;
    let settings = ChunkSettings {
        size_tokens: u32::try_from(json["size"].as_u64()?).ok()?,
        overlap_tokens: u32::try_from(json["overlap"].as_u64()?).ok()?,
        strategy: ChunkStrategy::parse(json["strategy"].as_str()?)?,
    };
    Some((documents, settings))
}

pub(super) fn encode_report(report: &IngestReport) -> Json {
    let documents: Vec<Json> = report
        .documents
        .iter()
        .map(|it| {
            let error = it.error.as_ref().map(|error| json!({"code": error.code, "message": error.message}));
            json!({
                "id": it.id, "status": it.status.as_str(), "chunks": it.chunks, "hash": it.content_hash, "error": error,
            })
        })
        .collect();
    json!({"documents": documents, "corpus_version": report.corpus_version})
}

pub(super) fn decode_report(json: &Json) -> Option<IngestReport> {
    let document = |json: &Json| {
        let error = match &json["error"] {
            Json::Object(error) => Some(ItemError {
                code: serde_json::from_value(error.get("code")?.clone()).ok()?,
                message: error.get("message")?.as_str()?.to_owned(),
            }),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => None,
        };
        Some(DocumentOutcome {
            id: json["id"].as_str()?.to_owned(),
            status: DocumentStatus::parse(json["status"].as_str()?)?,
            chunks: u32::try_from(json["chunks"].as_u64()?).ok()?,
            content_hash: json["hash"].as_str()?.to_owned(),
            error,
        })
    };
    Some(IngestReport {
        documents: json["documents"].as_array()?.iter().map(document).collect::<Option<_>>()?,
        corpus_version: json["corpus_version"].as_u64()?,
    })
}
