//! The models of this host: core's own, the neural one, and those behind URLs, with what is put around them.

use std::sync::Arc;

use anyhow::Context as _;
use minilm::MiniLm;
use reference_core::answer::{Extractive, ExtractiveBrief};
use reference_core::chat::ExtractiveChat;
use reference_core::policy::{Policies, PolicySettings};
use reference_core::ports::{ChatModel, Embedder, Generator, Reranker, Timer};
use reference_core::retrieve::{Evidence, HashedEmbedder, TermOverlap};
use reference_providers::{Endpoint, Fetch, ProviderEmbedder, ProviderModel, ProviderReranker};

use crate::config;
use crate::faults::{Faults, FaultyChatModel, FaultyEmbedder, FaultyGenerator, FaultyReranker};
use crate::models::{HttpFetch, MiniLmEmbedder};

/// Every model, by port.
pub(crate) struct HostModels {
    pub(crate) embedders: Vec<Arc<dyn Embedder>>,
    pub(crate) generators: Vec<Arc<dyn Generator>>,
    pub(crate) rerankers: Vec<Arc<dyn Reranker>>,
    pub(crate) chat_models: Vec<Arc<dyn ChatModel>>,
}

impl HostModels {
    /// The models that `config` has beside core's own.
    ///
    /// # Errors
    ///
    /// When an https upstream is configured and this host's certificates cannot be read.
    pub(crate) fn new(config: &config::Platform, minilm: &Arc<MiniLm>, timer: &Arc<dyn Timer>) -> anyhow::Result<Self> {
        let places = std::thread::available_parallelism().map_or(1, usize::from);
        let neural = MiniLmEmbedder::new(Arc::clone(minilm), places);
        let mut all = Self {
            embedders: vec![Arc::new(HashedEmbedder), Arc::new(neural)],
            generators: vec![Arc::new(Extractive), Arc::new(ExtractiveBrief)],
            rerankers: vec![Arc::new(Evidence), Arc::new(TermOverlap)],
            chat_models: vec![Arc::new(ExtractiveChat)],
        };
        for config::Configured { provider, .. } in &config.model_providers {
            let fetch = HttpFetch::new(provider.url.starts_with("https:"));
            let fetch = fetch.with_context(|| format!("model provider `{}`", provider.id))?;
            let endpoint = Endpoint::new(provider.clone(), Arc::new(fetch) as Arc<dyn Fetch>, Arc::clone(timer));
            all.embedders.extend(ProviderEmbedder::new(endpoint.clone()).map(|it| Arc::new(it) as Arc<dyn Embedder>));
            all.rerankers.extend(ProviderReranker::new(endpoint.clone()).map(|it| Arc::new(it) as Arc<dyn Reranker>));
            if let Some(model) = ProviderModel::new(endpoint).map(Arc::new) {
                all.generators.push(Arc::clone(&model) as Arc<dyn Generator>);
                all.chat_models.push(model);
            }
        }
        Ok(all)
    }

    /// The same behind `faults`.
    pub(crate) fn behind(self, faults: &Arc<Faults>) -> Self {
        let embeds = |it| Arc::new(FaultyEmbedder::new(it, Arc::clone(faults))) as Arc<dyn Embedder>;
        let writes = |it| Arc::new(FaultyGenerator::new(it, Arc::clone(faults))) as Arc<dyn Generator>;
        let ranks = |it| Arc::new(FaultyReranker::new(it, Arc::clone(faults))) as Arc<dyn Reranker>;
        let chats = |it| Arc::new(FaultyChatModel::new(it, Arc::clone(faults))) as Arc<dyn ChatModel>;
        Self {
            embedders: self.embedders.into_iter().map(embeds).collect(),
            generators: self.generators.into_iter().map(writes).collect(),
            rerankers: self.rerankers.into_iter().map(ranks).collect(),
            chat_models: self.chat_models.into_iter().map(chats).collect(),
        }
    }

    /// The same under policies, whose numbers those behind URLs may have of their own.
    pub(crate) fn under(self, policies: &Policies, config: &config::Platform) -> Self {
        let settings = |model: &str| {
            let own = config.model_providers.iter().find(|it| it.provider.id == model);
            own.map_or_else(PolicySettings::default, |it| it.policy)
        };
        let embeds = |it: Arc<dyn Embedder>| {
            let settings = settings(it.model());
            policies.embedder(it, settings)
        };
        let writes = |it: Arc<dyn Generator>| {
            let settings = settings(it.model());
            policies.generator(it, settings)
        };
        let ranks = |it: Arc<dyn Reranker>| {
            let settings = settings(it.model());
            policies.reranker(it, settings)
        };
        let chats = |it: Arc<dyn ChatModel>| {
            let settings = settings(it.model());
            policies.chat_model(it, settings)
        };
        Self {
            embedders: self.embedders.into_iter().map(embeds).collect(),
            generators: self.generators.into_iter().map(writes).collect(),
            rerankers: self.rerankers.into_iter().map(ranks).collect(),
            chat_models: self.chat_models.into_iter().map(chats).collect(),
        }
    }
}
