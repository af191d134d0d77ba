//! The ports of models behind a policy.

use std::sync::Arc;

use super::breaker::Verdict;
use super::call::{Bound, Policy, Repeat};
use crate::ports::{
    BoxFuture, EmbedPurpose, Embedded, Embedder, EmbedderKind, Generation, GenerationRequest, Generator, GeneratorKind,
    ModelError, RerankCandidate, Reranked, Reranker, SoundChunks, SpeechCall, SpeechProvider, SpeechVoice,
};
use crate::tenancy::TenantContext;
use crate::trace::{StepName, StepOutcome};

/// A model behind its policy; it is the same port.
pub(super) struct Policed<T: ?Sized> {
    pub(super) inner: Arc<T>,
    pub(super) policy: Arc<Policy>,
}

impl<T: ?Sized> Policed<T> {
    pub(super) fn new(inner: Arc<T>, policy: Arc<Policy>) -> Self {
        Self { inner, policy }
    }

    /// A call that has ended when it gives something.
    async fn whole<'a, G>(
        &self,
        tenant: &TenantContext,
        rules: (Repeat, Bound),
        call: impl Fn(TenantContext) -> BoxFuture<'a, Result<G, ModelError>>,
    ) -> Result<G, ModelError> {
        let (given, held) = self.policy.run(tenant, rules, call).await?;
        held.ticket.settle(Verdict::Works, self.policy.now_us());
        Ok(given)
    }
}

impl Embedder for Policed<dyn Embedder> {
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
        // A model of the process takes the longer the more texts there are, and is not stuck for that; a model behind a
        // network bounds each of the calls that it makes itself.
        let bound = match purpose {
            EmbedPurpose::Document => Bound::Request,
            EmbedPurpose::Query => Bound::Both,
        };
        let call = move |tenant: TenantContext| -> BoxFuture<'a, _> {
            Box::pin(async move { self.inner.embed(&tenant, texts, purpose).await })
        };
        Box::pin(self.whole(tenant, (Repeat::Idempotent, bound), call))
    }
}

impl Reranker for Policed<dyn Reranker> {
    fn model(&self) -> &str {
        self.inner.model()
    }

    fn rerank<'a>(
        &'a self,
        tenant: &'a TenantContext,
        query: &'a str,
        candidates: &'a [RerankCandidate],
    ) -> BoxFuture<'a, Result<Reranked, ModelError>> {
        let rules = (Repeat::Idempotent, Bound::Both);
        let call = move |tenant: TenantContext| -> BoxFuture<'a, _> {
            Box::pin(async move { self.inner.rerank(&tenant, query, candidates).await })
        };
        Box::pin(self.whole(tenant, rules, call))
    }
}

impl Generator for Policed<dyn Generator> {
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
        let rules = (Repeat::Untaken, Bound::Both);
        let call = move |tenant: TenantContext| -> BoxFuture<'a, _> {
            Box::pin(async move { self.inner.generate(&tenant, request).await })
        };
        Box::pin(self.whole(tenant, rules, call))
    }
}

impl SpeechProvider for Policed<dyn SpeechProvider> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn voices(&self) -> &[SpeechVoice] {
        self.inner.voices()
    }

    fn piece_chars(&self) -> usize {
        self.inner.piece_chars()
    }

    fn speak<'a>(
        &'a self,
        tenant: &'a TenantContext,
        call: SpeechCall<'a>,
    ) -> BoxFuture<'a, Result<SoundChunks, ModelError>> {
        // The place is given back when the sound begins: who reads it slowly must not keep others from speaking.
        Box::pin(async move {
            let (within, step) = tenant.step(StepName::Speak);
            let begin = move |tenant: TenantContext| -> BoxFuture<'a, _> {
                Box::pin(async move { self.inner.speak(&tenant, call).await })
            };
            let given = self.whole(&within, (Repeat::Untaken, Bound::Both), begin).await;
            step.end(StepOutcome::of_model(&given));
            given
        })
    }

    fn works(&self) -> bool {
        self.inner.works()
    }
}
