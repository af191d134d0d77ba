//! A tenant's corpus in memory: int8 vectors, chunk ids and metadata as of one corpus version. Texts stay in the database, and so do
//! exact vectors, of which those that were asked for are kept while there is room.

mod cache;
mod exact;
mod load;
mod part;
mod segment;
mod segments;
#[cfg(test)]
mod tests;

pub(crate) use cache::IndexCache;
pub(crate) use exact::Vector;
pub(crate) use part::IndexedDocument;
pub(crate) use segment::floats;
pub(crate) use segments::{drop_all, due, due_statement, maintain};

use self::part::Slot;
use super::filter::Filter;
use super::scan::Rows;
use crate::ports::{Columns, Database, DatabaseError, Statement, Value};

/// Begins the ids of documents that keep the chunks of deleted ones.
#[cfg(feature = "sabotage")]
pub(crate) const GHOST: char = '\u{1}';

/// Where a chunk is in one index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Position {
    part: u32,
    row: u32,
}

/// Which chunks of one index may be found: a word for 64 rows, part after part.
pub(crate) struct Mask(Vec<Vec<u64>>);

impl Mask {
    /// Whether the chunk may be found.
    pub(crate) fn allows(&self, position: Position) -> bool {
        let word = self.0.get(position.part as usize).and_then(|words| words.get(position.row as usize / 64));
        word.is_some_and(|word| word >> (position.row % 64) & 1 == 1)
    }

    /// How many chunks may be found.
    pub(crate) fn count(&self) -> usize {
        self.0.iter().flatten().map(|word| word.count_ones() as usize).sum()
    }
}

/// Everything of a corpus that each query looks at.
#[derive(Clone)]
pub(crate) struct CorpusIndex {
    /// The corpus version that it shows.
    pub(crate) version: i64,
    /// What the store said of itself; another one is another index.
    epoch: i64,
    /// `model/dimensions` of the vectors; `None` for an empty corpus.
    pub(crate) embedding: Option<String>,
    dimensions: usize,
    slots: Vec<Slot>,
    live: usize,
    /// Every chunk up to this row has been looked at.
    last_row: i64,
    /// Whether chunks of deleted documents are in it, for the flaw that leaves them.
    #[cfg(feature = "sabotage")]
    haunted: bool,
}

impl std::fmt::Debug for CorpusIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CorpusIndex")
            .field("version", &self.version)
            .field("embedding", &self.embedding)
            .field("chunks", &self.live)
            .finish_non_exhaustive()
    }
}

impl CorpusIndex {
    /// Number of chunks.
    pub(crate) fn len(&self) -> usize {
        self.live
    }

    /// Whether there is no chunk.
    pub(crate) fn is_empty(&self) -> bool {
        self.live == 0
    }

    fn slot(&self, position: Position) -> &Slot {
        &self.slots[position.part as usize]
    }

    /// Id of the chunk.
    pub(crate) fn chunk_id(&self, position: Position) -> &str {
        &self.slot(position).part.chunk_ids[position.row as usize]
    }

    /// Row of the chunk in the database. Rows are never used again.
    pub(crate) fn row(&self, position: Position) -> i64 {
        self.slot(position).part.rows[position.row as usize]
    }

    /// Document of the chunk.
    pub(crate) fn document(&self, position: Position) -> &IndexedDocument {
        let part = &self.slot(position).part;
        &part.documents[part.document_of[position.row as usize] as usize]
    }

    /// Where the chunk of `row` is, when it is alive.
    pub(crate) fn position(&self, row: i64) -> Option<Position> {
        let after = self.slots.partition_point(|slot| slot.part.rows.first().is_some_and(|first| *first <= row));
        let part = after.checked_sub(1)?;
        let at = self.slots[part].part.rows.binary_search(&row).ok()?;
        self.slots[part].lives(at).then(|| position(part, at))
    }

    /// All chunks by rising row.
    pub(crate) fn positions(&self) -> impl Iterator<Item = Position> + '_ {
        self.slots.iter().enumerate().flat_map(|(part, slot)| {
            (0..slot.part.rows.len()).filter(|at| slot.lives(*at)).map(move |at| position(part, at))
        })
    }

    /// The chunks whose documents `filter` lets pass.
    pub(crate) fn mask(&self, filter: &Filter) -> Mask {
        let of = |slot: &Slot| {
            if *filter == Filter::default() {
                return slot.alive.to_vec();
            }
            let passes: Vec<bool> = slot.part.documents.iter().map(|it| filter.matches(&it.metadata)).collect();
            let mut words = slot.alive.to_vec();
            for (at, document) in slot.part.document_of.iter().enumerate() {
                words[at / 64] &= !(u64::from(!passes[*document as usize]) << (at % 64));
            }
            words
        };
        Mask(self.slots.iter().map(of).collect())
    }

    /// A mask of the chunks that `allowed` lets pass.
    pub(crate) fn mask_where(&self, mut allowed: impl FnMut(Position) -> bool) -> Mask {
        let mut words: Vec<Vec<u64>> = self.slots.iter().map(|slot| vec![0; slot.alive.len()]).collect();
        for position in self.positions().filter(|it| allowed(*it)) {
            words[position.part as usize][position.row as usize / 64] |= 1 << (position.row % 64);
        }
        Mask(words)
    }

    /// What there is to scan: the number of each part and its rows.
    pub(crate) fn parts<'a>(&'a self, mask: &'a Mask) -> impl Iterator<Item = (u32, Rows<'a>)> + 'a {
        self.slots
            .iter()
            .zip(&mask.0)
            .zip(0..)
            .map(|((slot, mask), part)| (part, Rows { codes: slot.part.codes(), scales: &slot.part.scales, mask }))
    }

    /// Length of the vectors.
    pub(crate) fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Model of the vectors, empty for an empty corpus, and their length.
    pub(crate) fn model(&self) -> (&str, usize) {
        let named = self.embedding.as_deref().and_then(|name| name.rsplit_once('/'));
        (named.map_or("", |(model, _)| model), self.dimensions)
    }

    /// Room that it takes without exact vectors, in bytes. Parts that several indexes share count in each.
    fn bytes(&self) -> usize {
        self.slots.iter().map(Slot::bytes).sum()
    }
}

impl Position {
    /// The chunk at `row` of the part with this number.
    pub(crate) fn of(part: u32, row: usize) -> Self {
        Self { part, row: u32::try_from(row).unwrap_or(u32::MAX) }
    }
}

fn position(part: usize, row: usize) -> Position {
    Position::of(u32::try_from(part).unwrap_or(u32::MAX), row)
}

/// How model and dimensions are compared: `model/dimensions`.
pub(crate) fn embedding_name(model: &str, dimensions: usize) -> String {
    format!("{model}/{dimensions}")
}

const VERSION: &str = "SELECT value FROM meta WHERE key = 'corpus_version'";

/// The present corpus version, one cheap read.
pub(crate) async fn corpus_version(database: &dyn Database) -> Result<i64, DatabaseError> {
    let rows = database.read_state(&[VERSION]).await?;
    version_of(rows.first())
}

/// What tells the store from one that had its place before, and the present corpus version, one cheap read: together they name
/// a state of a corpus for good.
pub(crate) async fn corpus_state(database: &dyn Database) -> Result<(String, i64), DatabaseError> {
    let rows = database.read_state(&[VERSION, "SELECT value FROM meta WHERE key = 'mark'"]).await?;
    let mark = rows.get(1).and_then(|rows| rows.first()).ok_or_else(|| damaged("no mark"))?;
    Ok((Columns::of(mark).text()?.to_owned(), version_of(rows.first())?))
}

pub(super) fn version_statement() -> Statement {
    Statement::new(VERSION, Vec::new())
}

pub(super) fn version_of(rows: Option<&Vec<Vec<Value>>>) -> Result<i64, DatabaseError> {
    let row = rows.and_then(|rows| rows.first()).ok_or_else(|| damaged("no corpus version"))?;
    Columns::of(row).text()?.parse().map_err(|_| damaged("no corpus version"))
}

fn damaged(reason: &str) -> DatabaseError {
    DatabaseError::Refused { index: 0, reason: reason.to_owned() }
}

/// For changes of chunks in their place, which no row number tells: what is in memory must be read anew.
pub(crate) fn bump_epoch() -> Statement {
    Statement::new(
        "UPDATE meta SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) WHERE key = 'index_epoch'",
        Vec::new(),
    )
}
