//! The retrieval pipeline: embed, look up both halves, fuse, rerank, cut.

use std::sync::Arc;

use futures_util::future::{Either, select};

use super::altered::{alter, last_of_several};
use super::candidates::{Candidate, explained, merge, sort};
use super::dense::{Nearest, nearest};
use super::elsewhere::{StepError, narrowed};
use super::error::RetrieveError;
use super::filter::Filter;
use super::fusion::{DEPTH, round};
use super::index::{CorpusIndex, IndexCache, Mask, embedding_name};
use super::keeper::Keeper;
use super::matches::matches;
use super::model::{Degradation, Explain, RankedChunk, RetrieveRequest, RetrieveTimings, Retrieved};
use super::quantised::is_finite;
use super::query_cache::QueryCache;
use super::texts::texts;
use crate::metrics::{Metric, Metrics};
use crate::ports::{
    Clock, Database, DatabaseError, Databases, EmbedPurpose, Embedder, ModelError, PortableScan, RerankCandidate,
    Reranked, Reranker, Scan,
};
use crate::sabotage::{self, Sabotage};
use crate::search::Vocabulary;
use crate::tenancy::{RetrievalMode, TenantContext};
use crate::trace::{StepName, StepOutcome};

/// How many candidates a reranker looks at: all that can be asked for, so that asking for more never changes the first.
pub(crate) const RERANK_DEPTH: usize = 100;
/// How often a retrieval tries to see documents that are replaced under it.
const ATTEMPTS: usize = 12;

/// Retrieves. Holds what is worth keeping between queries; nothing of it crosses tenants.
pub struct Retriever {
    indexes: IndexCache,
    queries: QueryCache,
    keeper: Option<Keeper>,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
}

/// What one retrieval works with; the database is the tenant's own.
pub(crate) struct Sources<'a> {
    pub(crate) database: &'a dyn Database,
    pub(crate) embedder: &'a dyn Embedder,
    pub(crate) reranker: Option<&'a dyn Reranker>,
}

impl Retriever {
    /// A retriever that keeps at most `index_bytes` of indexes in memory, over all tenants.
    pub fn new(clock: Arc<dyn Clock>, index_bytes: usize) -> Self {
        let indexes = IndexCache::new(index_bytes, Arc::new(PortableScan));
        Self { indexes, queries: QueryCache::default(), keeper: None, clock, metrics: Metrics::off() }
    }

    /// The same, counting its retrievals.
    #[must_use]
    pub fn with_metrics(self, metrics: Metrics) -> Self {
        Self { metrics, ..self }
    }

    /// The same with a host's own way to scan; what was in memory is read again.
    #[must_use]
    pub fn with_scan(mut self, scan: Arc<dyn Scan>) -> Self {
        self.indexes = self.indexes.with_scan(scan);
        self
    }

    /// The same with a vector index elsewhere, for the tenants that choose it.
    #[must_use]
    pub(crate) fn with_keeper(self, keeper: Keeper) -> Self {
        Self { keeper: Some(keeper), ..self }
    }

    /// The corpus has changed: an index elsewhere is brought up to date.
    pub(crate) fn changed(&self, tenant: &TenantContext) {
        if let Some(keeper) = &self.keeper {
            keeper.wake(tenant);
        }
    }

    /// The chunks of `mask` that the tenant's index elsewhere leaves to be looked at; `None` where that is all of them.
    async fn narrowed(
        &self,
        tenant: &TenantContext,
        database: &dyn Database,
        index: &CorpusIndex,
        mask: &Mask,
        query: &[f32],
        filter: &Filter,
    ) -> Result<Option<Mask>, DatabaseError> {
        let Some(keeper) = &self.keeper else { return Ok(None) };
        let Some(vectors) = keeper.of(tenant) else { return Ok(None) };
        let pushed = filter.pushed(&tenant.settings().vectors.indexed_keys);
        let asked = narrowed(index, mask, tenant, database, vectors, query, pushed);
        let (narrowed, behind) = match select(Box::pin(asked), keeper.patience(tenant)).await {
            Either::Left((found, _)) => found?,
            Either::Right(_) => (None, false),
        };
        if behind {
            keeper.wake(tenant);
        }
        Ok(narrowed)
    }

    /// The tenant's index as of now.
    pub(crate) async fn index(
        &self,
        tenant: &TenantContext,
        database: &dyn Database,
    ) -> Result<Arc<CorpusIndex>, RetrieveError> {
        Ok(self.indexes.current(tenant.id(), database).await?)
    }

    /// The tenant's words as of now.
    pub(crate) async fn vocabulary(
        &self,
        tenant: &TenantContext,
        database: &dyn Database,
    ) -> Result<Arc<Vocabulary>, RetrieveError> {
        Ok(self.indexes.vocabulary(tenant.id(), database).await?)
    }

    /// The tenant's words and the number of its chunks, where both are in memory.
    #[cfg(feature = "sabotage")]
    pub(crate) fn held(&self, tenant: &TenantContext) -> Option<(Arc<Vocabulary>, usize)> {
        let held = self.indexes.held(tenant.id());
        Some((held.vocabulary?.1, held.index?.len()))
    }

    /// Removes the tenant's vectors from the index elsewhere, whether it chooses that index now or did before; returns how many it
    /// told the index of, and `None` where it never had any.
    pub(crate) async fn erase_elsewhere(
        &self,
        tenant: &TenantContext,
        databases: &dyn Databases,
    ) -> Result<Option<u64>, StepError> {
        let Some(keeper) = &self.keeper else { return Ok(None) };
        keeper.erase(tenant, &*databases.open(tenant).await?).await
    }

    /// Forgets everything of the tenant.
    pub(crate) fn forget(&self, tenant: &TenantContext) {
        self.indexes.forget(tenant.id());
        self.queries.forget(tenant.id());
    }

    /// Retrieves for `request`, whose lexical half also looks for `expansions`.
    pub(crate) async fn retrieve(
        &self,
        tenant: &TenantContext,
        sources: &Sources<'_>,
        request: &RetrieveRequest,
        expansions: &[String],
    ) -> Result<Retrieved, RetrieveError> {
        let since = self.clock.monotonic_us();
        let (within, step) = tenant.step(StepName::Retrieve);
        let retrieved = self.attempts(&within, sources, request, expansions).await;
        step.end(StepOutcome::of(&retrieved));
        let retrieved = retrieved?;
        self.metrics.took(tenant.id(), Metric::Retrieval, &[], self.clock.monotonic_us().saturating_sub(since));
        Ok(retrieved)
    }

    async fn attempts(
        &self,
        tenant: &TenantContext,
        sources: &Sources<'_>,
        request: &RetrieveRequest,
        expansions: &[String],
    ) -> Result<Retrieved, RetrieveError> {
        for _ in 1..ATTEMPTS {
            if let (retrieved, true) = self.attempt(tenant, sources, request, expansions).await? {
                return Ok(retrieved);
            }
        }
        // The corpus changes without a pause: what is found of it now is the best there is.
        Ok(self.attempt(tenant, sources, request, expansions).await?.0)
    }

    /// One try, and whether it saw one version of the corpus from the index to the last text. Where it did not, a document
    /// was replaced or deleted meanwhile, and neither its old nor its new form may have been seen.
    async fn attempt(
        &self,
        tenant: &TenantContext,
        sources: &Sources<'_>,
        request: &RetrieveRequest,
        expansions: &[String],
    ) -> Result<(Retrieved, bool), RetrieveError> {
        let settings = tenant.settings();
        if request.rerank == Some(true)
            && sources.reranker.is_none()
            && !sabotage::on(Sabotage::RerankUndeclaredAccepted)
        {
            return Err(RetrieveError::RerankNotEnabled);
        }
        let reranker = sources.reranker.filter(|_| request.rerank != Some(false));
        let mut degraded = Vec::new();
        let mut mode = request.mode.unwrap_or(settings.retrieval.mode);
        if sabotage::on(Sabotage::ModeIgnored) {
            mode = RetrievalMode::Lexical;
        }

        let started = self.clock.monotonic_us();
        let index = self.index(tenant, sources.database).await?;
        let read = self.clock.monotonic_us();
        let mut vector = None;
        if mode != RetrievalMode::Lexical {
            check_embedding(&index, sources.embedder)?;
            let mut embedded = self.embed(tenant, sources.embedder, &request.query).await;
            if sabotage::on(Sabotage::QueryModelDiffers) {
                embedded = embedded.map(|(vector, known)| (Arc::new(of_another_model(&vector)), known));
            }
            if sabotage::on(Sabotage::EmbeddingFailureFailsRequest)
                && let Err(error) = embedded
            {
                return Err(RetrieveError::Model(error));
            }
            match embedded {
                Ok(embedded) => vector = Some(embedded),
                // No failure that could be done without: it would be one of the rerank and the answer as well.
                Err(error @ ModelError::BudgetExceeded { .. }) => return Err(error.into()),
                Err(
                    ModelError::Unavailable { .. }
                    | ModelError::Refused { .. }
                    | ModelError::Rejected { .. }
                    | ModelError::TimedOut { .. }
                    | ModelError::Unusable { .. },
                ) => {
                    degraded.push(Degradation::EmbeddingUnavailable);
                    mode = RetrievalMode::Lexical;
                }
            }
        }
        let embedded = self.clock.monotonic_us();

        // For the flaw alone: what should have been found, where all is.
        let passing = sabotage::on(Sabotage::FilterAfterTopK).then(|| index.mask(&request.filter));
        let everything = Filter::default();
        let mut mask = index.mask(if passing.is_some() { &everything } else { &request.filter });
        if sabotage::on(Sabotage::LastChunksNotIndexed) {
            let hidden = last_of_several(&index);
            let allowed = mask;
            mask = index.mask_where(|it| allowed.allows(it) && !hidden.contains(&it));
        }
        let filtered_out = index.len() - mask.count();
        if vector.is_some() || sabotage::on(Sabotage::VectorQueriesCountedAlways) {
            self.metrics.count(Some(tenant.id()), Metric::VectorQueries, &[]);
        }
        let dense = match &vector {
            Some((vector, _)) => {
                let few = self.narrowed(tenant, sources.database, &index, &mask, vector, &request.filter).await?;
                let few = few.as_ref().unwrap_or(&mask);
                let mut found = nearest(&index, few, sources.database, self.indexes.scan(), vector, DEPTH).await?;
                if !found.read.is_empty() {
                    self.indexes.keep_exact(tenant.id(), &index, std::mem::take(&mut found.read));
                }
                found
            }
            None => Nearest::none(),
        };
        let (lexical, unchanged) = match mode {
            RetrievalMode::Dense => (Vec::new(), true),
            RetrievalMode::Lexical | RetrievalMode::Hybrid => {
                matches(&index, &mask, sources.database, &request.query, expansions).await?
            }
        };
        let weight = match mode {
            RetrievalMode::Dense => 0.0,
            RetrievalMode::Lexical => 1.0,
            RetrievalMode::Hybrid => settings.retrieval.lexical_weight,
        };
        let mut candidates = merge(&dense.ranked, &lexical, settings.retrieval.fusion, weight);
        sort(&index, &mut candidates);
        let mut depth = if reranker.is_some() { RERANK_DEPTH } else { request.top_k };
        if sabotage::on(Sabotage::OneChunkTooMany) {
            depth += 1;
        }
        let (mut texts, version) =
            texts(&index, sources.database, candidates.iter().take(depth), reranker.is_some()).await?;
        let whole =
            dense.unchanged && unchanged && version == index.version && texts.len() == candidates.len().min(depth);
        let retrieved = self.clock.monotonic_us();

        if let Some(reranker) = reranker {
            // One whose text is gone was deleted meanwhile.
            candidates.truncate(depth);
            candidates.retain(|it| texts.contains_key(&it.position));
            let seen: Vec<RerankCandidate> = candidates
                .iter()
                .filter_map(|it| texts.get_mut(&it.position).map(|text| text.for_reranking(it)))
                .collect();
            match reranker.rerank(tenant, &request.query, &seen).await {
                Ok(Reranked { scores, .. }) if scores.len() == seen.len() => {
                    candidates.iter_mut().zip(scores).for_each(|(it, score)| it.reranked = Some(round(score)));
                    sort(&index, &mut candidates);
                }
                Err(error @ ModelError::BudgetExceeded { .. }) => return Err(error.into()),
                Ok(_) | Err(_) => degraded.push(Degradation::RerankerUnavailable),
            }
        }
        let reranked = self.clock.monotonic_us();

        let mut top_k = request.top_k;
        if sabotage::on(Sabotage::OneChunkTooMany) {
            top_k += 1;
        }
        if sabotage::on(Sabotage::OneChunkTooFew) {
            top_k -= 1;
        }
        let enough = |it: &&Candidate| {
            request.min_score.is_none_or(|least| {
                let above = it.score() > least || !sabotage::on(Sabotage::MinScoreExclusive);
                (it.score() >= least && above) || sabotage::on(Sabotage::MinScoreIgnored)
            })
        };
        let mut chunks: Vec<RankedChunk> = candidates
            .iter()
            .filter(enough)
            .filter_map(|it| Some((it, texts.remove(&it.position)?)))
            .take(top_k)
            .filter(|(it, _)| passing.as_ref().is_none_or(|passing| passing.allows(it.position)))
            .zip(1_u32..)
            .map(|((it, text), rank)| text.ranked(&index, it, rank))
            .collect();
        alter(&mut chunks);
        if sabotage::on(Sabotage::EmptyResultFails) && chunks.is_empty() {
            let reason = "nothing matches".to_owned();
            return Err(crate::ports::DatabaseError::Refused { index: 0, reason }.into());
        }
        if sabotage::on(Sabotage::ExplainLacksTheBest) && !candidates.is_empty() {
            candidates.remove(0);
        }
        let explains = request.explain || sabotage::on(Sabotage::ExplainAlways);
        let explain = explains.then(|| Explain {
            embedding_cache_hit: vector.as_ref().is_some_and(|(_, hit)| *hit),
            mode: if sabotage::on(Sabotage::ExplainNamesAnotherMode) { RetrievalMode::Hybrid } else { mode },
            candidates: explained(&index, &candidates),
            embedding_model: sources.embedder.model().to_owned(),
            filtered_out,
        });
        let timings = RetrieveTimings {
            embed_us: embedded.saturating_sub(read),
            retrieve_us: read.saturating_sub(started) + retrieved.saturating_sub(embedded),
            rerank_us: reranked.saturating_sub(retrieved),
        };
        Ok((Retrieved { chunks, explain, degraded, timings }, whole))
    }

    /// The query's vector, and whether it was already known.
    async fn embed(
        &self,
        tenant: &TenantContext,
        embedder: &dyn Embedder,
        query: &str,
    ) -> Result<(Arc<Vec<f32>>, bool), ModelError> {
        if let Some(vector) = self.queries.get(tenant.id(), embedder.model(), query)
            && !sabotage::on(Sabotage::QueriesEmbeddedAgain)
        {
            return Ok((vector, true));
        }
        let mut vectors = embedder.embed(tenant, &[query.to_owned()], EmbedPurpose::Query).await?.vectors;
        match vectors.pop() {
            Some(vector) if !is_finite(&vector) => Err(ModelError::not_finite(embedder.model())),
            Some(vector) if vectors.is_empty() && vector.len() == embedder.dimensions() => {
                let vector = Arc::new(vector);
                self.queries.put(tenant.id(), embedder.model(), query, &vector);
                Ok((vector, false))
            }
            Some(_) | None => Err(ModelError::Unusable {
                model: embedder.model().to_owned(),
                reason: "wrong number or length of vectors".to_owned(),
            }),
        }
    }
}

/// An index and a query of different models must not be compared.
fn check_embedding(index: &CorpusIndex, embedder: &dyn Embedder) -> Result<(), RetrieveError> {
    let query = embedding_name(embedder.model(), embedder.dimensions());
    match &index.embedding {
        Some(index) if *index != query => Err(RetrieveError::IndexMismatch { index: index.clone(), query }),
        Some(_) | None => Ok(()),
    }
}

/// A vector of the same length that another model could have made: the same figures, each in another place.
fn of_another_model(vector: &[f32]) -> Vec<f32> {
    vector.iter().rev().copied().collect()
}
