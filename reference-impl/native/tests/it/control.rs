//! The control API, each answer held against `contracts/control.yaml`.

use std::path::Path;

use reference_core::auth::ApiKey;
use reference_core::tenancy::TenantId;
use reference_impl::ids::OsIds;
use serde_json::{Value, json};

use crate::program::{Answer, Program, exchange, key};

/// `control.yaml` with the shared schemas beside its own.
fn contract() -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contracts/control.yaml");
    let mut document: Value = serde_yaml::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let shared = contract_types::schemas()["components"]["schemas"].as_object().unwrap().clone();
    document["components"]["schemas"].as_object_mut().unwrap().extend(shared);
    rewrite(&mut document);
    document
}

/// `./schemas/tenant_id.json` is `#/components/schemas/TenantId` here.
fn rewrite(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get_mut("$ref")
                && let Some(file) = reference.strip_prefix("./schemas/").and_then(|file| file.strip_suffix(".json"))
            {
                let words = file.split('_').map(|word| word[..1].to_uppercase() + &word[1..]);
                *reference = format!("#/components/schemas/{}", words.collect::<String>());
            }
            fields.values_mut().for_each(rewrite);
        }
        Value::Array(items) => items.iter_mut().for_each(rewrite),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

struct Checked {
    program: Program,
    contract: Value,
}

impl Checked {
    /// Calls, and checks the answer against the operation at `template`.
    fn call(&self, method: &str, template: &str, id: &str, body: Option<&Value>) -> Answer {
        let path = template.replace("{tenant}", id).replace("{port}", id).replace("{name}", id);
        let answer = self.program.control(method, &path, body);
        let template = template.split('?').next().unwrap();
        let operation = &self.contract["paths"][template][method.to_lowercase()];
        let mut response = &operation["responses"][answer.status.to_string()];
        if let Some(name) = response["$ref"].as_str() {
            response = &self.contract["components"]["responses"][name.rsplit('/').next().unwrap()];
        }
        assert!(!response.is_null(), "{method} {path} has no documented answer {}: {}", answer.status, answer.body);
        let schema = &response["content"]["application/json"]["schema"];
        if !schema.is_null() {
            let mut document = json!({"components": self.contract["components"]});
            document.as_object_mut().unwrap().extend(schema.as_object().unwrap().clone());
            let validator = jsonschema::options().should_validate_formats(true).build(&document).unwrap();
            let errors: Vec<_> = validator.iter_errors(&answer.json()).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{method} {path}: {errors:?}: {}", answer.body);
        }
        answer
    }
}

fn tenant(id: &str, key: &ApiKey) -> Value {
    json!({
        "tenant": id, "display_name": id, "features": [],
        "models": {"embedding": "hashed-lexical-v1", "generation": "extractive-v1", "rerank": "off"},
        "credentials": [{"name": "admin", "key_sha256": key.digest().to_hex(), "scopes": ["admin"], "state": "active"}],
    })
}

#[test]
fn does_what_the_control_contract_says() {
    let folder = tempfile::tempdir().unwrap();
    let checked = Checked { program: Program::start(folder.path()), contract: contract() };
    let (call, program) = (|m: &str, t: &str, id: &str, b: Option<&Value>| checked.call(m, t, id, b), &checked.program);
    let aurora = key("aurora-bikes", "all");

    let tenants = call("GET", "/tenants", "", None).json()["tenants"].clone();
    assert!(tenants.as_array().unwrap().contains(&json!("aurora-bikes")), "{tenants}");

    // Flaws exist in a build of their own.
    let expected = |status| if cfg!(feature = "sabotage") { status } else { 404 };
    assert_eq!(call("GET", "/sabotage", "", None).status, expected(200));
    assert_eq!(call("PUT", "/sabotage/{name}", "cors-wildcard", None).status, expected(200));
    assert_eq!(call("GET", "/sabotage", "", None).status, expected(200));
    assert_eq!(call("DELETE", "/sabotage", "", None).status, expected(204));
    assert_eq!(call("PUT", "/sabotage/{name}", "nothing-of-the-kind", None).status, 404);

    // Tenants.
    let api_key = ApiKey::generate(TenantId::parse("twin-one").unwrap(), &OsIds);
    let config = tenant("twin-one", &api_key);
    assert_eq!(call("PUT", "/tenants/{tenant}", "twin-one", Some(&config)).status, 201);
    assert_eq!(call("PUT", "/tenants/{tenant}", "twin-one", Some(&config)).status, 200);
    assert_eq!(call("PUT", "/tenants/{tenant}", "other", Some(&config)).json()["error"]["pointer"], "/tenant");
    assert_eq!(call("PUT", "/tenants/{tenant}", "tw1n-one", Some(&tenant("tw1n-one", &api_key))).status, 409);
    let mut weak = tenant("aurora-bikes", &api_key);
    weak["safety"] = json!([{"filter": "prompt_injection", "direction": "input", "threshold": 1, "action": "flag"}]);
    let refused = call("PUT", "/tenants/{tenant}", "aurora-bikes", Some(&weak));
    assert_eq!((refused.status, &refused.json()["error"]["pointer"]), (400, &json!("/safety/0/threshold")));
    let document = json!({"documents": [{"id": "a", "content_type": "text/plain", "content": "The lamp is green."}]});
    let ingested = program.call("POST", "/ingest", Some(api_key.expose()), Some(&document));
    assert_eq!(ingested.status, 200, "{ingested:?}");

    // Digests see what is stored and nothing else.
    let digest = |id: &str| call("GET", "/tenants/{tenant}/digest", id, None).json();
    let (before, foreign) = (digest("twin-one"), digest("aurora-bikes"));
    assert_eq!(before["stores"]["documents"]["items"], 1);
    let search = json!({"query": "Which colour has the lamp?"});
    assert_eq!(program.call("POST", "/search", Some(api_key.expose()), Some(&search)).status, 200);
    assert_eq!(digest("twin-one"), before);
    program.call("DELETE", "/documents/a", Some(api_key.expose()), None);
    assert_ne!(digest("twin-one")["sha256"], before["sha256"]);
    assert_eq!(digest("aurora-bikes"), foreign);

    // Clocks.
    let offset = |id: &str| call("GET", "/tenants/{tenant}/clock", id, None).json()["offset_ms"].clone();
    let day = json!({"advance_ms": 86_400_000});
    assert_eq!(call("POST", "/tenants/{tenant}/clock", "twin-one", Some(&day)).json()["offset_ms"], 86_400_000);
    assert_eq!((offset("twin-one"), offset("aurora-bikes")), (json!(86_400_000), json!(0)));
    assert_eq!(call("POST", "/tenants/{tenant}/clock", "twin-one", Some(&json!({"advance_ms": -1}))).status, 400);
    assert_eq!(call("GET", "/tenants/{tenant}/clock", "nobody", None).status, 404);

    // Faults and counters.
    let fault = json!({"kind": "refused", "tenant": "twin-one"});
    assert_eq!(call("PUT", "/faults/{port}", "database", Some(&fault)).json()["struck"], 0);
    let struck = program.call("GET", "/documents", Some(api_key.expose()), None);
    assert_eq!((struck.status, &struck.json()["error"]["code"]), (503, &json!("UPSTREAM_UNAVAILABLE")), "{struck:?}");
    assert_eq!(program.call("GET", "/documents", Some(&aurora), None).status, 200);
    assert_eq!(call("GET", "/faults", "", None).json()["faults"][0]["struck"], 1);
    assert_eq!(call("DELETE", "/faults/{port}", "database", None).status, 204);
    assert_eq!(program.call("GET", "/documents", Some(api_key.expose()), None).status, 200);
    assert_eq!(call("PUT", "/faults/{port}", "moon", Some(&fault)).status, 404);
    let bad = json!({"kind": "status", "status": 200});
    assert_eq!(call("PUT", "/faults/{port}", "cache", Some(&bad)).json()["error"]["pointer"], "/status");
    let handler = |spec: Value| call("PUT", "/faults/{port}", "handler", Some(&spec));
    assert_eq!(handler(json!({"kind": "refused", "operation": "no_such"})).json()["error"]["pointer"], "/operation");
    handler(json!({"kind": "refused", "operation": "get_health"}));
    handler(json!({"kind": "garbage", "tenant": "twin-one"}));
    assert_eq!(call("GET", "/faults", "", None).json()["faults"].as_array().map(Vec::len), Some(2));
    let broken = program.call("GET", "/documents", Some(api_key.expose()), None);
    assert_eq!((broken.status, &broken.json()["error"]["code"]), (500, &json!("INTERNAL_ERROR")), "{broken:?}");
    assert_eq!(program.call("GET", "/health", None, None).json()["error"]["code"], "INTERNAL_ERROR");
    assert_eq!(program.call("GET", "/openapi.json", None, None).status, 200);
    assert_eq!(call("DELETE", "/faults/{port}?tenant=twin-one", "handler", None).status, 204);
    assert_eq!(program.call("GET", "/documents", Some(api_key.expose()), None).status, 200);
    assert_eq!(program.call("GET", "/health", None, None).status, 500);
    assert_eq!(call("DELETE", "/faults/{port}?other=1", "handler", None).status, 400);
    assert_eq!(call("DELETE", "/faults/{port}", "handler", None).status, 204);
    program.call("POST", "/ingest", Some(&aurora), Some(&document));
    let embedding = json!({"kind": "refused"});
    call("PUT", "/faults/{port}", "embedding", Some(&embedding));
    let degraded = program.call("POST", "/search", Some(&aurora), Some(&search)).json();
    assert!(degraded["degraded"].as_array().is_some_and(|list| !list.is_empty()), "{degraded}");
    assert_eq!(program.call("GET", "/health", None, None).json()["status"], "degraded");
    let counters = call("GET", "/counters?tenant=twin-one", "", None).json();
    assert_eq!(
        (&counters["requests"], &counters["ports"]["database"]["failures"]),
        (&json!(7), &json!(1)),
        "{counters}"
    );
    assert_eq!(call("GET", "/counters?tenant=nobody", "", None).status, 404);
    assert_eq!(call("GET", "/counters?other=1", "", None).status, 400);

    // Deletion, and the way back.
    let mut replaced = tenant("lumen-desk", &api_key);
    replaced["credentials"] = json!([]);
    assert_eq!(call("PUT", "/tenants/{tenant}", "lumen-desk", Some(&replaced)).status, 200);
    assert_eq!(program.call("GET", "/capabilities", Some(&key("lumen-desk", "all")), None).status, 401);
    let deleted = call("DELETE", "/tenants/{tenant}", "aurora-bikes", None).json();
    assert_eq!((&deleted["removed"]["documents"], &deleted["verified"]), (&json!(1), &json!(true)), "{deleted}");
    assert_eq!(program.call("GET", "/documents", Some(&aurora), None).status, 401);
    assert_eq!(call("DELETE", "/tenants/{tenant}", "aurora-bikes", None).status, 404);
    let report = call("POST", "/reset", "", None).json();
    assert_eq!(
        report,
        json!({"faults_cleared": 1, "tenants_deleted": ["twin-one"], "tenants_restored": ["aurora-bikes", "lumen-desk"],
            "clocks_reset": 1})
    );
    assert_eq!(call("GET", "/tenants", "", None).json()["tenants"], tenants);
    assert_eq!(program.call("GET", "/capabilities", Some(api_key.expose()), None).status, 401);
    let empty = program.call("GET", "/documents", Some(&aurora), None).json();
    assert_eq!(empty["documents"], json!([]), "{empty}");
    assert_eq!(call("GET", "/counters", "", None).json()["requests"], 2);
}

#[test]
fn lets_no_web_page_in() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path());
    let address = program.control.clone().unwrap();
    for headers in ["host: evil.example\r\n", "origin: https://evil.example\r\n"] {
        assert_eq!(exchange(&address, "GET", "/tenants", headers, None).unwrap().status, 400, "{headers}");
    }
}
