//! Reading and deleting what was ingested.

use serde_json::{Map, Value as Json};

use super::chunk::chunk_id;
use super::convert::ContentType;
use super::error::IngestError;
use super::model::{Document, DocumentSummary, StoredChunk};
use super::write::{bump_version, integer, remove_chunks};
use crate::ports::{Columns, Database, DatabaseError, Row, Statement, Value};
use crate::sabotage::{self, Sabotage};

/// The tenant's documents in the order of their ids, after `after`, at most `limit`.
///
/// # Errors
///
/// [`IngestError::Database`].
pub(crate) async fn list(
    database: &dyn Database,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<DocumentSummary>, IngestError> {
    // Past the documents that keep the chunks of deleted ones.
    #[cfg(feature = "sabotage")]
    let after = after.or(Some("\u{2}"));
    let statement = Statement::new(
        "SELECT id, content_type, content_hash, size_bytes, chunks, metadata, created_at, updated_at FROM documents \
         WHERE id > ?1 ORDER BY id LIMIT ?2",
        vec![Value::Text(after.unwrap_or_default().to_owned()), integer(limit)],
    );
    let rows = database.batch(vec![statement]).await?;
    rows.iter().flatten().map(|row| Ok(summary(&mut Columns::of(row))?)).collect()
}

/// One document.
///
/// # Errors
///
/// [`IngestError::NotFound`], [`IngestError::Database`].
pub(crate) async fn get(database: &dyn Database, id: &str) -> Result<Document, IngestError> {
    let statement = Statement::new(
        "SELECT id, content_type, content_hash, size_bytes, chunks, metadata, created_at, updated_at, text \
         FROM documents WHERE id = ?1",
        vec![Value::Text(id.to_owned())],
    );
    let rows = database.batch(vec![statement]).await?;
    let row = first(&rows).ok_or(IngestError::NotFound)?;
    let mut columns = Columns::of(row);
    let summary = summary(&mut columns)?;
    Ok(Document { summary, text: columns.text()?.to_owned() })
}

/// Deletes a document with its chunks and vectors, in one transaction; returns how many chunks it had.
///
/// # Errors
///
/// [`IngestError::NotFound`], [`IngestError::Database`].
pub(crate) async fn delete(database: &dyn Database, id: &str) -> Result<u32, IngestError> {
    let guard = Statement::guard("SELECT chunks FROM documents WHERE id = ?1", vec![Value::Text(id.to_owned())]);
    let mut statements = vec![guard];
    let key = || vec![Value::Text(id.to_owned())];
    #[cfg(feature = "sabotage")]
    if sabotage::on(Sabotage::DeleteLeavesChunks) {
        statements.extend(ghost(id));
    }
    #[cfg(feature = "sabotage")]
    if sabotage::on(Sabotage::DeleteTakesNeighbours)
        && let Some(hyphen) = id.rfind('-')
    {
        statements.extend(neighbours(&id[..=hyphen]));
    }
    statements.extend(remove_chunks(id));
    if !sabotage::on(Sabotage::DeleteLeavesDocument) {
        statements.push(Statement::new("DELETE FROM documents WHERE id = ?1", key()));
    }
    if !sabotage::on(Sabotage::CacheSurvivesDelete) {
        statements.push(bump_version());
    }
    let rows = database.batch(statements).await.map_err(|error| match error {
        DatabaseError::GuardFailed { .. } => IngestError::NotFound,
        error @ (DatabaseError::Unavailable { .. } | DatabaseError::Refused { .. }) => IngestError::Database(error),
    });
    if sabotage::on(Sabotage::DeleteOfNothingSucceeds) && matches!(rows, Err(IngestError::NotFound)) {
        return Ok(0);
    }
    let rows = rows?;
    let row = first(&rows).ok_or(IngestError::NotFound)?;
    Ok(u32::try_from(Columns::of(row).size()?).unwrap_or(u32::MAX))
}

/// The chunks of a document from ordinal `from` on, at most `limit`.
///
/// # Errors
///
/// [`IngestError::NotFound`], [`IngestError::Database`].
pub(crate) async fn chunks(
    database: &dyn Database,
    id: &str,
    from: u32,
    limit: usize,
) -> Result<Vec<StoredChunk>, IngestError> {
    let key = || Value::Text(id.to_owned());
    let rows = database
        .batch(vec![
            Statement::new("SELECT 1 FROM documents WHERE id = ?1", vec![key()]),
            Statement::new(
                "SELECT id, document_id, ordinal, span_start, span_end, tokens, text, heading_path FROM chunks \
                 WHERE document_id = ?1 AND ordinal >= ?2 ORDER BY ordinal LIMIT ?3",
                vec![key(), Value::Integer(i64::from(from)), integer(limit)],
            ),
        ])
        .await?;
    first(&rows).ok_or(IngestError::NotFound)?;
    let mut chunks: Vec<StoredChunk> =
        rows.get(1).into_iter().flatten().map(|row| Ok(stored_chunk(row)?)).collect::<Result<_, IngestError>>()?;
    if sabotage::on(Sabotage::ChunksInReverse) {
        chunks.reverse();
    }
    if sabotage::on(Sabotage::ChunkIdsShared) {
        for chunk in &mut chunks {
            chunk.id = chunk_id("", chunk.ordinal, &chunk.text);
        }
    }
    Ok(chunks)
}

/// For the flaw of leaving chunks behind: moves them to a document that no list shows, since the host lets no chunk be
/// without one.
#[cfg(feature = "sabotage")]
fn ghost(id: &str) -> Vec<Statement> {
    [
        "INSERT OR REPLACE INTO documents (id, content_type, content_hash, fingerprint, text, size_bytes, metadata, chunks, \
         created_at, updated_at) SELECT char(1) || id, content_type, content_hash, fingerprint, text, size_bytes, metadata, \
         chunks, created_at, updated_at FROM documents WHERE id = ?1",
        "UPDATE chunks SET document_id = char(1) || ?1, id = 'chk_' || lower(hex(randomblob(16))) WHERE document_id = ?1",
    ]
    .into_iter()
    .map(|sql| Statement::new(sql, vec![Value::Text(id.to_owned())]))
    .chain([crate::retrieve::index::bump_epoch()])
    .collect()
}

/// For the flaw of deleting neighbours: removes all others whose id begins like this.
#[cfg(feature = "sabotage")]
fn neighbours(prefix: &str) -> Vec<Statement> {
    [
        "DELETE FROM chunks_fts WHERE rowid IN (SELECT rowid FROM chunks WHERE substr(document_id, 1, length(?1)) = ?1)",
        "DELETE FROM words_fts WHERE rowid IN (SELECT rowid FROM chunks WHERE substr(document_id, 1, length(?1)) = ?1)",
        "INSERT INTO tombstones (rowid, version) SELECT rowid, \
         (SELECT CAST(value AS INTEGER) + 1 FROM meta WHERE key = 'corpus_version') \
         FROM chunks WHERE substr(document_id, 1, length(?1)) = ?1",
        "DELETE FROM chunks WHERE substr(document_id, 1, length(?1)) = ?1",
        "DELETE FROM documents WHERE substr(id, 1, length(?1)) = ?1",
    ]
    .into_iter()
    .map(|sql| Statement::new(sql, vec![Value::Text(prefix.to_owned())]))
    .collect()
}

fn first(rows: &[Vec<Row>]) -> Option<&Row> {
    rows.first()?.first()
}

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn stored_chunk(row: &Row) -> Result<StoredChunk, DatabaseError> {
    let mut columns = Columns::of(row);
    Ok(StoredChunk {
        id: columns.text()?.to_owned(),
        document_id: columns.text()?.to_owned(),
        ordinal: small(columns.size()?),
        span: columns.size()?..columns.size()?,
        tokens: small(columns.size()?),
        text: columns.text()?.to_owned(),
        heading_path: columns.strings()?,
    })
}

fn summary(columns: &mut Columns<'_>) -> Result<DocumentSummary, DatabaseError> {
    let damaged = |reason: &str| DatabaseError::Refused { index: 0, reason: reason.to_owned() };
    Ok(DocumentSummary {
        id: columns.text()?.to_owned(),
        content_type: ContentType::parse(columns.text()?).ok_or_else(|| damaged("unknown content type"))?,
        content_hash: columns.text()?.to_owned(),
        size_bytes: columns.size()? as u64,
        chunks: small(columns.size()?),
        metadata: match columns.json()? {
            Json::Object(map) => altered(map),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => {
                return Err(damaged("metadata is no object"));
            }
        },
        created_at: columns.integer()?,
        updated_at: columns.integer()?,
    })
}

/// Metadata as they come back: as they are, save under the flaws that alter them.
fn altered(map: Map<String, Json>) -> Map<String, Json> {
    let each = |map: Map<String, Json>, change: &dyn Fn(String, Json) -> Option<(String, Json)>| {
        map.into_iter().filter_map(|(key, value)| change(key, value)).collect()
    };
    if sabotage::on(Sabotage::MetadataNumbersAsStrings) {
        return each(map, &|key, value| Some((key, if value.is_number() { value.to_string().into() } else { value })));
    }
    if sabotage::on(Sabotage::MetadataKeysLowercased) {
        return each(map, &|key, value| Some((key.to_lowercase(), value)));
    }
    if sabotage::on(Sabotage::MetadataNullsDropped) {
        return each(map, &|key, value| (!value.is_null()).then_some((key, value)));
    }
    if sabotage::on(Sabotage::MetadataListsSorted) {
        return each(map, &|key, mut value| {
            if let Json::Array(items) = &mut value {
                items.sort_by_key(Json::to_string);
            }
            Some((key, value))
        });
    }
    if sabotage::on(Sabotage::MetadataFlattened) {
        let flatten = |(key, value): (String, Json)| match value {
            Json::Object(inner) => inner.into_iter().map(|(name, value)| (format!("{key}.{name}"), value)).collect(),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => vec![(key, value)],
        };
        return map.into_iter().flat_map(flatten).collect();
    }
    map
}
