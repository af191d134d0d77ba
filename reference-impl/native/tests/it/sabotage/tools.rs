//! Tools and their audit log.

use serde_json::{Value, json};

use super::Probes;
use super::world::{AURORA, MERIDIAN, World};
use crate::program::Answer;

pub(super) const PROBES: Probes = &[
    ("every-tool-listed", |it| names(&it.get(MERIDIAN, "/tools")).len() == 4),
    ("allow-list-ignored", |it| {
        execute(it, MERIDIAN, "tag_chunk_docs", json!({"documents": [{"id": "a", "content": "A text."}]})).status == 403
    }),
    ("unlisted-tools-told-apart", |it| {
        let message = |tool: &str| execute(it, MERIDIAN, tool, json!({})).json()["error"]["message"].clone();
        message("tag_chunk_docs") == message("no_such_tool")
    }),
    ("tool-arguments-not-checked", |it| {
        execute(it, AURORA, "summarize", json!({"text": "A.", "zzz": 1})).status == 400
    }),
    ("tool-result-not-checked", |it| summary(it, json!({})).json()["result"]["tool_calls"].is_null()),
    ("tool-arguments-checked-first", |it| execute(it, MERIDIAN, "tag_chunk_docs", json!({"zzz": 1})).status == 403),
    ("tool-scopes-ignored", |it| {
        let key = super::access::with_scopes(it, &["tools:execute"]);
        let document = json!({"id": "a", "content_type": "text/plain", "content": "A text."});
        let body = json!({"tool": "ingest_docs", "arguments": {"documents": [document]}});
        it.program.call("POST", "/tools/execute", Some(&key), Some(&body)).status == 403
    }),
    ("tool-timeout-ignored", |it| {
        it.fault("embedding", json!({"kind": "slow", "delay_ms": 1200, "tenant": AURORA}));
        let answer = ingest(it, Some(200));
        it.mend("embedding");
        answer.status == 504
    }),
    ("tool-failure-told", |it| {
        it.fault("embedding", json!({"kind": "status", "status": 500, "tenant": AURORA}));
        let answer = ingest(it, None);
        it.mend("embedding");
        answer.status == 502 && !answer.body.contains("::")
    }),
    ("tool-job-result-differs", |it| {
        let body = json!({"tool": "summarize", "arguments": {"text": "The mill turns."}, "async": true});
        let job = it.post(AURORA, "/tools/execute", body).json();
        let path = format!("/jobs/{}/result", job["id"].as_str().unwrap());
        let mut answer = it.get(AURORA, &path);
        for _ in 0..200 {
            if answer.status == 200 {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
            answer = it.get(AURORA, &path);
        }
        answer.json()["version"] == "1.0.0"
    }),
    ("summary-too-long", |it| {
        summary(it, json!({"max_sentences": 1})).json()["result"]["sentences"].as_array().unwrap().len() == 1
    }),
    ("summary-ignores-format", |it| said(&summary(it, json!({"format": "bullets"}))).starts_with("- ")),
    ("summary-adds-words", |it| !said(&summary(it, json!({}))).contains("1999")),
    ("entity-types-ignored", |it| {
        let answer = entities(it, json!({"types": ["date"]}));
        answer.iter().all(|entity| entity["type"] == "date")
    }),
    ("entity-places-shifted", |it| entities(it, json!({"types": ["email"]}))[0]["span"]["start"] == 9),
    ("intent-invents-label", |it| labels(it) == ["delivery"]),
    ("intent-always-several", |it| labels(it).len() == 1),
    ("tags-lose-metadata", |it| tagged(it)["metadata"] == json!({"area": "milling"})),
    ("tagged-chunks-cut-short", |it| {
        tagged(it)["chunks"].as_array().unwrap().last().is_some_and(|it| it["span"]["end"] == 34)
    }),
    ("refused-calls-not-recorded", |it| {
        recorded(it, |it| execute(it, AURORA, "summarize", json!({"text": 7}))).is_some()
    }),
    ("edge-refusals-not-recorded", |it| {
        recorded(it, |it| it.post(AURORA, "/tools/execute", json!({"arguments": {}}))).is_some()
    }),
    ("failed-calls-not-recorded", |it| {
        it.fault("embedding", json!({"kind": "status", "status": 500, "tenant": AURORA}));
        let found = recorded(it, |it| ingest(it, None)).is_some();
        it.mend("embedding");
        found
    }),
    ("audit-outcome-always-succeeded", |it| {
        recorded(it, |it| execute(it, AURORA, "summarize", json!({"text": 7})))
            .is_some_and(|it| it["outcome"] == "invalid")
    }),
    ("audit-tells-unknown-names", |it| {
        recorded(it, |it| execute(it, AURORA, "alice", json!({}))).is_some_and(|it| it["tool"] == "unknown")
    }),
    ("audit-principal-shared", |it| {
        let body = json!({"tool": "summarize", "arguments": {"text": "The mill turns."}});
        let principal = |name: &str| {
            it.by(AURORA, name, "POST", "/tools/execute", Some(body.clone()));
            it.get(AURORA, "/audit?limit=1").json()["records"][0]["principal"].clone()
        };
        principal("all") != principal("rotating")
    }),
    ("audit-hash-unkeyed", |it| {
        let found = recorded(it, |it| execute(it, AURORA, "summarize", json!({"text": "alice@example.com"}))).unwrap();
        // SHA-256 of the canonical arguments.
        found["arguments_hash"] != "hmac-sha256:3f0c6a26e33efc15e9e2cbd4187db56843976e96ff0b260055cdda30226e7a7d"
    }),
    ("audit-hash-sees-key-order", |it| {
        let hash = |arguments: &str| {
            let body = format!("{{\"tool\": \"summarize\", \"arguments\": {arguments}}}");
            let send = |it: &World| it.text(AURORA, "all", "/tools/execute", "application/json", &body);
            recorded(it, send).unwrap()["arguments_hash"].clone()
        };
        hash(r#"{"text": "A mill.", "max_sentences": 1}"#) == hash(r#"{"max_sentences": 1, "text": "A mill."}"#)
    }),
    ("audit-hash-shared-by-tenants", |it| {
        let hash = |tenant: &str| {
            execute(it, tenant, "summarize", json!({"text": "A mill of two tenants."}));
            it.get(tenant, "/audit?limit=1").json()["records"][0]["arguments_hash"].clone()
        };
        hash(AURORA) != hash(MERIDIAN)
    }),
    ("audit-chain-cut", |it| {
        let log = two(it);
        log[0]["previous_hash"] == log[1]["hash"]
    }),
    ("audit-sequence-skips", |it| {
        let log = two(it);
        log[0]["sequence"].as_u64() == log[1]["sequence"].as_u64().map(|it| it + 1)
    }),
    ("tool-usage-not-told", |it| {
        let arguments = json!({"text": "Where is my delivery?", "categories": ["delivery", "repair"]});
        // Of the tenant whose models no probe broke: a breaker that is open leaves nothing to be used.
        execute(it, MERIDIAN, "classify_intent", arguments).json()["usage"]["tokens_in"]
            .as_u64()
            .is_some_and(|it| it > 0)
    }),
    ("tool-budget-ignored", |it| {
        let key = super::access::with_budget(it, 0);
        let arguments = json!({"text": "Where is my delivery?", "categories": ["delivery", "repair"]});
        let body = json!({"tool": "classify_intent", "arguments": arguments});
        it.program.call("POST", "/tools/execute", Some(&key), Some(&body)).status == 429
    }),
    ("chat-tool-limit-ignored", |it| {
        it.model.asks(&vec![("classify_intent", json!({"text": "Where is it?"})); 6]);
        let results = turn(it, "Classify this.", "classify_intent");
        results.iter().filter(|it| it["outcome"] == "succeeded").count() == 4
    }),
    ("chat-writes-unasked", |it| {
        let document = json!({"id": it.word(), "content_type": "text/plain", "content": "A text."});
        it.model.asks(&[("ingest_docs", json!({"documents": [document]}))]);
        turn(it, "When does the pump open?", "ingest_docs")[0]["outcome"] == "denied"
    }),
    ("chat-calls-what-is-not-listed", |it| {
        it.model.asks(&[("summarize", json!({"text": "The mill turns."}))]);
        turn(it, "What is there?", "extract_entities")[0]["outcome"] == "denied"
    }),
    ("chat-tool-results-lost", |it| {
        it.model.asks(&[("summarize", json!({"text": "The mill turns."}))]);
        turn(it, "Sum it up.", "summarize").len() == 1
    }),
    ("tool-results-are-orders", |it| {
        it.model.asks(&[("summarize", json!({"text": "The mill turns."}))]);
        turn(it, "Sum it up.", "summarize");
        it.model.roles().last().is_some_and(|role| role == "tool")
    }),
    ("audit-crosses-tenants", |it| {
        summary(it, json!({}));
        let log = it.get(MERIDIAN, "/audit?limit=100").json();
        log["records"].as_array().unwrap().iter().all(|record| record["tenant"] == MERIDIAN)
    }),
];

const TEXT: &str = "The mill was built in 1821. It has four sails and two stones. Grain is ground there on Tuesdays. The mill stands on a hill.";

fn execute(world: &World, tenant: &str, tool: &str, arguments: Value) -> Answer {
    world.post(tenant, "/tools/execute", json!({"tool": tool, "arguments": arguments}))
}

fn summary(world: &World, more: Value) -> Answer {
    let mut arguments = json!({"text": TEXT});
    arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    execute(world, AURORA, "summarize", arguments)
}

/// How the calls of a turn ended that lists one tool.
fn turn(world: &World, message: &str, tool: &str) -> Vec<Value> {
    let body =
        json!({"messages": [{"role": "user", "content": message}], "rag": false, "tools": [tool], "stream": false});
    let answer = world.post("far-reach", "/chat", body);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["tool_results"].as_array().unwrap().clone()
}

fn said(answer: &Answer) -> String {
    answer.json()["result"]["summary"].as_str().unwrap_or_default().to_owned()
}

fn entities(world: &World, more: Value) -> Vec<Value> {
    let mut arguments = json!({"text": "Write to mill@example.com before 2027-06-05."});
    arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    execute(world, AURORA, "extract_entities", arguments).json()["result"]["entities"].as_array().unwrap().clone()
}

fn labels(world: &World) -> Vec<String> {
    let arguments = json!({"text": "My order has not arrived, where is my delivery?", "categories": ["delivery", "repair", "refund"]});
    let answer = execute(world, AURORA, "classify_intent", arguments).json();
    let labels = answer["result"]["labels"].as_array().unwrap();
    labels.iter().map(|it| it["label"].as_str().unwrap().to_owned()).collect()
}

fn tagged(world: &World) -> Value {
    let document =
        json!({"id": "mill", "content": "The mill has four sails. It turns.", "metadata": {"area": "milling"}});
    execute(world, AURORA, "tag_chunk_docs", json!({"documents": [document]})).json()["result"]["documents"][0].clone()
}

fn ingest(world: &World, timeout_ms: Option<u64>) -> Answer {
    let document =
        json!({"id": world.word(), "content_type": "text/plain", "content": format!("A lamp of {}.", world.word())});
    let mut body = json!({"tool": "ingest_docs", "arguments": {"documents": [document]}});
    if let Some(timeout_ms) = timeout_ms {
        body["timeout_ms"] = timeout_ms.into();
    }
    world.post(AURORA, "/tools/execute", body)
}

fn names(answer: &Answer) -> Vec<String> {
    answer.json()["tools"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect()
}

/// The record that a call left, if it left one.
fn recorded(world: &World, call: impl Fn(&World) -> Answer) -> Option<Value> {
    let request = call(world);
    let id = super::world::header(&request, "x-request-id").unwrap().to_owned();
    let log = world.get(AURORA, "/audit?limit=10").json();
    log["records"].as_array().unwrap().iter().find(|it| it["request_id"] == id.as_str()).cloned()
}

fn two(world: &World) -> Vec<Value> {
    summary(world, json!({}));
    summary(world, json!({}));
    world.get(AURORA, "/audit?limit=2").json()["records"].as_array().unwrap().clone()
}
