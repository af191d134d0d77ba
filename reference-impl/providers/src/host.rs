//! Every model of a host, by port: core's own, and those behind URLs. Both hosts put the same around them.

use std::sync::Arc;

use reference_core::answer::{Extractive, ExtractiveBrief};
use reference_core::chat::ExtractiveChat;
use reference_core::policy::{Policies, PolicySettings};
use reference_core::ports::{ChatModel, Embedder, Generator, Reranker};
use reference_core::retrieve::{Evidence, HashedEmbedder, TermOverlap};

use crate::{Endpoint, ProviderEmbedder, ProviderModel, ProviderReranker};

/// Models by port. Tenants choose among them by id.
pub struct HostModels {
    /// Those that give vectors.
    pub embedders: Vec<Arc<dyn Embedder>>,
    /// Those that write answers.
    pub generators: Vec<Arc<dyn Generator>>,
    /// Those that score passages.
    pub rerankers: Vec<Arc<dyn Reranker>>,
    /// Those that talk.
    pub chat_models: Vec<Arc<dyn ChatModel>>,
}

impl HostModels {
    /// Core's own, which need nothing of a host.
    pub fn own() -> Self {
        Self {
            embedders: vec![Arc::new(HashedEmbedder)],
            generators: vec![Arc::new(Extractive), Arc::new(ExtractiveBrief)],
            rerankers: vec![Arc::new(Evidence), Arc::new(TermOverlap)],
            chat_models: vec![Arc::new(ExtractiveChat)],
        }
    }

    /// Adds the model behind `endpoint`, under the ports that its kind has; one that speaks has none here.
    pub fn add(&mut self, endpoint: &Endpoint) {
        let embedder = ProviderEmbedder::new(endpoint.clone());
        self.embedders.extend(embedder.map(|it| Arc::new(it) as Arc<dyn Embedder>));
        let reranker = ProviderReranker::new(endpoint.clone());
        self.rerankers.extend(reranker.map(|it| Arc::new(it) as Arc<dyn Reranker>));
        if let Some(model) = ProviderModel::new(endpoint.clone()).map(Arc::new) {
            self.generators.push(Arc::clone(&model) as Arc<dyn Generator>);
            self.chat_models.push(model);
        }
    }

    /// The same with something around each.
    #[must_use]
    pub fn wrapped(
        self,
        embedder: impl Fn(Arc<dyn Embedder>) -> Arc<dyn Embedder>,
        generator: impl Fn(Arc<dyn Generator>) -> Arc<dyn Generator>,
        reranker: impl Fn(Arc<dyn Reranker>) -> Arc<dyn Reranker>,
        chat_model: impl Fn(Arc<dyn ChatModel>) -> Arc<dyn ChatModel>,
    ) -> Self {
        Self {
            embedders: self.embedders.into_iter().map(embedder).collect(),
            generators: self.generators.into_iter().map(generator).collect(),
            rerankers: self.rerankers.into_iter().map(reranker).collect(),
            chat_models: self.chat_models.into_iter().map(chat_model).collect(),
        }
    }

    /// The same under policies.
    ///
    /// - `settings`: the numbers of a model's policy, by its id.
    #[must_use]
    pub fn under(self, policies: &Policies, settings: impl Fn(&str) -> PolicySettings) -> Self {
        self.wrapped(
            |it| {
                let settings = settings(it.model());
                policies.embedder(it, settings)
            },
            |it| {
                let settings = settings(it.model());
                policies.generator(it, settings)
            },
            |it| {
                let settings = settings(it.model());
                policies.reranker(it, settings)
            },
            |it| {
                let settings = settings(it.model());
                policies.chat_model(it, settings)
            },
        )
    }
}
