//! Texts of 128 word pieces a second on one thread, a query, and the tokenizer's megabytes a second.
#![allow(missing_docs, reason = "criterion's macros make functions without")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use minilm::MiniLm;

const SENTENCE: &str =
    "The survey of the seven wells is repeated after each storm, because turbidity rises with the water. ";

/// Texts of exactly 128 word pieces with the two marks.
fn texts(model: &MiniLm, count: usize) -> Vec<String> {
    let text = SENTENCE.repeat(8);
    let end = model.pieces().pieces(&text)[125].span.end;
    let text = text[..end].to_owned();
    assert_eq!(model.pieces().ids(&text, 256).len(), 128);
    vec![text; count]
}

fn embed(criterion: &mut Criterion) {
    let model = MiniLm::load().expect("the weights are compiled in");
    let mut group = criterion.benchmark_group("embed");
    group.sample_size(10);
    let passages = texts(&model, 16);
    group.throughput(Throughput::Elements(16));
    group.bench_function("128_pieces", |bench| bench.iter(|| black_box(model.embed(&passages))));
    group.throughput(Throughput::Elements(1));
    let query = ["why does the water of the wells turn brown after rain"];
    group.bench_function("query", |bench| bench.iter(|| black_box(model.embed(&query))));
    group.finish();

    let text = SENTENCE.repeat(2000);
    let mut group = criterion.benchmark_group("pieces");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("english", |bench| bench.iter(|| black_box(model.pieces().pieces(&text))));
    group.finish();
}

criterion_group!(benches, embed);
criterion_main!(benches);
