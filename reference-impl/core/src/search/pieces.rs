//! Steps of a search by themselves, for benches.

use super::cache::{KeyParts, key};
use super::model::SearchRequest;
use super::shape::Shapes;
use crate::tenancy::TenantContext;

/// Keys of the cache, of a deployment with local models.
#[derive(Debug, Default)]
pub struct Keys(Shapes);

impl Keys {
    /// The key that a request's answer is kept under.
    pub fn key(&self, tenant: &TenantContext, request: &SearchRequest) -> String {
        let parts = KeyParts {
            embedding_model: &tenant.settings().models.embedding,
            generation_model: &tenant.settings().models.generation,
            reranker: None,
            corpus_version: 1,
            shape: self.0.of(tenant),
            further: Vec::new(),
        };
        key(tenant, &request.query, request, &parts)
    }
}
