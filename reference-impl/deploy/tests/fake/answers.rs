//! The calls of the API, one by one, and the paths of the Workers behind it.

mod stores;

use serde_json::{Value, json};
use wiremock::Request;

use super::shapes::hold;
use super::state::{State, Version};
use stores::{buckets, indexes, namespaces, queues};

fn found(result: impl Into<Value>) -> (u16, Value) {
    let result = result.into();
    (200, json!({"success": true, "errors": [], "messages": [], "result": result}))
}

fn refused(status: u16, code: i64, message: &str) -> (u16, Value) {
    (status, json!({"success": false, "errors": [{"code": code, "message": message}], "messages": [], "result": null}))
}

fn missing() -> (u16, Value) {
    refused(404, 10007, "not found")
}

/// One page of a list.
fn page(state: &State, request: &Request, shape: &str, items: Vec<Value>, inside: &str) -> (u16, Value) {
    for item in &items {
        hold("answers", shape, item);
    }
    let query: std::collections::BTreeMap<String, String> = request.url.query_pairs().into_owned().collect();
    let number: usize = query.get("page").map_or(1, |it| it.parse().unwrap());
    let asked: usize = query.get("per_page").map_or(20, |it| it.parse().unwrap());
    let size = state.page.unwrap_or(asked).min(asked);
    let total = items.len();
    let some: Vec<Value> = items.into_iter().skip((number - 1) * size).take(size).collect();
    let mut info = json!({"page": number, "per_page": size, "count": some.len(), "total_count": total});
    if state.uncounted {
        info.as_object_mut().unwrap().remove("total_count");
    }
    let result = if inside.is_empty() { json!(some) } else { json!({inside: some}) };
    (200, json!({"success": true, "errors": [], "messages": [], "result": result, "result_info": info}))
}

pub(super) fn answer(state: &mut State, request: &Request) -> (u16, Value) {
    let path = request.url.path().trim_start_matches('/').to_owned();
    let parts: Vec<&str> = path.split('/').collect();
    let method = request.method.as_str();
    if state.forbidden.iter().any(|part| path.contains(part.as_str())) {
        return refused(403, 10000, "Authentication error");
    }
    if let (["accounts", id, ..], Some(own)) = (parts.as_slice(), &state.account)
        && id != own
    {
        return refused(403, 9109, "Unauthorized to access requested resource");
    }
    match (method, parts.as_slice()) {
        ("GET", ["health" | "openapi.json" | "capabilities"]) => worker(state, request, &path),
        ("GET", ["user", ..]) if state.of_account => refused(401, 1000, "Invalid API Token"),
        ("GET", ["user", "tokens", "verify"] | ["accounts", _, "tokens", "verify"]) => {
            let token = json!({"id": "ed17574386854bf78a67040be0a770b0", "status": if state.inactive { "expired" } else { "active" }});
            hold("answers", "token", &token);
            found(token)
        }
        ("GET", ["user", "tokens", _]) => match &state.groups {
            None => refused(403, 9109, "Unauthorized to access requested resource"),
            Some(groups) => {
                let groups: Vec<Value> = groups.iter().map(|name| json!({"id": "1", "name": name})).collect();
                found(json!({"id": "1", "policies": [{"effect": "allow", "permission_groups": groups}]}))
            }
        },
        // The list of zones has smaller pages than others.
        ("GET", ["zones"]) if asked(request, "per_page").is_some_and(|it| it.parse::<usize>().unwrap() > 50) => {
            refused(400, 1004, "per_page must be between 5 and 50")
        }
        ("GET", ["zones"]) => {
            let name = asked(request, "name");
            let zones = state
                .zones
                .iter()
                .filter(|(_, it)| name.as_ref().is_none_or(|name| it == name))
                .map(|(id, name)| zone(id, name))
                .collect();
            page(state, request, "zone", zones, "")
        }
        (_, ["zones", zone, "workers", "routes", rest @ ..]) => routes(state, request, zone, rest),
        ("GET", ["accounts", id]) => {
            let account = json!({"id": id, "name": "account", "type": "standard"});
            hold("answers", "account", &account);
            found(account)
        }
        ("GET", ["accounts", _, "workers", "services", name]) => service(state, name),
        ("GET", ["accounts", _, "workers", "workers", name]) => found(
            json!({"id": name, "name": name, "subdomain": {"enabled": false, "previews_enabled": false}, "tags": [], "logpush": false, "tail_consumers": [], "observability": {"enabled": false}}),
        ),
        (_, ["accounts", _, "workers", "scripts", rest @ ..]) => scripts(state, request, rest),
        (_, ["accounts", _, "storage", "kv", "namespaces", rest @ ..]) => namespaces(state, request, rest),
        (_, ["accounts", _, "vectorize", "v2", "indexes", rest @ ..]) => indexes(state, request, rest),
        (_, ["accounts", _, "r2", "buckets", rest @ ..]) => buckets(state, request, rest),
        (_, ["accounts", _, "queues", rest @ ..]) => queues(state, request, rest),
        _ => refused(404, 7003, "no such route of the fake"),
    }
}

/// A value of the query.
fn asked(request: &Request, name: &str) -> Option<String> {
    request.url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// What wrangler asks first of a Worker.
fn service(state: &State, name: &str) -> (u16, Value) {
    let Some(script) = state.scripts.get(name) else {
        return refused(404, 10090, "workers.api.error.service_not_found");
    };
    let of = json!({"id": name, "tag": "t", "last_deployed_from": "api", "migration_tag": script.migration_tag});
    found(json!({"id": name, "default_environment": {"environment": "production", "script": of}}))
}

fn zone(id: &str, name: &str) -> Value {
    json!({"id": id, "name": name, "account": {"id": "a", "name": "a"}, "created_on": "2026-01-01T00:00:00Z", "modified_on": "2026-01-01T00:00:00Z",
        "development_mode": 0, "meta": {}, "name_servers": [], "owner": {}, "plan": {}, "original_dnshost": null, "status": "active"})
}

fn body(request: &Request, shape: &str) -> Value {
    let value: Value = serde_json::from_slice(&request.body).unwrap();
    hold("requests", shape, &value);
    value
}

/// What a Worker answers: the version that the header asks for, or the one with the traffic.
fn worker(state: &State, request: &Request, path: &str) -> (u16, Value) {
    let header = request.headers.get("cloudflare-workers-version-overrides").map(|it| it.to_str().unwrap().to_owned());
    let Some(header) = header else { return (530, json!({"error": {"code": "NO_VERSION"}})) };
    let (name, id) = header.split_once('=').unwrap();
    let id = id.trim_matches('"');
    let Some(script) = state.scripts.get(name) else { return (530, json!({})) };
    let deployed = script
        .deployments
        .first()
        .is_some_and(|it| it["versions"].as_array().unwrap().iter().any(|share| share["version_id"] == id));
    let version = script.versions.iter().find(|version| version.id == id && deployed);
    match (version, path) {
        (Some(Version { broken: false, .. }), "health") => (200, json!({"status": "ok"})),
        (Some(Version { broken: false, contract, .. }), "openapi.json") => {
            let document: Value = serde_json::from_str(contract_types::OPENAPI).unwrap();
            let mut info = document["info"].clone();
            if let Some(contract) = contract {
                info["version"] = json!(contract);
            }
            (200, json!({"openapi": "3.1.0", "info": info}))
        }
        (Some(Version { broken: false, .. }), _) => (401, json!({"error": {"code": "UNAUTHENTICATED"}})),
        _ => (500, json!({"error": {"code": "INTERNAL"}})),
    }
}

fn listed(version: &Version) -> Value {
    json!({"id": version.id, "number": 1, "metadata": {"created_on": version.created_on, "source": "api"}, "annotations": version.metadata["annotations"]})
}

fn metadata(request: &Request) -> Value {
    let kind = request.headers.get("content-type").unwrap().to_str().unwrap();
    let boundary = kind.split_once("boundary=").expect("an upload is multipart").1;
    let text = String::from_utf8_lossy(&request.body);
    let part = text.split(&format!("--{boundary}")).find(|part| part.contains("name=\"metadata\"")).unwrap();
    assert!(text.contains("name=\"index.js\"; filename=\"index.js\""), "an upload has the main module");
    serde_json::from_str(part.split_once("\r\n\r\n").unwrap().1.trim()).unwrap()
}

fn scripts(state: &mut State, request: &Request, rest: &[&str]) -> (u16, Value) {
    let method = request.method.as_str();
    if let ("GET", []) = (method, rest) {
        let all: Vec<Value> =
            state.scripts.iter().map(|(id, it)| json!({"id": id, "migration_tag": it.migration_tag})).collect();
        for script in &all {
            hold("answers", "script", script);
        }
        return found(json!(all));
    }
    let name = rest[0].to_owned();
    if (method, &rest[1..]) == ("PUT", &[]) {
        let metadata = metadata(request);
        // Only wrangler and this call know how code is to be changed over.
        let mut held = metadata.clone();
        held.as_object_mut().unwrap().remove("code_update_strategy");
        hold("requests", "upload_script", &held);
        let version = state.upload(&name, metadata);
        state.deploy_all(&name, &version.id);
        return found(
            json!({"id": name, "etag": "e", "startup_time_ms": 1, "deployment_id": version.id, "has_assets": false, "entry_point": "index.js"}),
        );
    }
    if !state.scripts.contains_key(&name) {
        return missing();
    }
    match (method, &rest[1..]) {
        ("DELETE", []) => {
            state.scripts.remove(&name);
            found(Value::Null)
        }
        ("GET", ["settings"]) => {
            let Some(version) = state.serving(&name) else { return missing() };
            let settings = json!({"bindings": version.bindings, "compatibility_date": version.metadata["compatibility_date"],
                "compatibility_flags": version.metadata["compatibility_flags"], "tags": [], "usage_model": "standard"});
            let mut told = settings.clone();
            // Of a secret the API tells no text, which the SDK's type asks for.
            told["bindings"].as_array_mut().unwrap().retain(|it| it["type"] != "secret_text");
            hold("answers", "settings", &told);
            found(settings)
        }
        ("POST", ["versions"]) => {
            let metadata = metadata(request);
            hold("requests", "upload_version", &metadata);
            let version = state.upload(&name, metadata);
            let answer = json!({"id": version.id, "number": 2, "metadata": {}, "resources": {"bindings": [], "script": {}, "script_runtime": {}}});
            hold("answers", "version_created", &answer);
            found(answer)
        }
        ("GET", ["versions"]) => {
            let all = state.scripts[&name].versions.iter().map(listed).collect();
            page(state, request, "version_listed", all, "items")
        }
        ("GET", ["versions", id]) => match state.scripts[&name].versions.iter().find(|version| version.id == *id) {
            None => missing(),
            Some(version) => {
                let mut one = listed(version);
                one["resources"] = json!({"bindings": version.bindings, "script": {}, "script_runtime": {"migration_tag": version.migration_tag}});
                hold("answers", "version", &one);
                found(one)
            }
        },
        ("GET", ["deployments"]) => {
            let all = json!({"deployments": state.scripts[&name].deployments});
            hold("answers", "deployments", &all);
            found(all)
        }
        ("POST", ["deployments"]) => deploy(state, request, &name),
        ("GET", ["secrets"]) => {
            let bindings = state.serving(&name).map(|it| it.bindings.clone()).unwrap_or_default();
            found(json!(bindings.iter().filter(|it| it["type"] == "secret_text").collect::<Vec<_>>()))
        }
        ("GET" | "POST", ["subdomain"]) => found(json!({"enabled": false, "previews_enabled": false})),
        ("PUT", ["routes"]) => found(json!([])),
        ("PATCH", ["script-settings"]) => found(json!({})),
        ("GET", ["schedules"]) => {
            let crons: Vec<Value> = state.scripts[&name].schedules.iter().map(|cron| json!({"cron": cron})).collect();
            let answer = json!({"schedules": crons});
            hold("answers", "schedules", &answer);
            found(answer)
        }
        ("PUT", ["schedules"]) => {
            let body: Vec<Value> = serde_json::from_slice(&request.body).unwrap();
            let crons = body.iter().map(|it| it["cron"].as_str().unwrap().to_owned()).collect();
            state.scripts.get_mut(&name).unwrap().schedules = crons;
            found(json!({"schedules": body}))
        }
        ("DELETE", ["secrets", secret]) => {
            for version in &mut state.scripts.get_mut(&name).unwrap().versions {
                version.bindings.retain(|it| it["name"] != *secret || it["type"] != "secret_text");
            }
            found(Value::Null)
        }
        _ => refused(405, 10405, "no such call of the fake"),
    }
}

fn deploy(state: &mut State, request: &Request, name: &str) -> (u16, Value) {
    let mut body: Value = serde_json::from_slice(&request.body).unwrap();
    // wrangler says it beside what the SDK knows.
    body.as_object_mut().unwrap().remove("code_update_strategy");
    hold("requests", "create_deployment", &body);
    let shares = body["versions"].as_array().unwrap();
    let sum: f64 = shares.iter().map(|it| it["percentage"].as_f64().unwrap()).sum();
    let script = &state.scripts[name];
    let known = shares.iter().all(|it| script.versions.iter().any(|version| it["version_id"] == version.id));
    if (sum - 100.0).abs() > f64::EPSILON || !known || shares.is_empty() || shares.len() > 2 {
        return refused(400, 10025, "versions must be known, one or two, and sum to 100");
    }
    let id = state.id();
    let deployment = json!({"id": id, "source": "api", "strategy": "percentage", "author_email": "a@b.example",
        "created_on": "2026-07-01T12:00:00Z", "versions": shares});
    state.scripts.get_mut(name).unwrap().deployments.insert(0, deployment.clone());
    found(deployment)
}

fn routes(state: &mut State, request: &Request, zone: &str, rest: &[&str]) -> (u16, Value) {
    let method = request.method.as_str();
    let id = state.hex_id();
    let routes = state.routes.entry(zone.to_owned()).or_default();
    match (method, rest) {
        ("GET", []) => {
            for route in routes.iter() {
                hold("answers", "route", route);
            }
            found(json!(routes))
        }
        ("POST", []) => {
            let mut route = body(request, "create_route");
            if routes.iter().any(|it| it["pattern"] == route["pattern"]) {
                return refused(409, 10020, "A route with the same pattern already exists.");
            }
            route["id"] = json!(id);
            routes.push(route.clone());
            found(route)
        }
        ("PUT", [id]) => {
            let mut route = body(request, "create_route");
            route["id"] = json!(id);
            let Some(there) = routes.iter_mut().find(|it| it["id"] == *id) else { return missing() };
            there.clone_from(&route);
            found(route)
        }
        ("DELETE", [id]) => {
            routes.retain(|it| it["id"] != *id);
            found(json!({"id": id}))
        }
        _ => missing(),
    }
}
