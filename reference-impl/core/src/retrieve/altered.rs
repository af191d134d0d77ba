//! What the flaws of retrieval make of an index and of a result. In every other build these do nothing.

use std::sync::atomic::{AtomicBool, Ordering};

use super::index::{CorpusIndex, Position};
use super::model::RankedChunk;
use crate::sabotage::{self, Sabotage};

/// What the flaws of retrieval make of its result.
pub(super) fn alter(chunks: &mut Vec<RankedChunk>) {
    if sabotage::on(Sabotage::ChunkRetrievedTwice)
        && let Some(best) = chunks.first().cloned()
    {
        chunks.insert(0, best);
    }
    if sabotage::on(Sabotage::ScoresRise) {
        chunks.reverse();
    }
    if sabotage::on(Sabotage::RetrievalDiffersFromRunToRun) && !chunks.is_empty() {
        static ODD: AtomicBool = AtomicBool::new(false);
        if ODD.fetch_xor(true, Ordering::Relaxed) {
            chunks.remove(0);
        }
    }
    for chunk in chunks.iter_mut() {
        if sabotage::on(Sabotage::RetrievedTextTrimmed) {
            chunk.text.pop();
        }
        if sabotage::on(Sabotage::RetrievedMetadataLost) {
            chunk.metadata = serde_json::Value::Null;
        }
    }
    chunks.iter_mut().zip(1_u32..).for_each(|(chunk, rank)| chunk.rank = rank);
}

/// The last chunk of each document that has several. Rows rise, and documents fill one after the other.
pub(super) fn last_of_several(index: &CorpusIndex) -> Vec<Position> {
    let chunks: Vec<(&str, Position)> = index.positions().map(|it| (index.document(it).id.as_str(), it)).collect();
    chunks
        .chunk_by(|one, other| one.0 == other.0)
        .filter(|run| run.len() > 1)
        .filter_map(|run| run.last())
        .map(|it| it.1)
        .collect()
}
