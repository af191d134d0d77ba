//! The index against its store: what is refreshed equals what is read anew, damage is mended, nothing grows without end.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::json;

use super::load::load;
use super::*;
use crate::ingest::pipeline::{Pipeline, chunk_settings};
use crate::ingest::{ChunkOptions, ContentType, DocumentInput, UnicodeWords, documents};
use crate::ports::{
    BoxFuture, Databases, EmbedPurpose, Embedded, Embedder, EmbedderKind, ModelError, PortableScan, Row,
};
use crate::retrieve::dense::{Nearest, dot, nearest};
use crate::tenancy::TenantContext;
use crate::testkit::{MemoryDatabases, TestTenants};

mod exact;

/// Gives every text a vector of its own by its hash.
struct Spread;

const DIMENSIONS: usize = 24;

fn vector(text: &str) -> Vec<f32> {
    let mut state = u64::from(crc32fast::hash(text.as_bytes())) | 1 << 40;
    let mut vector: Vec<f32> = (0..DIMENSIONS)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f32::from(u16::try_from(state >> 48).unwrap()) / 65_536.0 - 0.5
        })
        .collect();
    crate::retrieve::hashed::normalise(&mut vector);
    vector
}

impl Embedder for Spread {
    fn model(&self) -> &'static str {
        "spread"
    }

    fn dimensions(&self) -> usize {
        DIMENSIONS
    }

    fn kind(&self) -> EmbedderKind {
        EmbedderKind::Neural
    }

    fn embed<'a>(
        &'a self,
        _: &'a TenantContext,
        texts: &'a [String],
        _: EmbedPurpose,
    ) -> BoxFuture<'a, Result<Embedded, ModelError>> {
        Box::pin(async move { Ok(texts.iter().map(|text| vector(text)).collect::<Vec<_>>().into()) })
    }
}

struct World {
    owner: TenantContext,
    database: Arc<dyn Database>,
}

impl World {
    async fn new() -> Self {
        let owner = TestTenants::new().owner();
        let database = MemoryDatabases::new().open(&owner).await.unwrap();
        Self { owner, database }
    }

    /// Ingests a document of about so many chunks; another `edition` has other texts.
    async fn put(&self, id: usize, chunks: usize, edition: usize) {
        let words = |chunk: usize| (0..15).map(move |word| format!("w{id}e{edition}c{chunk}n{word}"));
        let content = (0..chunks).flat_map(words).collect::<Vec<_>>().join(" ");
        let metadata = json!({"edition": edition, "even": id.is_multiple_of(2)}).as_object().cloned().unwrap();
        let document = DocumentInput { id: format!("d{id}"), content_type: ContentType::Plain, content, metadata };
        let options = ChunkOptions { size: Some(16), overlap: Some(0), strategy: None };
        let settings = chunk_settings(&self.owner, options).unwrap();
        let (tenant, database) = (&self.owner, &*self.database);
        let pipeline = Pipeline { tenant, database, embedder: &Spread, tokenizer: &UnicodeWords, now: 0, guard: None };
        pipeline.one(&document, settings).await.unwrap();
    }

    async fn delete(&self, id: usize) {
        documents::delete(&*self.database, &format!("d{id}")).await.unwrap();
    }

    async fn load(&self, base: Option<&CorpusIndex>) -> CorpusIndex {
        load(self.owner.id(), &*self.database, &PortableScan, base).await.unwrap()
    }

    async fn read(&self, sql: &'static str) -> Vec<Row> {
        self.database.batch(vec![Statement::new(sql, Vec::new())]).await.unwrap().remove(0)
    }

    async fn number(&self, sql: &'static str) -> i64 {
        Columns::of(&self.read(sql).await[0]).integer().unwrap()
    }
}

/// Everything of an index that a query can see, by row.
fn seen(index: &CorpusIndex) -> Vec<(i64, String, String, String, Vec<i8>, u32)> {
    let of = |it: Position| {
        let part = &index.slot(it).part;
        let (row, document) = (it.row as usize, index.document(it));
        let codes = part.codes()[row * DIMENSIONS..(row + 1) * DIMENSIONS].to_vec();
        let (id, metadata) = (document.id.clone(), document.metadata.to_string());
        assert_eq!(index.position(index.row(it)), Some(it));
        (index.row(it), index.chunk_id(it).to_owned(), id, metadata, codes, part.scales[row].to_bits())
    };
    let seen: Vec<_> = index.positions().map(of).collect();
    assert_eq!(seen.len(), index.len());
    assert!(seen.windows(2).all(|pair| pair[0].0 < pair[1].0), "rows rise");
    seen
}

#[tokio::test]
async fn is_the_same_refreshed_as_read_anew_while_segments_come_and_go() {
    let world = World::new().await;
    let mut refreshed = world.load(None).await;
    let mut rare = refreshed.clone();
    assert!(refreshed.is_empty() && refreshed.embedding.is_none());
    let mut state = 7_usize;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut names: HashMap<i64, String> = HashMap::new();
    let mut there = std::collections::BTreeSet::new();
    for step in 0..140 {
        let id = next(12);
        if step % 9 == 8 && there.remove(&id) {
            world.delete(id).await;
        } else {
            world.put(id, 1 + next(150), step).await;
            there.insert(id);
        }
        if next(3) > 0 {
            refreshed = world.load(Some(&refreshed)).await;
        }
        if step % 20 == 19 {
            refreshed = world.load(Some(&refreshed)).await;
            rare = world.load(Some(&rare)).await;
            let anew = world.load(None).await;
            let version = i64::try_from(step + 1).unwrap();
            assert_eq!(seen(&refreshed), seen(&anew), "step {step}");
            assert_eq!(seen(&rare), seen(&anew), "step {step}");
            assert_eq!((refreshed.version, anew.version), (version, version));
            let stored = world.number("SELECT count(*) FROM chunks").await;
            assert_eq!(stored, i64::try_from(anew.len()).unwrap());
            assert!(anew.slots.len() < 14, "{} parts", anew.slots.len());
            assert!(refreshed.slots.len() < 14, "{} parts", refreshed.slots.len());
            for (row, id, ..) in seen(&anew) {
                assert_eq!(*names.entry(row).or_insert_with(|| id.clone()), id, "a row names one chunk for ever");
            }
        }
    }
    assert!(world.number("SELECT max(rowid) FROM chunks").await > 8_000);
    let (segments, live) = (world.number("SELECT count(*) FROM segments").await, refreshed.len());
    assert!((1..=4).contains(&segments), "{segments} segments for {live} chunks");
    let sealed = world.number("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'sealed_row'").await;
    assert!(world.number("SELECT max(rowid) FROM chunks").await - sealed < 2_048);
    assert!(world.number("SELECT count(*) FROM tombstones").await < 5_000);
}

#[tokio::test]
async fn mends_a_damaged_segment_and_never_serves_it() {
    let world = World::new().await;
    for id in 0..30 {
        world.put(id, 150, 0).await;
    }
    let whole = seen(&world.load(None).await);
    assert_eq!(world.number("SELECT count(*) FROM segments").await, 2);
    let stored = world.read("SELECT last_row, checksum, body FROM segments ORDER BY last_row").await;
    for damage in [
        "UPDATE segments SET body = zeroblob(length(body)) WHERE last_row = (SELECT min(last_row) FROM segments)",
        "UPDATE segments SET body = substr(body, 2) WHERE last_row = (SELECT max(last_row) FROM segments)",
        "UPDATE segments SET checksum = checksum + 1",
        "UPDATE segments SET model = 'other'",
        "UPDATE segments SET first_row = first_row + 1",
    ] {
        world.read(damage).await;
        assert_eq!(seen(&world.load(None).await), whole, "{damage}");
        let mended = world.read("SELECT last_row, checksum, body FROM segments ORDER BY last_row").await;
        assert_eq!(mended, stored, "{damage}");
    }
    // A segment that lacks chunks of its range is damaged too, though its checksum holds.
    let mut segment = segment::Segment::new("spread", DIMENSIONS);
    segment.add(1, &[0; DIMENSIONS * 4]);
    let Value::Integer(last) = stored[0][0] else { panic!("no row") };
    let columns = segment.columns(1, last);
    let replace = "UPDATE segments SET first_row = ?2, model = ?3, dimensions = ?4, count = ?5, checksum = ?6, body = ?7 \
                   WHERE last_row = ?1";
    world.database.batch(vec![Statement::new(replace, columns)]).await.unwrap();
    assert_eq!(seen(&world.load(None).await), whole);
}

#[tokio::test]
async fn seals_what_was_stored_before_there_were_segments() {
    let world = World::new().await;
    for id in 0..20 {
        world.put(id, 150, 0).await;
    }
    let whole = seen(&world.load(None).await);
    world.read("DELETE FROM segments").await;
    world.read("UPDATE meta SET value = '0' WHERE key = 'sealed_row'").await;
    assert_eq!(seen(&world.load(None).await), whole);
    assert_eq!(world.number("SELECT count(*) FROM segments").await, 1);
}

#[tokio::test]
async fn finds_what_a_scan_of_the_exact_vectors_finds() {
    let world = World::new().await;
    for id in 0..25 {
        world.put(id, 150, 0).await;
    }
    world.delete(3).await;
    let index = world.load(None).await;
    let stored = world.read("SELECT rowid, embedding FROM chunks").await;
    let exact: HashMap<i64, Vec<f32>> = stored
        .iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            (columns.integer().unwrap(), floats(columns.blob().unwrap()).collect())
        })
        .collect();
    let even = Filter::parse(json!({"even": true}).as_object().unwrap()).unwrap();
    let one = Filter::parse(json!({"edition": 7}).as_object().unwrap()).unwrap();
    for filter in [Filter::default(), even, one] {
        let mask = index.mask(&filter);
        for query in 0..20 {
            let query = vector(&format!("query {query}"));
            let mut best: Vec<(f64, &str)> = index
                .positions()
                .filter(|it| filter.matches(&index.document(*it).metadata))
                .map(|it| (f64::from(dot(&exact[&index.row(it)], &query)), index.chunk_id(it)))
                .collect();
            assert_eq!(best.len(), mask.count());
            best.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(other.1)));
            for depth in [1, 10, 100] {
                let found = nearest(&index, &mask, &*world.database, &PortableScan, &query, depth).await.unwrap();
                let found: Vec<_> = found.ranked.iter().map(|(it, score)| (*score, index.chunk_id(*it))).collect();
                assert_eq!(found, best[..depth.min(best.len())], "depth {depth}");
            }
        }
    }
}

#[tokio::test]
async fn keeps_what_fits_and_lets_go_of_the_least_used() {
    let (world, other) = (World::new().await, World::new().await);
    world.put(1, 40, 0).await;
    other.put(1, 40, 0).await;
    let stranger = TestTenants::new().stranger();
    let bytes = world.load(None).await.bytes();
    let scan: Arc<dyn crate::ports::Scan> = Arc::new(PortableScan);
    let cache = IndexCache::new(bytes + bytes / 2, Arc::clone(&scan));
    let first = cache.current(world.owner.id(), &*world.database).await.unwrap();
    assert!(Arc::ptr_eq(&first, &cache.current(world.owner.id(), &*world.database).await.unwrap()));
    cache.current(stranger.id(), &*other.database).await.unwrap();
    assert!(cache.held(world.owner.id()).index.is_none() && cache.held(stranger.id()).index.is_some());
    let small = IndexCache::new(bytes / 2, scan);
    small.current(world.owner.id(), &*world.database).await.unwrap();
    assert!(small.held(world.owner.id()).index.is_none(), "what is too large is used and not kept");
}

#[tokio::test]
async fn takes_a_document_of_thousands_of_chunks_in_few_batches() {
    let owner = TestTenants::new().owner();
    let databases = MemoryDatabases::new();
    let world = World { database: databases.open(&owner).await.unwrap(), owner };
    let before = databases.batches();
    world.put(1, 6_000, 0).await;
    assert!(databases.batches() - before < 20, "{} batches", databases.batches() - before);
    assert_eq!(world.number("SELECT count(*) FROM segments").await, 2);
    let before = databases.batches();
    let index = world.load(None).await;
    assert!(databases.batches() - before < 10, "{} batches", databases.batches() - before);
    assert!(index.len() > 5_000 && index.slots.len() < 10);
    // Replaced as a whole, it leaves nothing behind.
    world.put(1, 3_000, 1).await;
    let index = world.load(Some(&index)).await;
    assert_eq!(i64::try_from(index.len()).unwrap(), world.number("SELECT count(*) FROM chunks").await);
    assert_eq!(world.number("SELECT count(*) FROM segments").await, 1);
    assert_eq!(world.number("SELECT count(*) FROM tombstones").await, 0);
}
