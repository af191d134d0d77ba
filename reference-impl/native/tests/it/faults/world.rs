//! A server whose tenants meet one fault each: models behind URLs are stand-ins that really fail, other ports fail by the control API.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use reference_core::auth::ApiKey;
use reference_core::tenancy::TenantId;
use reference_impl::ids::OsIds;
use serde_json::{Value, json};
use stand_in::{Fault, Script, StandIn};
use tokio::runtime::Runtime;

use super::data::{Dependency, FaultName, Group};
use crate::program::{Program, fixtures};

/// A tenant's time for a request, in milliseconds.
pub(super) const DEADLINE_MS: u64 = 1500;
/// Time for a call to a model behind a URL, in milliseconds.
const TIMEOUT_MS: u64 = 400;
/// How late a slow dependency is, in milliseconds. A request makes several calls to a database.
const SLOW_MS: u64 = 50;
/// What a stand-in writes when it is asked about the seeded documents.
const ANSWER: &str = "The tower of Groningen is 97 metres high [1].";
/// The stand-ins that never fail; other tenants use them.
const HEALTHY: &str = "healthy";

/// A running server and the models behind it.
pub(super) struct World {
    pub(super) program: Program,
    models: BTreeMap<String, StandIn>,
    runtime: Runtime,
    words: AtomicUsize,
    _folder: tempfile::TempDir,
}

/// A tenant and what opens it.
pub(super) struct Tenant {
    pub(super) id: String,
    pub(super) key: String,
}

impl World {
    /// Starts the server with a model for each upstream that one of `groups` strikes.
    pub(super) fn start(groups: &[Group]) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut models = BTreeMap::new();
        let mut providers = Vec::new();
        let struck = groups.iter().flat_map(|group| group.faults.iter().map(|it| (it.dependency, group.name())));
        let healthy = Dependency::ALL.iter().map(|dependency| (*dependency, HEALTHY.to_owned()));
        for (dependency, group) in struck.chain(healthy).filter(|(dependency, _)| dependency.is_upstream()) {
            let model = runtime.block_on(StandIn::start("127.0.0.1:0", script(None))).unwrap();
            let id = model_id(dependency, &group);
            let mut provider = json!({"id": id, "url": model.url(), "model": "m", "timeout_ms": TIMEOUT_MS});
            provider["kind"] = json!(if dependency == Dependency::Reranker { "rerank" } else { "generation" });
            if dependency == Dependency::Embedding {
                provider["kind"] = json!("embedding");
                provider["dimensions"] = json!(script(None).dimensions);
            }
            providers.push(provider);
            models.insert(id, model);
        }
        let tenants = folder.path().join("tenants");
        write_platform(&tenants, &providers);
        std::fs::create_dir_all(folder.path().join("data")).unwrap();
        let program = Program::start_with(&folder.path().join("data"), &tenants);
        Self { program, models, runtime, words: AtomicUsize::new(0), _folder: folder }
    }

    /// A number that was not used before.
    pub(super) fn number(&self) -> usize {
        self.words.fetch_add(1, Ordering::Relaxed)
    }

    /// Makes a tenant whose upstreams are those of `group`, the healthy ones where that strikes none, with documents.
    pub(super) fn tenant(&self, id: &str, group: Option<&Group>) -> Tenant {
        let model = |dependency| {
            let struck = group.filter(|group| group.fault_of(dependency).is_some()).map(Group::name);
            struck.map_or_else(|| model_id(dependency, HEALTHY), |group| model_id(dependency, &group))
        };
        let key = ApiKey::generate(TenantId::parse(id).unwrap(), &OsIds);
        let config = json!({
            "tenant": id, "display_name": id,
            "features": ["async_ingest", "search_streaming", "rerank", "chat", "sessions"],
            "models": {
                "embedding": model(Dependency::Embedding),
                "generation": model(Dependency::Generator),
                "rerank": model(Dependency::Reranker),
            },
            "times": {
                "cache_ttl_ms": 60_000, "rate_window_ms": 60_000, "idempotency_ttl_ms": 60_000, "session_ttl_ms": 60_000,
                "result_ttl_ms": 60_000, "heartbeat_ms": 500, "deadline_ms": DEADLINE_MS, "stream_release_ms": 1000,
            },
            "credentials": [{
                "name": "all", "key_sha256": key.digest().to_hex(), "state": "active",
                "scopes": ["search:read", "ingest:write", "documents:read", "documents:write", "chat:write", "admin"],
            }],
        });
        let made = self.program.control("PUT", &format!("/tenants/{id}"), Some(&config));
        assert_eq!(made.status, 201, "{id}: {made:?}");
        let tenant = Tenant { id: id.to_owned(), key: key.expose().to_owned() };
        let document = |id: &str, text: &str| json!({"id": id, "content_type": "text/plain", "content": text});
        let seeded = json!({"documents": [
            document("tower", "The tower of Groningen is 97 metres high. It has 251 steps."),
            document("bridge", "The bridge over the canal opens for ships with a mast of 9 metres."),
        ]});
        let ingested = self.program.call("POST", "/ingest", Some(&tenant.key), Some(&seeded));
        assert_eq!(ingested.status, 200, "{id}: {ingested:?}");
        tenant
    }

    /// Lets every fault of `group` happen: to its upstreams, and to the other ports for `tenants` alone.
    pub(super) fn strike(&self, group: &Group, tenants: &[Tenant]) {
        for struck in &group.faults {
            if let Some(model) = self.models.get(&model_id(struck.dependency, &group.name())) {
                match struck.fault {
                    FaultName::Refused => model.stop(),
                    other @ (FaultName::Slow
                    | FaultName::Hangs
                    | FaultName::TooMany
                    | FaultName::Fails
                    | FaultName::Garbage
                    | FaultName::Dies) => model.follow(script(upstream(other))),
                }
                continue;
            }
            for tenant in tenants {
                let set = self.program.control(
                    "PUT",
                    &format!("/faults/{}", struck.dependency.as_str()),
                    Some(&injected(struck.fault, &tenant.id)),
                );
                assert_eq!(set.status, 200, "{set:?}");
            }
        }
    }

    /// Takes every fault of `group` away. An upstream that went down comes back at its old address.
    pub(super) fn heal(&self, group: &Group, tenants: &[Tenant]) {
        for struck in &group.faults {
            let id = model_id(struck.dependency, &group.name());
            if let Some(model) = self.models.get(&id) {
                if struck.fault == FaultName::Refused {
                    self.runtime.block_on(model.again()).unwrap();
                } else {
                    model.follow(script(None));
                }
                continue;
            }
            for tenant in tenants {
                let path = format!("/faults/{}?tenant={}", struck.dependency.as_str(), tenant.id);
                assert_eq!(self.program.control("DELETE", &path, None).status, 204);
            }
        }
    }

    /// Number and digest of what is stored of a tenant, by store, without the keys of repeated requests.
    pub(super) fn stored(&self, tenant: &Tenant) -> BTreeMap<String, (u64, String)> {
        let digest = self.program.control("GET", &format!("/tenants/{}/digest", tenant.id), None).json();
        let stores = digest["stores"].as_object().unwrap().iter();
        stores
            .filter(|(name, _)| *name != "idempotency")
            .map(|(name, it)| {
                (name.clone(), (it["items"].as_u64().unwrap(), it["sha256"].as_str().unwrap().to_owned()))
            })
            .collect()
    }
}

fn model_id(dependency: Dependency, group: &str) -> String {
    format!("{}/{group}", dependency.as_str())
}

fn script(fault: Option<Fault>) -> Script {
    Script { text: Some(ANSWER.to_owned()), fault, ..Script::default() }
}

/// What a stand-in does for it.
fn upstream(fault: FaultName) -> Option<Fault> {
    match fault {
        FaultName::Refused => None,
        FaultName::Slow => Some(Fault::Slow(SLOW_MS)),
        FaultName::Hangs => Some(Fault::Hang),
        FaultName::TooMany => Some(Fault::TooMany(1)),
        FaultName::Fails => Some(Fault::Status(500)),
        FaultName::Garbage => Some(Fault::Garbage),
        FaultName::Dies => Some(Fault::Dies(3)),
    }
}

/// What the control API is told for it.
fn injected(fault: FaultName, tenant: &str) -> Value {
    let mut spec = match fault {
        FaultName::Refused => json!({"kind": "refused"}),
        FaultName::Slow => json!({"kind": "slow", "delay_ms": SLOW_MS}),
        FaultName::Hangs => json!({"kind": "hang"}),
        FaultName::TooMany => json!({"kind": "status", "status": 429}),
        FaultName::Fails => json!({"kind": "status", "status": 500}),
        FaultName::Garbage => json!({"kind": "garbage"}),
        FaultName::Dies => json!({"kind": "refused", "after_pieces": 3}),
    };
    spec["tenant"] = json!(tenant);
    spec
}

/// The fixtures' platform with other models.
fn write_platform(tenants: &Path, providers: &[Value]) {
    std::fs::create_dir_all(tenants).unwrap();
    let credentials = tenants.join("../credentials");
    std::fs::create_dir_all(&credentials).unwrap();
    std::fs::copy(fixtures().join("credentials/jwks.json"), credentials.join("jwks.json")).unwrap();
    let platform = std::fs::read_to_string(fixtures().join("tenants/platform.yaml")).unwrap();
    let mut platform: Value = serde_yaml::from_str(&platform).unwrap();
    platform["model_providers"] = json!(providers);
    platform["speech_providers"] = json!([]);
    std::fs::write(tenants.join("platform.yaml"), platform.to_string()).unwrap();
    // A platform has a tenant at least; nobody can reach this one.
    let resident = json!({
        "tenant": "resident", "display_name": "Resident", "credentials": [], "features": [],
        "models": {"embedding": "hashed-lexical-v1", "generation": "extractive-v1", "rerank": "off"},
    });
    std::fs::create_dir_all(tenants.join("resident")).unwrap();
    std::fs::write(tenants.join("resident/tenant.yaml"), resident.to_string()).unwrap();
}
