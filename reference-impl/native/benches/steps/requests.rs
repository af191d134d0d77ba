//! Steps of an answer, and a whole `/search` and `/retrieve` in process, over files.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use criterion::Criterion;
use reference_core::answer::Extractive;
use reference_core::ingest::{ChunkOptions, ContentType, DocumentInput, UnicodeWords};
use reference_core::platform::{INDEX_BYTES, Platform, Ports};
use reference_core::ports::{Databases, MemoryKeyValue, Statement, Value};
use reference_core::retrieve::pieces::fused;
use reference_core::retrieve::{HashedEmbedder, RetrieveRequest, full_text_query};
use reference_core::search::{CacheMode, SearchRequest};
use reference_core::tenancy::Fusion;
use reference_core::testkit::{TestTenants, TestTimer};
use reference_core::{answer, search};
use reference_impl::scan::SimdScan;
use reference_impl::sqlite::SqliteDatabases;
use reference_impl::tasks::Tasks;
use rusqlite::{Connection, OpenFlags};
use sha2::{Digest, Sha256};
use tokio::runtime::Runtime;

use crate::quick;

/// Chunks of a whole search.
const CHUNKS: u32 = 10_000;
const READ: &str = "SELECT rowid, -bm25(chunks_fts, ?2, 1.0) FROM chunks_fts WHERE chunks_fts MATCH ?1";

/// Fusion, the check of citations and the cache's key, each beside the least that it stands on.
pub(crate) fn steps(criterion: &mut Criterion) {
    #[expect(clippy::cast_precision_loss, reason = "small")]
    let ranked = |step: usize| -> Vec<(usize, f64)> { (0..100).map(|at| (at * step, 1.0 / (at + 1) as f64)).collect() };
    let (dense, lexical) = (ranked(3), ranked(5));
    let mut group = criterion.benchmark_group("fusion");
    group.bench_function("min_max", |bench| {
        bench.iter(|| fused(black_box(&dense), black_box(&lexical), Fusion::MinMax, 0.5));
    });
    group.bench_function("rrf", |bench| bench.iter(|| fused(black_box(&dense), black_box(&lexical), Fusion::Rrf, 0.5)));
    group.bench_function("peer/sorted", |bench| {
        bench.iter(|| {
            let mut all: Vec<f64> = dense.iter().chain(&lexical).map(|(_, score)| *score).collect();
            all.sort_unstable_by(f64::total_cmp);
            all
        });
    });
    group.finish();

    let passages: Vec<String> = (0..12)
        .map(|at| format!("Well {at} was drilled in 19{at:02}. Its pump moves {at}5 litres a minute. The valve is checked twice a year. ").repeat(4))
        .collect();
    let sentences: Vec<(String, usize)> =
        [2, 5, 7].into_iter().map(|at| (format!("Its pump moves {at}5 litres a minute."), at)).collect();
    assert_eq!(answer::pieces::cited("How much does the pump move?", &passages, &sentences).citations.len(), 3);
    let mut group = criterion.benchmark_group("citations");
    group.bench_function("checked", |bench| {
        bench.iter(|| {
            answer::pieces::cited("How much does the pump move?", black_box(&passages), black_box(&sentences))
        });
    });
    group.bench_function("peer/found", |bench| {
        bench.iter(|| sentences.iter().filter(|(text, at)| black_box(&passages[*at]).contains(text.as_str())).count());
    });
    group.finish();

    let tenant = TestTenants::new().owner();
    let keys = search::pieces::Keys::default();
    let request = SearchRequest::new("When was the valve of the seventh well replaced?");
    let mut group = criterion.benchmark_group("cache_key");
    group.bench_function("key", |bench| bench.iter(|| keys.key(&tenant, black_box(&request))));
    group.bench_function("peer/sha256_1k", |bench| bench.iter(|| Sha256::digest(black_box([7_u8; 1024]))));
    group.finish();
}

struct Library {
    runtime: Runtime,
    tenants: TestTenants,
    databases: Arc<SqliteDatabases>,
    platform: Arc<Platform>,
}

/// Words of which few are frequent and many are rare.
fn text(seed: &mut u64, words: usize) -> String {
    let mut word = || {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (one, other) = ((*seed >> 33) % 2_000, (*seed >> 20) % 2_000);
        format!("word{}", one * other / 2_000)
    };
    (0..words).map(|_| word()).collect::<Vec<_>>().join(" ")
}

impl Library {
    fn new(folder: &Path) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let tenants = TestTenants::new();
        let databases = Arc::new(SqliteDatabases::new(folder));
        let ports = Ports {
            databases: Arc::clone(&databases) as Arc<dyn Databases>,
            clock: tenants.clock.clone(),
            ids: tenants.ids.clone(),
            key_value: Arc::new(MemoryKeyValue::new(1 << 24)),
            background: Arc::new(Tasks::new(runtime.handle().clone(), 1)),
            tokenizer: Arc::new(UnicodeWords),
            embedders: vec![Arc::new(HashedEmbedder)],
            generators: vec![Arc::new(Extractive)],
            rerankers: Vec::new(),
            chat_models: Vec::new(),
            timer: Arc::new(TestTimer::default()),
        };
        let platform = Arc::new(Platform::new(ports, &[0; 32], INDEX_BYTES).with_scan(Arc::new(SimdScan)));
        let library = Self { runtime, tenants, databases, platform };
        let wanted = if quick() { CHUNKS / 100 } else { CHUNKS };
        let (mut chunks, mut seed) = (0, 5);
        while chunks < wanted {
            let document = DocumentInput {
                id: format!("d{chunks}"),
                content_type: ContentType::Plain,
                content: text(&mut seed, 3_200),
                metadata: serde_json::Map::new(),
            };
            let options = ChunkOptions { size: Some(64), overlap: Some(0), strategy: None };
            let (owner, documents) = (library.tenants.owner(), [document]);
            let ingested = library.platform.ingest(&owner, &documents, options);
            chunks += library.runtime.block_on(ingested).expect("the corpus is sound").documents[0].chunks;
        }
        library
    }
}

/// The full-text search through the port beside the bare statement, and whole requests beside their steps.
pub(crate) fn whole(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let library = Library::new(folder.path());
    let owner = library.tenants.owner();
    let mut seed = 11;
    let questions: Vec<String> = (0..50).map(|_| text(&mut seed, 6)).collect();
    let query = |at: usize| full_text_query(&questions[at % questions.len()], &[]).expect("words");
    let mut group = criterion.benchmark_group("request");
    group.sample_size(if quick() { 10 } else { 60 });

    let database = library.runtime.block_on(library.databases.open(&owner)).expect("a database");
    let mut at = 0;
    group.bench_function("full_text", |bench| {
        bench.iter(|| {
            at += 1;
            let params = vec![Value::Text(query(at)), Value::Real(3.0)];
            library.runtime.block_on(database.batch(vec![Statement::new(READ, params)])).map(|rows| rows.len())
        });
    });
    let file = folder.path().join(owner.id().as_str()).join("tenant.sqlite3");
    let bare = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the tenant's file");
    group.bench_function("peer/full_text_bare", |bench| {
        bench.iter(|| {
            at += 1;
            let mut read = bare.prepare_cached(READ).expect("the full-text index");
            let mut rows = read.query((query(at), 3.0)).expect("the full-text index");
            let mut sum = 0.0;
            while let Some(row) = rows.next().expect("the full-text index") {
                sum += row.get::<_, f64>(1).expect("a score");
            }
            sum
        });
    });
    group.bench_function("retrieve", |bench| {
        bench.iter(|| {
            at += 1;
            let request = RetrieveRequest::new(questions[at % questions.len()].clone());
            library.runtime.block_on(library.platform.retrieve(&owner, &request)).expect("an answer").chunks.len()
        });
    });
    let search = |at: usize, cache: CacheMode| {
        let request = SearchRequest { cache, ..SearchRequest::new(questions[at % questions.len()].as_str()) };
        library.runtime.block_on(library.platform.search(&owner, &request)).expect("an answer").cache.hit
    };
    group.bench_function("search", |bench| {
        bench.iter(|| {
            at += 1;
            search(at, CacheMode::Bypass)
        });
    });
    search(0, CacheMode::Use);
    assert!(search(0, CacheMode::Use), "the second time it is in the cache");
    group.bench_function("search_cached", |bench| bench.iter(|| search(0, CacheMode::Use)));
    group.finish();
}
