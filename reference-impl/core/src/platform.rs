//! Everything an edge can ask for, one method an operation.

mod audit;
mod chat;
mod erase;
mod error;
mod jobs;
mod metrics;
mod ports;
mod reindex;
mod runners;
#[cfg(feature = "sabotage")]
mod sabotaged;
mod search;
mod sessions;
mod shared_metrics;
mod speech;
mod usage;

pub use chat::StartedChat;
pub use erase::{EraseError, Erased};
pub use error::{JobError, ListError};
pub use jobs::{IngestOutcome, JobReport};
pub use ports::{DependencyHealth, DependencyState, Ports};
pub use search::StartedSearch;
pub use shared_metrics::SharedMetrics;
pub use speech::{SpeechOutcome, SpokenAudio};

use std::sync::Arc;

use self::runners::Runners;
use crate::cursor::Cursors;
use crate::ingest::pipeline::{self, Pipeline};
use crate::ingest::{
    ChunkOptions, Document, DocumentInput, DocumentSummary, IngestError, IngestReport, StoredChunk, documents,
};
use crate::metrics::Metrics;
use crate::policy::Policies;
use crate::ports::{AudioStore, Database, Embedder, Scan, VectorIndex};
use crate::retrieve::{Keeper, RetrieveError, RetrieveRequest, Retrieved, Retriever, Sources};
use crate::sabotage::{self, Sabotage};
use crate::search::{
    Answered, CacheCounters, CacheFigures, Flights, Known, SearchAnswer, SearchError, SearchRequest, Shapes,
};
use crate::session::Locks;
use crate::speech::Speech;
use crate::tenancy::{SafetyDirection, TenantContext};
use crate::tools::{Converter, Registry, Toolbox};
use crate::trace::TraceSink;
use crate::usage::{Meter, MeteredPorts, metered};

/// Bound of the indexes kept in memory over all tenants, in bytes: about 400,000 vectors of 512 dimensions. Exact vectors that are
/// kept beside them are within it and give way to them. A Worker has 128 MB in all and passes less.
pub const INDEX_BYTES: usize = 256 << 20;

/// What is known of queries and cached answers has one part in so many of the room that indexes have, beside it.
const KNOWN_SHARE: usize = 8;

/// One page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// Its entries.
    pub items: Vec<T>,
    /// What to ask for the next page with; `None` on the last.
    pub next_cursor: Option<String>,
}

/// The platform: ports, and what is worth keeping between requests.
pub struct Platform {
    ports: MeteredPorts,
    meter: Meter,
    cursors: Cursors,
    retriever: Retriever,
    flights: Arc<Flights>,
    cache_counters: CacheCounters,
    cache_shapes: Shapes,
    /// Of queries and entries of the answer cache.
    known: Known,
    metrics: Metrics,
    /// Where counts are kept that are not those of one process alone; `None` where one process serves everything.
    shared_metrics: Option<SharedMetrics>,
    /// Whose breakers the metrics tell; `None` on a host whose models are under no policy.
    policies: Option<Arc<Policies>>,
    runners: Arc<Runners>,
    /// `None` on a host that lets no request wait for the work of another.
    session_locks: Option<Locks>,
    toolbox: Toolbox,
    speech: Arc<Speech>,
    /// Takes what is told of jobs; `None` where nobody collects traces.
    traces: Option<Arc<dyn TraceSink>>,
    /// Where the audio of jobs is kept; `None` for the tenant's database.
    audio: Option<Arc<dyn AudioStore>>,
}

impl Platform {
    /// A platform over `ports`.
    ///
    /// - `cursor_secret`: see [`Cursors::new`].
    /// - `index_bytes`: bound of the indexes kept in memory, [`INDEX_BYTES`] unless the host has less.
    pub fn new(ports: Ports, cursor_secret: &[u8], index_bytes: usize) -> Self {
        let metrics = Metrics::default();
        let retriever = Retriever::new(Arc::clone(&ports.clock), index_bytes).with_metrics(metrics.clone());
        let (ports, meter) = metered(ports, metrics.clone());
        Self {
            ports,
            meter,
            cursors: Cursors::new(cursor_secret),
            retriever,
            flights: Arc::default(),
            cache_counters: CacheCounters::default(),
            cache_shapes: Shapes::default(),
            known: Known::new(index_bytes / KNOWN_SHARE),
            metrics,
            shared_metrics: None,
            policies: None,
            runners: Arc::default(),
            session_locks: Some(Locks::default()),
            toolbox: Toolbox::new(cursor_secret),
            speech: Arc::default(),
            traces: None,
            audio: None,
        }
    }

    /// The same platform where each search computes for itself, also beside an equal one. For hosts that let no request wait
    /// for the work of another.
    #[must_use]
    pub fn without_joining(mut self) -> Self {
        self.toolbox.write_apart();
        Self { flights: Arc::new(Flights::apart()), session_locks: None, ..self }
    }

    /// The same with the breakers of these policies among its metrics.
    #[must_use]
    pub fn with_policies(self, policies: Arc<Policies>) -> Self {
        Self { policies: Some(policies), ..self }
    }

    /// The same with a host's own way to scan vectors, faster than the portable one.
    #[must_use]
    pub fn with_scan(mut self, scan: Arc<dyn Scan>) -> Self {
        self.retriever = self.retriever.with_scan(scan);
        self
    }

    /// The same with a vector index elsewhere, for the tenants that choose it.
    #[must_use]
    pub fn with_vectors(mut self, vectors: Arc<dyn VectorIndex>) -> Self {
        let ports = &self.ports;
        let (databases, background) = (Arc::clone(&ports.databases), Arc::clone(&ports.background));
        let (timer, clock) = (Arc::clone(&ports.timer), Arc::clone(&ports.clock));
        self.retriever = self.retriever.with_keeper(Keeper::new(vectors, databases, background, timer, clock));
        self
    }

    /// The same with a host's way to read files that core cannot read.
    #[must_use]
    pub fn with_converter(mut self, converter: Arc<dyn Converter>) -> Self {
        self.toolbox.set_converter(converter);
        self
    }

    /// The same with other tools than the contract's own.
    #[must_use]
    pub fn with_tools(mut self, registry: Registry) -> Self {
        self.toolbox.set_registry(registry);
        self
    }

    /// The same where several processes serve a deployment, which keep together what each has counted. Whoever runs it has that done
    /// with [`Platform::keep_metrics`] from time to time.
    #[must_use]
    pub fn with_shared_metrics(self, shared: SharedMetrics) -> Self {
        Self { shared_metrics: Some(shared), ..self }
    }

    /// The same where nothing is counted, and no tenant has the feature `metrics`.
    #[must_use]
    pub fn without_metrics(self) -> Self {
        self.metrics.stop();
        self
    }

    /// The same with what takes the traces of its jobs.
    #[must_use]
    pub fn with_traces(self, traces: Arc<dyn TraceSink>) -> Self {
        Self { traces: Some(traces), ..self }
    }

    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    pub(crate) fn toolbox(&self) -> &Toolbox {
        &self.toolbox
    }

    /// The same with a host's speech; a platform has none of its own.
    #[must_use]
    pub fn with_speech(self, speech: Arc<Speech>) -> Self {
        speech.count_with(self.meter.clone());
        Self { speech, ..self }
    }

    /// The same with a place for the audio of jobs outside the tenants' databases.
    #[must_use]
    pub fn with_audio(self, audio: Arc<dyn AudioStore>) -> Self {
        Self { audio: Some(audio), ..self }
    }

    /// The deployment's speech.
    pub fn speech(&self) -> &Speech {
        &self.speech
    }

    /// The ports, for what an edge reports of them. Their models are behind the meter.
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// Ingests documents within the request.
    ///
    /// # Errors
    ///
    /// [`IngestError`] when the request as a whole fails; what fails of a single document stands in its outcome.
    pub async fn ingest(
        &self,
        tenant: &TenantContext,
        documents: &[DocumentInput],
        options: ChunkOptions,
    ) -> Result<IngestReport, IngestError> {
        let settings = pipeline::check(tenant, documents, options)?;
        let database = self.ports.databases.open(tenant).await?;
        let embedder = self.embedder(tenant).map_err(|model| IngestError::UnknownModel { model })?;
        let report = self.pipeline(tenant, &*database, &*embedder).ingest(documents, settings).await;
        self.meter.close(tenant).await;
        self.retriever.changed(tenant);
        report
    }

    fn pipeline<'a>(
        &'a self,
        tenant: &'a TenantContext,
        database: &'a dyn Database,
        embedder: &'a dyn Embedder,
    ) -> Pipeline<'a> {
        let now = self.ports.clock.now(tenant.id());
        Pipeline { tenant, database, embedder, tokenizer: &*self.ports.tokenizer, now, guard: None }
    }

    /// One page of the tenant's documents, in the order of their ids.
    ///
    /// # Errors
    ///
    /// [`ListError::Cursor`], [`ListError::Ingest`].
    pub async fn list_documents(
        &self,
        tenant: &TenantContext,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<DocumentSummary>, ListError> {
        const OPERATION: &str = "list_documents";
        if sabotage::on(Sabotage::BudgetRefusesEverything) {
            self.meter.check(tenant, OPERATION).await.map_err(IngestError::from)?;
        }
        let after = cursor.map(|cursor| self.cursors.open(tenant, OPERATION, cursor)).transpose()?;
        let database = self.ports.databases.open(tenant).await.map_err(IngestError::from)?;
        let found = documents::list(&*database, after.as_deref(), limit + 1).await?;
        Ok(self.page(tenant, OPERATION, found, limit, |document| document.id.clone()))
    }

    /// One document.
    ///
    /// # Errors
    ///
    /// [`IngestError::NotFound`], [`IngestError::Database`].
    pub async fn get_document(&self, tenant: &TenantContext, id: &str) -> Result<Document, IngestError> {
        let database = self.ports.databases.open(tenant).await?;
        let found = documents::get(&*database, id).await;
        #[cfg(feature = "sabotage")]
        if sabotage::on(Sabotage::ForeignDocumentReadable) && matches!(found, Err(IngestError::NotFound)) {
            return self.foreign_document(tenant, id).await.map(|(_, document)| document).ok_or(IngestError::NotFound);
        }
        found
    }

    /// Deletes a document with its chunks, its vectors and every cached answer of the tenant; returns how many chunks it
    /// had.
    ///
    /// # Errors
    ///
    /// [`IngestError::NotFound`], [`IngestError::Database`].
    pub async fn delete_document(&self, tenant: &TenantContext, id: &str) -> Result<u32, IngestError> {
        let database = self.ports.databases.open(tenant).await?;
        let deleted = documents::delete(&*database, id).await;
        #[cfg(feature = "sabotage")]
        if sabotage::on(Sabotage::ForeignDocumentDeletable)
            && matches!(deleted, Err(IngestError::NotFound))
            && let Some((owner, _)) = self.foreign_document(tenant, id).await
        {
            return documents::delete(&*self.ports.databases.open(&owner).await?, id).await;
        }
        let chunks = deleted?;
        if sabotage::on(Sabotage::CacheSurvivesDelete) {
            // Without a new version the index would not be seen to have changed.
            self.retriever.forget(tenant);
            return Ok(chunks);
        }
        // Cached answers can no longer be found, since their keys hold the corpus version; this takes them away. A cache
        // that does not answer drops them when their time is over.
        let _ = self.ports.key_value.clear(tenant).await;
        self.retriever.changed(tenant);
        Ok(chunks)
    }

    /// One page of a document's chunks, in order.
    ///
    /// # Errors
    ///
    /// [`ListError::Cursor`], [`ListError::Ingest`] with [`IngestError::NotFound`].
    pub async fn list_chunks(
        &self,
        tenant: &TenantContext,
        document_id: &str,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<StoredChunk>, ListError> {
        let operation = format!("list_document_chunks:{document_id}");
        let from = match cursor {
            Some(cursor) => self.cursors.open(tenant, &operation, cursor)?.parse().unwrap_or(0),
            None => 0,
        };
        let database = self.ports.databases.open(tenant).await.map_err(IngestError::from)?;
        let found = documents::chunks(&*database, document_id, from, limit + 1).await?;
        Ok(self.page(tenant, &operation, found, limit, |chunk| (chunk.ordinal + 1).to_string()))
    }

    /// Retrieves passages.
    ///
    /// # Errors
    ///
    /// [`SearchError`]: the query is empty, too long or blocked, `top_k` is out of range, or retrieval failed.
    pub async fn retrieve(&self, tenant: &TenantContext, request: &RetrieveRequest) -> Result<Retrieved, SearchError> {
        let asked = SearchRequest { top_k: Some(request.top_k), ..SearchRequest::new(request.query.as_str()) };
        crate::search::check(tenant, &asked)?;
        let query = crate::safety::review(tenant, SafetyDirection::Input, &request.query)?.text;
        let request = RetrieveRequest { query, ..request.clone() };
        let database = self.ports.databases.open(tenant).await.map_err(RetrieveError::from)?;
        let embedder = self.embedder(tenant).map_err(|model| RetrieveError::UnknownModel { model })?;
        let reranker = self.ports.reranker(tenant);
        let sources = Sources { database: &*database, embedder: &*embedder, reranker: reranker.as_deref() };
        let retrieved = self.retriever.retrieve(tenant, &sources, &request, &[]).await;
        self.meter.close(tenant).await;
        let retrieved = retrieved?;
        #[cfg(feature = "sabotage")]
        let retrieved = self.among_strangers(tenant, &request, retrieved).await?;
        Ok(retrieved)
    }

    /// Searches and answers.
    ///
    /// # Errors
    ///
    /// [`SearchError`].
    pub async fn search(&self, tenant: &TenantContext, request: &SearchRequest) -> Result<SearchAnswer, SearchError> {
        self.answer_search(tenant, request.clone()).await.map(Answered::whole)
    }

    /// The same, an answer of the cache left as the entry that it stands in.
    ///
    /// # Errors
    ///
    /// [`SearchError`].
    pub async fn answer_search(&self, tenant: &TenantContext, request: SearchRequest) -> Result<Answered, SearchError> {
        let started = self.start_search(tenant, request).await?;
        self.finish_search(started).await
    }

    /// What the answer cache did for the tenant since start. Entries and evictions are the port's: [`Ports::key_value`].
    pub fn cache_figures(&self, tenant: &TenantContext) -> CacheFigures {
        self.cache_counters.of(tenant.id())
    }

    /// Forgets what is kept of the tenant in memory and in the cache, all of which can be made again.
    ///
    /// # Errors
    ///
    /// What the cache says when it could not be cleared.
    pub async fn forget(&self, tenant: &TenantContext) -> Result<(), crate::ports::KeyValueError> {
        self.retriever.forget(tenant);
        self.cache_counters.forget(tenant.id());
        self.toolbox.forget(tenant.id());
        self.cache_shapes.forget(tenant.id());
        self.known.forget(tenant.id());
        self.metrics.forget(tenant.id());
        self.ports.key_value.clear(tenant).await
    }

    /// The tenant's embedding model; its id when the deployment does not have it.
    pub(crate) fn embedder(&self, tenant: &TenantContext) -> Result<Arc<dyn Embedder>, String> {
        let model = &tenant.settings().models.embedding;
        self.ports.embedder(model).ok_or_else(|| model.clone())
    }

    /// Cuts `found`, one more than `limit` where there are more, to a page.
    fn page<T>(
        &self,
        tenant: &TenantContext,
        operation: &str,
        mut found: Vec<T>,
        limit: usize,
        position: impl Fn(&T) -> String,
    ) -> Page<T> {
        let more = found.len() > limit;
        found.truncate(limit + usize::from(sabotage::on(Sabotage::PagesTooLong)));
        let mut last = found.last().filter(|_| more);
        if sabotage::on(Sabotage::PagingRepeatsAnItem) && limit > 1 {
            last = last.and_then(|_| found.get(limit - 2));
        }
        let next_cursor = last.map(|item| self.cursors.seal(tenant, operation, &position(item)));
        if sabotage::on(Sabotage::PagingSkipsAnItem) && more {
            found.pop();
        }
        Page { items: found, next_cursor }
    }
}

#[cfg(test)]
mod tests;
