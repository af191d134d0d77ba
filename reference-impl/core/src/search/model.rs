//! What goes into a search and what comes out.

use super::intent::Intent;
use super::spelling::Correction;
use crate::answer::{Citation, Confidence, Source};
use crate::redact::redacted;
use crate::retrieve::{Degradation, Filter};
use crate::safety::Finding;
use crate::tenancy::RetrievalMode;

/// How a search uses the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CacheMode {
    /// Reads and writes it.
    #[default]
    Use,
    /// Leaves it alone.
    Bypass,
    /// Writes it without reading.
    Refresh,
}

/// One turn of a conversation.
#[derive(Clone, PartialEq, Eq)]
pub struct Turn {
    /// What was asked.
    pub question: String,
    /// What was answered.
    pub answer: String,
}

redacted!(Turn {  } hides { question, answer });

/// What to search for.
#[derive(Clone, PartialEq)]
pub struct SearchRequest {
    /// The query.
    pub query: String,
    /// What was said before it, the oldest turn first; empty outside a conversation.
    pub history: Vec<Turn>,
    /// Which documents count.
    pub filter: Filter,
    /// Chunks to answer from; the tenant's own number where absent.
    pub top_k: Option<usize>,
    /// Least score of a chunk, 0 to 1.
    pub min_score: Option<f64>,
    /// Which halves of the index answer.
    pub mode: Option<RetrievalMode>,
    /// Whether to rerank.
    pub rerank: Option<bool>,
    /// Generation model; the tenant's own where absent.
    pub model: Option<String>,
    /// How the cache is used.
    pub cache: CacheMode,
    /// Whether misspelt words are corrected.
    pub correct_spelling: bool,
}

redacted!(SearchRequest { top_k, min_score, mode, rerank, model, cache, correct_spelling } hides { query, history, filter });

impl SearchRequest {
    /// A search for `query` with everything else as usual.
    pub fn new(query: impl Into<String>) -> Self {
        Self {
            query: query.into(),
            history: Vec::new(),
            filter: Filter::default(),
            top_k: None,
            min_score: None,
            mode: None,
            rerank: None,
            model: None,
            cache: CacheMode::Use,
            correct_spelling: true,
        }
    }
}

/// What became of the query.
#[derive(Clone, PartialEq)]
pub struct QueryReport {
    /// As it came.
    pub original: String,
    /// What it is after.
    pub intent: Intent,
    /// How sure that is, 0 to 1.
    pub intent_score: f64,
    /// What was looked up.
    pub rewritten: String,
    /// Words that were added.
    pub expansions: Vec<String>,
    /// Words that were corrected.
    pub corrections: Vec<Correction>,
}

redacted!(QueryReport { intent, intent_score } hides { original, rewritten, expansions, corrections });

/// Where an answer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheReport {
    /// Whether it was in the cache.
    pub hit: bool,
    /// How long it has been there.
    pub age_ms: u64,
    /// How long it may still be served; 0 where it is not kept.
    pub ttl_ms: u64,
}

/// Microseconds that the stages took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SearchTimings {
    /// From beginning to end.
    pub total_us: u64,
    /// Understanding the query.
    pub rewrite_us: u64,
    /// Embedding it.
    pub embed_us: u64,
    /// Looking it up.
    pub retrieve_us: u64,
    /// Reranking.
    pub rerank_us: u64,
    /// Writing the answer.
    pub generate_us: u64,
}

/// What an answer used.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Usage {
    /// Model that wrote the answer; empty where none was called, as on a hit of the cache.
    pub model: String,
    /// Tokens read.
    pub tokens_in: u64,
    /// Tokens written.
    pub tokens_out: u64,
    /// Cost by the tenant's prices, in US dollars.
    pub cost_usd: f64,
}

/// A search's answer.
#[derive(Clone, PartialEq)]
pub struct SearchAnswer {
    /// The text, each sentence followed by its markers; empty where no generator was available.
    pub answer: String,
    /// In the order of their markers.
    pub citations: Vec<Citation>,
    /// Documents that were retrieved, best first; none where the band is `none`.
    pub sources: Vec<Source>,
    /// How sure the answer is.
    pub confidence: Confidence,
    /// What could be asked next.
    pub follow_ups: Vec<String>,
    /// What became of the query.
    pub query: QueryReport,
    /// Where the answer comes from.
    pub cache: CacheReport,
    /// How long it took.
    pub timings: SearchTimings,
    /// What it used.
    pub usage: Usage,
    /// What was done without.
    pub degraded: Vec<Degradation>,
    /// What the safety filters found and redacted or flagged: in the query first, then in the answer.
    pub safety: Vec<Finding>,
}

redacted!(SearchAnswer { confidence, query, cache, timings, usage, degraded, safety } hides { answer, citations, sources, follow_ups });
