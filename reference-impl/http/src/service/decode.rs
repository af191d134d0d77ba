//! Wire types as core's.

use contract_types as wire;
use reference_core::{
    ingest::{ChunkOptions, ContentType, DocumentInput},
    retrieve::{Filter, FilterError, RetrieveRequest},
    search::{CacheMode, SearchRequest},
    tenancy::{ChunkStrategy, RetrievalMode},
};

/// The contract's linter bounds every number far below this.
pub(super) fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

pub(super) fn document(document: wire::DocumentInput) -> DocumentInput {
    DocumentInput {
        id: document.id.0,
        content_type: ContentType::parse(document.content_type.as_str()).unwrap_or(ContentType::Plain),
        content: document.content,
        metadata: document.metadata.map(|metadata| metadata.0).unwrap_or_default(),
    }
}

pub(super) fn chunk_options(options: Option<wire::ChunkOptions>) -> ChunkOptions {
    options.map_or_else(ChunkOptions::default, |options| ChunkOptions {
        size: options.size.map(small),
        overlap: options.overlap.map(small),
        strategy: options.strategy.and_then(|strategy| ChunkStrategy::parse(strategy.as_str())),
    })
}

pub(super) fn filter(filter: Option<wire::Filter>) -> Result<Filter, FilterError> {
    match filter.map(|filter| serde_json::to_value(&filter).unwrap_or_default()) {
        Some(serde_json::Value::Object(conditions)) => Filter::parse(&conditions),
        Some(_) | None => Ok(Filter::default()),
    }
}

fn mode(mode: wire::RetrievalMode) -> Option<RetrievalMode> {
    RetrievalMode::parse(mode.as_str())
}

pub(super) fn retrieve(request: wire::RetrieveRequest) -> Result<RetrieveRequest, FilterError> {
    Ok(RetrieveRequest {
        query: request.query,
        top_k: size(request.top_k),
        min_score: request.min_score,
        filter: filter(request.filter)?,
        mode: request.mode.and_then(mode),
        rerank: request.rerank,
        explain: request.explain,
    })
}

pub(super) fn search(request: wire::SearchRequest) -> Result<SearchRequest, FilterError> {
    Ok(SearchRequest {
        // What was said before is the session's, which the service reads.
        history: Vec::new(),
        query: request.query,
        filter: filter(request.filter)?,
        top_k: request.top_k.map(size),
        min_score: request.min_score,
        mode: request.mode.and_then(mode),
        rerank: request.rerank,
        model: request.model.map(|model| model.0),
        cache: match request.cache.unwrap_or_default() {
            wire::CacheMode::Use => CacheMode::Use,
            wire::CacheMode::Bypass => CacheMode::Bypass,
            wire::CacheMode::Refresh => CacheMode::Refresh,
        },
        correct_spelling: request.correct_spelling,
    })
}
