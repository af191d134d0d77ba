//! The dense scan against the best stream over the same bytes, its recall, and `/retrieve` in process.
//!
//! `cargo bench -p reference-impl --bench dense`. The ratio to the stream is measured by turns in this one run, since both
//! depend on what else the machine is doing; each is the best of many. Criterion's own figures follow.
#![expect(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a bench"
)]
#![expect(clippy::print_stdout, reason = "a bench tells its figures")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};
use reference_core::answer::Extractive;
use reference_core::ingest::{ChunkOptions, ContentType, DocumentInput, UnicodeWords};
use reference_core::platform::{INDEX_BYTES, Platform, Ports};
use reference_core::ports::{Codes, KeyValue, MemoryKeyValue, PortableScan, Scan};
use reference_core::retrieve::scan::{Best, Rows, scan};
use reference_core::retrieve::{HashedEmbedder, Quantised, RetrieveRequest, dot, shortlisted};
use reference_core::testkit::{TestTenants, TestTimer};
use reference_impl::scan::SimdScan;
use reference_impl::sqlite::SqliteDatabases;
use reference_impl::tasks::Tasks;

const DIMENSIONS: usize = 384;
const TOP: usize = 10;
const QUERIES: usize = 50;

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / 16_777_216.0
    }

    /// Nearly normal, by the sum of twelve.
    fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.uniform()).sum::<f32>() - 6.0
    }

    fn direction(&mut self) -> Vec<f32> {
        unit((0..DIMENSIONS).map(|_| self.normal()).collect())
    }

    /// A direction near another.
    fn near(&mut self, centre: &[f32], spread: f32) -> Vec<f32> {
        let scale = spread / (DIMENSIONS as f32).sqrt();
        unit(centre.iter().map(|value| value + scale * self.normal()).collect())
    }
}

fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    for value in &mut vector {
        *value /= length;
    }
    vector
}

struct Data {
    exact: Vec<Vec<f32>>,
    queries: Vec<Vec<f32>>,
    codes: Codes,
    scales: Vec<f32>,
    mask: Vec<u64>,
}

impl Data {
    /// Uniformly random, or around one centre for a hundred chunks.
    fn new(count: usize, clustered: bool, host: &dyn Scan) -> Self {
        let mut random = Random(count as u64 + u64::from(clustered));
        let centres: Vec<Vec<f32>> = (0..count / 100).map(|_| random.direction()).collect();
        let exact: Vec<Vec<f32>> = (0..count)
            .map(|at| if clustered { random.near(&centres[at % centres.len()], 0.6) } else { random.direction() })
            .collect();
        let queries = (0..QUERIES)
            .map(|at| if clustered { random.near(&centres[at * 7 % centres.len()], 0.6) } else { random.direction() })
            .collect();
        let (mut codes, mut scales) = (Vec::with_capacity(count * DIMENSIONS), Vec::with_capacity(count));
        for vector in &exact {
            let quantised = Quantised::of(vector);
            codes.extend(quantised.codes);
            scales.push(quantised.scale);
        }
        let mut mask = vec![u64::MAX; count.div_ceil(64)];
        if !count.is_multiple_of(64) {
            mask[count / 64] = (1 << (count % 64)) - 1;
        }
        Self { exact, queries, codes: host.hold(codes), scales, mask }
    }

    fn codes(&self) -> &[i8] {
        (*self.codes).as_ref()
    }

    fn shortlist(&self, host: &dyn Scan, query: &[f32]) -> Vec<(f32, usize)> {
        let query = Quantised::of(query);
        let mut best = Best::new(shortlisted(TOP), |one: usize, other: usize| one.cmp(&other));
        let rows = Rows { codes: self.codes(), scales: &self.scales, mask: &self.mask };
        scan(host, rows, &query, &mut best, |row| row);
        best.finish()
    }

    /// The shortlist, scored exactly as far as it can matter: as in `retrieve::dense`, what is left is off by at most twice what any
    /// code was up to there.
    fn search(&self, host: &dyn Scan, query: &[f32]) -> Vec<usize> {
        let candidates = self.shortlist(host, query);
        let (mut scored, mut worst) = (Vec::with_capacity(candidates.len()), 0.0_f32);
        for wave in candidates.chunks(TOP) {
            let best: Vec<(f32, usize)> = best_of(scored.clone());
            if best.len() == TOP && wave[0].0 + 2.0 * worst < best[TOP - 1].0 {
                break;
            }
            for (approximate, row) in wave {
                let exact = dot(&self.exact[*row], query);
                worst = worst.max((exact - approximate).abs());
                scored.push((exact, *row));
            }
        }
        top(scored)
    }

    fn brute(&self, query: &[f32]) -> Vec<usize> {
        top(self.exact.iter().enumerate().map(|(row, vector)| (dot(vector, query), row)).collect())
    }

    /// Share of the ten best by exact vectors that the scan finds.
    fn recall(&self, host: &dyn Scan) -> f64 {
        let found = |query: &Vec<f32>| {
            let (found, best) = (self.search(host, query), self.brute(query));
            best.iter().filter(|row| found.contains(row)).count()
        };
        self.queries.iter().map(found).sum::<usize>() as f64 / (TOP * self.queries.len()) as f64
    }
}

fn best_of(mut scored: Vec<(f32, usize)>) -> Vec<(f32, usize)> {
    scored.sort_unstable_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
    scored.truncate(TOP);
    scored
}

fn top(scored: Vec<(f32, usize)>) -> Vec<usize> {
    best_of(scored).into_iter().map(|(_, row)| row).collect()
}

/// Reads all bytes and does nothing else worth mentioning: what the memory gives. One way is a search for a byte that no
/// code is, with vector instructions; the other joins words.
fn search_stream(bytes: &[i8]) -> bool {
    memchr::memchr(0x80, bytemuck::cast_slice(bytes)).is_some()
}

fn word_stream(bytes: &[i8]) -> u64 {
    let words: &[[u64; 16]] = bytemuck::cast_slice(&bytes[..bytes.len() / 128 * 128]);
    let mut sums = [0_u64; 16];
    for word in words {
        for lane in 0..16 {
            sums[lane] ^= word[lane];
        }
    }
    sums.iter().fold(0, |sum, lane| sum ^ lane)
}

/// The best and the middle time of each work, taken by turns.
fn by_turns(works: &mut [&mut dyn FnMut(usize)]) -> Vec<(Duration, Duration)> {
    let mut times = vec![Vec::new(); works.len()];
    for turn in 0..300 {
        for (work, times) in works.iter_mut().zip(&mut times) {
            let started = Instant::now();
            work(turn);
            times.push(started.elapsed());
        }
    }
    for times in &mut times {
        times.sort();
    }
    times.iter().map(|times| (times[0], times[times.len() / 2])).collect()
}

fn criterion_line() {
    println!(
        "| chunks | data | stream µs | scan µs | ratio | of medians | with rescoring µs | ratio | of medians | portable µs | recall@10 |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for count in [10_000, 100_000] {
        for clustered in [true, false] {
            let data = Data::new(count, clustered, &SimdScan);
            let query = |turn: usize| &data.queries[turn % QUERIES];
            let times = by_turns(&mut [
                &mut |_| _ = black_box(search_stream(black_box(data.codes()))),
                &mut |_| _ = black_box(word_stream(black_box(data.codes()))),
                &mut |turn| _ = black_box(data.shortlist(&SimdScan, query(turn))),
                &mut |turn| _ = black_box(data.search(&SimdScan, query(turn))),
                &mut |turn| _ = black_box(data.search(&PortableScan, query(turn))),
            ]);
            let (streamed, usual) = times[0].min(times[1]);
            let [(scanned, scanned_usually), (searched, searched_usually), (portable, _)] =
                [times[2], times[3], times[4]];
            let micros = |time: Duration| time.as_secs_f64() * 1e6;
            let ratio = |time: Duration, of: Duration| time.as_secs_f64() / of.as_secs_f64();
            println!(
                "| {count} | {} | {:.0} | {:.0} | {:.2} | {:.2} | {:.0} | {:.2} | {:.2} | {:.0} | {:.4} |",
                if clustered { "clustered" } else { "uniform" },
                micros(streamed),
                micros(scanned),
                ratio(scanned, streamed),
                ratio(scanned_usually, usual),
                micros(searched),
                ratio(searched, streamed),
                ratio(searched_usually, usual),
                micros(portable),
                data.recall(&SimdScan),
            );
        }
    }
}

fn scans(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("dense");
    for count in [10_000, 100_000] {
        let data = Data::new(count, true, &SimdScan);
        group.throughput(Throughput::Bytes(data.codes().len() as u64));
        let hosts: [(&str, &dyn Scan); 2] = [("simd", &SimdScan), ("portable", &PortableScan)];
        for (name, host) in hosts {
            group.bench_with_input(BenchmarkId::new(name, count), &data, |bench, data| {
                let mut turn = 0;
                bench.iter(|| {
                    turn += 1;
                    data.search(host, &data.queries[turn % QUERIES])
                });
            });
        }
        group.bench_with_input(BenchmarkId::new("stream", count), &data, |bench, data| {
            bench.iter(|| search_stream(black_box(data.codes())));
        });
    }
    group.finish();
}

/// `/retrieve` in process, over files, at ten thousand chunks.
fn retrieve() {
    const WORDS: usize = 2_000;
    const PER_DOCUMENT: usize = 50;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    runtime.block_on(async {
        let tenants = TestTenants::new();
        let ports = Ports {
            databases: Arc::new(SqliteDatabases::new(folder.path())),
            clock: tenants.clock.clone(),
            ids: tenants.ids.clone(),
            key_value: Arc::new(MemoryKeyValue::new(1 << 20)) as Arc<dyn KeyValue>,
            background: Arc::new(Tasks::new(tokio::runtime::Handle::current(), 1)),
            tokenizer: Arc::new(UnicodeWords),
            embedders: vec![Arc::new(HashedEmbedder)],
            generators: vec![Arc::new(Extractive)],
            rerankers: Vec::new(),
            chat_models: Vec::new(),
            timer: Arc::new(TestTimer::default()),
        };
        let platform = Platform::new(ports, &[0; 32], INDEX_BYTES).with_scan(Arc::new(SimdScan));
        let owner = tenants.owner();
        let mut random = Random(9);
        let mut text = |words: usize| {
            // Few words are frequent and many are rare, as in any language.
            let mut word = || format!("word{}", (WORDS as f32 * random.uniform().powi(3)) as usize);
            (0..words).map(|_| word()).collect::<Vec<_>>().join(" ")
        };
        let started = Instant::now();
        let options = ChunkOptions { size: Some(64), overlap: Some(0), strategy: None };
        let mut chunks = 0;
        while chunks < 10_000 {
            let document = DocumentInput {
                id: format!("d{chunks}"),
                content_type: ContentType::Plain,
                content: text(64 * PER_DOCUMENT),
                metadata: serde_json::Map::new(),
            };
            let report = platform.ingest(&owner, &[document], options).await.unwrap();
            chunks += report.documents[0].chunks;
        }
        println!("\ningested {chunks} chunks in {:.1} s", started.elapsed().as_secs_f64());
        let queries: Vec<RetrieveRequest> = (0..400).map(|_| RetrieveRequest::new(text(6))).collect();
        let started = Instant::now();
        platform.retrieve(&owner, &queries[0]).await.unwrap();
        println!("first /retrieve, index read: {:.1} ms", started.elapsed().as_secs_f64() * 1e3);
        if std::env::var("PLUMBLINE_BENCH_LARGE").is_ok() {
            let stranger = tenants.stranger();
            let content = text(16 * 100_000);
            let document = DocumentInput {
                id: "large".to_owned(),
                content_type: ContentType::Plain,
                content,
                metadata: serde_json::Map::new(),
            };
            let options = ChunkOptions { size: Some(16), ..options };
            let started = Instant::now();
            let report = platform.ingest(&stranger, &[document], options).await.unwrap();
            let took = started.elapsed().as_secs_f64();
            println!("one document of {} chunks ingested in {took:.1} s, {}", report.documents[0].chunks, resident());
            for what in ["first", "second"] {
                let started = Instant::now();
                platform.retrieve(&stranger, &queries[1]).await.unwrap();
                let took = started.elapsed().as_secs_f64() * 1e3;
                println!("{what} /retrieve on it: {took:.1} ms, {}", resident());
            }
        }
        for mode in reference_core::tenancy::RetrievalMode::ALL {
            let mut times = Vec::new();
            for query in &queries {
                let query = RetrieveRequest { mode: Some(*mode), ..query.clone() };
                let started = Instant::now();
                black_box(platform.retrieve(&owner, &query).await.unwrap());
                times.push(started.elapsed());
            }
            times.sort();
            let millis = |share: usize| times[times.len() * share / 100].as_secs_f64() * 1e3;
            println!("/retrieve in process, {mode}: p50 {:.2} ms, p95 {:.2} ms", millis(50), millis(95));
        }
    });
}

/// The most memory that this process has had, as Linux tells it.
fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM unknown");
    peak.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    // `cargo bench` says so; `cargo test` does not.
    let given = |flag: &str| std::env::args().skip(1).any(|argument| argument == flag);
    if given("--bench") && !given("--test") {
        criterion_line();
        retrieve();
    }
    scans(&mut criterion);
    criterion.final_summary();
}
