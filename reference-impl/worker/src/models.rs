//! The models of this host: core's own and those behind URLs, with what is put around them.

use std::sync::Arc;

use reference_core::answer::{Extractive, ExtractiveBrief};
use reference_core::chat::ExtractiveChat;
use reference_core::policy::{Policies, PolicySettings};
use reference_core::ports::{ChatModel, Embedder, Generator, Reranker, Timer};
use reference_core::retrieve::{Evidence, HashedEmbedder, TermOverlap};
use reference_providers::{Endpoint, Fetch, ProviderEmbedder, ProviderModel, ProviderReranker};

use crate::config::{self, Models};
use crate::fetch::JsFetch;

/// What tenants of this host may choose from, beside the models behind URLs.
pub(crate) fn models() -> Models {
    Models {
        embedding: vec![HashedEmbedder::MODEL.to_owned()],
        generation: vec![Extractive::MODEL.to_owned(), ExtractiveBrief::MODEL.to_owned()],
        rerank: vec![Evidence::MODEL.to_owned(), TermOverlap::MODEL.to_owned()],
    }
}

/// Every model, by port.
pub(crate) struct HostModels {
    pub(crate) embedders: Vec<Arc<dyn Embedder>>,
    pub(crate) generators: Vec<Arc<dyn Generator>>,
    pub(crate) rerankers: Vec<Arc<dyn Reranker>>,
    pub(crate) chat_models: Vec<Arc<dyn ChatModel>>,
}

impl HostModels {
    /// Core's own and those of `config`.
    pub(crate) fn new(config: &config::Platform, timer: &Arc<dyn Timer>) -> Self {
        let mut all = Self {
            embedders: vec![Arc::new(HashedEmbedder)],
            generators: vec![Arc::new(Extractive), Arc::new(ExtractiveBrief)],
            rerankers: vec![Arc::new(Evidence), Arc::new(TermOverlap)],
            chat_models: vec![Arc::new(ExtractiveChat)],
        };
        for config::Configured { provider, .. } in &config.model_providers {
            let endpoint = Endpoint::new(provider.clone(), Arc::new(JsFetch) as Arc<dyn Fetch>, Arc::clone(timer));
            all.embedders.extend(ProviderEmbedder::new(endpoint.clone()).map(|it| Arc::new(it) as Arc<dyn Embedder>));
            all.rerankers.extend(ProviderReranker::new(endpoint.clone()).map(|it| Arc::new(it) as Arc<dyn Reranker>));
            if let Some(model) = ProviderModel::new(endpoint).map(Arc::new) {
                all.generators.push(Arc::clone(&model) as Arc<dyn Generator>);
                all.chat_models.push(model);
            }
        }
        all
    }

    /// The same behind `faults`.
    #[cfg(feature = "control")]
    pub(crate) fn behind(self, faults: &Arc<crate::faults::Faults>) -> Self {
        use crate::faults::{FaultyChatModel, FaultyEmbedder, FaultyGenerator, FaultyReranker};
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
