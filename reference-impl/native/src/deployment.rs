//! The whole service, assembled from core, the HTTP edge and this host's adapters.

use std::sync::Arc;
use std::time::Duration;

use contract_types::{Implementation, IsolationMode};
use minilm::MiniLm;
use reference_core::answer::{Extractive, ExtractiveBrief};
use reference_core::auth::{Authenticator, KeySet};
use reference_core::platform::{INDEX_BYTES, Platform, Ports};
use reference_core::policy::Policies;
use reference_core::ports::{Background, Clock, Databases, Ids, KeyValue, MemoryKeyValue, PatientKeyValue, Timer};
use reference_core::retrieve::{Evidence, HashedEmbedder, TermOverlap};
use reference_core::store::idempotency;
use reference_core::store::rate::{KeptCounts, LocalCounts};
use reference_core::tenancy::{Registry, TenantContext, TenantId, TenantSettings};
use reference_http::{BeforeCall, Edge, EdgeParts, Measured, Service, ServiceParts, Streams, Telemetry, WorkTelemetry};
use reference_providers::HostModels;
use tokio::runtime::Handle;

use crate::clock::SystemClock;
use crate::config::{self, Loaded, Models, PROBE_TENANT};
use crate::counters::Counters;
use crate::data_folder::DataFolder;
use crate::docs::SwaggerPage;
use crate::faults::{self, Faults, FaultyDatabases, FaultyHandlers, FaultyKeyValue, Port};
use crate::files::Files;
use crate::host_models;
use crate::ids::OsIds;
use crate::models::{MiniLmEmbedder, WordPieceTokenizer};
use crate::scan::SimdScan;
use crate::speech;
use crate::sqlite::SqliteDatabases;
use crate::tasks::{Tasks, TokioTimer};

/// Cached answers of each tenant, in bytes: some thousand answers.
const CACHE_BYTES_PER_TENANT: usize = 16 << 20;
/// Time after which work that waits for a model is tried again.
const WAKE_EVERY: Duration = Duration::from_secs(2);
/// How long `/health` tells what it found when it last looked.
const HEALTH_KEPT_MS: u64 = 250;
/// Pieces of background work at once, over all tenants. They share the processors with requests.
const BACKGROUND_WORK: usize = 4;
/// Pieces of work at once that write down rate counts: one on its way, and one that may hang in a database.
const COUNT_WRITERS: usize = 2;

/// What tenants of this host may choose from, beside the models behind URLs that `platform.yaml` lists.
pub fn models() -> Models {
    Models {
        embedding: vec![HashedEmbedder::MODEL.to_owned(), MiniLmEmbedder::MODEL.to_owned()],
        generation: vec![Extractive::MODEL.to_owned(), ExtractiveBrief::MODEL.to_owned()],
        rerank: vec![Evidence::MODEL.to_owned(), TermOverlap::MODEL.to_owned()],
    }
}

/// Tools of a test; absent where no control listener is on.
pub struct TestTools {
    /// Faults of the ports.
    pub faults: Arc<Faults>,
    /// Counts of requests.
    pub counters: Arc<Counters>,
}

/// A running service without its sockets.
pub struct Deployment {
    /// Answers every operation of the contract.
    pub router: axum::Router,
    /// Core.
    pub platform: Arc<Platform>,
    /// Makes contexts.
    pub authenticator: Arc<Authenticator>,
    /// The tenants.
    pub registry: Arc<Registry>,
    /// Their clocks.
    pub clock: Arc<SystemClock>,
    /// Their databases, without faults.
    pub databases: Arc<SqliteDatabases>,
    /// Rate counts for the time that those do not answer.
    pub local_counts: Arc<LocalCounts>,
    /// Rate counts otherwise, which are to be flushed before the process ends.
    pub request_counts: KeptCounts,
    /// Work beside requests.
    pub tasks: Arc<Tasks>,
    /// The event streams that are open.
    pub streams: Streams,
    /// What befell the models.
    pub policies: Arc<Policies>,
    /// What `platform.yaml` says.
    pub config: config::Platform,
    /// Tools of a test.
    pub test_tools: Option<TestTools>,
}

impl Deployment {
    /// Forgets the requests that were counted in memory.
    pub(crate) async fn clear_counts(&self) {
        self.local_counts.clear();
        self.request_counts.clear().await;
    }

    /// The same for one tenant.
    pub(crate) async fn forget_counts(&self, tenant: &TenantId) {
        self.local_counts.forget(tenant);
        self.request_counts.forget(tenant).await;
    }

    /// Assembles the service over `data`. Must be called within a runtime.
    ///
    /// - `demo`: whether published fixture keys are accepted.
    /// - `testing`: whether ports get faults and requests are counted.
    ///
    /// # Errors
    ///
    /// When the data folder cannot be used, or configuration contradicts itself after all.
    pub fn assemble(
        loaded: Loaded,
        data: &DataFolder,
        telemetry: Arc<dyn Telemetry>,
        demo: bool,
        testing: bool,
    ) -> anyhow::Result<Self> {
        Self::assemble_with(loaded, data, telemetry, demo, testing, reference_core::tools::Registry::built_in())
    }

    /// The same with other tools than the contract's own.
    ///
    /// # Errors
    ///
    /// As [`Self::assemble`].
    pub fn assemble_with(
        loaded: Loaded,
        data: &DataFolder,
        telemetry: Arc<dyn Telemetry>,
        demo: bool,
        testing: bool,
        tools: reference_core::tools::Registry,
    ) -> anyhow::Result<Self> {
        let Loaded { platform: config, tenants } = loaded;
        let (clock, ids) = (Arc::new(SystemClock::new()), Arc::new(OsIds) as Arc<dyn Ids>);
        let port: Arc<dyn Clock> = Arc::clone(&clock) as _;
        let registry = Arc::new(Registry::new(tenants)?);
        let authenticator = Arc::new(Authenticator::new(
            Arc::clone(&registry),
            Arc::clone(&port),
            config.tokens.clone(),
            config.keys.clone(),
            demo,
        ));
        let databases = Arc::new(SqliteDatabases::new(data.path()));
        let tasks = Arc::new(Tasks::new(Handle::current(), BACKGROUND_WORK));
        let timer: Arc<dyn Timer> = Arc::new(TokioTimer);
        let minilm = Arc::new(MiniLm::load()?);
        let models = host_models::assemble(&config, &minilm, &timer)?;
        let policies = Arc::new(Policies::new(Arc::clone(&port), Arc::clone(&timer), Arc::clone(&ids)));
        let wrapped = Wrapped::new(&databases, models, testing.then(|| Arc::new(Faults::default())));
        // Outside the faults, so that these are met as trouble of the models is.
        let models = wrapped.models.under(&policies, |model| host_models::policy(&config, model));
        let ports = Ports {
            databases: Arc::clone(&wrapped.databases),
            clock: Arc::clone(&port),
            ids: Arc::clone(&ids),
            key_value: Arc::new(PatientKeyValue::new(Arc::clone(&wrapped.key_value), Arc::clone(&timer))),
            background: Arc::clone(&tasks) as Arc<dyn Background>,
            tokenizer: Arc::new(WordPieceTokenizer::new(Arc::clone(minilm.pieces()))),
            embedders: models.embedders,
            generators: models.generators,
            rerankers: models.rerankers,
            chat_models: models.chat_models,
            timer: Arc::clone(&timer),
        };
        let speech = speech::assemble(&config, &timer, &policies)?;
        let platform = Platform::new(ports, &data.secret()?, INDEX_BYTES).with_scan(Arc::new(SimdScan));
        let platform = platform.with_policies(Arc::clone(&policies));
        let platform = platform.with_traces(Arc::new(WorkTelemetry(Arc::clone(&telemetry))));
        let platform = Arc::new(platform.with_converter(Arc::new(Files)).with_tools(tools).with_speech(speech));
        let measured = Measured::new(telemetry, platform.metrics().clone());
        let measured: Arc<dyn Telemetry> = Arc::new(measured);
        let counters = wrapped.faults.as_ref().map(|_| Arc::new(Counters::new(Arc::clone(&measured))));
        let telemetry = counters.clone().map_or(measured, |counters| counters as Arc<dyn Telemetry>);
        let streams = Streams::default();
        let api = Service::new(ServiceParts {
            platform: Arc::clone(&platform),
            probe: probe(&port, &config),
            docs: Arc::new(SwaggerPage::new()?),
            implementation: Implementation::new("plumbline-native".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            isolation: IsolationMode::StorePerTenant,
            timer: Arc::clone(&timer),
            streams: streams.clone(),
        });
        // A fault that a test makes is seen at once.
        let api = Arc::new(api.with_health_kept(if testing { 0 } else { HEALTH_KEPT_MS }));
        let local_counts = Arc::new(LocalCounts::default());
        let writer = Arc::new(Tasks::new(Handle::current(), COUNT_WRITERS));
        let request_counts =
            KeptCounts::new(Arc::clone(&wrapped.rate_store), Arc::clone(&port), Arc::clone(&timer), writer);
        let before_call = wrapped.faults.as_ref().map(|faults| {
            let handlers = FaultyHandlers::new(Arc::clone(faults));
            Arc::new(handlers) as Arc<dyn BeforeCall>
        });
        let edge = Edge::new(EdgeParts {
            api,
            authenticator: Arc::clone(&authenticator),
            registry: Arc::clone(&registry),
            limiter: Arc::new(request_counts.clone()),
            databases: wrapped.rate_store,
            local_counts: Arc::clone(&local_counts),
            clock: port,
            ids,
            timer,
            telemetry,
            before_call,
            recorder: Some(Arc::clone(&platform)),
        })
        .with_trace_ratio(config.trace_ratio);
        let test_tools = wrapped.faults.zip(counters).map(|(faults, counters)| TestTools { faults, counters });
        let router = reference_http::router(edge);
        Ok(Self {
            router,
            platform,
            authenticator,
            registry,
            clock,
            databases,
            local_counts,
            request_counts,
            tasks,
            streams,
            policies,
            config,
            test_tools,
        })
    }

    /// Gives back the idempotency keys of requests that the last server did not answer, queues its running jobs again, and
    /// runs what is queued; to be called before requests are served. A tenant whose jobs cannot be read
    /// is left out; they are found at the next start. Returns how many tenants had something to look at.
    pub async fn resume(&self) -> usize {
        let mut resumed = 0;
        for settings in self.registry.all() {
            let Some(tenant) = self.authenticator.maintenance(&settings.tenant) else { continue };
            if !self.databases.holds(tenant.id()) {
                continue;
            }
            // Keys that are left behind by mistake are free again when their lease ends.
            if let Ok(database) = self.databases.open(&tenant).await {
                let _ = idempotency::forget_running(&*database).await;
            }
            // A note that cannot be settled now is found at the next start.
            let _ = self.platform.settle_calls(&tenant).await;
            if self.platform.resume_jobs(&tenant).await.is_err() {
                continue;
            }
            resumed += 1;
            self.platform.start_runner(&tenant);
        }
        resumed
    }

    /// From now on tries work again that waits for a model, for as long as the platform lives.
    pub fn keep_waking(&self) {
        let platform = Arc::downgrade(&self.platform);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(WAKE_EVERY).await;
                let Some(platform) = platform.upgrade() else { return };
                platform.wake();
            }
        });
    }
}

/// Ports, behind faults where there are any.
struct Wrapped {
    databases: Arc<dyn Databases>,
    rate_store: Arc<dyn Databases>,
    key_value: Arc<dyn KeyValue>,
    models: HostModels,
    faults: Option<Arc<Faults>>,
}

impl Wrapped {
    fn new(databases: &Arc<SqliteDatabases>, models: HostModels, faults: Option<Arc<Faults>>) -> Self {
        let databases: Arc<dyn Databases> = Arc::clone(databases) as _;
        let plain = Self {
            rate_store: Arc::clone(&databases),
            databases,
            key_value: Arc::new(MemoryKeyValue::new(CACHE_BYTES_PER_TENANT)),
            models,
            faults: faults.clone(),
        };
        let Some(faults) = faults else { return plain };
        let database = |port| Arc::new(FaultyDatabases::new(Arc::clone(&plain.databases), Arc::clone(&faults), port));
        Self {
            databases: database(Port::Database),
            rate_store: database(Port::RateStore),
            key_value: Arc::new(FaultyKeyValue::new(plain.key_value, Arc::clone(&faults))),
            models: faults::behind(plain.models, &faults),
            faults: Some(faults),
        }
    }
}

/// A tenant of the server's own, unknown to the registry: no credential reaches it.
fn probe(clock: &Arc<dyn Clock>, config: &config::Platform) -> Option<TenantContext> {
    let id = TenantId::parse(PROBE_TENANT).ok()?;
    let registry = Arc::new(Registry::new([TenantSettings::new(id.clone(), PROBE_TENANT)]).ok()?);
    let tokens = config.tokens.clone();
    Authenticator::new(registry, Arc::clone(clock), tokens, KeySet::default(), false).maintenance(&id)
}
