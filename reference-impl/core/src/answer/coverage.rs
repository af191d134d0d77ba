//! How much of a question a sentence answers, by words.

use std::collections::HashSet;

use crate::ports::{Passage, QuestionTerm};
use crate::retrieve::words::{stem, words};

/// What a word counts that only an expansion matches.
const ALTERNATIVE: f64 = 0.85;
/// What a word counts that only the headings above the sentence hold.
const HEADING: f64 = 0.8;
/// What a word counts that only the rest of the passage holds.
const NEARBY: f64 = 0.5;

/// The words of a passage, ready to be compared with a question.
pub(super) struct PassageWords {
    headings: HashSet<String>,
    body: HashSet<String>,
}

impl PassageWords {
    pub(super) fn of(passage: &Passage) -> Self {
        Self { headings: stems(&passage.heading_path.join(" ")), body: stems(&passage.text) }
    }

    /// The share of the question's words, by weight, that `sentence` (of this passage) holds itself or stands among.
    pub(super) fn coverage(&self, sentence: &str, terms: &[QuestionTerm]) -> f64 {
        let sentence = stems(sentence);
        let total: f64 = terms.iter().map(|term| term.weight).sum();
        if total <= 0.0 {
            return 0.0;
        }
        let held: f64 = terms
            .iter()
            .map(|term| {
                let in_sentence = matched(&sentence, term);
                let in_headings = matched(&self.headings, term) * HEADING;
                let nearby = matched(&self.body, term) * NEARBY;
                term.weight * in_sentence.max(in_headings).max(nearby)
            })
            .sum();
        held / total
    }
}

fn matched(held: &HashSet<String>, term: &QuestionTerm) -> f64 {
    if held.contains(&term.stem) {
        1.0
    } else if term.alternatives.iter().any(|alternative| held.contains(alternative)) {
        ALTERNATIVE
    } else {
        0.0
    }
}

pub(super) fn stems(text: &str) -> HashSet<String> {
    words(text).iter().map(|word| stem(word)).collect()
}
