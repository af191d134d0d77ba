//! Models that fail when told to.

use std::sync::Arc;

use reference_core::ports::{
    BoxFuture, EmbedPurpose, Embedded, Embedder, EmbedderKind, Generation, GenerationRequest, Generator, GeneratorKind,
    ModelError, RerankCandidate, Reranked, Reranker,
};
use reference_core::tenancy::TenantContext;
use reference_providers::{HostModels, status_error};

use super::{Faults, FaultyChatModel, Port, Strike};

/// Every model behind `faults`.
#[must_use]
pub fn behind(models: HostModels, faults: &Arc<Faults>) -> HostModels {
    models.wrapped(
        |it| Arc::new(FaultyEmbedder::new(it, Arc::clone(faults))),
        |it| Arc::new(FaultyGenerator::new(it, Arc::clone(faults))),
        |it| Arc::new(FaultyReranker::new(it, Arc::clone(faults))),
        |it| Arc::new(FaultyChatModel::new(it, Arc::clone(faults))),
    )
}

/// An embedder behind the faults of [`Port::Embedding`].
pub(super) struct FaultyEmbedder {
    inner: Arc<dyn Embedder>,
    faults: Arc<Faults>,
}

/// A generator behind the faults of [`Port::Generator`].
pub(super) struct FaultyGenerator {
    inner: Arc<dyn Generator>,
    faults: Arc<Faults>,
}

impl FaultyEmbedder {
    /// `inner` behind `faults`.
    pub(super) fn new(inner: Arc<dyn Embedder>, faults: Arc<Faults>) -> Self {
        Self { inner, faults }
    }
}

/// A reranker behind the faults of [`Port::Reranker`].
pub(super) struct FaultyReranker {
    inner: Arc<dyn Reranker>,
    faults: Arc<Faults>,
}

impl FaultyReranker {
    /// `inner` behind `faults`.
    pub(super) fn new(inner: Arc<dyn Reranker>, faults: Arc<Faults>) -> Self {
        Self { inner, faults }
    }
}

impl FaultyGenerator {
    /// `inner` behind `faults`.
    pub(super) fn new(inner: Arc<dyn Generator>, faults: Arc<Faults>) -> Self {
        Self { inner, faults }
    }
}

/// What a struck call of a model ends in.
pub(super) fn failure(model: String, strike: Strike) -> ModelError {
    let reason = strike.reason();
    match strike {
        Strike::Refused => ModelError::Refused { model, reason, retry_after_ms: None },
        Strike::Status(status) => status_error(&model, status, reason, None),
        Strike::Garbage => ModelError::Unusable { model, reason },
    }
}

/// Makes the call, unless a fault strikes it.
async fn call<T>(
    faults: &Faults,
    port: Port,
    tenant: &TenantContext,
    model: &str,
    inner: BoxFuture<'_, Result<T, ModelError>>,
) -> Result<T, ModelError> {
    let model = model.to_owned();
    let answer = match faults.strike(port, tenant.id()).await {
        None => inner.await,
        Some(strike) => Err(failure(model, strike)),
    };
    if answer.is_err() {
        faults.failed(port, tenant.id());
    }
    answer
}

impl Embedder for FaultyEmbedder {
    fn model(&self) -> &str {
        self.inner.model()
    }

    fn dimensions(&self) -> usize {
        self.inner.dimensions()
    }

    fn kind(&self) -> EmbedderKind {
        self.inner.kind()
    }

    fn embed<'a>(
        &'a self,
        tenant: &'a TenantContext,
        texts: &'a [String],
        purpose: EmbedPurpose,
    ) -> BoxFuture<'a, Result<Embedded, ModelError>> {
        let inner = self.inner.embed(tenant, texts, purpose);
        Box::pin(call(&self.faults, Port::Embedding, tenant, self.inner.model(), inner))
    }
}

impl Generator for FaultyGenerator {
    fn model(&self) -> &str {
        self.inner.model()
    }

    fn context_tokens(&self) -> Option<usize> {
        self.inner.context_tokens()
    }

    fn kind(&self) -> GeneratorKind {
        self.inner.kind()
    }

    fn generate<'a>(
        &'a self,
        tenant: &'a TenantContext,
        request: &'a GenerationRequest,
    ) -> BoxFuture<'a, Result<Generation, ModelError>> {
        let inner = self.inner.generate(tenant, request);
        Box::pin(call(&self.faults, Port::Generator, tenant, self.inner.model(), inner))
    }
}

impl Reranker for FaultyReranker {
    fn model(&self) -> &str {
        self.inner.model()
    }

    fn rerank<'a>(
        &'a self,
        tenant: &'a TenantContext,
        query: &'a str,
        candidates: &'a [RerankCandidate],
    ) -> BoxFuture<'a, Result<Reranked, ModelError>> {
        let inner = self.inner.rerank(tenant, query, candidates);
        Box::pin(call(&self.faults, Port::Reranker, tenant, self.inner.model(), inner))
    }
}
