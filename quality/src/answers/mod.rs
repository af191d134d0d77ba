//! Scores answers of `POST /search`: whether there is one, what it cites, whether that is the right passage, and how far its
//! confidence can be believed.

mod ask;
pub mod calibration;
pub mod model_judge;
mod score;
pub mod text;

pub use ask::{Options, ask_all};
pub use score::{METRICS, scores};

use contract_types::ConfidenceBand;

use crate::collection::Asked;

/// Most words of a cited span that counts as one: a whole page that holds the answer proves nothing.
pub const SPAN_WORDS: usize = 40;

/// One citation, looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Cited {
    /// Its document, as the collection names it.
    pub document: String,
    /// The quote.
    pub quote: String,
    /// Whether the quote stands in its chunk, word for word and where it says.
    pub verbatim: bool,
    /// Whether the sentence of the answer that it supports stands in the quote.
    pub supports: bool,
}

/// One question with its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// The question.
    pub asked: Asked,
    /// The answer without markers.
    pub answer: String,
    /// Its band.
    pub band: ConfidenceBand,
    /// Its confidence, from 0 to 1.
    pub confidence: f64,
    /// Its citations, in the order of their markers.
    pub citations: Vec<Cited>,
    /// For each follow-up that was asked, whether it was answered.
    pub follow_ups: Vec<bool>,
    /// Votes of the judge that the quotes support the answer, and votes in all.
    pub votes: Option<(usize, usize)>,
}

impl Answered {
    /// Whether there is an answer: a band above `none`, and a citation.
    pub fn is_answer(&self) -> bool {
        self.band != ConfidenceBand::None && !self.citations.is_empty()
    }
}
