//! What goes into retrieval and what comes out.

use std::ops::Range;

use serde_json::Value as Json;

use super::filter::Filter;
use crate::redact::redacted;
use crate::tenancy::RetrievalMode;

/// What to retrieve.
#[derive(Clone, PartialEq)]
pub struct RetrieveRequest {
    /// The query.
    pub query: String,
    /// Most chunks to return, 1 to 100.
    pub top_k: usize,
    /// Least score of a returned chunk, 0 to 1.
    pub min_score: Option<f64>,
    /// Which documents count.
    pub filter: Filter,
    /// Which halves of the index answer; the tenant's own choice where absent.
    pub mode: Option<RetrievalMode>,
    /// Whether to rerank; where absent, it is done when the tenant has a reranker.
    pub rerank: Option<bool>,
    /// Whether to tell how the result came about.
    pub explain: bool,
}

redacted!(RetrieveRequest { top_k, min_score, mode, rerank, explain } hides { query, filter });

impl RetrieveRequest {
    /// A request for `query` with everything else as usual: ten chunks, no filter.
    pub fn new(query: impl Into<String>) -> Self {
        Self {
            query: query.into(),
            top_k: 10,
            min_score: None,
            filter: Filter::default(),
            mode: None,
            rerank: None,
            explain: false,
        }
    }
}

/// One retrieved chunk.
#[derive(Clone, PartialEq)]
pub struct RankedChunk {
    /// Rank, from 1.
    pub rank: u32,
    /// Score, 0 to 1; never rises with rank.
    pub score: f64,
    /// The chunk.
    pub chunk_id: String,
    /// Its document.
    pub document_id: String,
    /// UTF-8 bytes of the document's extracted text.
    pub span: Range<usize>,
    /// Its text.
    pub text: String,
    /// Headings above it, outermost first.
    pub heading_path: Vec<String>,
    /// Its document's metadata, as ingested.
    pub metadata: Json,
    /// Cosine to the query, when vectors were compared.
    pub similarity: Option<f64>,
}

redacted!(RankedChunk { rank, score, chunk_id, document_id, span, similarity } hides { text, heading_path, metadata });

/// How one candidate scored.
#[derive(Debug, Clone, PartialEq)]
pub struct CandidateScore {
    /// The chunk.
    pub chunk_id: String,
    /// Cosine of its vector to the query's, -1 to 1; `None` when vectors did not find it.
    pub dense: Option<f64>,
    /// BM25 as the full-text index gives it, higher is better; `None` when words did not find it.
    pub lexical: Option<f64>,
    /// Both scaled and fused, 0 to 1.
    pub fused: f64,
    /// Score of the reranker, for what it looked at.
    pub reranked: Option<f64>,
}

/// How a result came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Explain {
    /// Whether the query's vector was already known.
    pub embedding_cache_hit: bool,
    /// The mode that was really used.
    pub mode: RetrievalMode,
    /// Candidates, best fused score first.
    pub candidates: Vec<CandidateScore>,
    /// Id of the embedding model.
    pub embedding_model: String,
    /// Chunks that the filter excluded.
    pub filtered_out: usize,
}

/// A part that failed and was done without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Degradation {
    /// No embedding: retrieval was lexical.
    EmbeddingUnavailable,
    /// No generator: sources without a written answer.
    GeneratorUnavailable,
    /// No cache: slower.
    CacheUnavailable,
    /// No rate-limit store: the stricter local limit.
    RateStoreUnavailable,
    /// No reranker: the order of the fusion.
    RerankerUnavailable,
}

impl Degradation {
    /// Every value.
    pub const ALL: [Self; 5] = [
        Self::EmbeddingUnavailable,
        Self::GeneratorUnavailable,
        Self::CacheUnavailable,
        Self::RateStoreUnavailable,
        Self::RerankerUnavailable,
    ];

    /// The contract's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EmbeddingUnavailable => "embedding_unavailable",
            Self::GeneratorUnavailable => "generator_unavailable",
            Self::CacheUnavailable => "cache_unavailable",
            Self::RateStoreUnavailable => "rate_store_unavailable",
            Self::RerankerUnavailable => "reranker_unavailable",
        }
    }
}

/// Microseconds that the stages of retrieval took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetrieveTimings {
    /// Embedding the query.
    pub embed_us: u64,
    /// Looking up and fusing candidates.
    pub retrieve_us: u64,
    /// Reranking.
    pub rerank_us: u64,
}

/// What was retrieved.
#[derive(Debug, Clone, PartialEq)]
pub struct Retrieved {
    /// Chunks, best first.
    pub chunks: Vec<RankedChunk>,
    /// How they were found, when asked for.
    pub explain: Option<Explain>,
    /// What was done without.
    pub degraded: Vec<Degradation>,
    /// How long it took.
    pub timings: RetrieveTimings,
}
