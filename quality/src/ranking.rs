//! Turns what a retrieval returned into the one order of documents that the metrics look at.

use std::{cmp::Ordering, collections::BTreeMap};

use contract_types::RankedChunk;

/// Documents, best first, each once; ordered as `trec_eval` orders them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ranking(Vec<String>);

impl Ranking {
    /// Ranks documents by score.
    ///
    /// The higher score stands first; equal scores are ordered by the bytes of the document id, the greater first.
    /// Scores are compared in single precision, as `trec_eval` keeps them, so two that differ by less are a tie.
    /// A document that occurs more than once counts with its best score.
    pub fn from_scores<Id: Into<String>>(scored: impl IntoIterator<Item = (Id, f64)>) -> Self {
        let mut best: BTreeMap<String, f32> = BTreeMap::new();
        for (document, score) in scored {
            let score = single(score);
            let kept = best.entry(document.into()).or_insert(score);
            *kept = kept.max(score);
        }
        let mut ranked: Vec<(String, f32)> = best.into_iter().collect();
        ranked.sort_by(|(left_id, left), (right_id, right)| match right.total_cmp(left) {
            Ordering::Equal => right_id.cmp(left_id),
            unequal @ (Ordering::Less | Ordering::Greater) => unequal,
        });
        Self(ranked.into_iter().map(|(document, _)| document).collect())
    }

    /// Ranks the documents of `chunks` by the best chunk of each.
    pub fn from_chunks(chunks: &[RankedChunk]) -> Self {
        Self::from_scores(chunks.iter().map(|chunk| (chunk.document_id.0.as_str(), chunk.score)))
    }

    /// The document ids, best first.
    pub fn documents(&self) -> &[String] {
        &self.0
    }
}

/// `score` in single precision; negative zero counts as zero, so that the two are a tie.
#[expect(clippy::cast_possible_truncation, reason = "trec_eval keeps scores in single precision")]
fn single(score: f64) -> f32 {
    score as f32 + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(scored: &[(&str, f64)], expected: &[&str]) {
        assert_eq!(Ranking::from_scores(scored.iter().copied()).documents(), expected);
    }

    #[test]
    fn puts_the_higher_score_first() {
        check(&[("a", 0.1), ("b", 0.9), ("c", 0.5)], &["b", "c", "a"]);
    }

    #[test]
    fn breaks_ties_by_descending_document_id() {
        check(&[("a", 0.5), ("c", 0.5), ("B", 0.5), ("é", 0.5)], &["é", "c", "a", "B"]);
    }

    #[test]
    fn sees_a_tie_below_single_precision() {
        check(&[("a", 0.5 + 1e-9), ("b", 0.5)], &["b", "a"]);
        check(&[("a", 0.0), ("b", -0.0)], &["b", "a"]);
    }

    #[test]
    fn counts_a_document_once_with_its_best_score() {
        check(&[("a", 0.2), ("b", 0.6), ("a", 0.8)], &["a", "b"]);
    }

    #[test]
    fn ranks_documents_of_chunks_by_the_best_chunk() {
        let chunk = |document: &str, score: f64| RankedChunk {
            rank: 1,
            score,
            chunk_id: "chk_00000000000000000000000000000000".into(),
            document_id: document.into(),
            span: contract_types::ByteSpan { start: 0, end: 1 },
            text: "x".to_owned(),
            heading_path: Vec::new(),
            metadata: serde_json::from_value(serde_json::json!({})).expect("an empty map is metadata"),
        };
        let ranking = Ranking::from_chunks(&[chunk("b", 0.9), chunk("a", 0.7), chunk("b", 0.6), chunk("c", 0.7)]);
        assert_eq!(ranking.documents(), ["b", "c", "a"]);
    }
}
