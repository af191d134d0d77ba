//! The default reranker `evidence-v1`: where the words of the query stand in a candidate, and what the candidates say of each
//! other.
//!
//! Fusion looks at each chunk by itself. The best candidates are mostly right, so that what is like them is likelier right
//! too (pseudo-relevance feedback on the vectors), and candidates that lie close together share their scores (a walk over the
//! graph of nearest neighbours). Words add what vectors blur: how much of the query a chunk covers, how close together, and
//! whether words that stand side by side in the query do so in the text. The constants were chosen on the training claims of
//! `SciFact` and by five-fold cross-validation on Cranfield and `XQuAD`; `quality/README.md` has the figures.

use super::graph::Graph;
use super::terms::Evidences;
use crate::ports::{BoxFuture, ModelError, RerankCandidate, Reranked, Reranker};
use crate::retrieve::fusion::round;
use crate::retrieve::words::content_stems;
use crate::tenancy::TenantContext;

/// Weight of the share of the query that a candidate holds.
const COVERAGE: f64 = 0.2;
/// Weight of words that are neighbours in query and text.
const PAIRS: f64 = 0.05;
/// Weight of the share of the query within 24 words.
const NARROW: f64 = 0.1;
/// Weight of the share of the query within 48 words.
const WIDE: f64 = 0.2;
/// Weight of being like the two best.
const FEEDBACK: f64 = 0.5;
/// What all weights come to, the fused score with 1.
const WHOLE: f64 = 1.0 + COVERAGE + PAIRS + NARROW + WIDE + FEEDBACK;

/// Reranks by words and by likeness.
#[derive(Debug, Clone, Copy, Default)]
pub struct Evidence;

impl Evidence {
    /// Id of the model.
    pub const MODEL: &'static str = "evidence-v1";

    /// A score from 0 to 1 for each candidate; `candidates` are best first.
    pub fn scores(query: &str, candidates: &[RerankCandidate]) -> Vec<f64> {
        let words = Evidences::of(&content_stems(query), candidates);
        let mut scores: Vec<f64> = candidates
            .iter()
            .zip(&words.each)
            .map(|(candidate, found)| candidate.score + COVERAGE * found.coverage + PAIRS * found.pairs)
            .collect();
        if let Some(graph) = Graph::of(candidates) {
            graph.feed_back(&mut scores, FEEDBACK);
            graph.share(&mut scores);
        }
        let words = words.each.iter();
        scores
            .iter()
            .zip(words)
            .map(|(score, found)| round((score + NARROW * found.narrow + WIDE * found.wide) / WHOLE))
            .collect()
    }
}

impl Reranker for Evidence {
    fn model(&self) -> &str {
        Self::MODEL
    }

    fn rerank<'a>(
        &'a self,
        _tenant: &'a TenantContext,
        query: &'a str,
        candidates: &'a [RerankCandidate],
    ) -> BoxFuture<'a, Result<Reranked, ModelError>> {
        Box::pin(async move { Ok(Self::scores(query, candidates).into()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(text: &str, vector: &[f32], score: f64) -> RerankCandidate {
        RerankCandidate { text: text.to_owned(), heading_path: Vec::new(), vector: vector.to_vec(), score }
    }

    #[test]
    fn prefers_what_is_like_the_best() {
        let candidates = [
            candidate("x", &[1.0, 0.0], 1.0),
            candidate("y", &[1.0, 0.0], 0.9),
            candidate("far", &[0.0, 1.0], 0.5),
            candidate("near", &[0.8, 0.6], 0.49),
        ];
        let scores = Evidence::scores("something else", &candidates);
        assert!(scores[3] > scores[2], "{scores:?}");
        assert!(scores.iter().all(|score| (0.0..=1.0).contains(score)), "{scores:?}");
    }

    #[test]
    fn prefers_words_that_stand_together() {
        let far = format!("battery {} charging {} time", "and ".repeat(40), "so ".repeat(40));
        let candidates = [candidate(&far, &[], 0.5), candidate("The charging time of the battery.", &[], 0.5)];
        let scores = Evidence::scores("battery charging time", &candidates);
        assert!(scores[1] > scores[0], "{scores:?}");
    }

    #[test]
    fn keeps_the_order_where_nothing_tells() {
        let candidates = [candidate("a", &[], 0.9), candidate("b", &[], 0.2)];
        let scores = Evidence::scores("unknown words", &candidates);
        assert!(scores[0] > scores[1]);
        assert!(Evidence::scores("x", &[]).is_empty());
        assert_eq!(Evidence::scores("", &candidates[..1]).len(), 1);
    }
}
