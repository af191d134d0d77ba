//! A tenant of the neural model: found by meaning, without the model 503, and a job that waits for it.

use std::time::{Duration, Instant};

use reference_core::auth::ApiKey;
use reference_core::tenancy::TenantId;
use reference_impl::ids::OsIds;
use serde_json::{Value, json};

use crate::program::Program;

fn document(id: &str, content: &str) -> Value {
    json!({"id": id, "content_type": "text/plain", "content": content})
}

#[test]
fn finds_by_meaning_and_waits_for_its_model() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path());
    let key = ApiKey::generate(TenantId::parse("neural-one").unwrap(), &OsIds);
    let config = json!({
        "tenant": "neural-one", "display_name": "Neural", "features": ["async_ingest"],
        "models": {"embedding": "all-minilm-l6-v2-int8", "generation": "extractive-v1", "rerank": "off"},
        "credentials": [{"name": "all", "key_sha256": key.digest().to_hex(), "state": "active",
            "scopes": ["ingest:write", "documents:read", "search:read"]}],
    });
    assert_eq!(program.control("PUT", "/tenants/neural-one", Some(&config)).status, 201);
    let key = key.expose();
    let call = |method: &str, path: &str, body: Option<&Value>| program.call(method, path, Some(key), body);

    let capabilities = call("GET", "/capabilities", None).json();
    let embedding = json!({"model": "all-minilm-l6-v2-int8", "dimensions": 384, "kind": "neural"});
    assert_eq!((&capabilities["embedding"], &capabilities["tokenizer"]), (&embedding, &json!("minilm-wordpiece")));

    let documents = json!({"documents": [
        document("car", "The automobile failed to turn over on cold mornings."),
        document("fruit", "He peeled an orange and ate it in the garden."),
        document("lease", "Rent is paid on the first day of each month."),
    ]});
    assert_eq!(call("POST", "/ingest", Some(&documents)).status, 200);
    let query = json!({"query": "vehicle will not start in winter", "mode": "dense", "top_k": 1});
    let found = call("POST", "/retrieve", Some(&query)).json();
    assert_eq!(found["chunks"][0]["document_id"], "car", "{found}");

    let fault = json!({"kind": "refused", "tenant": "neural-one"});
    assert_eq!(program.control("PUT", "/faults/embedding", Some(&fault)).status, 200);
    let new = json!({"documents": [document("new", "The bell of the tower is bronze.")]});
    let refused = call("POST", "/ingest", Some(&new));
    assert_eq!(
        (refused.status, &refused.json()["error"]["code"]),
        (503, &json!("UPSTREAM_UNAVAILABLE")),
        "{refused:?}"
    );
    assert!(refused.head.to_lowercase().contains("retry-after:"), "{refused:?}");
    let mut known = documents.clone();
    known["documents"][0]["metadata"] = json!({"seen": true});
    let updated = call("POST", "/ingest", Some(&known)).json();
    assert_eq!(updated["documents"][0]["status"], "updated", "its text is embedded already: {updated}");

    let job = call("POST", "/ingest", Some(&json!({"documents": new["documents"], "async": true})));
    assert_eq!(job.status, 202, "{job:?}");
    let path = format!("/jobs/{}", job.json()["id"].as_str().unwrap());
    assert!(["queued", "running"].contains(&call("GET", &path, None).json()["status"].as_str().unwrap()));
    assert_eq!(program.control("DELETE", "/faults/embedding?tenant=neural-one", None).status, 204);
    let begun = Instant::now();
    while call("GET", &path, None).json()["status"] != "succeeded" {
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", call("GET", &path, None));
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(call("GET", "/documents/new", None).status, 200);
}
