//! A search in two halves: what can refuse it, and what answers it. A stream begins between the two.

use std::sync::Arc;

use super::Platform;
use crate::ports::{Database, Embedder, Generator, Reranker};
use crate::retrieve::{RERANK_DEPTH, RetrieveError, Sources};
use crate::sabotage::{self, Sabotage};
use crate::search::{self, Answered, Begun, SearchError, SearchRequest, Searcher};
use crate::tenancy::TenantContext;
use crate::usage::{MOST_WRITTEN, Role, Tokens};

/// A search that nothing refuses any more, with the tenant that it was started for: no other can finish it.
pub struct StartedSearch {
    tenant: TenantContext,
    request: SearchRequest,
    begun: Begun,
    held: Held,
}

/// The ports that one search works with.
struct Held {
    database: Arc<dyn Database>,
    embedder: Arc<dyn Embedder>,
    reranker: Option<Arc<dyn Reranker>>,
    /// The model that was asked for, then those that the tenant falls back on; none that is not part of the deployment.
    generators: Vec<Arc<dyn Generator>>,
    generation_model: String,
}

impl StartedSearch {
    /// Id of the model that will write; `None` when none is needed or there is none.
    pub fn model(&self) -> Option<&str> {
        self.held.generators.first().filter(|_| self.begun.generates()).map(|generator| generator.model())
    }
}

impl Platform {
    /// Checks a search and looks into the cache. What it returns can still fail, but is not refused any more.
    ///
    /// # Errors
    ///
    /// [`SearchError`]: the request's fault, a safety rule, or a store or model that is out of reach.
    pub async fn start_search(
        &self,
        tenant: &TenantContext,
        request: SearchRequest,
    ) -> Result<StartedSearch, SearchError> {
        search::check(tenant, &request)?;
        let database = self.ports.databases.open(tenant).await.map_err(RetrieveError::from)?;
        let embedder = self.embedder(tenant).map_err(|model| RetrieveError::UnknownModel { model })?;
        let reranker = self.ports.reranker(tenant);
        let mut generation_model = request.model.clone().unwrap_or_else(|| tenant.settings().models.generation.clone());
        if sabotage::on(Sabotage::UnknownModelIgnored) && !tenant.settings().allows_model(&generation_model) {
            generation_model.clone_from(&tenant.settings().models.generation);
        }
        #[cfg(feature = "sabotage")]
        self.meet_strangers(tenant).await?;
        let generators = self.ports.generators_for(tenant, &generation_model);
        let held = Held { database, embedder, reranker, generators, generation_model };
        let begun = self.searcher(tenant, &held).begin(&request).await?;
        let late = sabotage::on(Sabotage::BudgetCheckedAfterTheCall);
        if begun.generates() && !late {
            self.admit_search(tenant, &request, &held).await?;
        } else {
            // Nothing is asked for; where a stream begins, its head already says how much of the budget is used.
            self.meter.close(tenant).await;
        }
        if sabotage::on(Sabotage::CachedAnswersCounted) && !begun.generates() {
            let tokens = Tokens { read: 10, written: 10 };
            self.meter.charge(tenant, Role::Rerank, &held.generation_model, tokens);
        }
        Ok(StartedSearch { tenant: tenant.clone(), request, begun, held })
    }

    /// Answers a started search.
    ///
    /// # Errors
    ///
    /// [`SearchError`]: something that it needs failed, or a safety rule refuses the answer.
    pub async fn finish_search(&self, started: StartedSearch) -> Result<Answered, SearchError> {
        let StartedSearch { tenant, request, begun, held } = started;
        let generates = begun.generates();
        let answer = self.searcher(&tenant, &held).finish(&request, begun).await;
        if generates && sabotage::on(Sabotage::BudgetCheckedAfterTheCall) {
            self.admit_search(&tenant, &request, &held).await?;
        }
        self.meter.close(&tenant).await;
        self.see_cache(&tenant);
        answer
    }

    /// Asks for room for a whole search: its query twice, what a reranker and a prompt may hold, and what may be written.
    async fn admit_search(
        &self,
        tenant: &TenantContext,
        request: &SearchRequest,
        held: &Held,
    ) -> Result<(), SearchError> {
        let settings = tenant.settings();
        let expected = || {
            let chunks = if held.reranker.is_some() { RERANK_DEPTH as u64 } else { 0 };
            let passages = u64::from(settings.answer_prompt.context_tokens);
            2 * self.meter.count(&request.query)
                + chunks * u64::from(settings.chunking.size_tokens)
                + passages
                + MOST_WRITTEN
        };
        let admitted = self.meter.admit(tenant, &held.generation_model, expected).await;
        Ok(admitted.map_err(RetrieveError::from)?)
    }

    fn searcher<'a>(&'a self, tenant: &'a TenantContext, held: &'a Held) -> Searcher<'a> {
        Searcher {
            tenant,
            sources: Sources {
                database: &*held.database,
                embedder: &*held.embedder,
                reranker: held.reranker.as_deref(),
            },
            retriever: &self.retriever,
            generators: &held.generators,
            generation_model: &held.generation_model,
            key_value: &*self.ports.key_value,
            clock: &*self.ports.clock,
            tokenizer: &*self.ports.tokenizer,
            flights: &self.flights,
            shapes: &self.cache_shapes,
            known: &self.known,
            counters: &self.cache_counters,
        }
    }
}
