//! What of a document is written, and how: statements of one transaction.

use std::borrow::Cow;

use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::chunk::Chunk;
use super::known::TextHash;
use super::model::DocumentInput;
use super::pipeline::Pipeline;
use crate::ports::{Statement, Value};
use crate::retrieve::index::embedding_name;
use crate::retrieve::lexical::indexable;
use crate::sabotage::{self, Sabotage};

impl Pipeline<'_> {
    /// One transaction that replaces the document and all its chunks.
    pub(super) fn write(
        &self,
        document: &DocumentInput,
        fingerprint: &str,
        text: String,
        chunks: Vec<Chunk>,
        vectors: Vec<(TextHash, Vec<f32>)>,
    ) -> Vec<Statement> {
        let (model, dimensions) = (self.embedder.model(), self.embedder.dimensions());
        let id = || Value::Text(document.id.clone());
        let embedding = || Value::Text(embedding_name(model, dimensions));
        let mut statements = vec![
            // An index without other documents takes the present model; any other keeps its own, and the guard compares.
            Statement::new(
                "INSERT INTO meta (key, value) SELECT 'embedding', ?1 \
                 WHERE NOT EXISTS (SELECT 1 FROM chunks WHERE document_id <> ?2) \
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                vec![embedding(), id()],
            ),
            Statement::guard("SELECT 1 FROM meta WHERE key = 'embedding' AND value = ?1", vec![embedding()]),
        ];
        if sabotage::on(Sabotage::OldChunksKept) {
            // Out of the way of the new ones, which begin with the ordinal 0 and may have the same ids.
            const ASIDE: &str = "UPDATE chunks SET id = 'chk_' || lower(hex(randomblob(16))), ordinal = ordinal + 100000 \
                 + (SELECT max(ordinal) FROM chunks WHERE document_id = ?1) WHERE document_id = ?1";
            statements.push(Statement::new(ASIDE, vec![id()]));
            #[cfg(feature = "sabotage")]
            statements.push(crate::retrieve::index::bump_epoch());
        } else {
            statements.extend(remove_chunks(&document.id));
        }
        statements.push(Statement::new(
            "INSERT INTO documents (id, content_type, content_hash, fingerprint, text, size_bytes, metadata, chunks, \
             created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9) ON CONFLICT (id) DO UPDATE SET \
             content_type = excluded.content_type, content_hash = excluded.content_hash, \
             fingerprint = excluded.fingerprint, text = excluded.text, size_bytes = excluded.size_bytes, metadata = excluded.metadata, chunks = excluded.chunks, \
             updated_at = excluded.updated_at",
            vec![
                id(),
                Value::Text(document.content_type.as_str().to_owned()),
                Value::Text(content_hash(&document.content)),
                Value::Text(fingerprint.to_owned()),
                Value::Text(text),
                integer(document.content.len()),
                Value::Text(Json::Object(document.metadata.clone()).to_string()),
                integer(chunks.len()),
                Value::Integer(self.now),
            ],
        ));
        // Each is taken apart as it is written down: a large document is not held twice.
        for (chunk, (hash, vector)) in chunks.into_iter().zip(vectors) {
            statements.push(Statement::new(
                "INSERT INTO chunks (id, document_id, ordinal, span_start, span_end, tokens, text, heading_path, \
                 embedding_model, dimensions, embedding, embedded_hash, indexed_heading, indexed_text) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
                vec![
                    Value::Text(chunk.id.clone()),
                    id(),
                    Value::Integer(i64::from(chunk.ordinal)),
                    integer(chunk.span.start),
                    integer(chunk.span.end),
                    integer(chunk.tokens),
                    Value::Text(chunk.text.clone()),
                    Value::Text(Json::from(chunk.heading_path.clone()).to_string()),
                    Value::Text(model.to_owned()),
                    integer(dimensions),
                    Value::Blob(vector.iter().flat_map(|value| value.to_le_bytes()).collect()),
                    Value::Blob(hash.to_vec()),
                    indexed_apart(&chunk.heading_path.join(" ")),
                    indexed_apart(&chunk.text),
                ],
            ));
            let key = || vec![Value::Text(chunk.id.clone())];
            statements.push(Statement::new(
                "INSERT INTO chunks_fts (rowid, heading, body) SELECT rowid, heading, body FROM chunks_indexed WHERE id = ?1",
                key(),
            ));
            statements.push(Statement::new(
                "INSERT INTO words_fts (rowid, body) SELECT rowid, heading || ' ' || body FROM chunks_indexed WHERE id = ?1",
                key(),
            ));
        }
        statements.push(bump_version());
        statements
    }
}

/// What of `text` is indexed, where it is not the text itself: nearly every one is indexed as it is stored.
fn indexed_apart(text: &str) -> Value {
    match indexable(text) {
        Cow::Borrowed(_) => Value::Null,
        Cow::Owned(text) => Value::Text(text),
    }
}

/// Removes a document's chunks from every index. The lexical index takes the words of a row out by the texts of its chunk, so it
/// comes first.
pub(super) fn remove_chunks(document_id: &str) -> Vec<Statement> {
    [
        "DELETE FROM chunks_fts WHERE rowid IN (SELECT rowid FROM chunks WHERE document_id = ?1)",
        "DELETE FROM words_fts WHERE rowid IN (SELECT rowid FROM chunks WHERE document_id = ?1)",
        "INSERT INTO tombstones (rowid, version) SELECT rowid, \
         (SELECT CAST(value AS INTEGER) + 1 FROM meta WHERE key = 'corpus_version') \
         FROM chunks WHERE document_id = ?1",
        "DELETE FROM chunks WHERE document_id = ?1",
    ]
    .into_iter()
    .map(|sql| Statement::new(sql, vec![Value::Text(document_id.to_owned())]))
    .collect()
}

/// Every change of the corpus has a version of its own.
pub(crate) fn bump_version() -> Statement {
    Statement::new(
        "UPDATE meta SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) WHERE key = 'corpus_version'",
        Vec::new(),
    )
}

pub(super) fn integer(size: usize) -> Value {
    Value::Integer(i64::try_from(size).unwrap_or(i64::MAX))
}

/// `sha256:` and the digest of a content as it was sent.
pub(super) fn content_hash(content: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(content)))
}
