//! Text to vectors.

use super::{BoxFuture, ModelError};
use crate::tenancy::TenantContext;

/// What an embedder's vectors know about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbedderKind {
    /// Meaning, by a neural model that runs in the deployment.
    Neural,
    /// Spelling alone: words and letters, without meaning.
    Lexical,
    /// Meaning, by a model behind a network.
    Remote,
}

impl EmbedderKind {
    /// The contract's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Neural => "neural",
            Self::Lexical => "lexical",
            Self::Remote => "remote",
        }
    }
}

/// What a text is embedded for; some models prefix the two differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbedPurpose {
    /// A passage that will be searched.
    Document,
    /// A query that searches.
    Query,
}

/// What an embedder made of a batch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Embedded {
    /// One vector for each text, in order, of unit length (or all zero for a text without content).
    pub vectors: Vec<Vec<f32>>,
    /// Tokens that the model read, when its host counts them.
    pub tokens_in: Option<u64>,
}

impl From<Vec<Vec<f32>>> for Embedded {
    fn from(vectors: Vec<Vec<f32>>) -> Self {
        Self { vectors, tokens_in: None }
    }
}

/// Turns texts into vectors. The same text and purpose must always give the same vector.
pub trait Embedder: Send + Sync {
    /// Id of the model, stored beside every vector.
    fn model(&self) -> &str;

    /// Length of every vector.
    fn dimensions(&self) -> usize;

    /// What the vectors know about.
    fn kind(&self) -> EmbedderKind;

    /// Embeds `texts` on behalf of `tenant`.
    ///
    /// # Errors
    ///
    /// [`ModelError`]; no part of the batch counts then.
    fn embed<'a>(
        &'a self,
        tenant: &'a TenantContext,
        texts: &'a [String],
        purpose: EmbedPurpose,
    ) -> BoxFuture<'a, Result<Embedded, ModelError>>;
}
