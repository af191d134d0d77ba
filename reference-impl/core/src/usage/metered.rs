//! Models behind a meter: the same ports, so that nobody who calls a model knows of it.

use std::ops::Deref;
use std::sync::Arc;

use super::meter::{Meter, failure};
use super::streamed::MeteredDeltas;
use super::tally::{Role, Tokens};
use crate::metrics::Metrics;
use crate::platform::Ports;
use crate::ports::{
    BoxFuture, ChatCall, ChatDeltas, ChatModel, EmbedPurpose, Embedded, Embedder, EmbedderKind, Generation,
    GenerationRequest, Generator, GeneratorKind, ModelError, RerankCandidate, Reranked, Reranker,
};
use crate::sabotage::{self, Sabotage};
use crate::tenancy::TenantContext;
use crate::trace::{Step, StepName, StepOutcome, traced_databases, traced_key_value};

/// Tokens that a model is expected to write at most where nothing bounds it.
pub(crate) const MOST_WRITTEN: u64 = 512;

/// Ports whose models are all behind the meter. Only [`metered`] makes them.
pub struct MeteredPorts(Ports);

impl Deref for MeteredPorts {
    type Target = Ports;

    fn deref(&self) -> &Ports {
        &self.0
    }
}

/// A host's ports with every model behind one meter and every call a step of its request's trace, and the meter.
pub(crate) fn metered(mut ports: Ports, metrics: Metrics) -> (MeteredPorts, Meter) {
    ports.databases = traced_databases(ports.databases);
    ports.key_value = traced_key_value(ports.key_value);
    let meter = Meter {
        databases: Arc::clone(&ports.databases),
        clock: Arc::clone(&ports.clock),
        ids: Arc::clone(&ports.ids),
        tokenizer: Arc::clone(&ports.tokenizer),
        background: Arc::clone(&ports.background),
        metrics,
    };
    let embedders = ports.embedders.into_iter();
    let generators = ports.generators.into_iter();
    let rerankers = ports.rerankers.into_iter();
    let chat_models = ports.chat_models.into_iter();
    let ports = Ports {
        embedders: embedders.map(|inner| Arc::new(Metered::new(inner, &meter)) as Arc<dyn Embedder>).collect(),
        generators: generators.map(|inner| Arc::new(Metered::new(inner, &meter)) as Arc<dyn Generator>).collect(),
        rerankers: rerankers.map(|inner| Arc::new(Metered::new(inner, &meter)) as Arc<dyn Reranker>).collect(),
        chat_models: chat_models.map(|inner| Arc::new(Metered::new(inner, &meter)) as Arc<dyn ChatModel>).collect(),
        ..ports
    };
    (MeteredPorts(ports), meter)
}

/// A model of any port behind the meter.
struct Metered<T: ?Sized> {
    inner: Arc<T>,
    meter: Meter,
}

impl<T: ?Sized> Metered<T> {
    fn new(inner: Arc<T>, meter: &Meter) -> Self {
        Self { inner, meter: meter.clone() }
    }

    /// Asks for room, makes the call, and counts what it used. A call that fails counts nothing.
    async fn call<A>(
        &self,
        tenant: &TenantContext,
        model: &str,
        role: Role,
        (expected, call, step): (impl FnOnce() -> u64 + Send, BoxFuture<'_, Result<A, ModelError>>, Step),
        used: impl FnOnce(&A) -> Tokens + Send,
    ) -> Result<A, ModelError> {
        if !sabotage::on(Sabotage::BudgetCheckedAfterTheCall) {
            let admitted = self.meter.admit(tenant, model, expected).await;
            if let Err(error) = admitted {
                step.end(StepOutcome::Skipped);
                return Err(error);
            }
        }
        let since_us = self.meter.clock.monotonic_us();
        let answer = call.await;
        step.end(StepOutcome::of_model(&answer));
        self.meter.ended(tenant, role, model, answer.as_ref().map_or_else(failure, |_| "ok"));
        let answer = answer?;
        if role == Role::Generation {
            self.meter.generated(tenant, model, since_us);
        }
        self.meter.charge(tenant, role, model, used(&answer));
        Ok(answer)
    }
}

impl Embedder for Metered<dyn Embedder> {
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
        let count = move || texts.iter().map(|text| self.meter.count(text)).sum::<u64>();
        let used = move |embedded: &Embedded| Tokens { read: embedded.tokens_in.unwrap_or_else(count), written: 0 };
        Box::pin(async move {
            let (within, step) = tenant.step(StepName::Embed);
            let call = self.inner.embed(&within, texts, purpose);
            self.call(tenant, self.inner.model(), Role::Embedding, (count, call, step), used).await
        })
    }
}

impl Reranker for Metered<dyn Reranker> {
    fn model(&self) -> &str {
        self.inner.model()
    }

    fn rerank<'a>(
        &'a self,
        tenant: &'a TenantContext,
        query: &'a str,
        candidates: &'a [RerankCandidate],
    ) -> BoxFuture<'a, Result<Reranked, ModelError>> {
        // The query once, though some models read it with each candidate: hosts that do count for themselves.
        let count =
            move || self.meter.count(query) + candidates.iter().map(|it| self.meter.count(&it.text)).sum::<u64>();
        let used = move |reranked: &Reranked| Tokens { read: reranked.tokens_in.unwrap_or_else(count), written: 0 };
        Box::pin(async move {
            let (within, step) = tenant.step(StepName::Rerank);
            let call = self.inner.rerank(&within, query, candidates);
            self.call(tenant, self.inner.model(), Role::Rerank, (count, call, step), used).await
        })
    }
}

impl Generator for Metered<dyn Generator> {
    fn model(&self) -> &str {
        self.inner.model()
    }

    fn kind(&self) -> GeneratorKind {
        self.inner.kind()
    }

    fn context_tokens(&self) -> Option<usize> {
        self.inner.context_tokens()
    }

    fn generate<'a>(
        &'a self,
        tenant: &'a TenantContext,
        request: &'a GenerationRequest,
    ) -> BoxFuture<'a, Result<Generation, ModelError>> {
        let read = move || match self.inner.kind() {
            // What picks sentences reads the passages; what writes reads the prompt that holds them.
            GeneratorKind::Extractive => {
                self.meter.count(&request.question)
                    + request.passages.iter().map(|passage| self.meter.count(&passage.text)).sum::<u64>()
            }
            GeneratorKind::Model => self.meter.count(&request.prompt.system) + self.meter.count(&request.prompt.user),
        };
        let written = move |made: &Generation| match &made.written {
            Some(text) => self.meter.count(text),
            None => made.sentences.iter().map(|sentence| self.meter.count(&sentence.text)).sum(),
        };
        let used = move |made: &Generation| Tokens {
            read: made.tokens_in.unwrap_or_else(read),
            written: made.tokens_out.unwrap_or_else(|| written(made)),
        };
        let expected = move || read() + MOST_WRITTEN;
        Box::pin(async move {
            let (within, step) = tenant.step(StepName::Generate);
            let call = self.inner.generate(&within, request);
            self.call(tenant, self.inner.model(), Role::Generation, (expected, call, step), used).await
        })
    }
}

impl ChatModel for Metered<dyn ChatModel> {
    fn model(&self) -> &str {
        self.inner.model()
    }

    fn kind(&self) -> GeneratorKind {
        self.inner.kind()
    }

    fn chat<'a>(
        &'a self,
        tenant: &'a TenantContext,
        call: &'a ChatCall,
    ) -> BoxFuture<'a, Result<ChatDeltas, ModelError>> {
        Box::pin(async move {
            let read = self.read(call);
            let most = call.max_tokens.map_or(MOST_WRITTEN, u64::from);
            let (within, step) = tenant.step(StepName::Generate);
            let admitted = self.meter.admit(tenant, self.inner.model(), || read.saturating_add(most)).await;
            if let Err(error) = admitted {
                step.end(StepOutcome::Skipped);
                return Err(error);
            }
            let since_us = self.meter.clock.monotonic_us();
            let deltas = self.inner.chat(&within, call).await;
            if let Err(error) = &deltas {
                self.meter.ended(tenant, Role::Generation, self.inner.model(), failure(error));
            }
            let model = (self.inner.model().to_owned(), since_us, step);
            Ok(MeteredDeltas::new(deltas?, self.meter.clone(), tenant.clone(), model, read, most).boxed())
        })
    }
}

impl Metered<dyn ChatModel> {
    /// Tokens of everything that the model is given. What picks sentences reads the passages beside the conversation; for a
    /// model that writes they stand in its messages.
    fn read(&self, call: &ChatCall) -> u64 {
        let messages = call.messages.iter().map(|message| self.meter.count(&message.content)).sum::<u64>();
        let tools = call.tools.iter().map(|tool| {
            self.meter.count(&tool.name)
                + self.meter.count(&tool.description)
                + self.meter.count(&tool.arguments.to_string())
        });
        let passages = call.passages.iter().flatten().map(|passage| self.meter.count(&passage.text));
        let passages = match self.inner.kind() {
            GeneratorKind::Extractive => self.meter.count(&call.question) + passages.sum::<u64>(),
            GeneratorKind::Model => messages,
        };
        passages + tools.sum::<u64>()
    }
}
