//! Steps of a search by themselves, for benches.

use super::cache::{KeyParts, key};
use super::model::SearchRequest;
use crate::tenancy::TenantContext;

/// The key that a request's answer is kept under, of a deployment with local models.
pub fn cache_key(tenant: &TenantContext, request: &SearchRequest) -> String {
    let parts = KeyParts {
        embedding_model: &tenant.settings().models.embedding,
        generation_model: &tenant.settings().models.generation,
        reranker: None,
        corpus_version: 1,
        further: Vec::new(),
    };
    key(tenant, &request.query, request, &parts)
}
