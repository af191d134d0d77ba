//! The reranker without a model: `term-overlap-v1`. It shows the hook and reorders by how much of the query a text has,
//! and how close together.

use std::collections::HashSet;

use crate::ports::{BoxFuture, ModelError, RerankCandidate, Reranked, Reranker};
use crate::retrieve::words::{content_stems, stem, words};
use crate::tenancy::TenantContext;

/// Share of proximity in the score; coverage is the rest.
const PROXIMITY: f64 = 0.2;

/// Reranks by the share of query words that a text has, and by how small a window holds them.
#[derive(Debug, Clone, Copy, Default)]
pub struct TermOverlap;

impl TermOverlap {
    /// Id of the model.
    pub const MODEL: &'static str = "term-overlap-v1";

    /// The score of one text, 0 to 1.
    pub fn score(query: &str, text: &str) -> f64 {
        let wanted: HashSet<String> = content_stems(query).into_iter().collect();
        if wanted.is_empty() {
            return 0.0;
        }
        let found: Vec<(usize, String)> =
            words(text).iter().map(|word| stem(word)).enumerate().filter(|(_, stem)| wanted.contains(stem)).collect();
        let distinct: HashSet<&String> = found.iter().map(|(_, stem)| stem).collect();
        let gaps: usize = found.windows(2).map(|pair| (pair[1].0 - pair[0].0).min(20)).min().unwrap_or(20);
        #[expect(clippy::cast_precision_loss, reason = "counts of words are far below 2^52")]
        let (coverage, closeness) = (distinct.len() as f64 / wanted.len() as f64, 1.0 - gaps as f64 / 20.0);
        (1.0 - PROXIMITY) * coverage + PROXIMITY * coverage * closeness
    }
}

impl Reranker for TermOverlap {
    fn model(&self) -> &str {
        Self::MODEL
    }

    fn rerank<'a>(
        &'a self,
        _tenant: &'a TenantContext,
        query: &'a str,
        candidates: &'a [RerankCandidate],
    ) -> BoxFuture<'a, Result<Reranked, ModelError>> {
        Box::pin(async move {
            Ok(candidates.iter().map(|candidate| Self::score(query, &candidate.text)).collect::<Vec<_>>().into())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefers_more_and_closer_words() {
        let query = "battery charging time";
        let all = TermOverlap::score(query, "The charging time of the battery is four hours.");
        let some = TermOverlap::score(query, "The battery is heavy.");
        assert!(all > some && some > 0.0);
        assert!(TermOverlap::score(query, "Invoices").abs() < f64::EPSILON);
        assert!(TermOverlap::score("", "x").abs() < f64::EPSILON);
    }
}
