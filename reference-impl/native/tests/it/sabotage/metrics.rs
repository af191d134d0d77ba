//! The page of metrics.

use serde_json::{Value, json};

use super::Probes;
use super::world::{AURORA, MERIDIAN, RATES, World};

pub(super) const PROBES: Probes = &[
    ("metrics-lack-a-name", |it| page(it).contains("# TYPE time_to_first_token_ms_histogram histogram\n")),
    ("metrics-lack-the-last-bucket", |it| sum(&page(it), "latency_ms_histogram_bucket", "le=\"+Inf\"") > 0.0),
    ("requests-counted-twice", |it| {
        let rise = rise(it, "requests_total", "route=\"/documents\"", || drop(it.get(AURORA, "/documents")));
        same(rise, 1.0)
    }),
    ("refusals-not-counted", |it| {
        let refused = || sum(&every(it), "rate_limited_total", &format!("tenant=\"{RATES}\""));
        let before = refused();
        let answers: Vec<u16> = (0..30).map(|_| it.get(RATES, "/documents").status).collect();
        assert!(answers.contains(&429), "{answers:?}");
        refused() > before
    }),
    ("metrics-cross-tenants", |it| !page(it).contains(MERIDIAN)),
    ("operator-sees-one-tenant", |it| every(it).contains(MERIDIAN)),
    ("request-ids-are-labels", |it| {
        let word = it.word();
        it.with(AURORA, "GET", "/documents", &[&format!("x-request-id: {word}")], None);
        !page(it).contains(&word)
    }),
    ("bypass-counts-as-miss", |it| {
        let word = it.lever(AURORA);
        let ask = || drop(it.ask(AURORA, &word, &json!({"cache": "bypass"})));
        same(rise(it, "cache_requests_total", "result=\"miss\"", ask), 0.0)
    }),
    ("vector-queries-counted-always", |it| {
        let body = json!({"query": "gate", "mode": "lexical"});
        same(rise(it, "vectorize_queries_total", "", || drop(it.post(AURORA, "/retrieve", body))), 0.0)
    }),
    ("metrics-double-the-tokens", |it| {
        let word = it.lever(AURORA);
        let mut told = Value::Null;
        let ask = || told = it.ask(AURORA, &word, &json!({"cache": "bypass"})).json()["usage"]["tokens_out"].clone();
        let rise = rise(it, "ai_tokens_in_out", "direction=\"out\"", ask);
        told.as_f64().is_some_and(|told| told > 0.0 && same(rise, told))
    }),
    ("tool-calls-counted-twice", |it| {
        let body = json!({"tool": "summarize", "arguments": {"text": "The mill turns."}});
        let call = || drop(it.post(AURORA, "/tools/execute", body));
        same(rise(it, "tool_calls_total", "tool=\"summarize\"", call), 1.0)
    }),
    ("aborts-not-counted", |it| {
        let leave =
            || super::chat::hang_up(it, &json!({"messages": [{"role": "user", "content": "Hello."}], "rag": false}));
        same(rise(it, "stream_aborts_total", "", leave), 1.0)
    }),
];

/// The page of the tenant that most probes use.
fn page(it: &World) -> String {
    it.get(AURORA, "/metrics").body
}

/// The page of an operator.
fn every(it: &World) -> String {
    it.by(AURORA, "operator", "GET", "/metrics", None).body
}

/// The sum of a metric's series with a label.
fn sum(page: &str, name: &str, label: &str) -> f64 {
    let of = page.lines().filter(|line| line.starts_with(&format!("{name}{{")) && line.contains(label));
    of.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

/// By how much it rises with what is done.
fn rise(it: &World, name: &str, label: &str, done: impl FnOnce()) -> f64 {
    let before = sum(&page(it), name, label);
    done();
    sum(&page(it), name, label) - before
}

fn same(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-6
}
