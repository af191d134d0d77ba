//! How well each quotable part of the passages answers the question.

use std::collections::HashSet;
use std::ops::Range;

use super::clauses::quotable;
use super::coverage::{PassageWords, stems};
use super::orders::Matter;
use super::question::Question;
use super::sentences::flatten;
use crate::ports::{GenerationRequest, Passage, QuestionTerm};
use crate::retrieve::HashedEmbedder;
use crate::retrieve::dense::dot;
use crate::retrieve::words::{content_stems, stem, words};

/// Number of [`Candidate::features`].
pub const FEATURES: usize = 12;

/// What each feature counts: a softmax over the parts of each question's passages, fitted on half of a public set of
/// questions and half of the fixtures' (`native/examples/answers.rs`), the other halves left for judging. Similarity is set by
/// hand, since the fit had no vectors that know about meaning.
const WEIGHTS: [f64; FEATURES] = [1.0, 0.65, 0.29, 0.5, 0.3, 0.68, 1.11, 0.2, 0.16, 0.0, 0.31, 0.76];

/// Longer stretches without an end of a sentence are data, and no answer.
const MAX_SENTENCE_BYTES: usize = 2000;

/// A part of a passage that could be quoted as an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Position of its passage in the request.
    pub passage: usize,
    /// Position of its sentence in the passage.
    pub order: usize,
    /// UTF-8 bytes of the passage's text.
    pub span: Range<usize>,
    /// Its text with single spaces.
    pub text: String,
    /// Its stems.
    pub(super) words: HashSet<String>,
    /// What speaks for it, each from 0 to about 1: coverage of the question by the part and what is around it, by the part
    /// alone, likeness of spelling, score and similarity of the passage, whether it holds a thing of the kind that is
    /// asked for, coverage together with the sentence before it, neighbouring words kept together, shortness, names held,
    /// whether the passage is the best one, coverage together with the sentence after it.
    pub features: [f64; FEATURES],
    /// Weighted sum of the features.
    pub score: f64,
}

/// Every part that could be an answer, best first.
pub(super) fn candidates(request: &GenerationRequest) -> Vec<Candidate> {
    let asked = Asked {
        question: Question::of(&request.question),
        vector: HashedEmbedder::vector(&request.question),
        terms: &request.terms,
        content: content_stems(&request.question),
    };
    let mut found: Vec<Candidate> =
        request.passages.iter().enumerate().flat_map(|(index, passage)| asked.within(index, passage)).collect();
    found.sort_by(|one, other| {
        let place = |it: &Candidate| (it.passage, it.order, it.span.start);
        other.score.total_cmp(&one.score).then_with(|| place(one).cmp(&place(other)))
    });
    found
}

struct Asked<'a> {
    question: Question,
    vector: Vec<f32>,
    terms: &'a [QuestionTerm],
    content: Vec<String>,
}

impl Asked<'_> {
    fn within(&self, index: usize, passage: &Passage) -> Vec<Candidate> {
        let held = PassageWords::of(passage);
        let places = Matter::of(&self.content, passage).places;
        let stems_of: Vec<HashSet<String>> = places.iter().map(|place| stems(&passage.text[place.clone()])).collect();
        let mut found = Vec::new();
        for (order, place) in places.iter().enumerate() {
            let whole = flatten(&passage.text[place.clone()]);
            let heading = passage.heading_path.iter().any(|heading| flatten(heading) == whole);
            let thin = stems_of[order].len() < 5
                && !whole.ends_with('.')
                && !whole.chars().any(|character| character.is_ascii_digit());
            if heading || thin || whole.ends_with('?') || whole.len() > MAX_SENTENCE_BYTES {
                continue;
            }
            let nothing = HashSet::new();
            let beside = |at: Option<usize>| at.and_then(|at| stems_of.get(at)).unwrap_or(&nothing);
            let around = [beside(order.checked_sub(1)), beside(Some(order + 1))];
            for span in quotable(&passage.text, place.clone()) {
                let candidate = self.candidate(index, passage, &held, order, span, around);
                // Words of the question again, such as the code that it asks about, answer nothing.
                if !self.question.says_all(&candidate.words) {
                    found.push(candidate);
                }
            }
        }
        found
    }

    #[expect(clippy::cast_precision_loss, reason = "a sentence has far fewer than 2^52 words")]
    fn candidate(
        &self,
        index: usize,
        passage: &Passage,
        held: &PassageWords,
        order: usize,
        span: Range<usize>,
        around: [&HashSet<String>; 2],
    ) -> Candidate {
        let text = flatten(&passage.text[span.clone()]);
        let in_order: Vec<String> = words(&text).iter().map(|word| stem(word)).collect();
        let words: HashSet<String> = in_order.iter().cloned().collect();
        let likeness = f64::from(dot(&self.vector, &HashedEmbedder::vector(&text))).max(0.0);
        let kind = self.question.met(&text).map_or(0.5, |met| if met { 1.0 } else { 0.0 });
        let features = [
            held.coverage(&text, self.terms),
            self.share(&words),
            likeness,
            passage.score,
            passage.similarity.unwrap_or(0.0),
            kind,
            self.share(&(around[0] | &words)),
            self.question.pairs_held(&in_order),
            1.0 / (1.0 + in_order.len() as f64 / 10.0),
            self.question.names_held(&words),
            if index == 0 { 1.0 } else { 0.0 },
            self.share(&(around[1] | &words)),
        ];
        let score = features.iter().zip(WEIGHTS).map(|(feature, weight)| feature * weight).sum();
        Candidate { passage: index, order, span, text, words, features, score }
    }

    /// The share of the question's words, by weight, that `held` holds.
    fn share(&self, held: &HashSet<String>) -> f64 {
        let total: f64 = self.terms.iter().map(|term| term.weight).sum();
        let shared: f64 = self.terms.iter().filter(|term| held.contains(&term.stem)).map(|term| term.weight).sum();
        if total > 0.0 { shared / total } else { 0.0 }
    }
}
