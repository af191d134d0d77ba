//! Bytes a second of conversion and chunking, and what understanding a query costs beside a large vocabulary.
#![allow(missing_docs, reason = "the macros of criterion make undocumented functions")]
#![allow(clippy::allow_attributes, reason = "whether the macros need the exemption depends on their version")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use reference_core::ingest::chunk::chunk;
use reference_core::ingest::convert::{ContentType, convert};
use reference_core::ingest::tokens::UnicodeWords;
use reference_core::search::{Turn, Vocabulary, classify, standalone, understand};
use reference_core::tenancy::ChunkSettings;

/// Bytes of the largest document that a request may hold.
const LARGEST: usize = 5 << 20;

fn documents() -> [(ContentType, &'static str, String); 4] {
    let sentence = "Charge the pack between 5 and 35 degrees, once a month to 100 percent. ";
    let paragraph = sentence.repeat(4);
    let rows = "| BP750 | 756 Wh | 48 V |\n".repeat(8);
    let markdown =
        format!("## Part\n\n{paragraph}\n\n- {sentence}\n- {sentence}\n\n| a | b | c |\n|---|---|---|\n{rows}\n");
    let html = format!("<h2>Part</h2><p>{paragraph}</p><ul><li>{sentence}</li></ul><table><tr><td>1</td></tr></table>");
    let json = format!("{{\"code\": \"E-1\", \"text\": \"{sentence}\", \"volts\": 48.50, \"tags\": [1, 2]}},");
    let fill = |piece: &str, bytes: usize| piece.repeat(bytes / piece.len());
    [
        (ContentType::Plain, "plain", fill(&format!("{paragraph}\n\n"), LARGEST)),
        (ContentType::Markdown, "markdown", fill(&markdown, LARGEST)),
        (ContentType::Html, "html", fill(&html, LARGEST)),
        (ContentType::Json, "json", format!("[{}1]", fill(&json, LARGEST))),
    ]
}

fn ingest(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ingest");
    group.sample_size(10);
    for (content_type, name, content) in documents() {
        group.throughput(Throughput::Bytes(content.len() as u64));
        group.bench_function(format!("convert/{name}"), |bencher| {
            bencher.iter(|| convert(content_type, black_box(&content)).expect("the document is sound"));
        });
        let extracted = convert(content_type, &content).expect("the document is sound");
        group.throughput(Throughput::Bytes(extracted.text.len() as u64));
        group.bench_function(format!("chunk/{name}"), |bencher| {
            bencher.iter(|| chunk("d", black_box(&extracted), ChunkSettings::default(), &UnicodeWords));
        });
    }
    // Twice the text must take twice the time.
    for bytes in [LARGEST / 4, LARGEST / 2, LARGEST] {
        let text = "a b c d e f g h i j k l m n o p q r s t. ".repeat(bytes / 41);
        let extracted = convert(ContentType::Plain, &text).expect("plain text is sound");
        let settings = ChunkSettings { size_tokens: 16, overlap_tokens: 4, ..ChunkSettings::default() };
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(format!("chunk/tiny/{bytes}"), |bencher| {
            bencher.iter(|| chunk("d", black_box(&extracted), settings, &UnicodeWords));
        });
    }
    group.finish();
}

/// A word of eight or nine letters that no other number gives.
fn word(mut number: usize) -> String {
    const SYLLABLES: [&str; 10] = ["ba", "ke", "lo", "mi", "nu", "ra", "se", "ti", "vo", "za"];
    let mut word = String::new();
    for _ in 0..5 {
        word.push_str(SYLLABLES[number % 10]);
        number /= 10;
    }
    word
}

fn queries(criterion: &mut Criterion) {
    let vocabulary = Vocabulary::new((0..100_000).map(|number| (word(number), 1 + number % 50)).collect());
    // Every word is unknown, and one edit away from a known one.
    let words = |end: &str| (0..180).map(|number| word(number * 37) + end).collect::<Vec<_>>().join(" ");
    let (misspelt, known) = (words("x"), words(""));
    let short = "please tell me how long does the kelomibuti last";
    let history = [Turn { question: "What does the frame warranty cover?".to_owned(), answer: String::new() }];
    let mut group = criterion.benchmark_group("understand");
    group.sample_size(20);
    for (name, query) in [("misspelt/2000", &*misspelt), ("known/2000", &*known), ("short", short)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| understand(black_box(query), &vocabulary, 1000, true));
        });
        group.bench_function(format!("intent/{name}"), |bencher| bencher.iter(|| classify(black_box(query))));
    }
    group.bench_function("conversation", |bencher| {
        bencher.iter(|| standalone(black_box(&history), black_box("How long does it last?")));
    });
    group.finish();
}

criterion_group!(benches, ingest, queries);
criterion_main!(benches);
