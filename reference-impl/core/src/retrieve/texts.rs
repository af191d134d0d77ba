//! Texts of candidates, which stay in the database until they are asked for.

use std::collections::HashMap;
use std::ops::Range;

use super::candidates::Candidate;
use super::error::RetrieveError;
use super::index::{CorpusIndex, Position, version_of, version_statement};
use super::model::RankedChunk;
use super::rows::Columns;
use crate::ports::{Database, Statement, Value};

/// What a chunk consists of beside what the index knows.
pub(super) struct ChunkText {
    span: Range<usize>,
    pub(super) body: String,
    heading_path: Vec<String>,
}

/// Texts of the candidates by position, and the corpus version that they are of. A chunk that is gone has none.
pub(super) async fn texts(
    index: &CorpusIndex,
    database: &dyn Database,
    candidates: impl Iterator<Item = &Candidate>,
) -> Result<(HashMap<Position, ChunkText>, i64), RetrieveError> {
    const READ: &str = "SELECT span_start, span_end, text, heading_path, rowid FROM chunks \
         WHERE rowid IN (SELECT value FROM json_each(?1))";
    let rows: Vec<i64> = candidates.map(|it| index.row(it.position)).collect();
    let rows = serde_json::Value::from(rows).to_string();
    let answers = database.batch(vec![Statement::new(READ, vec![Value::Text(rows)]), version_statement()]).await?;
    let version = version_of(answers.get(1))?;
    let mut texts = HashMap::new();
    for row in answers.first().into_iter().flatten() {
        let mut columns = Columns::of(row);
        let span = columns.size()?..columns.size()?;
        let body = columns.text()?.to_owned();
        let text = ChunkText { span, body, heading_path: columns.strings()? };
        texts.extend(index.position(columns.integer()?).map(|position| (position, text)));
    }
    Ok((texts, version))
}

impl ChunkText {
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
