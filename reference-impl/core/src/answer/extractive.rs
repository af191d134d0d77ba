//! The generator without a model: `extractive-v1` takes sentences word for word from the passages.

use std::collections::HashSet;

use super::coverage::{PassageWords, stems};
use super::sentences::{flatten, sentences};
use crate::ports::{
    BoxFuture, GeneratedSentence, Generation, GenerationRequest, Generator, GeneratorKind, ModelError, Passage,
};
use crate::retrieve::HashedEmbedder;
use crate::retrieve::dense::dot;
use crate::tenancy::TenantContext;

/// Least coverage of the best sentence, below which there is no answer.
const LEAST_COVERAGE: f64 = 0.3;
/// From this cosine on, vectors that know about meaning speak for a passage even where its words differ.
const LEAST_SIMILARITY: f64 = 0.55;
/// Share of the best sentence's score that another needs to stand beside it.
const BESIDE: f64 = 0.85;
/// Sentences longer than this are lists or code, and no answer.
const MAX_SENTENCE_BYTES: usize = 600;
/// Two sentences that share more of their words than this say the same.
const SAME: f64 = 0.6;

/// Picks the sentences that hold most of the question's words.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extractive;

impl Extractive {
    /// Id of the model.
    pub const MODEL: &'static str = "extractive-v1";

    /// The answer to `request`; pure, the same every time.
    pub fn answer(request: &GenerationRequest) -> Vec<GeneratedSentence> {
        let question = HashedEmbedder::vector(&request.question);
        let mut candidates: Vec<Candidate> = request
            .passages
            .iter()
            .enumerate()
            .flat_map(|(index, passage)| candidates(request, &question, index, passage))
            .collect();
        candidates.sort_by(|one, other| {
            other.score.total_cmp(&one.score).then(one.passage.cmp(&other.passage)).then(one.order.cmp(&other.order))
        });
        let Some(best) = candidates.first().map(|candidate| candidate.score) else { return Vec::new() };
        let mut chosen: Vec<Candidate> = Vec::new();
        for candidate in candidates {
            if chosen.len() >= request.max_sentences || candidate.score < best * BESIDE {
                break;
            }
            if !chosen.iter().any(|other| overlap(&other.words, &candidate.words) > SAME) {
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
}

struct Candidate {
    passage: usize,
    order: usize,
    text: String,
    words: HashSet<String>,
    score: f64,
}

fn candidates(request: &GenerationRequest, question: &[f32], index: usize, passage: &Passage) -> Vec<Candidate> {
    let held = PassageWords::of(passage);
    let expected = Expected::of(&request.question);
    let similar = passage.similarity.is_some_and(|similarity| similarity >= LEAST_SIMILARITY);
    sentences(&passage.text)
        .into_iter()
        .enumerate()
        .filter_map(|(order, span)| {
            let text = flatten(&passage.text[span]);
            let words = stems(&text);
            let heading = passage.heading_path.iter().any(|heading| flatten(heading) == text);
            let thin =
                words.len() < 5 && !text.ends_with('.') && !text.chars().any(|character| character.is_ascii_digit());
            if heading || thin || text.ends_with('?') || text.len() > MAX_SENTENCE_BYTES {
                return None;
            }
            let coverage = held.coverage(&text, &request.terms);
            if coverage < LEAST_COVERAGE && !similar {
                return None;
            }
            let own = direct(&words, request);
            let likeness = f64::from(dot(question, &HashedEmbedder::vector(&text))).max(0.0);
            let similarity = passage.similarity.filter(|_| similar).unwrap_or(0.0);
            let score = coverage
                + 0.2 * own
                + 0.2 * likeness
                + 0.1 * passage.score
                + 0.3 * similarity
                + if expected.is_met(&text) { 0.12 } else { 0.0 };
            Some(Candidate { passage: index, order, text, words, score })
        })
        .collect()
}

/// The share of the question's words that a sentence holds itself.
fn direct(words: &HashSet<String>, request: &GenerationRequest) -> f64 {
    let total: f64 = request.terms.iter().map(|term| term.weight).sum();
    let held: f64 = request.terms.iter().filter(|term| words.contains(&term.stem)).map(|term| term.weight).sum();
    if total > 0.0 { held / total } else { 0.0 }
}

/// What kind of thing the question asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Number,
    Contact,
    Anything,
}

impl Expected {
    fn of(question: &str) -> Self {
        let question = question.to_lowercase();
        let asks = |starts: &[&str]| starts.iter().any(|start| question.contains(start));
        if asks(&[
            "how many",
            "how much",
            "how long",
            "how often",
            "how fast",
            "how far",
            "when ",
            "what time",
            "at what",
            "cost",
            "price",
        ]) {
            Self::Number
        } else if asks(&["who ", "whom", "which address", "what address", "email", "mailbox", "contact"]) {
            Self::Contact
        } else {
            Self::Anything
        }
    }

    fn is_met(self, sentence: &str) -> bool {
        match self {
            Self::Number => sentence.chars().any(|character| character.is_ascii_digit()),
            Self::Contact => {
                sentence.contains('@')
                    || sentence.split_whitespace().skip(1).any(|word| word.starts_with(char::is_uppercase))
            }
            Self::Anything => false,
        }
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
        Box::pin(async move { Ok(Generation { sentences: Self::answer(request), tokens_in: None, tokens_out: None }) })
    }
}
