//! A second, slower look at the best candidates.

use super::{BoxFuture, ModelError};
use crate::redact::redacted;
use crate::tenancy::TenantContext;

/// A chunk that retrieval found, as a reranker sees it.
#[derive(Clone, PartialEq)]
pub struct RerankCandidate {
    /// Text of the chunk.
    pub text: String,
    /// Headings above it, outermost first.
    pub heading_path: Vec<String>,
    /// Its vector, of unit length and of the index's model; empty where there is none.
    pub vector: Vec<f32>,
    /// Its fused score, 0 to 1.
    pub score: f64,
}

redacted!(RerankCandidate { score } hides { text, heading_path, vector });

/// What a reranker gave.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reranked {
    /// One score from 0 to 1 for each candidate, in order.
    pub scores: Vec<f64>,
    /// Tokens that the model read, when its host counts them.
    pub tokens_in: Option<u64>,
}

impl From<Vec<f64>> for Reranked {
    fn from(scores: Vec<f64>) -> Self {
        Self { scores, tokens_in: None }
    }
}

/// Scores candidates against a query.
pub trait Reranker: Send + Sync {
    /// Id of the model.
    fn model(&self) -> &str;

    /// Scores `candidates`, which are best first, against `query` on behalf of `tenant`.
    ///
    /// # Errors
    ///
    /// [`ModelError`]; retrieval then keeps its own order and says that it is degraded.
    fn rerank<'a>(
        &'a self,
        tenant: &'a TenantContext,
        query: &'a str,
        candidates: &'a [RerankCandidate],
    ) -> BoxFuture<'a, Result<Reranked, ModelError>>;
}
