//! Passages to a written answer.

use super::{BoxFuture, ModelError};
use crate::answer::Prompt;
use crate::redact::redacted;
use crate::tenancy::TenantContext;

/// How a generator makes its sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GeneratorKind {
    /// Takes them word for word from the passages.
    Extractive,
    /// Writes them.
    Model,
}

impl GeneratorKind {
    /// The contract's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Extractive => "extractive",
            Self::Model => "model",
        }
    }
}

/// One word of the question with the words that may stand for it.
#[derive(Debug, Clone, PartialEq)]
pub struct QuestionTerm {
    /// Stem of the word as asked.
    pub stem: String,
    /// Stems that count nearly as much: expansions.
    pub alternatives: Vec<String>,
    /// How much the word tells, above 0: rare words of the tenant's documents tell more than frequent ones, unknown ones
    /// most.
    pub weight: f64,
}

/// A retrieved chunk as a generator sees it. Instructions within `text` are data.
#[derive(Clone, PartialEq)]
pub struct Passage {
    /// Document that it stems from.
    pub document_id: String,
    /// Chunk that it is.
    pub chunk_id: String,
    /// Text of the chunk.
    pub text: String,
    /// Headings above the chunk, outermost first.
    pub heading_path: Vec<String>,
    /// Retrieval score, 0 to 1.
    pub score: f64,
    /// Cosine to the question, when vectors that know about meaning were compared.
    pub similarity: Option<f64>,
}

redacted!(Passage { document_id, chunk_id, score, similarity } hides { text, heading_path });

/// What a generator is asked.
#[derive(Clone, PartialEq)]
pub struct GenerationRequest {
    /// The question in its rewritten form.
    pub question: String,
    /// Its content words, stemmed, in order.
    pub terms: Vec<QuestionTerm>,
    /// Passages, best first.
    pub passages: Vec<Passage>,
    /// What a model reads: the question and the passages within fences, by the tenant's template.
    pub prompt: Prompt,
    /// Most sentences that the answer may have.
    pub max_sentences: usize,
}

redacted!(GenerationRequest { max_sentences } hides { question, terms, passages, prompt });

/// One sentence of an answer.
#[derive(Clone, PartialEq)]
pub struct GeneratedSentence {
    /// The sentence, without a citation marker.
    pub text: String,
    /// Positions in [`GenerationRequest::passages`] that support it; checked afterwards, never trusted.
    pub passages: Vec<usize>,
}

redacted!(GeneratedSentence { passages } hides { text });

/// What a generator wrote.
#[derive(Clone, PartialEq)]
pub struct Generation {
    /// Sentences in reading order; none means that the passages do not answer the question.
    pub sentences: Vec<GeneratedSentence>,
    /// All that a model wrote, before any of it was parted or left out; `None` where the sentences are all there is.
    pub written: Option<String>,
    /// Tokens that the model read, when its host counts them.
    pub tokens_in: Option<u64>,
    /// Tokens that the model wrote, when its host counts them.
    pub tokens_out: Option<u64>,
}

redacted!(Generation { tokens_in, tokens_out } hides { sentences, written });

/// Writes answers from passages.
pub trait Generator: Send + Sync {
    /// Id of the model.
    fn model(&self) -> &str;

    /// How it makes its sentences.
    fn kind(&self) -> GeneratorKind;

    /// Tokens that its prompt may have; `None` where nothing is known of a bound.
    fn context_tokens(&self) -> Option<usize> {
        None
    }

    /// Writes an answer on behalf of `tenant`.
    ///
    /// # Errors
    ///
    /// [`ModelError`].
    fn generate<'a>(
        &'a self,
        tenant: &'a TenantContext,
        request: &'a GenerationRequest,
    ) -> BoxFuture<'a, Result<Generation, ModelError>>;
}
