//! What speaks for an answer being right, as figures, and how much all of it together is worth.

use std::collections::HashSet;

use super::citations::Citation;
use super::question::Question;
use super::score::{Candidate, candidates};
use crate::ports::{GenerationRequest, Passage, QuestionTerm};

/// Number of figures.
const FIGURES: usize = 14;

/// Weights of [`Evidence::features`] and, last, the constant: a logistic regression whose outcome is the probability that
/// the first quote holds the answer. Fitted by `native/examples/fit.rs` on the questions of the fixture corpora, those without an
/// answer among them, and on the developing half of a public set of questions, once with all documents and once without
/// those that hold the answer, by vectors that know about meaning; a figure that would speak the wrong way is left out.
const LOGISTIC: [f64; FIGURES + 1] =
    [1.55, 0.61, 0.32, 1.91, -0.27, 1.77, 0.71, -1.35, 0.0, 0.01, 0.0, -0.39, -1.62, -0.48, -1.56];

/// Cosine of a question and a passage at which it speaks neither for an answer nor against one; vectors that know nothing of
/// meaning do neither.
const TYPICAL_SIMILARITY: f64 = 0.5;
/// From this share of the question on that stands nowhere in the passage, what is missing counts more.
const MUCH_MISSING: f64 = 0.4;

/// How far `score` is before the best of `others`. Where nothing competes nothing is known of a lead: the only passage that a
/// filter lets through is not the better for it.
fn lead(score: f64, others: impl Iterator<Item = f64>) -> f64 {
    others.reduce(f64::max).map_or(0.0, |best| (score - best).clamp(-1.0, 1.0))
}

/// What speaks for an answer, by its first citation.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    features: [f64; FIGURES],
    best: Candidate,
}

impl Evidence {
    /// The evidence of an answer to `request`; `None` without a citation of a passage's sentence.
    pub fn of(request: &GenerationRequest, citations: &[Citation]) -> Option<Self> {
        let first = citations.first()?;
        let passage = request.passages.iter().position(|it| it.chunk_id == first.chunk_id)?;
        let all = candidates(request);
        let meets = |it: &&Candidate| {
            it.passage == passage && it.span.start < first.chunk_span.end && first.chunk_span.start < it.span.end
        };
        let best = all.iter().find(meets)?.clone();
        let rivals = all.iter().filter(|it| (it.passage, it.order) != (best.passage, best.order)).map(|it| it.score);
        let elsewhere = all
            .iter()
            .filter(|it| request.passages[it.passage].document_id != first.document_id)
            .map(|it| it.features[0])
            .fold(0.0, f64::max);
        let others = request.passages.iter().enumerate().filter(|(at, _)| *at != passage).map(|(_, it)| it.score);
        let weight: f64 = request.terms.iter().map(|term| term.weight).sum();
        let stems_of = |passage: &Passage| {
            let headings = super::coverage::stems(&passage.heading_path.join(" "));
            &super::coverage::stems(&passage.text) | &headings
        };
        let every: Vec<HashSet<String>> = request.passages.iter().map(stems_of).collect();
        let held = &every[passage];
        let lacks = |held: &HashSet<String>, term: &QuestionTerm| {
            !held.contains(&term.stem) && !term.alternatives.iter().any(|other| held.contains(other))
        };
        let share = |part: f64| if weight > 0.0 { part / weight } else { 1.0 };
        let missing_here = || request.terms.iter().filter(|term| lacks(held, term)).map(|term| term.weight);
        let missing = share(missing_here().sum());
        let nowhere = |term: &&QuestionTerm| every.iter().all(|held| lacks(held, term));
        let missing_everywhere = share(request.terms.iter().filter(nowhere).map(|term| term.weight).sum());
        let features = [
            best.features[0],
            best.features[1],
            best.features[5],
            lead(best.score, rivals),
            elsewhere,
            lead(request.passages[passage].score, others),
            request.passages[passage].similarity.map_or(0.0, |similarity| similarity - TYPICAL_SIMILARITY),
            missing,
            best.features[7],
            best.features[9],
            missing_here().fold(0.0, f64::max),
            missing_everywhere,
            (missing - MUCH_MISSING).max(0.0),
            1.0 - Question::of(&request.question).names_held(held),
        ];
        Some(Self { features, best })
    }

    /// The figures: coverage of the question by the quote and what is around it, by the quote alone, whether it holds a
    /// thing of the kind asked for (½ where any would do), its lead over the next sentence, the best coverage in another
    /// document, the lead of its passage, how far the similarity of its passage is beyond [`TYPICAL_SIMILARITY`], the share of the question that the passage lacks,
    /// neighbouring words kept together, names held, the weight of the weightiest word that the passage lacks, the share of
    /// the question that no passage holds, how far the missing share is beyond [`MUCH_MISSING`], names and numbers of the
    /// question that the passage lacks.
    pub fn features(&self) -> [f64; FIGURES] {
        self.features
    }

    /// The probability that the answer is right, 0 to 1.
    pub fn probability(&self) -> f64 {
        let sum: f64 = self.features.iter().zip(LOGISTIC).map(|(figure, weight)| figure * weight).sum();
        1.0 / (1.0 + (-(sum + LOGISTIC[FIGURES])).exp())
    }

    /// Why, in plain words, the weightiest first.
    pub(super) fn reasons(&self) -> Vec<String> {
        let mut reasons = vec![format!("the best passage covers {:.0} % of the question", self.features[0] * 100.0)];
        if self.features[2] > 0.9 {
            reasons.push("it holds the kind of thing that is asked for".to_owned());
        } else if self.features[2] < 0.1 {
            reasons.push("it holds nothing of the kind that is asked for".to_owned());
        }
        if self.features[7] > 0.25 {
            reasons.push(format!("{:.0} % of the question's weight stands nowhere in it", self.features[7] * 100.0));
        }
        if self.features[3] < 0.05 {
            reasons.push("another sentence speaks for itself nearly as much".to_owned());
        }
        reasons
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leads_only_where_something_competes() {
        let close = |one: f64, other: f64| (one - other).abs() < 1e-9;
        for (others, expected) in [(&[][..], 0.0), (&[0.5, 0.2], 0.4), (&[1.0], -0.1), (&[-3.0], 1.0)] {
            assert!(close(lead(0.9, others.iter().copied()), expected), "{others:?}");
        }
    }
}
