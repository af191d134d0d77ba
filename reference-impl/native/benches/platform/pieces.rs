//! What `/retrieve` is held against: the full-text search, the scan and the fusion by themselves, in this process.

use std::path::Path;
use std::sync::Mutex;

use reference_core::ports::{Codes, Scan};
use reference_core::ports::{EmbedPurpose, Embedder};
use reference_core::retrieve::pieces::fused;
use reference_core::retrieve::scan::{Best, Rows, scan};
use reference_core::retrieve::{HashedEmbedder, Quantised, dot, full_text_query, shortlisted};
use reference_core::tenancy::Fusion;
use reference_core::testkit::TestTenants;
use reference_impl::scan::SimdScan;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::process::Cpu;

/// Chunks that each half gives to the fusion.
const DEPTH: usize = 100;

/// The corpus of the server, as its store has it.
struct Corpus {
    rows: Vec<i64>,
    exact: Vec<Vec<f32>>,
    codes: Codes,
    scales: Vec<f32>,
    mask: Vec<u64>,
}

/// Microseconds of the processor that each step takes a question: full text, scan with exact scores, fusion.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Steps {
    pub(crate) full_text: f64,
    pub(crate) scan: f64,
    pub(crate) fusion: f64,
}

impl Steps {
    pub(crate) fn sum(self) -> f64 {
        self.full_text + self.scan + self.fusion
    }
}

/// Takes the steps for each question over the tenant's file, as often as the server has answered it: on as many threads at once as
/// there are processors, since the server works on all of them as well, and what one does slows the others down.
pub(crate) struct Pieces {
    corpus: Corpus,
    /// One a thread.
    connections: Vec<Mutex<Connection>>,
    questions: Vec<(String, Vec<f32>)>,
}

impl Pieces {
    pub(crate) fn new(file: &Path, questions: &[String]) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let owner = TestTenants::new().owner();
        let embedded = runtime.block_on(HashedEmbedder.embed(&owner, questions, EmbedPurpose::Query));
        let vectors = embedded.expect("the embedder is in this process").vectors;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let corpus = Corpus::read(&open(file));
        let connections = (0..threads).map(|_| Mutex::new(open(file))).collect();
        Self { corpus, connections, questions: questions.iter().cloned().zip(vectors).collect() }
    }

    /// The mean of each step over `rounds` rounds of all questions on each thread.
    pub(crate) fn take(&self, rounds: usize) -> Steps {
        let taken: Vec<Steps> = std::thread::scope(|scope| {
            let threads: Vec<_> = self.connections.iter().map(|it| scope.spawn(|| self.on_one(it, rounds))).collect();
            threads.into_iter().map(|thread| thread.join().expect("no step fails")).collect()
        });
        let mean = |of: fn(&Steps) -> f64| taken.iter().map(of).sum::<f64>() / taken.len() as f64;
        Steps { full_text: mean(|it| it.full_text), scan: mean(|it| it.scan), fusion: mean(|it| it.fusion) }
    }

    fn on_one(&self, connection: &Mutex<Connection>, rounds: usize) -> Steps {
        let connection = &*connection.lock().expect("one thread uses it");
        let mut spent = [0_u64; 3];
        for (query, vector) in (0..rounds).flat_map(|_| &self.questions) {
            let begun = Cpu::of_this_thread();
            let lexical = self.corpus.full_text(connection, query);
            let found = Cpu::of_this_thread();
            let dense = self.corpus.nearest(vector);
            let scanned = Cpu::of_this_thread();
            std::hint::black_box(fused(&dense, &lexical, Fusion::MinMax, 0.5));
            let ended = Cpu::of_this_thread();
            for (sum, took) in spent.iter_mut().zip([found - begun, scanned - found, ended - scanned]) {
                *sum += took;
            }
        }
        let count = (rounds * self.questions.len()) as f64;
        let [full_text, scan, fusion] = spent.map(|nanoseconds| nanoseconds as f64 / 1000.0 / count);
        Steps { full_text, scan, fusion }
    }
}

/// A connection set as the server's that read; no other setting of those changes how they read.
fn open(file: &Path) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags).expect("the tenant's file");
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).expect("a setting");
    connection
}

impl Corpus {
    fn read(connection: &Connection) -> Self {
        let (mut rows, mut exact, mut codes, mut scales) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        {
            let mut read = connection.prepare("SELECT rowid, embedding FROM chunks ORDER BY rowid").expect("chunks");
            let mut found = read.query([]).expect("chunks");
            while let Some(row) = found.next().expect("chunks") {
                rows.push(row.get(0).expect("a number"));
                let bytes: Vec<u8> = row.get(1).expect("a vector");
                let vector: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|it| f32::from_le_bytes(*it)).collect();
                let quantised = Quantised::of(&vector);
                codes.extend(quantised.codes);
                scales.push(quantised.scale);
                exact.push(vector);
            }
        }
        let count = rows.len();
        let mut mask = vec![u64::MAX; count.div_ceil(64)];
        if !count.is_multiple_of(64) {
            mask[count / 64] = (1 << (count % 64)) - 1;
        }
        Self { rows, exact, codes: SimdScan.hold(codes), scales, mask }
    }

    /// The statement of the server, and its best.
    fn full_text(&self, connection: &Connection, query: &str) -> Vec<(usize, f64)> {
        const READ: &str = "SELECT rowid, -bm25(chunks_fts, ?2, 1.0) FROM chunks_fts WHERE chunks_fts MATCH ?1";
        let Some(query) = full_text_query(query, &[]) else { return Vec::new() };
        let mut read = connection.prepare_cached(READ).expect("the full-text index");
        let mut found = read.query((query, 3.0)).expect("the full-text index");
        let mut scored: Vec<(usize, f64)> = Vec::new();
        while let Some(row) = found.next().expect("the full-text index") {
            let row_id: i64 = row.get(0).expect("a number");
            let at = self.rows.binary_search(&row_id).expect("a row of a chunk");
            scored.push((at, row.get(1).expect("a score")));
        }
        best(scored)
    }

    fn nearest(&self, query: &[f32]) -> Vec<(usize, f64)> {
        let quantised = Quantised::of(query);
        let mut best_of = Best::new(shortlisted(DEPTH), |one: usize, other: usize| one.cmp(&other));
        let rows = Rows { codes: (*self.codes).as_ref(), scales: &self.scales, mask: &self.mask };
        scan(&SimdScan, rows, &quantised, &mut best_of, |row| row);
        let scored = best_of.finish().into_iter().map(|(_, row)| (row, f64::from(dot(&self.exact[row], query))));
        best(scored.collect())
    }
}

fn best(mut scored: Vec<(usize, f64)>) -> Vec<(usize, f64)> {
    let order = |one: &(usize, f64), other: &(usize, f64)| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0));
    if scored.len() > DEPTH {
        scored.select_nth_unstable_by(DEPTH, order);
        scored.truncate(DEPTH);
    }
    scored.sort_unstable_by(order);
    scored
}
