//! A second, slower look at the best candidates.

use super::{BoxFuture, ModelError};
use crate::tenancy::TenantContext;

/// Scores texts against a query.
pub trait Reranker: Send + Sync {
    /// Id of the model.
    fn model(&self) -> &str;

    /// Scores `texts` against `query` on behalf of `tenant`.
    ///
    /// Returns one score from 0 to 1 for each text, in order.
    ///
    /// # Errors
    ///
    /// [`ModelError`]; retrieval then keeps its own order and says that it is degraded.
    fn rerank<'a>(
        &'a self,
        tenant: &'a TenantContext,
        query: &'a str,
        texts: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<f64>, ModelError>>;
}
