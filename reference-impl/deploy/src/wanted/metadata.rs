//! The metadata part of an upload. It equals what wrangler uploads for the same configuration, which a test holds.

use std::collections::BTreeMap;

use contract_types::{DeployBinding, DeployBindingKind, DeployMigration};
use serde_json::{Value, json};

use super::{Wanted, artefact::MAIN};
use crate::credentials::Secret;

/// Migrations that an upload carries.
#[derive(Debug, Clone, PartialEq)]
pub struct Migrate {
    /// Tag that the Worker has; `None` for a new one.
    pub from: Option<String>,
    /// Those behind it, oldest first; never empty.
    pub steps: Vec<DeployMigration>,
}

/// Kinds in the order in which wrangler writes them.
const ORDER: [DeployBindingKind; 7] = [
    DeployBindingKind::KvNamespace,
    DeployBindingKind::DurableObject,
    DeployBindingKind::Queue,
    DeployBindingKind::R2Bucket,
    DeployBindingKind::Vectorize,
    DeployBindingKind::Analytics,
    DeployBindingKind::Ai,
];

/// How code is changed over where a Worker is uploaded with all traffic at once: as wrangler asks for it.
pub(crate) fn at_once(mut metadata: Value) -> Value {
    metadata["code_update_strategy"] = json!({"mode": "deferred", "max_delay": 300});
    metadata
}

/// The metadata. `namespaces` has the ids of KV namespaces by title, `secrets` the values that are uploaded anew; others stay as
/// they are. `tag` marks the version.
pub fn metadata(
    wanted: &Wanted,
    namespaces: &BTreeMap<String, String>,
    secrets: &[(String, Secret)],
    migrate: Option<&Migrate>,
    tag: &str,
) -> Value {
    let settings = &wanted.deployment.settings;
    let mut bindings = vec![json!({"name": "CONFIG", "type": "plain_text", "text": wanted.deployment.config_text})];
    for (name, text) in settings.vars.iter().flatten() {
        bindings.push(json!({"name": name, "type": "plain_text", "text": text}));
    }
    for kind in ORDER {
        let of_kind = settings.bindings.iter().filter(|binding| binding.kind == kind);
        bindings.extend(of_kind.map(|binding| one(binding, namespaces)));
    }
    for (name, value) in secrets {
        bindings.push(json!({"name": name, "type": "secret_text", "text": value.expose()}));
    }
    let mut whole = json!({
        "main_module": MAIN,
        "bindings": bindings,
        "compatibility_date": settings.compatibility_date,
        "compatibility_flags": settings.compatibility_flags.clone().unwrap_or_default(),
    });
    if let Some(migrate) = migrate {
        let steps: Vec<Value> =
            migrate.steps.iter().map(|step| json!({"new_sqlite_classes": step.new_sqlite_classes})).collect();
        let last = migrate.steps.last().map(|step| step.tag.as_str()).unwrap_or_default();
        whole["migrations"] = match &migrate.from {
            Some(from) => json!({"old_tag": from, "new_tag": last, "steps": steps}),
            None => json!({"new_tag": last, "steps": steps}),
        };
    }
    whole["keep_bindings"] = json!(["secret_text", "secret_key"]);
    whole["annotations"] = json!({"workers/message": wanted.message(), "workers/tag": tag});
    whole
}

fn one(binding: &DeployBinding, namespaces: &BTreeMap<String, String>) -> Value {
    let (name, resource) = (&binding.name, binding.resource.clone().unwrap_or_default());
    match binding.kind {
        DeployBindingKind::KvNamespace => {
            json!({"name": name, "type": "kv_namespace", "namespace_id": namespaces.get(&resource)})
        }
        DeployBindingKind::DurableObject => {
            json!({"name": name, "type": "durable_object_namespace", "class_name": binding.class})
        }
        DeployBindingKind::Queue => json!({"type": "queue", "name": name, "queue_name": resource}),
        DeployBindingKind::R2Bucket => json!({"name": name, "type": "r2_bucket", "bucket_name": resource}),
        DeployBindingKind::Vectorize => json!({"name": name, "type": "vectorize", "index_name": resource}),
        DeployBindingKind::Analytics => json!({"name": name, "type": "analytics_engine", "dataset": resource}),
        DeployBindingKind::Ai => json!({"name": name, "type": "ai"}),
    }
}
