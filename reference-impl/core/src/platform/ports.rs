//! What the platform stands on.

use std::future::Future;
use std::sync::Arc;

use futures_util::future::{Either, join3, select};

use crate::answer::{Extractive, ExtractiveBrief};
use crate::ingest::Tokenizer;
use crate::ports::{
    Background, BoxFuture, ChatModel, Clock, Databases, EmbedPurpose, Embedder, Generator, Ids, KeyValue, Reranker,
    Statement, Timer,
};
use crate::sabotage::{self, Sabotage};
use crate::tenancy::{Feature, TenantContext};

/// Every port. Models are looked up by the ids that tenants are configured with.
#[derive(Clone)]
pub struct Ports {
    /// Tenant databases.
    pub databases: Arc<dyn Databases>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub ids: Arc<dyn Ids>,
    /// Answer cache.
    pub key_value: Arc<dyn KeyValue>,
    /// Work beside requests.
    pub background: Arc<dyn Background>,
    /// The tokenizer that `/capabilities` names.
    pub tokenizer: Arc<dyn Tokenizer>,
    /// Embedding models of the deployment.
    pub embedders: Vec<Arc<dyn Embedder>>,
    /// Generation models of the deployment.
    pub generators: Vec<Arc<dyn Generator>>,
    /// Rerankers of the deployment.
    pub rerankers: Vec<Arc<dyn Reranker>>,
    /// Chat models of the deployment.
    pub chat_models: Vec<Arc<dyn ChatModel>>,
    /// Waiting.
    pub timer: Arc<dyn Timer>,
}

/// Whether a dependency works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DependencyState {
    /// It works.
    Up,
    /// It does not, and the platform goes on without.
    Degraded,
    /// It does not, and the platform cannot go on.
    Down,
}

impl DependencyState {
    /// The contract's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Down => "down",
        }
    }
}

/// One dependency, looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DependencyHealth {
    /// Its name: `database`, `cache` or `embedder`.
    pub name: &'static str,
    /// Whether it works.
    pub state: DependencyState,
    /// How long it took to say so, in microseconds.
    pub latency_us: u64,
    /// Whether the platform cannot go on without.
    pub required: bool,
}

/// Ids of the models that may write for `tenant` when it asks for `model`.
fn writers<'a>(tenant: &'a TenantContext, model: &'a str) -> impl Iterator<Item = &'a str> {
    let fallback = tenant.settings().models.fallback.iter().map(String::as_str);
    let fallback = fallback.filter(move |other| *other != model && !sabotage::on(Sabotage::FallbackNotTaken));
    let any = [Extractive::MODEL, ExtractiveBrief::MODEL].into_iter();
    let any = any.filter(move |other| *other != model && sabotage::on(Sabotage::FallbackUnlisted));
    std::iter::once(model).chain(fallback).chain(any)
}

impl Ports {
    /// The embedding model with this id.
    pub fn embedder(&self, model: &str) -> Option<Arc<dyn Embedder>> {
        self.embedders.iter().find(|embedder| embedder.model() == model).cloned()
    }

    /// The generation model with this id.
    pub fn generator(&self, model: &str) -> Option<Arc<dyn Generator>> {
        self.generators.iter().find(|generator| generator.model() == model).cloned()
    }

    /// The models that may write a search's answer for `tenant` when it asks for `model`, in order: that one, then those that
    /// the tenant falls back on. Those that the deployment does not have are left out.
    pub fn generators_for(&self, tenant: &TenantContext, model: &str) -> Vec<Arc<dyn Generator>> {
        writers(tenant, model).filter_map(|model| self.generator(model)).collect()
    }

    /// The same for a conversation.
    pub fn chat_models_for(&self, tenant: &TenantContext, model: &str) -> Vec<Arc<dyn ChatModel>> {
        writers(tenant, model).filter_map(|model| self.chat_model(model)).collect()
    }

    /// Tokens that the passages of a prompt for `model` may have: the tenant's bound, or that of whichever of its writers reads
    /// least.
    pub fn context_tokens(&self, tenant: &TenantContext, model: &str) -> usize {
        let bound = tenant.settings().answer_prompt.context_tokens as usize;
        self.generators_for(tenant, model).iter().filter_map(|writer| writer.context_tokens()).fold(bound, usize::min)
    }

    /// The chat model with this id.
    pub fn chat_model(&self, model: &str) -> Option<Arc<dyn ChatModel>> {
        self.chat_models.iter().find(|chat| chat.model() == model).cloned()
    }

    /// The tenant's reranker, when it is configured with one, has the feature, and the deployment has the model.
    pub fn reranker(&self, tenant: &TenantContext) -> Option<Arc<dyn Reranker>> {
        let model = tenant.settings().models.rerank.as_ref()?;
        let found = self.rerankers.iter().find(|reranker| reranker.model() == model).cloned();
        found.filter(|_| tenant.settings().has_feature(Feature::Rerank))
    }

    /// Looks at every port on behalf of `tenant` (an open `/health` uses the platform's own probe tenant), at all of them at
    /// once. A port that has not answered when `patience` is ready counts as one that does not work.
    pub async fn health(
        &self,
        tenant: &TenantContext,
        patience: impl Fn() -> BoxFuture<'static, ()>,
    ) -> Vec<DependencyHealth> {
        let database = async {
            match self.databases.open(tenant).await {
                Ok(database) => database.batch(vec![Statement::new("SELECT 1", Vec::new())]).await.is_ok(),
                Err(_) => false,
            }
        };
        let cache = async { self.key_value.get(tenant, "health").await.is_ok() };
        let embedder = async {
            match self.embedder(&tenant.settings().models.embedding) {
                Some(embedder) => embedder.embed(tenant, &["health".to_owned()], EmbedPurpose::Query).await.is_ok(),
                None => false,
            }
        };
        let (database, cache, embedder) = join3(
            self.look("database", true, database, patience()),
            self.look("cache", false, cache, patience()),
            self.look("embedder", false, embedder, patience()),
        )
        .await;
        vec![database, cache, embedder]
    }

    async fn look(
        &self,
        name: &'static str,
        required: bool,
        works: impl Future<Output = bool>,
        patience: BoxFuture<'static, ()>,
    ) -> DependencyHealth {
        let started = self.clock.monotonic_us();
        let works = match select(Box::pin(works), patience).await {
            Either::Left((works, _)) => works,
            Either::Right(_) => false,
        };
        let state = match (works, required) {
            (true, _) => DependencyState::Up,
            (false, true) => DependencyState::Down,
            (false, false) => DependencyState::Degraded,
        };
        let latency_us = self.clock.monotonic_us().saturating_sub(started);
        DependencyHealth { name, state, latency_us, required }
    }
}
