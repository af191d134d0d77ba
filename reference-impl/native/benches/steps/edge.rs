//! The edge: bodies against their schemas, and events of a stream.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use reference_http::pieces::{Checks, log_line, plain_events, token_events};
use serde_json::{Value, json};

/// Bodies of three operations, small and large.
fn bodies() -> [(&'static str, &'static str, Vec<u8>); 3] {
    let sentence = "The pump of the seventh well was replaced in the spring, and its valve a week later. ";
    let search =
        json!({"query": "When was the valve of the seventh well replaced?", "top_k": 8, "correct_spelling": true});
    let retrieve = json!({"query": sentence.repeat(20), "top_k": 10, "mode": "hybrid"});
    let documents: Vec<Value> = (0..20)
        .map(|at| json!({"id": format!("d{at}"), "content_type": "text/plain", "content": sentence.repeat(40), "metadata": {"year": 2024}}))
        .collect();
    [
        ("search", "search", search.to_string().into_bytes()),
        ("retrieve_2k", "retrieve", retrieve.to_string().into_bytes()),
        ("ingest_68k", "ingest", json!({"documents": documents}).to_string().into_bytes()),
    ]
}

/// Parsing and validating, beside parsing alone.
pub(crate) fn checks(criterion: &mut Criterion) {
    let checks = Checks::default();
    let mut group = criterion.benchmark_group("body");
    for (name, operation, bytes) in bodies() {
        assert!(checks.body(operation, &bytes), "{name} fits its schema");
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(format!("checked/{name}"), |bench| {
            bench.iter(|| checks.body(operation, black_box(&bytes)));
        });
        group.bench_function(format!("peer/parsed/{name}"), |bench| {
            bench.iter(|| serde_json::from_slice::<Value>(black_box(&bytes)).is_ok());
        });
    }
    let line = log_line();
    group.throughput(Throughput::Elements(1));
    group.bench_function("log_line", |bench| bench.iter(|| serde_json::to_vec(black_box(&line)).map(|it| it.len())));
    group.finish();
}

/// Events of a stream, beside the least that their bytes can cost.
pub(crate) fn streams(criterion: &mut Criterion) {
    let tokens: Vec<&str> =
        "The pump of the seventh well was replaced.".split_inclusive(' ').cycle().take(200).collect();
    assert_eq!(token_events(&tokens), plain_events(&tokens), "the peer writes what a stream writes");
    let mut group = criterion.benchmark_group("sse");
    group.throughput(Throughput::Elements(tokens.len() as u64));
    group.bench_function("token_events", |bench| bench.iter(|| token_events(black_box(&tokens))));
    group.bench_function("peer/plain_events", |bench| bench.iter(|| plain_events(black_box(&tokens))));
    group.finish();
}
