//! Sizes, rates, idempotency, jobs and trouble.

use std::thread;

use serde_json::{Value, json};

use super::Probes;
use super::world::{AURORA, LIMITS, MERIDIAN, RATES, World, header};
use crate::program::{Answer, exchange, key};

pub(super) const PROBES: Probes = &[
    ("body-limit-ignored", |it| padded(it, 4097).status == 413),
    ("body-limit-too-strict", |it| padded(it, 4096).status != 413),
    ("documents-limit-too-wide", |it| several(it, 3).status == 400),
    ("documents-limit-too-strict", |it| several(it, 2).status == 200),
    ("query-limit-ignored", |it| query(it, &"x".repeat(41)) == 400),
    ("query-limit-counts-bytes", |it| query(it, &"ä".repeat(40)) == 200),
    ("chunk-size-limit-ignored", |it| options(it, json!({"size": 65})) == 400),
    ("overlap-not-checked", |it| options(it, json!({"size": 32, "overlap": 32})) == 400),
    ("rate-never-refuses", |it| rates(it, &[("all", 13)]).status == 429),
    ("rate-shared-by-tenants", |it| {
        let left = || header(&it.get(AURORA, "/documents"), "x-ratelimit-remaining").unwrap().parse::<i64>().unwrap();
        let before = left();
        rates(it, &[("all", 5)]);
        let between = left();
        (0..5).for_each(|_| drop(it.get(LIMITS, "/documents")));
        // The reset within gave back all that was counted before it.
        between >= before - 1 && left() == between - 1
    }),
    ("rate-window-fixed", |it| {
        it.program.control("POST", "/reset", None);
        let now = it.program.control("GET", "/tenants/tiny-rates/clock", None).json()["now"].clone();
        let now: jiff::Timestamp = now.as_str().unwrap().parse().unwrap();
        let into = u64::try_from(now.as_millisecond().rem_euclid(2000)).unwrap();
        it.advance(RATES, (3600 - into) % 2000);
        (0..12).for_each(|_| drop(it.get(RATES, "/documents")));
        it.advance(RATES, 600);
        it.get(RATES, "/documents").status == 429
    }),
    ("retry-after-too-short", |it| retry_after(it) > 1),
    ("retry-after-too-long", |it| retry_after(it) < 4),
    ("rate-remaining-constant", |it| header(&rates(it, &[("all", 3)]), "x-ratelimit-remaining") == Some("9")),
    ("rate-tenant-limit-ignored", |it| rates(it, &[("all", 12), ("rotating", 9)]).status == 429),
    ("rate-credential-limit-ignored", |it| {
        rates(it, &[("all", 12)]);
        let last = (0..5).map(|_| it.call(RATES, "DELETE", "/documents/none", None).status).last();
        last == Some(429)
    }),
    ("rate-class-limit-ignored", |it| rates(it, &[("all", 13)]).status == 429),
    ("idempotency-never-replays", |it| replayed(it, &it.word(), LIMITS, "A text.")),
    ("idempotency-replay-unmarked", |it| replayed(it, &it.word(), LIMITS, "A text.")),
    ("idempotency-key-not-bound-to-body", |it| {
        let key = it.word();
        keyed(it, LIMITS, &key, "A text.");
        keyed(it, LIMITS, &key, "Another text.").status == 409
    }),
    ("idempotency-runs-twice-at-once", |it| {
        it.fault("embedding", json!({"kind": "slow", "delay_ms": 300}));
        let (word, address, credential) = (it.word(), it.program.address.clone(), key(LIMITS, "all"));
        let send = move || {
            let headers = format!("authorization: Bearer {credential}\r\nidempotency-key: {word}\r\n");
            exchange(&address, "POST", "/ingest", &headers, Some(&document(&word, "A text."))).unwrap()
        };
        let other = thread::spawn(send.clone());
        let marked = [send(), other.join().unwrap()].iter().filter(|it| is_replay(it)).count();
        it.mend("embedding");
        marked == 1
    }),
    ("idempotency-never-expires", |it| {
        let key = it.word();
        keyed(it, LIMITS, &key, "A text.");
        it.advance(LIMITS, 5000);
        !is_replay(&keyed(it, LIMITS, &key, "A text."))
    }),
    ("idempotency-expires-early", |it| {
        let key = it.word();
        keyed(it, LIMITS, &key, "A text.");
        it.advance(LIMITS, 1500);
        is_replay(&keyed(it, LIMITS, &key, "A text."))
    }),
    ("idempotency-shared-by-tenants", |it| {
        let key = it.word();
        keyed(it, AURORA, &key, "A text.");
        !is_replay(&keyed(it, MERIDIAN, &key, "A text."))
    }),
    ("idempotency-shared-by-operations", |it| {
        // Speech takes a key too, and answers 501 here.
        let key = format!("idempotency-key: {}", it.word());
        let body = document("a", "A text.");
        it.with(AURORA, "POST", "/ingest", &[&key], Some(body));
        let call = json!({"text": "A text."});
        it.with(AURORA, "POST", "/tts", &[&key], Some(call)).status != 409
    }),
    ("idempotency-keeps-failures", |it| {
        let key = format!("idempotency-key: {}", it.word());
        let mut bad = document("a", "A text.");
        bad["options"] = json!({"size": 32, "overlap": 32});
        it.with(LIMITS, "POST", "/ingest", &[&key], Some(bad));
        it.with(LIMITS, "POST", "/ingest", &[&key], Some(document("a", "A text."))).status == 200
    }),
    ("job-progress-falls", |it| job(it, &["A text."])["progress"]["done"] == 1),
    ("job-progress-exceeds-total", |it| job(it, &["A text."])["progress"]["done"] == 1),
    ("job-scope-ignored", |it| {
        let id = job(it, &["A text."])["id"].as_str().unwrap().to_owned();
        it.by(LIMITS, "search-only", "GET", &format!("/jobs/{id}"), None).status == 403
    }),
    ("unfinished-result-missing", |it| {
        it.fault("embedding", json!({"kind": "slow", "delay_ms": 1500}));
        // What was embedded before would be ready at once.
        let id = start(it, &[format!("A text about {}.", it.word()).as_str()]);
        let status = it.get(LIMITS, &format!("/jobs/{id}/result")).status;
        it.mend("embedding");
        ended(it, &id);
        status == 409
    }),
    ("cancelled-job-goes-on", |it| {
        it.fault("embedding", json!({"kind": "slow", "delay_ms": 400}));
        let (one, other) = (it.word(), it.word());
        let documents = [document(&one, "A text."), document(&other, "A text.")].map(|it| it["documents"][0].clone());
        let id = it.post(LIMITS, "/ingest", json!({"documents": documents, "async": true})).json()["id"].clone();
        it.call(LIMITS, "DELETE", &format!("/jobs/{}", id.as_str().unwrap()), None);
        // The next job of the tenant begins when the runner is done with this one.
        ended(it, &start(it, &["A text."]));
        it.mend("embedding");
        it.get(LIMITS, &format!("/documents/{other}")).status == 404
    }),
    ("finished-job-cancelled", |it| {
        let id = job(it, &["A text."])["id"].as_str().unwrap().to_owned();
        it.call(LIMITS, "DELETE", &format!("/jobs/{id}"), None);
        it.get(LIMITS, &format!("/jobs/{id}")).json()["status"] == "succeeded"
    }),
    ("job-never-expires", |it| {
        let id = job(it, &["A text."])["id"].as_str().unwrap().to_owned();
        it.advance(LIMITS, 3000);
        it.get(LIMITS, &format!("/jobs/{id}")).status == 404
    }),
    ("job-expires-early", |it| {
        let id = job(it, &["A text."])["id"].as_str().unwrap().to_owned();
        it.advance(LIMITS, 1500);
        it.get(LIMITS, &format!("/jobs/{id}")).status == 200
    }),
    ("job-item-errors-lost", |it| {
        let documents = json!([{"id": it.word(), "content_type": "application/json", "content": "{"}]);
        let id = it.post(LIMITS, "/ingest", json!({"documents": documents, "async": true})).json()["id"].clone();
        ended(it, id.as_str().unwrap())["items"][0]["error"].is_object()
    }),
    ("jobs-unbounded", |it| {
        it.fault("embedding", json!({"kind": "hang", "tenant": "lumen-desk"}));
        let document = document(&it.word(), "A text.")["documents"][0].clone();
        let send = || it.post("lumen-desk", "/ingest", json!({"documents": [document], "async": true}));
        (0..101).for_each(|_| drop(send()));
        let last = send().status;
        it.mend("embedding");
        let waiting = || it.program.control("GET", "/counters?tenant=lumen-desk", None).json()["waiting_jobs"] != 0;
        while waiting() {}
        last == 429
    }),
    ("times-not-in-utc", |it| {
        it.get(AURORA, "/documents").json()["documents"][0]["created_at"].as_str().unwrap().ends_with('Z')
    }),
    ("deadline-ignored", |it| {
        it.fault("embedding", json!({"kind": "slow", "delay_ms": 5500, "calls": 1}));
        let status = it.post(LIMITS, "/ingest", document(&it.word(), "A text.")).status;
        it.mend("embedding");
        status == 504
    }),
    ("degradation-hidden", |it| {
        it.fault("embedding", json!({"kind": "refused"}));
        let degraded = it.ask(AURORA, "gate", &json!({"cache": "bypass"})).json()["degraded"].clone();
        it.mend("embedding");
        degraded == json!(["embedding_unavailable"])
    }),
    ("embedding-failure-fails-request", |it| without(it, "embedding")),
    ("generator-failure-fails-request", |it| without(it, "generator")),
    ("cache-failure-fails-request", |it| without(it, "cache")),
    ("texts-reach-other-models", |it| {
        let calls = || {
            let counters = it.program.control("GET", "/counters?tenant=aurora-bikes", None).json();
            counters["ports"]["embedding"]["calls"].as_u64().unwrap()
        };
        let before = calls();
        it.retrieve(AURORA, &it.word(), json!({}), &json!({}));
        calls() - before == 1
    }),
];

/// An ingest whose body has exactly so many bytes.
fn padded(it: &World, bytes: usize) -> Answer {
    let (head, tail) = (r#"{"documents":[{"id":"padded","content_type":"text/plain","content":""#, r#""}]}"#);
    let fill: String = "x ".repeat(bytes).chars().take(bytes - head.len() - tail.len()).collect();
    it.text(LIMITS, "all", "/ingest", "application/json", &format!("{head}{fill}{tail}"))
}

fn document(id: &str, content: &str) -> Value {
    json!({"documents": [{"id": id, "content_type": "text/plain", "content": content}]})
}

fn several(it: &World, count: usize) -> Answer {
    let documents: Vec<Value> = (0..count).map(|_| document(&it.word(), "A text.")["documents"][0].clone()).collect();
    it.post(LIMITS, "/ingest", json!({ "documents": documents }))
}

fn query(it: &World, query: &str) -> u16 {
    it.post(LIMITS, "/retrieve", json!({ "query": query })).status
}

fn options(it: &World, options: Value) -> u16 {
    it.ingest_with(LIMITS, json!({"id": "options", "content": "A text."}), options).status
}

/// The last answer of so many reads by each key, after a reset.
fn rates(it: &World, reads: &[(&str, usize)]) -> Answer {
    it.program.control("POST", "/reset", None);
    let keys = reads.iter().flat_map(|(key, count)| std::iter::repeat_n(key, *count));
    keys.map(|key| it.by(RATES, key, "GET", "/documents", None)).last().unwrap()
}

fn retry_after(it: &World) -> u32 {
    header(&rates(it, &[("all", 13)]), "retry-after").unwrap().parse().unwrap()
}

fn keyed(it: &World, tenant: &str, key: &str, content: &str) -> Answer {
    it.with(tenant, "POST", "/ingest", &[&format!("idempotency-key: {key}")], Some(document("keyed", content)))
}

fn is_replay(answer: &Answer) -> bool {
    header(answer, "idempotent-replayed") == Some("true")
}

fn replayed(it: &World, key: &str, tenant: &str, content: &str) -> bool {
    keyed(it, tenant, key, content);
    is_replay(&keyed(it, tenant, key, content))
}

/// Starts a job over new documents; its id.
fn start(it: &World, contents: &[&str]) -> String {
    let documents = contents.iter().map(|content| document(&it.word(), content)["documents"][0].clone());
    let body = json!({"documents": documents.collect::<Vec<_>>(), "async": true});
    it.post(LIMITS, "/ingest", body).json()["id"].as_str().unwrap().to_owned()
}

/// The job once it has ended.
fn ended(it: &World, id: &str) -> Value {
    loop {
        let job = it.get(LIMITS, &format!("/jobs/{id}")).json();
        if !["queued", "running"].contains(&job["status"].as_str().unwrap_or_default()) {
            return job;
        }
    }
}

fn job(it: &World, contents: &[&str]) -> Value {
    ended(it, &start(it, contents))
}

/// Whether a search is answered while a port refuses.
fn without(it: &World, port: &str) -> bool {
    let word = it.lever(AURORA);
    it.fault(port, json!({"kind": "refused"}));
    let status = it.ask(AURORA, &word, &json!({})).status;
    it.mend(port);
    status == 200
}
