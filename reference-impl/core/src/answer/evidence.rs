//! What speaks for an answer being right, as figures, and how much all of it together is worth.

use super::citations::Citation;
use super::score::{Candidate, candidates};
use crate::ports::GenerationRequest;

/// Number of figures.
const FIGURES: usize = 10;

/// Weights of [`Evidence::features`] and, last, the constant: a logistic regression whose outcome is the probability that
/// the first quote holds the answer. Fitted on the developing half of a public set of questions and on the questions of the
/// fixture corpora, those without an answer among them and counted twice (`examples/answers.rs`).
const LOGISTIC: [f64; FIGURES + 1] = [5.04, 0.46, 0.44, 2.1, -0.65, 0.0, 0.0, 0.11, -0.46, -0.06, -3.69];

/// Where more than this share of the question stands nowhere in the passage, headings included, the passage is about something
/// else: what it says of the rest is no answer.
const MOST_MISSING: f64 = 0.6;

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
        let rival = all.iter().filter(|it| (it.passage, it.order) != (best.passage, best.order)).map(|it| it.score);
        let rival = rival.fold(0.0, f64::max);
        let elsewhere = all
            .iter()
            .filter(|it| request.passages[it.passage].document_id != first.document_id)
            .map(|it| it.features[0])
            .fold(0.0, f64::max);
        let lead = request.passages.get(passage).map_or(0.0, |it| it.score)
            - request
                .passages
                .iter()
                .enumerate()
                .filter(|(at, _)| *at != passage)
                .map(|(_, it)| it.score)
                .fold(0.0, f64::max);
        let weight: f64 = request.terms.iter().map(|term| term.weight).sum();
        let body = super::coverage::stems(&request.passages[passage].text);
        let headings = super::coverage::stems(&request.passages[passage].heading_path.join(" "));
        let held = |stem: &String| body.contains(stem) || headings.contains(stem);
        let missing: f64 = request
            .terms
            .iter()
            .filter(|term| !held(&term.stem) && !term.alternatives.iter().any(held))
            .map(|term| term.weight)
            .sum();
        let features = [
            best.features[0],
            best.features[1],
            best.features[5],
            (best.score - rival).clamp(-1.0, 1.0),
            elsewhere,
            lead.clamp(-1.0, 1.0),
            best.features[4],
            if weight > 0.0 { missing / weight } else { 1.0 },
            best.features[7],
            best.features[9],
        ];
        Some(Self { features, best })
    }

    /// The figures: coverage of the question by the quote and what is around it, by the quote alone, whether it holds a
    /// thing of the kind asked for (½ where any would do), its lead over the next sentence, the best coverage in another
    /// document, the lead of its passage, the similarity of its passage, the share of the question that the passage lacks,
    /// neighbouring words kept together, names held.
    pub fn features(&self) -> [f64; FIGURES] {
        self.features
    }

    /// The probability that the answer is right, 0 to 1.
    pub fn probability(&self) -> f64 {
        if self.features[7] > MOST_MISSING {
            return 0.0;
        }
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
