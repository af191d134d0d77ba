//! The generator without a model: `extractive-v1` takes sentences word for word from the passages.

use std::collections::HashSet;

use super::score::{Candidate, candidates};
use crate::ports::{BoxFuture, GeneratedSentence, Generation, GenerationRequest, Generator, GeneratorKind, ModelError};
use crate::tenancy::TenantContext;

/// Least coverage of the best sentence, below which there is no answer.
const LEAST_COVERAGE: f64 = 0.2;
/// From this cosine on, vectors that know about meaning speak for a passage even where its words differ.
const LEAST_SIMILARITY: f64 = 0.45;
/// Share of the best sentence's score that another needs to stand beside it.
const BESIDE: f64 = 0.85;
/// Two sentences that share more of their words than this say the same.
const SAME: f64 = 0.6;

/// Picks the parts of sentences that answer best.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extractive;

impl Extractive {
    /// Id of the model.
    pub const MODEL: &'static str = "extractive-v1";

    /// The answer to `request`; pure, the same every time.
    pub fn answer(request: &GenerationRequest) -> Vec<GeneratedSentence> {
        let mut chosen: Vec<Candidate> = Vec::new();
        for candidate in Self::candidates(request) {
            let best = chosen.first().map_or(candidate.score, |first| first.score);
            if chosen.len() >= request.max_sentences || candidate.score < best * BESIDE {
                break;
            }
            let known = |other: &Candidate| {
                (other.passage, other.order) == (candidate.passage, candidate.order)
                    || overlap(&other.words, &candidate.words) > SAME
            };
            if !chosen.iter().any(known) {
                chosen.push(candidate);
            }
        }
        // The best one leads; what stands beside it follows in reading order.
        if let Some((_, rest)) = chosen.split_first_mut() {
            rest.sort_by_key(|candidate| (candidate.passage, candidate.order));
        }
        chosen
            .into_iter()
            .map(|candidate| GeneratedSentence { text: candidate.text, passages: vec![candidate.passage] })
            .collect()
    }

    /// Every part of the passages that it would consider, best first; for measuring.
    pub fn candidates(request: &GenerationRequest) -> Vec<Candidate> {
        let mut found = candidates(request);
        found.retain(|candidate| {
            let similarity = request.passages[candidate.passage].similarity;
            candidate.features[0] >= LEAST_COVERAGE || similarity.is_some_and(|it| it >= LEAST_SIMILARITY)
        });
        found
    }
}

#[expect(clippy::cast_precision_loss, reason = "a sentence has far fewer than 2^52 words")]
fn overlap(one: &HashSet<String>, other: &HashSet<String>) -> f64 {
    let shared = one.intersection(other).count() as f64;
    let all = one.union(other).count() as f64;
    if all > 0.0 { shared / all } else { 0.0 }
}

impl Generator for Extractive {
    fn model(&self) -> &str {
        Self::MODEL
    }

    fn kind(&self) -> GeneratorKind {
        GeneratorKind::Extractive
    }

    fn generate<'a>(
        &'a self,
        _tenant: &'a TenantContext,
        request: &'a GenerationRequest,
    ) -> BoxFuture<'a, Result<Generation, ModelError>> {
        Box::pin(async move {
            Ok(Generation { sentences: Self::answer(request), written: None, tokens_in: None, tokens_out: None })
        })
    }
}
