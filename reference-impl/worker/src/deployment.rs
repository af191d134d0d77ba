//! The whole service, assembled from core, the HTTP edge and this host's adapters.

use std::sync::Arc;

use axum::Router;
use contract_types::{Implementation, IsolationMode};
use reference_core::answer::{Extractive, ExtractiveBrief};
use reference_core::auth::{Authenticator, KeySet};
use reference_core::chat::ExtractiveChat;
use reference_core::ingest::UnicodeWords;
use reference_core::platform::{Platform, Ports};
use reference_core::policy::{Policies, PolicySettings};
use reference_core::ports::{Clock, Databases, Ids, MemoryKeyValue, Timer};
use reference_core::retrieve::{Evidence, HashedEmbedder, TermOverlap};
use reference_core::store::rate::StoredCounts;
use reference_core::tenancy::{Registry, TenantContext, TenantId, TenantSettings};
use reference_http::{Edge, EdgeParts, Service, ServiceParts, Streams};
use worker::Env;

use crate::clock::JsClock;
use crate::config::{self, Models, PROBE_TENANT};
use crate::docs::OperationList;
use crate::ids::JsIds;
use crate::store::ObjectDatabases;
use crate::tasks::{JsTimer, WaitUntil};
use crate::telemetry::Console;

/// Name of the text binding with the configuration.
const CONFIG: &str = "CONFIG";
/// Name of the secret that page cursors are signed with; the same in every isolate.
const CURSOR_SECRET: &str = "CURSOR_SECRET";
/// Name of the namespace of tenants' objects.
const TENANTS: &str = "TENANTS";
/// Indexes kept in memory over all tenants. An isolate has 128 MB for everything.
const INDEX_BYTES: usize = 32 << 20;
/// Cached answers of each tenant, in bytes: some hundred answers.
const CACHE_BYTES_PER_TENANT: usize = 1 << 20;

/// Assembles the service over the bindings.
///
/// # Errors
///
/// When a binding is missing or its configuration has a problem; the message says which.
pub(crate) fn assemble(env: &Env) -> worker::Result<Router> {
    let models = Models {
        embedding: vec![HashedEmbedder::MODEL.to_owned()],
        generation: vec![Extractive::MODEL.to_owned(), ExtractiveBrief::MODEL.to_owned()],
        rerank: vec![Evidence::MODEL.to_owned(), TermOverlap::MODEL.to_owned()],
    };
    let loaded = config::load(&env.var(CONFIG)?.to_string(), &models).map_err(worker::Error::RustError)?;
    let config = loaded.platform;
    let registry = Registry::new(loaded.tenants).map_err(|error| worker::Error::RustError(error.to_string()))?;
    let registry = Arc::new(registry);
    let (clock, ids) = (Arc::new(JsClock::default()) as Arc<dyn Clock>, Arc::new(JsIds) as Arc<dyn Ids>);
    let databases: Arc<dyn Databases> = Arc::new(ObjectDatabases::new(env.durable_object(TENANTS)?));
    let probe = probe(&clock, &config);
    let authenticator = Arc::new(Authenticator::new(
        Arc::clone(&registry),
        Arc::clone(&clock),
        config.tokens,
        config.keys,
        loaded.demo,
    ));
    let timer: Arc<dyn Timer> = Arc::new(JsTimer);
    // Breakers and places are counted by isolate.
    let policies = Policies::new(Arc::clone(&clock), Arc::clone(&timer), Arc::clone(&ids));
    let policy = PolicySettings::default();
    let ports = Ports {
        databases: Arc::clone(&databases),
        clock: Arc::clone(&clock),
        ids: Arc::clone(&ids),
        key_value: Arc::new(MemoryKeyValue::new(CACHE_BYTES_PER_TENANT)),
        background: Arc::new(WaitUntil),
        tokenizer: Arc::new(UnicodeWords),
        embedders: vec![policies.embedder(Arc::new(HashedEmbedder), policy)],
        generators: vec![
            policies.generator(Arc::new(Extractive), policy),
            policies.generator(Arc::new(ExtractiveBrief), policy),
        ],
        rerankers: vec![
            policies.reranker(Arc::new(Evidence), policy),
            policies.reranker(Arc::new(TermOverlap), policy),
        ],
        chat_models: vec![policies.chat_model(Arc::new(ExtractiveChat), policy)],
        timer: Arc::clone(&timer),
    };
    let secret = env.secret(CURSOR_SECRET)?.to_string();
    let api = Arc::new(Service::new(ServiceParts {
        // The runtime lets no request be woken by another one's work.
        platform: Arc::new(Platform::new(ports, secret.as_bytes(), INDEX_BYTES).without_joining()),
        probe,
        docs: Arc::new(OperationList::new()),
        implementation: Implementation::new("plumbline-worker".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        isolation: IsolationMode::StorePerTenant,
        timer: Arc::clone(&timer),
        // Places are counted by isolate: a tenant whose requests reach several may have its limit open in each.
        streams: Streams::default(),
    }));
    let telemetry = Arc::new(Console);
    Ok(reference_http::router(Edge::new(EdgeParts {
        api,
        authenticator,
        registry,
        limiter: Arc::new(StoredCounts::new(Arc::clone(&databases), Arc::clone(&clock))),
        databases,
        local_counts: Arc::default(),
        clock,
        ids,
        timer,
        telemetry,
        before_call: None,
    })))
}

/// A tenant of the Worker's own, unknown to the registry: no credential reaches it.
fn probe(clock: &Arc<dyn Clock>, config: &config::Platform) -> Option<TenantContext> {
    let id = TenantId::parse(PROBE_TENANT).ok()?;
    let registry = Arc::new(Registry::new([TenantSettings::new(id.clone(), PROBE_TENANT)]).ok()?);
    let tokens = config.tokens.clone();
    Authenticator::new(registry, Arc::clone(clock), tokens, KeySet::default(), false).maintenance(&id)
}
