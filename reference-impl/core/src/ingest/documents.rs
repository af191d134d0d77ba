//! Reading and deleting what was ingested.

use serde_json::Value as Json;

use super::convert::ContentType;
use super::error::IngestError;
use super::model::{Document, DocumentSummary, StoredChunk};
use super::pipeline::{bump_version, integer, remove_chunks};
use crate::ports::{Database, DatabaseError, Row, Statement, Value};
use crate::retrieve::rows::Columns;

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
    statements.extend(remove_chunks(id));
    statements.push(Statement::new("DELETE FROM documents WHERE id = ?1", vec![Value::Text(id.to_owned())]));
    statements.push(bump_version());
    let rows = database.batch(statements).await.map_err(|error| match error {
        DatabaseError::GuardFailed { .. } => IngestError::NotFound,
        error @ (DatabaseError::Unavailable { .. } | DatabaseError::Refused { .. }) => IngestError::Database(error),
    })?;
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
    rows.get(1).into_iter().flatten().map(|row| Ok(stored_chunk(row)?)).collect()
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
            Json::Object(map) => map,
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => {
                return Err(damaged("metadata is no object"));
            }
        },
        created_at: columns.integer()?,
        updated_at: columns.integer()?,
    })
}
