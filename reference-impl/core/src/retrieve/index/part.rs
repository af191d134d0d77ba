//! A run of chunks in memory: codes for the scan, and what is known of each chunk without its text.

use std::sync::Arc;

use serde_json::Value as Json;

use super::exact::{Exact, Vector};
use crate::ports::{Codes, Scan};

/// Bytes of codes up to which runs are joined: some huge pages, and not so much that joining is felt.
const MOST_BYTES: usize = 16 << 20;

/// One document of the index.
#[derive(Debug, PartialEq)]
pub(crate) struct IndexedDocument {
    pub(crate) id: String,
    pub(crate) metadata: Json,
    /// Room that it takes, in bytes.
    pub(super) bytes: usize,
}

/// Chunks by rising row. Never changed once built, so that any number of indexes share it.
pub(super) struct Part {
    pub(super) rows: Vec<i64>,
    pub(super) chunk_ids: Vec<Arc<str>>,
    /// Position in `documents` of each chunk's document.
    pub(super) document_of: Vec<u32>,
    pub(super) documents: Vec<Arc<IndexedDocument>>,
    pub(super) scales: Vec<f32>,
    codes: Codes,
    pub(super) exact: Exact,
}

/// A part that is being put together.
#[derive(Default)]
pub(super) struct PartBuilder {
    rows: Vec<i64>,
    chunk_ids: Vec<Arc<str>>,
    document_of: Vec<u32>,
    documents: Vec<Arc<IndexedDocument>>,
    scales: Vec<f32>,
    pub(super) codes: Vec<i8>,
}

impl PartBuilder {
    /// Adds a chunk whose codes were appended to `codes` before.
    pub(super) fn add(&mut self, row: i64, chunk_id: Arc<str>, document: &Arc<IndexedDocument>, scale: f32) {
        // Chunks of one document stand together.
        if self.documents.last().is_none_or(|last| !Arc::ptr_eq(last, document)) {
            self.documents.push(Arc::clone(document));
        }
        self.document_of.push(u32::try_from(self.documents.len() - 1).unwrap_or(u32::MAX));
        self.rows.push(row);
        self.chunk_ids.push(chunk_id);
        self.scales.push(scale);
    }

    pub(super) fn build(self, host: &dyn Scan) -> Part {
        let Self { rows, chunk_ids, document_of, documents, scales, codes } = self;
        Part { rows, chunk_ids, document_of, documents, scales, codes: host.hold(codes), exact: Exact::default() }
    }
}

impl Part {
    pub(super) fn codes(&self) -> &[i8] {
        (*self.codes).as_ref()
    }

    fn bytes(&self) -> usize {
        let chunks: usize = self.chunk_ids.iter().map(|id| id.len() + 16 + 16 + 8 + 4 + 4).sum();
        self.codes().len() + chunks + self.documents.iter().map(|it| it.bytes).sum::<usize>()
    }
}

/// A part as one version of the corpus sees it.
#[derive(Clone)]
pub(super) struct Slot {
    pub(super) part: Arc<Part>,
    /// Which rows are alive: bit `n % 64` of word `n / 64` for row `n`.
    pub(super) alive: Arc<Vec<u64>>,
    pub(super) live: usize,
    bytes: usize,
}

impl Slot {
    pub(super) fn new(part: Part) -> Self {
        let live = part.rows.len();
        let mut alive = vec![u64::MAX; live / 64];
        if !live.is_multiple_of(64) {
            alive.push(crate::retrieve::scan::mask_of(live % 64));
        }
        let bytes = part.bytes();
        Self { part: Arc::new(part), alive: Arc::new(alive), live, bytes }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes + self.alive.len() * 8
    }

    pub(super) fn lives(&self, at: usize) -> bool {
        self.alive.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
    }

    /// Forgets the chunk at `row`, where it is here and alive.
    fn kill(&mut self, row: i64) -> bool {
        let Ok(at) = self.part.rows.binary_search(&row) else { return false };
        if !self.lives(at) {
            return false;
        }
        Arc::make_mut(&mut self.alive)[at / 64] &= !(1 << (at % 64));
        self.live -= 1;
        true
    }

    /// What is alive in all of `slots`, which follow each other, as one.
    fn join(slots: &[Self], host: &dyn Scan) -> Self {
        let mut joined = PartBuilder::default();
        let mut exact: Vec<Option<Vector>> = Vec::new();
        for slot in slots {
            let dimensions = slot.part.codes().len() / slot.part.rows.len().max(1);
            for at in (0..slot.part.rows.len()).filter(|at| slot.lives(*at)) {
                joined.codes.extend_from_slice(&slot.part.codes()[at * dimensions..(at + 1) * dimensions]);
                let document = &slot.part.documents[slot.part.document_of[at] as usize];
                joined.add(slot.part.rows[at], Arc::clone(&slot.part.chunk_ids[at]), document, slot.part.scales[at]);
                exact.push(slot.part.exact.get(at));
            }
        }
        Self::new(Part { exact: Exact::of(exact), ..joined.build(host) })
    }
}

/// Forgets the chunks of `rows`; returns how many were there.
pub(super) fn kill(slots: &mut [Slot], rows: &[i64]) -> usize {
    let mut killed = 0;
    for row in rows {
        let after = slots.partition_point(|slot| slot.part.rows.first().is_some_and(|first| first <= row));
        let Some(slot) = after.checked_sub(1).and_then(|at| slots.get_mut(at)) else { continue };
        killed += usize::from(slot.kill(*row));
    }
    killed
}

/// Adds a part, and joins the last ones while they are of a size: there are never more than some, and every chunk is moved
/// only as often as the size doubles.
pub(super) fn push(slots: &mut Vec<Slot>, part: Part, host: &dyn Scan) {
    if part.rows.is_empty() {
        return;
    }
    slots.push(Slot::new(part));
    while let [.., before, last] = &slots[..]
        && before.live <= 2 * last.live
        && before.part.codes().len() + last.part.codes().len() <= MOST_BYTES
    {
        let joined = Slot::join(&slots[slots.len() - 2..], host);
        slots.truncate(slots.len() - 2);
        slots.push(joined);
    }
}

/// Lets go of parts that hold more dead chunks than living ones.
pub(super) fn tidy(slots: &mut Vec<Slot>, host: &dyn Scan) {
    slots.retain(|slot| slot.live > 0);
    for slot in slots.iter_mut().filter(|slot| slot.live * 2 < slot.part.rows.len()) {
        *slot = Slot::join(std::slice::from_ref(slot), host);
    }
}
