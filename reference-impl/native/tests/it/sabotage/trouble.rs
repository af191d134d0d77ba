//! Models in trouble: repetitions, the breaker, places, and the models that are fallen back on.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Probes;
use super::world::{AURORA, MERIDIAN, World};

/// The tenant that lists a model to fall back on.
const CLINIC: &str = "careful-clinic";

pub(super) const PROBES: Probes = &[
    ("retries-off", |it| {
        let calls = calls_of_one(it, AURORA, "embedding", json!({"kind": "status", "status": 503, "calls": 1}));
        calls == (2, json!(null))
    }),
    ("retries-unbounded", |it| calls_of_one(it, AURORA, "generator", json!({"kind": "status", "status": 400})).0 == 1),
    ("writing-repeated", |it| {
        calls_of_one(it, AURORA, "generator", json!({"kind": "status", "status": 500, "calls": 1})).0 == 1
    }),
    ("breaker-never-opens", |it| {
        opened(it);
        let open = breaker(it);
        restore(it);
        open == "open"
    }),
    ("breaker-never-closes", |it| {
        opened(it);
        it.mend("embedding");
        let began = Instant::now();
        let closed = loop {
            retrieve(it, AURORA);
            if breaker(it) == "closed" {
                break true;
            }
            if began.elapsed() > Duration::from_secs(20) {
                break false;
            }
        };
        restore(it);
        closed
    }),
    ("places-taken-by-one", |it| {
        it.fault("embedding", json!({"kind": "hang", "tenant": AURORA}));
        let calls = || counters(it, AURORA)["embedding"]["calls"].as_u64().unwrap();
        let before = calls();
        let document = json!({"id": it.word(), "content_type": "text/plain", "content": it.word()});
        let started = it.post(AURORA, "/ingest", json!({"documents": [document], "async": true}));
        assert_eq!(started.status, 202);
        while calls() == before {}
        let degraded = retrieve(it, MERIDIAN);
        restore(it);
        while it.program.control("GET", "/counters?tenant=aurora-bikes", None).json()["running_jobs"] != 0 {}
        degraded.is_null()
    }),
    ("fallback-not-taken", |it| written_by(it, CLINIC) == "extractive-brief-v1"),
    ("fallback-unlisted", |it| written_by(it, AURORA).is_null()),
    ("fallback-not-named", |it| written_by(it, CLINIC) == "extractive-brief-v1"),
];

/// Clears all faults and closes all breakers.
fn restore(it: &World) {
    assert_eq!(it.program.control("POST", "/reset", None).status, 200);
}

fn counters(it: &World, tenant: &str) -> Value {
    it.program.control("GET", &format!("/counters?tenant={tenant}"), None).json()["ports"].clone()
}

fn breaker(it: &World) -> Value {
    counters(it, AURORA)["embedding"]["breaker"].clone()
}

/// What a retrieval had to do without.
fn retrieve(it: &World, tenant: &str) -> Value {
    it.post(tenant, "/retrieve", json!({"query": it.word(), "mode": "hybrid"})).json()["degraded"].clone()
}

/// Fails until a breaker would be open.
fn opened(it: &World) {
    it.fault("embedding", json!({"kind": "refused"}));
    (0..20).for_each(|_| drop(retrieve(it, AURORA)));
}

/// Calls that one search makes at a port with this fault, and what its answer had to do without.
fn calls_of_one(it: &World, tenant: &str, port: &str, fault: Value) -> (u64, Value) {
    let word = it.lever(tenant);
    let calls = || counters(it, tenant)[port]["calls"].as_u64().unwrap();
    let before = calls();
    it.fault(port, fault);
    let answer = it.ask(tenant, &word, &json!({"cache": "bypass"})).json();
    let made = calls() - before;
    restore(it);
    (made, answer["degraded"].clone())
}

/// The model that writes when the first one fails once.
fn written_by(it: &World, tenant: &str) -> Value {
    let word = it.lever(tenant);
    it.fault("generator", json!({"kind": "status", "status": 500, "calls": 1, "tenant": tenant}));
    let answer = it.ask(tenant, &word, &json!({"cache": "bypass"})).json();
    restore(it);
    answer["usage"]["model"].clone()
}
