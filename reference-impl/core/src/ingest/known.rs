//! Vectors of texts that a tenant has embedded before: what is stored need not be asked of the model again.
//!
//! A tenant's vectors are looked for in its own database alone, so that no tenant can tell by the time or the success of an
//! ingest what another has stored.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::chunk::Chunk;
use super::pipeline::embedded_text;
use crate::ports::{Columns, Database, DatabaseError, Statement, Value};

const KNOWN: &str =
    "SELECT embedding FROM chunks WHERE embedded_hash = ?1 AND embedding_model = ?2 AND dimensions = ?3 LIMIT 1";

/// SHA-256 of a text that is embedded.
pub(super) type TextHash = [u8; 32];

/// The hash of [`embedded_text`].
pub(super) fn text_hash(chunk: &Chunk) -> TextHash {
    Sha256::digest(embedded_text(&chunk.heading_path, &chunk.text)).into()
}

/// Those of `hashes` whose vectors by this model are stored, with them.
///
/// # Errors
///
/// [`DatabaseError`].
pub(super) async fn known(
    database: &dyn Database,
    model: &str,
    dimensions: usize,
    hashes: &[TextHash],
) -> Result<HashMap<TextHash, Vec<f32>>, DatabaseError> {
    let size = Value::Integer(i64::try_from(dimensions).unwrap_or(i64::MAX));
    let look = |hash: &TextHash| {
        Statement::new(KNOWN, vec![Value::Blob(hash.to_vec()), Value::Text(model.to_owned()), size.clone()])
    };
    let answers = database.batch(hashes.iter().map(look).collect()).await?;
    let mut found = HashMap::new();
    for (hash, rows) in hashes.iter().zip(answers) {
        let Some(row) = rows.first() else { continue };
        let (bytes, rest) = Columns::of(row).blob()?.as_chunks::<4>();
        // A vector of another length is damaged; it is made anew.
        if bytes.len() == dimensions && rest.is_empty() {
            found.insert(*hash, bytes.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect());
        }
    }
    Ok(found)
}
