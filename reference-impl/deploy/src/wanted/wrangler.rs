//! The same deployment as a configuration of wrangler: for its dry run, for `wrangler dev`, and for the test that compares uploads.

use std::collections::BTreeMap;

use contract_types::{DeployBinding, DeployBindingKind};
use serde_json::{Map, Value, json};

use super::artefact::MAIN;
use crate::config::Deployment;

/// The configuration; `build` is the folder of the built Worker, as wrangler is to find it. KV namespaces get their ids from
/// `namespaces`, and where none is known their title, which is enough for a dry run.
pub fn wrangler_config(deployment: &Deployment, build: &str, namespaces: &BTreeMap<String, String>) -> Value {
    let settings = &deployment.settings;
    let mut vars = Map::from_iter([("CONFIG".to_owned(), json!(deployment.config_text))]);
    vars.extend(settings.vars.clone().unwrap_or_default());
    let of = |kind: DeployBindingKind, one: &dyn Fn(&DeployBinding) -> Value| -> Vec<Value> {
        settings.bindings.iter().filter(|binding| binding.kind == kind).map(one).collect()
    };
    let resource = |binding: &DeployBinding| binding.resource.clone().unwrap_or_default();
    let mut whole = json!({
        "name": settings.worker,
        "main": format!("{build}/{MAIN}"),
        "no_bundle": true,
        "find_additional_modules": true,
        "rules": [{"type": "CompiledWasm", "globs": ["**/*.wasm"], "fallthrough": false}],
        "account_id": deployment.account.id,
        "compatibility_date": settings.compatibility_date,
        "compatibility_flags": settings.compatibility_flags.clone().unwrap_or_default(),
        "workers_dev": false,
        "preview_urls": false,
        "send_metrics": false,
        "vars": vars,
        "kv_namespaces": of(DeployBindingKind::KvNamespace, &|it| {
            let title = resource(it);
            json!({"binding": it.name, "id": namespaces.get(&title).unwrap_or(&title)})
        }),
        "durable_objects": {"bindings": of(DeployBindingKind::DurableObject, &|it| json!({"name": it.name, "class_name": it.class}))},
        "queues": {"producers": of(DeployBindingKind::Queue, &|it| json!({"binding": it.name, "queue": resource(it)}))},
        "r2_buckets": of(DeployBindingKind::R2Bucket, &|it| json!({"binding": it.name, "bucket_name": resource(it)})),
        "vectorize": of(DeployBindingKind::Vectorize, &|it| json!({"binding": it.name, "index_name": resource(it)})),
        "analytics_engine_datasets": of(DeployBindingKind::Analytics, &|it| json!({"binding": it.name, "dataset": resource(it)})),
        "migrations": deployment.migrations.iter()
            .map(|it| json!({"tag": it.tag, "new_sqlite_classes": it.new_sqlite_classes})).collect::<Vec<_>>(),
        "routes": settings.routes.iter().flatten()
            .map(|it| json!({"pattern": it.pattern, "zone_name": it.zone})).collect::<Vec<_>>(),
        "triggers": {"crons": settings.schedules.clone().unwrap_or_default()},
    });
    if let Some(ai) = settings.bindings.iter().find(|binding| binding.kind == DeployBindingKind::Ai) {
        whole["ai"] = json!({"binding": ai.name});
    }
    whole
}
