//! A tenant's corpus in memory: vectors, metadata and vocabulary as of one corpus version.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value as Json;

use super::rows::Columns;
use crate::ports::{Database, DatabaseError, Statement, Value};
use crate::sabotage::{self, Sabotage};
use crate::search::Vocabulary;
use crate::tenancy::TenantId;

/// Begins the ids of documents that keep the chunks of deleted ones.
#[cfg(feature = "sabotage")]
pub(crate) const GHOST: char = '\u{1}';

/// One chunk of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) rowid: i64,
    pub(crate) chunk_id: String,
    /// Position in [`CorpusIndex::documents`].
    pub(crate) document: usize,
}

/// One document of the index.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct IndexedDocument {
    pub(crate) id: String,
    pub(crate) metadata: Json,
}

/// Everything of a corpus that each query looks at. Texts stay in the database.
#[derive(Debug)]
pub(crate) struct CorpusIndex {
    /// The corpus version that it shows.
    pub(crate) version: i64,
    /// `model/dimensions` of the vectors; `None` for an empty corpus.
    pub(crate) embedding: Option<String>,
    pub(crate) dimensions: usize,
    /// Chunks by rising rowid.
    pub(crate) entries: Vec<Entry>,
    /// Vectors of all entries, end to end.
    pub(crate) vectors: Vec<f32>,
    pub(crate) documents: Vec<IndexedDocument>,
    pub(crate) vocabulary: Vocabulary,
    bytes: usize,
}

/// The present corpus version, one cheap read.
pub(crate) async fn corpus_version(database: &dyn Database) -> Result<i64, DatabaseError> {
    let rows = database.batch(vec![version_statement()]).await?;
    version_of(rows.first())
}

pub(super) fn version_statement() -> Statement {
    Statement::new("SELECT value FROM meta WHERE key = 'corpus_version'", Vec::new())
}

pub(super) fn version_of(rows: Option<&Vec<Vec<Value>>>) -> Result<i64, DatabaseError> {
    let damaged = || DatabaseError::Refused { index: 0, reason: "no corpus version".to_owned() };
    let row = rows.and_then(|rows| rows.first()).ok_or_else(damaged)?;
    Columns::of(row).text()?.parse().map_err(|_| damaged())
}

impl CorpusIndex {
    /// Reads the whole index in one transaction, so that it shows one version.
    async fn load(database: &dyn Database) -> Result<Self, DatabaseError> {
        let mut results = database
            .batch(vec![
                version_statement(),
                Statement::new("SELECT id, metadata FROM documents ORDER BY id", Vec::new()),
                Statement::new(
                    "SELECT rowid, id, document_id, embedding_model, dimensions, embedding FROM chunks ORDER BY rowid",
                    Vec::new(),
                ),
                Statement::new("SELECT CAST(term AS BLOB), doc FROM words", Vec::new()),
            ])
            .await?
            .into_iter();
        let version = version_of(results.next().as_ref())?;
        let mut bytes = 0;
        let mut documents = Vec::new();
        let mut positions = HashMap::new();
        for row in results.next().unwrap_or_default() {
            let mut columns = Columns::of(&row);
            let id = columns.text()?.to_owned();
            #[cfg(feature = "sabotage")]
            let id = match id.strip_prefix(GHOST) {
                Some(_) if !sabotage::on(Sabotage::DeleteLeavesChunks) => continue,
                Some(real) => {
                    positions.insert(id.clone(), documents.len());
                    real.to_owned()
                }
                None => id,
            };
            let size = row.get(1).map_or(0, |value| if let Value::Text(text) = value { text.len() } else { 0 });
            // Parsed JSON takes several times the room of its text.
            bytes += id.len() + size * 4 + 64;
            positions.insert(id.clone(), documents.len());
            documents.push(IndexedDocument { id, metadata: columns.json()? });
        }
        let mut index = Self {
            version,
            embedding: None,
            dimensions: 0,
            entries: Vec::new(),
            vectors: Vec::new(),
            documents,
            vocabulary: Vocabulary::default(),
            bytes,
        };
        for row in results.next().unwrap_or_default() {
            index.add(&row, &positions)?;
        }
        let mut words = Vec::new();
        for row in results.next().unwrap_or_default() {
            let mut columns = Columns::of(&row);
            // FTS5 cuts terms beyond 32 KiB wherever that falls, also within a character.
            let (term, count) = (columns.blob()?, columns.size()?);
            if let Ok(word) = std::str::from_utf8(term) {
                words.push((word.to_owned(), count));
            }
        }
        index.vocabulary = Vocabulary::new(words);
        index.bytes += index.vectors.len() * 4 + index.entries.len() * 96 + index.vocabulary.len() * 96;
        Ok(index)
    }

    fn add(&mut self, row: &[Value], positions: &HashMap<String, usize>) -> Result<(), DatabaseError> {
        let damaged = |reason: &str| DatabaseError::Refused { index: 2, reason: reason.to_owned() };
        let row = row.to_vec();
        let mut columns = Columns::of(&row);
        let (rowid, chunk_id) = (columns.integer()?, columns.text()?.to_owned());
        let document_id = columns.text()?;
        #[cfg(feature = "sabotage")]
        if document_id.starts_with(GHOST) && !positions.contains_key(document_id) {
            return Ok(());
        }
        let document = *positions.get(document_id).ok_or_else(|| damaged("chunk without document"))?;
        let model = columns.text()?;
        let dimensions = columns.size()?;
        let blob = columns.blob()?;
        let embedding = embedding_name(model, dimensions);
        if *self.embedding.get_or_insert_with(|| embedding.clone()) != embedding || blob.len() != dimensions * 4 {
            return Err(damaged("vectors of different models in one index"));
        }
        self.dimensions = dimensions;
        self.vectors.extend(blob.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)));
        self.entries.push(Entry { rowid, chunk_id, document });
        Ok(())
    }

    /// Position of the chunk with `rowid`.
    pub(crate) fn position(&self, rowid: i64) -> Option<usize> {
        self.entries.binary_search_by_key(&rowid, |entry| entry.rowid).ok()
    }

    /// Vector of the entry at `position`.
    pub(crate) fn vector(&self, position: usize) -> &[f32] {
        self.vectors.get(position * self.dimensions..(position + 1) * self.dimensions).unwrap_or_default()
    }
}

/// How model and dimensions are compared: `model/dimensions`.
pub(crate) fn embedding_name(model: &str, dimensions: usize) -> String {
    format!("{model}/{dimensions}")
}

/// Indexes of tenants in memory, the least recently used making room. What is too large for the bound is used and not
/// kept.
#[derive(Debug)]
pub(crate) struct IndexCache {
    max_bytes: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    indexes: HashMap<TenantId, (u64, Arc<CorpusIndex>)>,
    uses: u64,
}

impl IndexCache {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { max_bytes, held: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tenant's index as of now. `database` must be the tenant's own.
    pub(crate) async fn current(
        &self,
        tenant: &TenantId,
        database: &dyn Database,
    ) -> Result<Arc<CorpusIndex>, DatabaseError> {
        let version = corpus_version(database).await?;
        {
            let mut held = self.lock();
            held.uses += 1;
            let now = held.uses;
            if let Some((used, index)) = held.indexes.get_mut(tenant)
                && (index.version == version || sabotage::on(Sabotage::IndexNeverRefreshed))
            {
                *used = now;
                return Ok(Arc::clone(index));
            }
        }
        let index = Arc::new(CorpusIndex::load(database).await?);
        self.keep(tenant, &index);
        Ok(index)
    }

    /// The tenant's index, where it is in memory.
    #[cfg(feature = "sabotage")]
    pub(crate) fn held(&self, tenant: &TenantId) -> Option<Arc<CorpusIndex>> {
        self.lock().indexes.get(tenant).map(|(_, index)| Arc::clone(index))
    }

    /// Forgets the tenant's index.
    pub(crate) fn forget(&self, tenant: &TenantId) {
        self.lock().indexes.remove(tenant);
    }

    fn keep(&self, tenant: &TenantId, index: &Arc<CorpusIndex>) {
        let mut held = self.lock();
        held.indexes.remove(tenant);
        if index.bytes > self.max_bytes {
            return;
        }
        let mut total: usize = held.indexes.values().map(|(_, index)| index.bytes).sum();
        while total + index.bytes > self.max_bytes {
            let Some(oldest) = held.indexes.iter().min_by_key(|(_, (used, _))| *used).map(|(id, _)| id.clone()) else {
                break;
            };
            total -= held.indexes.remove(&oldest).map_or(0, |(_, index)| index.bytes);
        }
        held.uses += 1;
        let used = held.uses;
        held.indexes.insert(tenant.clone(), (used, Arc::clone(index)));
    }
}
