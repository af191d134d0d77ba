//! Brings an index in memory up to what is stored, page by page.
//!
//! Rows rise and are never used again, so what an index lacks is what lies beyond its last row, less what tombstones name
//! since its version. An index that is new lacks everything and is read in the same way.

use std::collections::HashMap;
use std::sync::Arc;

use super::part::{PartBuilder, kill, push, tidy};
use super::segment::{Segment, floats};
use super::{CorpusIndex, IndexedDocument, damaged, embedding_name, segments};
use crate::ports::{Columns, Database, DatabaseError, Row, Scan, Statement, Value};
use crate::retrieve::quantised::quantise;
#[cfg(feature = "sabotage")]
use crate::sabotage::{self, Sabotage};
use crate::tenancy::TenantId;

/// Chunks outside of segments that are read at once: some megabytes of vectors.
const PAGE: i64 = 1024;
/// How often damage is mended within one load.
const MENDINGS: usize = 3;

/// What one page of the store said.
struct Page {
    version: i64,
    epoch: i64,
    embedding: Option<String>,
    tombstones_from: i64,
    dead: Vec<i64>,
    segment: Option<Row>,
    in_segment: Vec<Row>,
    loose: Vec<Row>,
    documents: Vec<Row>,
}

/// Why a page cannot be taken.
enum Fault {
    Database(DatabaseError),
    /// The segment that ends at this row.
    Segment(i64),
}

impl From<DatabaseError> for Fault {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

/// The tenant's index as of now; `base` is what is known of it already.
pub(super) async fn load(
    tenant: &TenantId,
    database: &dyn Database,
    host: &dyn Scan,
    base: Option<&CorpusIndex>,
) -> Result<CorpusIndex, DatabaseError> {
    let mut index = base.cloned();
    let mut mended = 0;
    loop {
        let (version, last_row) = index.as_ref().map_or((0, 0), |it| (it.version, it.last_row));
        let page = read(database, version, last_row).await?;
        let stale = index.as_ref().is_some_and(|it| it.is_stale(&page));
        if stale {
            index = None;
            continue;
        }
        if index.is_none() && page.segment.is_none() && page.loose.len() == usize::try_from(PAGE).unwrap_or(0) {
            // Nothing is sealed of a corpus that was written before there were segments.
            segments::maintain(tenant, database).await;
        }
        let current = index.get_or_insert_with(|| CorpusIndex::empty(&page));
        match current.take(&page, host) {
            Ok(true) => {
                tidy(&mut current.slots, host);
                current.embedding = page.embedding.filter(|_| current.live > 0);
                return index.ok_or_else(|| damaged("no index"));
            }
            Ok(false) => {}
            Err(Fault::Segment(last)) if mended < MENDINGS => {
                mended += 1;
                segments::mend(tenant, database, last).await?;
            }
            Err(Fault::Segment(_)) => return Err(damaged("a segment is damaged again and again")),
            Err(Fault::Database(error)) => return Err(error),
        }
    }
}

/// Reads one page in one transaction, so that it shows one version.
async fn read(database: &dyn Database, version: i64, last_row: i64) -> Result<Page, DatabaseError> {
    let after = || Value::Integer(last_row);
    let mut answers = database
        .batch(vec![
            Statement::new(
                "SELECT (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'corpus_version'), \
                 (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'index_epoch'), \
                 (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'tombstones_from'), \
                 coalesce((SELECT value FROM meta WHERE key = 'embedding'), '')",
                Vec::new(),
            ),
            Statement::new("SELECT rowid FROM tombstones WHERE version > ?1", vec![Value::Integer(version)]),
            Statement::new(
                "SELECT last_row, first_row, model, dimensions, count, checksum, body FROM segments \
                 WHERE last_row > ?1 ORDER BY last_row LIMIT 1",
                vec![after()],
            ),
            Statement::new(
                "SELECT rowid, id, document_id FROM chunks WHERE rowid > ?1 \
                 AND rowid <= (SELECT min(last_row) FROM segments WHERE last_row > ?1) ORDER BY rowid",
                vec![after()],
            ),
            Statement::new(
                "SELECT rowid, id, document_id, embedding_model, dimensions, embedding FROM chunks WHERE rowid > ?1 \
                 AND NOT EXISTS (SELECT 1 FROM segments WHERE last_row > ?1) ORDER BY rowid LIMIT ?2",
                vec![after(), Value::Integer(PAGE)],
            ),
            Statement::new(
                "SELECT id, metadata FROM documents WHERE id IN (SELECT document_id FROM chunks WHERE rowid > ?1 \
                 AND rowid <= coalesce((SELECT min(last_row) FROM segments WHERE last_row > ?1), \
                 (SELECT max(rowid) FROM (SELECT rowid FROM chunks WHERE rowid > ?1 ORDER BY rowid LIMIT ?2))))",
                vec![after(), Value::Integer(PAGE)],
            ),
        ])
        .await?
        .into_iter();
    let mut next = || answers.next().unwrap_or_default();
    let state = next();
    let mut columns = Columns::of(state.first().ok_or_else(|| damaged("no index state"))?);
    let (version, epoch, tombstones_from) = (columns.integer()?, columns.integer()?, columns.integer()?);
    let embedding = Some(columns.text()?.to_owned()).filter(|name| !name.is_empty());
    let dead = next().iter().map(|row| Columns::of(row).integer()).collect::<Result<_, _>>()?;
    Ok(Page {
        version,
        epoch,
        embedding,
        tombstones_from,
        dead,
        segment: next().into_iter().next(),
        in_segment: next(),
        loose: next(),
        documents: next(),
    })
}

impl CorpusIndex {
    fn empty(page: &Page) -> Self {
        Self {
            version: page.version,
            epoch: page.epoch,
            embedding: None,
            dimensions: 0,
            slots: Vec::new(),
            live: 0,
            last_row: 0,
            #[cfg(feature = "sabotage")]
            haunted: sabotage::on(Sabotage::DeleteLeavesChunks),
        }
    }

    /// Whether the page is of another store than this, or of one whose deletions are forgotten in part.
    fn is_stale(&self, page: &Page) -> bool {
        #[cfg(feature = "sabotage")]
        if self.haunted != sabotage::on(Sabotage::DeleteLeavesChunks) {
            return true;
        }
        self.epoch != page.epoch || self.version > page.version || self.version < page.tombstones_from
    }

    /// Takes the page over; whether it was the last.
    fn take(&mut self, page: &Page, host: &dyn Scan) -> Result<bool, Fault> {
        let documents = documents(page)?;
        let mut part = PartBuilder::default();
        let mut dimensions = self.dimensions;
        // Looks a document up; one that is nobody's is hidden.
        let find = |id: &str| match documents.get(id) {
            Some(document) => document.as_ref().map(Ok),
            None => Some(Err(damaged("chunk without document"))),
        };
        let (mut last, ended);
        if let Some(row) = &page.segment {
            last = Columns::of(row).integer()?;
            ended = false;
            // Of a segment whose chunks are all gone nothing is read: it may be of an earlier model.
            let segment = if page.in_segment.is_empty() { None } else { Segment::read(row)? };
            if let Some(segment) = &segment {
                if page.embedding.as_deref() != Some(&embedding_name(&segment.model, segment.dimensions)) {
                    return Err(Fault::Segment(last));
                }
                dimensions = segment.dimensions;
            }
            for row in &page.in_segment {
                let segment = segment.as_ref().ok_or(Fault::Segment(last))?;
                let mut columns = Columns::of(row);
                let (rowid, id, document) = (columns.integer()?, columns.text()?, columns.text()?);
                let at = segment.rows.binary_search(&rowid).map_err(|_| Fault::Segment(last))?;
                if let Some(document) = find(document) {
                    part.codes.extend_from_slice(segment.row(at));
                    part.add(rowid, Arc::from(id), document?, segment.scales[at]);
                }
            }
        } else {
            last = self.last_row;
            ended = page.loose.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
            for row in &page.loose {
                let mut columns = Columns::of(row);
                let (rowid, id, document) = (columns.integer()?, columns.text()?, columns.text()?);
                let (model, length, vector) = (columns.text()?, columns.size()?, columns.blob()?);
                let name = embedding_name(model, length);
                if page.embedding.as_ref() != Some(&name) || vector.len() != length * 4 {
                    return Err(damaged("vectors of different models in one index").into());
                }
                (last, dimensions) = (rowid, length);
                if let Some(document) = find(document) {
                    let scale = quantise(floats(vector), &mut part.codes);
                    part.add(rowid, Arc::from(id), document?, scale);
                }
            }
        }
        let part = part.build(host);
        // Nothing is changed before everything was read.
        self.live -= kill(&mut self.slots, &page.dead);
        self.live += part.rows.len();
        if self.live == part.rows.len() {
            self.slots.clear(); // an empty corpus may have taken another model
        }
        push(&mut self.slots, part, host);
        (self.version, self.last_row, self.dimensions) = (page.version, last, dimensions);
        Ok(ended)
    }
}

/// The page's documents by the ids that its chunks name; `None` for one that is hidden.
fn documents(page: &Page) -> Result<HashMap<String, Option<Arc<IndexedDocument>>>, DatabaseError> {
    let mut documents = HashMap::with_capacity(page.documents.len());
    for row in &page.documents {
        let mut columns = Columns::of(row);
        let id = columns.text()?;
        // Parsed JSON takes several times the room of its text.
        let size = row.get(1).map_or(0, |value| if let Value::Text(text) = value { text.len() } else { 0 });
        let metadata = columns.json()?;
        let document = |name: &str| {
            let bytes = name.len() + size * 4 + 96;
            Arc::new(IndexedDocument { id: name.to_owned(), metadata, bytes })
        };
        #[cfg(feature = "sabotage")]
        let found = match id.strip_prefix(super::GHOST) {
            Some(_) if !sabotage::on(Sabotage::DeleteLeavesChunks) => None,
            Some(real) => Some(document(real)),
            None => Some(document(id)),
        };
        #[cfg(not(feature = "sabotage"))]
        let found = Some(document(id));
        documents.insert(id.to_owned(), found);
    }
    Ok(documents)
}
