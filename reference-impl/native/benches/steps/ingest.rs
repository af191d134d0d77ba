//! Texts on their way in: words, word pieces, chunks and vectors.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use minilm::MiniLm;
use reference_core::ingest::chunk::chunk;
use reference_core::ingest::convert::convert;
use reference_core::ingest::{ContentType, Tokenizer, UnicodeWords};
use reference_core::ports::{EmbedPurpose, Embedder};
use reference_core::retrieve::HashedEmbedder;
use reference_core::tenancy::ChunkSettings;
use reference_core::testkit::TestTenants;

const SENTENCE: &str =
    "The survey of the seven wells is repeated after each storm, because turbidity rises with the water. ";
/// A second's worth of reading where only the memory counts.
const BYTES: usize = 1 << 20;

/// Megabytes a second of the tokenizer and of chunking, beside the words that both stand on and a look at every byte.
pub(crate) fn texts(criterion: &mut Criterion) {
    let text = SENTENCE.repeat(BYTES / SENTENCE.len());
    let extracted = convert(ContentType::Plain, &text).expect("plain text is sound");
    let mut group = criterion.benchmark_group("text");
    group.sample_size(10).throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("chunks", |bench| {
        bench.iter(|| chunk("d", black_box(&extracted), ChunkSettings::default(), &UnicodeWords).len());
    });
    group.bench_function("tokens", |bench| bench.iter(|| UnicodeWords.count(black_box(&text))));
    group.bench_function("peer/white_space", |bench| bench.iter(|| black_box(&text).split_whitespace().count()));
    group.finish();
}

/// Vectors of a question, beside its word pieces and words alone.
pub(crate) fn models(criterion: &mut Criterion) {
    let question = ["why does the water of the wells turn brown after rain".to_owned()];
    let model = MiniLm::load().expect("the weights are compiled in");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let owner = TestTenants::new().owner();
    let mut group = criterion.benchmark_group("embedding");
    group.sample_size(10);
    group.bench_function("minilm", |bench| bench.iter(|| model.embed(black_box(&[question[0].as_str()]))));
    group.bench_function("peer/word_pieces", |bench| {
        bench.iter(|| model.pieces().ids(black_box(&question[0]), 256).len());
    });
    group.bench_function("hashed", |bench| {
        bench.iter(|| runtime.block_on(HashedEmbedder.embed(&owner, black_box(&question), EmbedPurpose::Query)));
    });
    group.bench_function("peer/tokens", |bench| bench.iter(|| UnicodeWords.count(black_box(&question[0]))));
    group.finish();
}
