//! Texts of candidates, which stay in the database until they are asked for.

use std::collections::HashMap;
use std::ops::Range;

use super::candidates::Candidate;
use super::error::RetrieveError;
use super::index::{CorpusIndex, Position, version_of, version_statement};
use super::model::RankedChunk;
use crate::ports::{Columns, Database, RerankCandidate, Statement, Value};

/// What a chunk consists of beside what the index knows.
pub(super) struct ChunkText {
    span: Range<usize>,
    body: String,
    heading_path: Vec<String>,
    /// Its vector, where that was asked for.
    vector: Vec<f32>,
}

/// Texts of the candidates by position, `with_vectors` or without, and the corpus version that they are of. A chunk that is gone
/// has none.
pub(super) async fn texts(
    index: &CorpusIndex,
    database: &dyn Database,
    candidates: impl Iterator<Item = &Candidate>,
    with_vectors: bool,
) -> Result<(HashMap<Position, ChunkText>, i64), RetrieveError> {
    const READ: &str = "SELECT span_start, span_end, text, heading_path, rowid, iif(?2, embedding, x'') FROM chunks \
         WHERE rowid IN (SELECT value FROM json_each(?1))";
    let rows: Vec<i64> = candidates.map(|it| index.row(it.position)).collect();
    let rows = serde_json::Value::from(rows).to_string();
    let answers = database
        .batch(vec![
            Statement::new(READ, vec![Value::Text(rows), Value::Integer(i64::from(with_vectors))]),
            version_statement(),
        ])
        .await?;
    let version = version_of(answers.get(1))?;
    let mut texts = HashMap::new();
    for row in answers.first().into_iter().flatten() {
        let mut columns = Columns::of(row);
        let span = columns.size()?..columns.size()?;
        let body = columns.text()?.to_owned();
        let heading_path = columns.strings()?;
        let position = index.position(columns.integer()?);
        let floats = columns.blob()?.as_chunks::<4>().0.iter();
        let vector = floats.map(|bytes| f32::from_le_bytes(*bytes)).collect();
        texts.extend(position.map(|position| (position, ChunkText { span, body, heading_path, vector })));
    }
    Ok((texts, version))
}

impl ChunkText {
    /// What a reranker sees of the chunk; its vector goes along.
    pub(super) fn for_reranking(&mut self, candidate: &Candidate) -> RerankCandidate {
        RerankCandidate {
            text: self.body.clone(),
            heading_path: self.heading_path.clone(),
            vector: std::mem::take(&mut self.vector),
            score: candidate.fused,
        }
    }

    /// The chunk as it is returned.
    pub(super) fn ranked(self, index: &CorpusIndex, candidate: &Candidate, rank: u32) -> RankedChunk {
        let document = index.document(candidate.position);
        RankedChunk {
            rank,
            score: candidate.score(),
            chunk_id: index.chunk_id(candidate.position).to_owned(),
            document_id: document.id.clone(),
            span: self.span,
            text: self.body,
            heading_path: self.heading_path,
            metadata: document.metadata.clone(),
            similarity: candidate.cosine,
        }
    }
}
