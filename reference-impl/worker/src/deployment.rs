//! The whole service, assembled from core, the HTTP edge and this host's adapters.

use std::sync::Arc;

use contract_types::{Implementation, IsolationMode};
use minilm::WordPiece;
use reference_core::auth::{Authenticator, KeySet};
use reference_core::platform::{Platform, Ports, SharedMetrics};
use reference_core::policy::Policies;
use reference_core::ports::{Clock, Databases, Ids, KeyValue, MemoryKeyValue, PatientKeyValue, Timer};
use reference_core::store::rate::{LocalCounts, StoredCounts};
use reference_core::tenancy::{Registry, TenantContext, TenantId, TenantSettings};
use reference_http::{BeforeCall, Edge, EdgeParts, Measured, Service, ServiceParts, Streams, Telemetry, WorkTelemetry};
use reference_providers::HostModels;
use worker::Env;

use crate::clock::JsClock;
use crate::cloud::{KvCache, R2Audio, Vectorize};
use crate::config::{self, PROBE_TENANT};
use crate::docs::OperationList;
use crate::ids::JsIds;
#[cfg(feature = "control")]
pub(crate) use crate::models::models;
use crate::store::ObjectDatabases;
use crate::tasks::{JsTimer, WithAlarms};
use crate::telemetry::{Console, Keeping};
use crate::word_piece::WordPieceTokenizer;

/// Name of the text binding with the configuration.
const CONFIG: &str = "CONFIG";
/// Name of the secret that page cursors are signed with; the same in every isolate.
const CURSOR_SECRET: &str = "CURSOR_SECRET";
/// Name of the KV namespace of cached answers; without it they are kept in the isolate.
pub(crate) const CACHE: &str = "CACHE";
/// Name of the Vectorize index; without it every tenant's vectors are looked at exactly.
pub(crate) const VECTORS: &str = "PASSAGES";
/// Name of the R2 bucket of the audio of jobs; without it their audio lies in the tenants' objects.
pub(crate) const AUDIO: &str = "AUDIO";
/// Name of the namespace of tenants' objects.
pub(crate) const TENANTS: &str = "TENANTS";
/// Name of the text binding that turns the control API on.
#[cfg(feature = "control")]
const CONTROL: &str = "CONTROL";
/// Indexes kept in memory over all tenants. An isolate has 128 MB for everything.
const INDEX_BYTES: usize = 32 << 20;
/// Cached answers of each tenant, in bytes: some hundred answers.
const CACHE_BYTES_PER_TENANT: usize = 1 << 20;

/// Tools of a test; absent where the control API is off.
#[cfg(feature = "control")]
pub(crate) struct TestTools {
    /// Faults of the ports.
    pub(crate) faults: Arc<crate::faults::Faults>,
    /// Counts of requests.
    pub(crate) counters: Arc<crate::counters::Counters>,
}

/// The service of an isolate.
#[cfg_attr(not(feature = "control"), expect(dead_code, reason = "the control API reads what the router is made of"))]
pub(crate) struct Deployment {
    /// Answers every operation of the contract.
    pub(crate) router: axum::Router,
    /// Core.
    pub(crate) platform: Arc<Platform>,
    /// Makes contexts.
    pub(crate) authenticator: Arc<Authenticator>,
    /// The tenants.
    pub(crate) registry: Arc<Registry>,
    /// Their clocks.
    pub(crate) clock: Arc<JsClock>,
    /// Their databases, without faults.
    pub(crate) databases: Arc<ObjectDatabases>,
    /// Rate counts for the time that those do not answer.
    pub(crate) local_counts: Arc<LocalCounts>,
    /// The event streams that are open.
    pub(crate) streams: Streams,
    /// What befell the models.
    pub(crate) policies: Policies,
    /// What `platform.yaml` says.
    pub(crate) config: config::Platform,
    /// Tools of a test.
    #[cfg(feature = "control")]
    pub(crate) test_tools: Option<TestTools>,
}

/// What a test may stand in front of.
struct Wrapped {
    databases: Arc<dyn Databases>,
    rate_store: Arc<dyn Databases>,
    key_value: Arc<dyn KeyValue>,
    models: HostModels,
    telemetry: Arc<dyn Telemetry>,
    before_call: Option<Arc<dyn BeforeCall>>,
}

impl Deployment {
    /// Forgets the requests that were counted in memory: those whose tenant's object was out of reach. The others go with the object.
    #[cfg(feature = "control")]
    pub(crate) fn clear_counts(&self) -> std::future::Ready<()> {
        self.local_counts.clear();
        std::future::ready(())
    }

    /// The same for one tenant.
    #[cfg(feature = "control")]
    pub(crate) fn forget_counts(&self, tenant: &TenantId) -> std::future::Ready<()> {
        self.local_counts.forget(tenant);
        std::future::ready(())
    }

    /// Assembles the service over the bindings.
    ///
    /// # Errors
    ///
    /// When a binding is missing or its configuration has a problem; the message says which.
    pub(crate) fn assemble(env: &Env) -> worker::Result<Self> {
        let secret = |name: &str| env.secret(name).ok().map(|secret| secret.to_string());
        let loaded = config::load(&env.var(CONFIG)?.to_string(), &crate::models::models(), &secret);
        let config::Loaded { platform: config, tenants, demo } = loaded.map_err(worker::Error::RustError)?;
        let registry = Registry::new(tenants).map_err(|error| worker::Error::RustError(error.to_string()))?;
        let registry = Arc::new(registry);
        let (clock, ids) = (Arc::new(JsClock::default()), Arc::new(JsIds) as Arc<dyn Ids>);
        let port: Arc<dyn Clock> = Arc::clone(&clock) as _;
        let databases = Arc::new(ObjectDatabases::new(env.durable_object(TENANTS)?));
        let authenticator = Arc::new(Authenticator::new(
            Arc::clone(&registry),
            Arc::clone(&port),
            config.tokens.clone(),
            config.keys.clone(),
            demo,
        ));
        let timer: Arc<dyn Timer> = Arc::new(JsTimer);
        // Breakers and places are counted by isolate.
        let policies = Policies::new(Arc::clone(&port), Arc::clone(&timer), Arc::clone(&ids)).apart();
        let console = Arc::new(Console::new(env));
        let plain = Wrapped {
            databases: Arc::clone(&databases) as _,
            rate_store: Arc::clone(&databases) as _,
            key_value: match env.kv(CACHE) {
                Ok(namespace) => Arc::new(KvCache::new(namespace, Arc::clone(&port))),
                Err(_) => Arc::new(MemoryKeyValue::new(CACHE_BYTES_PER_TENANT)),
            },
            models: crate::models::assemble(env, &config, &timer)?,
            telemetry: Arc::clone(&console) as _,
            before_call: None,
        };
        #[cfg(feature = "sabotage")]
        let plain = Wrapped { key_value: Arc::new(crate::confused::Confused::new(plain.key_value)), ..plain };
        #[cfg(feature = "control")]
        let (wrapped, test_tools) = if env.var(CONTROL).is_ok() { tested(plain) } else { (plain, None) };
        #[cfg(not(feature = "control"))]
        let wrapped = plain;
        // Outside the faults, so that these are met as trouble of the models is.
        let models = wrapped.models.under(&policies, |model| crate::models::policy(&config, model));
        let speech = crate::models::speech(env, &config, &timer, &policies)?;
        let ports = Ports {
            databases: Arc::clone(&wrapped.databases),
            clock: Arc::clone(&port),
            ids: Arc::clone(&ids),
            key_value: Arc::new(PatientKeyValue::new(wrapped.key_value, Arc::clone(&timer))),
            background: Arc::new(WithAlarms(Arc::clone(&databases))),
            tokenizer: Arc::new(WordPieceTokenizer::new(Arc::new(WordPiece::new()))),
            embedders: models.embedders,
            generators: models.generators,
            rerankers: models.rerankers,
            chat_models: models.chat_models,
            timer: Arc::clone(&timer),
        };
        let cursors = env.secret(CURSOR_SECRET)?.to_string();
        // The runtime lets no request be woken by another one's work, and each isolate counts for itself: they keep it together.
        let platform = Platform::new(ports, cursors.as_bytes(), INDEX_BYTES);
        let platform = platform.without_joining().with_speech(speech).with_traces(Arc::new(WorkTelemetry(console)));
        let platform = match probe(&port, &config) {
            // Behind no fault of a test: those are for requests, and what is kept beside them would use some up.
            Some(nobody) => {
                let databases = Arc::clone(&databases) as Arc<dyn Databases>;
                platform.with_shared_metrics(SharedMetrics::new(databases, Arc::clone(&authenticator), nobody))
            }
            None => platform.without_metrics(),
        };
        let platform = match env.bucket(AUDIO) {
            Ok(bucket) => platform.with_audio(Arc::new(R2Audio::new(bucket, Arc::clone(&port)))),
            Err(_) => platform,
        };
        let platform = Arc::new(match Vectorize::new(env, VECTORS) {
            Some(vectors) => platform.with_vectors(Arc::new(vectors)),
            None => platform,
        });
        // Places are counted by isolate: a tenant whose requests reach several may have its limit open in each.
        let streams = Streams::default();
        let api = Arc::new(Service::new(ServiceParts {
            platform: Arc::clone(&platform),
            probe: probe(&port, &config),
            docs: Arc::new(OperationList::new()),
            implementation: Implementation::new("plumbline-worker".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            isolation: IsolationMode::StorePerTenant,
            timer: Arc::clone(&timer),
            streams: streams.clone(),
        }));
        let telemetry = Arc::new(Measured::new(wrapped.telemetry, platform.metrics().clone()));
        let telemetry = Arc::new(Keeping::new(telemetry, Arc::clone(&platform)));
        let local_counts = Arc::new(LocalCounts::default());
        let trace_ratio = config.trace_ratio;
        let edge = Edge::new(EdgeParts {
            api,
            authenticator: Arc::clone(&authenticator),
            registry: Arc::clone(&registry),
            limiter: Arc::new(StoredCounts::new(Arc::clone(&wrapped.rate_store), Arc::clone(&port))),
            databases: wrapped.rate_store,
            local_counts: Arc::clone(&local_counts),
            clock: port,
            ids,
            timer,
            telemetry,
            before_call: wrapped.before_call,
            recorder: Some(Arc::clone(&platform)),
        });
        let router = reference_http::router(edge.with_trace_ratio(trace_ratio));
        Ok(Self {
            router,
            platform,
            authenticator,
            registry,
            clock,
            databases,
            local_counts,
            streams,
            policies,
            config,
            #[cfg(feature = "control")]
            test_tools,
        })
    }
}

/// The same behind faults, with what sets them.
#[cfg(feature = "control")]
fn tested(plain: Wrapped) -> (Wrapped, Option<TestTools>) {
    use crate::faults::{Faults, FaultyDatabases, FaultyHandlers, FaultyKeyValue, Port};
    let faults = Arc::new(Faults::default());
    let counters = Arc::new(crate::counters::Counters::new(plain.telemetry));
    let database =
        |inner: Arc<dyn Databases>, port| Arc::new(FaultyDatabases::new(inner, Arc::clone(&faults), port)) as _;
    let wrapped = Wrapped {
        databases: database(plain.databases, Port::Database),
        rate_store: database(plain.rate_store, Port::RateStore),
        key_value: Arc::new(FaultyKeyValue::new(plain.key_value, Arc::clone(&faults))),
        models: crate::faults::behind(plain.models, &faults),
        telemetry: Arc::clone(&counters) as _,
        before_call: Some(Arc::new(FaultyHandlers::new(Arc::clone(&faults)))),
    };
    (wrapped, Some(TestTools { faults, counters }))
}

/// A tenant of the Worker's own, unknown to the registry: no credential reaches it.
fn probe(clock: &Arc<dyn Clock>, config: &config::Platform) -> Option<TenantContext> {
    let id = TenantId::parse(PROBE_TENANT).ok()?;
    let registry = Arc::new(Registry::new([TenantSettings::new(id.clone(), PROBE_TENANT)]).ok()?);
    let tokens = config.tokens.clone();
    Authenticator::new(registry, Arc::clone(clock), tokens, KeySet::default(), false).maintenance(&id)
}
