//! A second, slower look at the best candidates.

use super::{BoxFuture, ModelError};
use crate::tenancy::TenantContext;

/// A chunk that retrieval found, as a reranker sees it.
#[derive(Debug, Clone, PartialEq)]
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

/// Scores candidates against a query.
pub trait Reranker: Send + Sync {
    /// Id of the model.
    fn model(&self) -> &str;

    /// Scores `candidates`, which are best first, against `query` on behalf of `tenant`.
    ///
    /// Returns one score from 0 to 1 for each candidate, in order.
    ///
    /// # Errors
    ///
    /// [`ModelError`]; retrieval then keeps its own order and says that it is degraded.
    fn rerank<'a>(
        &'a self,
        tenant: &'a TenantContext,
        query: &'a str,
        candidates: &'a [RerankCandidate],
    ) -> BoxFuture<'a, Result<Vec<f64>, ModelError>>;
}
