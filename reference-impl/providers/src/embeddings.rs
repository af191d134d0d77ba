//! Texts to vectors.

use reference_core::ports::{BoxFuture, EmbedPurpose, Embedded, Embedder, EmbedderKind, ModelError};
use reference_core::tenancy::TenantContext;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::address::Task;
use crate::endpoint::Endpoint;
use crate::form::Form;
use crate::provider::ProviderKind;

/// The embedder of a provider of the kind [`ProviderKind::Embedding`].
#[derive(Debug, Clone)]
pub struct ProviderEmbedder {
    endpoint: Endpoint,
    dimensions: usize,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Entry>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Usage {
    prompt_tokens: Option<u64>,
}

/// A vector: with its place, or in the place where it stands.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Indexed { index: Option<usize>, embedding: Vec<f32> },
    Bare(Vec<f32>),
}

impl ProviderEmbedder {
    /// `None` for a provider of another kind.
    pub fn new(endpoint: Endpoint) -> Option<Self> {
        let ProviderKind::Embedding { dimensions } = endpoint.provider().kind else { return None };
        Some(Self { endpoint, dimensions })
    }

    fn body(&self, texts: &[String]) -> Json {
        match self.endpoint.form() {
            Form::OpenAi => {
                json!({"model": self.endpoint.provider().model, "input": texts, "encoding_format": "float"})
            }
            Form::WorkersAi => json!({"text": texts}),
        }
    }

    async fn batch(&self, tenant: &TenantContext, texts: &[String]) -> Result<Embedded, ModelError> {
        let answer = self.endpoint.post(tenant, Task::Embeddings, &self.body(texts)).await?;
        let answer: Answer =
            serde_json::from_value(answer).map_err(|_| self.endpoint.unusable("its answer holds no vectors"))?;
        let tokens_in = answer.usage.and_then(|usage| usage.prompt_tokens);
        if answer.data.len() != texts.len() {
            let reason = format!("{} vectors for {} texts", answer.data.len(), texts.len());
            return Err(self.endpoint.unusable(&reason));
        }
        let mut vectors: Vec<Option<Vec<f32>>> = vec![None; texts.len()];
        for (position, entry) in answer.data.into_iter().enumerate() {
            let (index, vector) = match entry {
                Entry::Indexed { index, embedding } => (index.unwrap_or(position), embedding),
                Entry::Bare(vector) => (position, vector),
            };
            let vector = self.unit(vector)?;
            match vectors.get_mut(index) {
                Some(slot @ None) => *slot = Some(vector),
                Some(Some(_)) => return Err(self.endpoint.unusable("two vectors of the same `index`")),
                None => return Err(self.endpoint.unusable("an `index` beyond the texts")),
            }
        }
        // As many entries as texts, and no index twice: none is left out.
        Ok(Embedded { vectors: vectors.into_iter().flatten().collect(), tokens_in })
    }

    /// Checks a vector and scales it to unit length, which the port promises and not every model keeps.
    fn unit(&self, mut vector: Vec<f32>) -> Result<Vec<f32>, ModelError> {
        if vector.len() != self.dimensions {
            let reason = format!("a vector of {} numbers, expected {}", vector.len(), self.dimensions);
            return Err(self.endpoint.unusable(&reason));
        }
        let length = vector.iter().map(|value| f64::from(*value) * f64::from(*value)).sum::<f64>().sqrt();
        if !length.is_finite() {
            return Err(self.endpoint.unusable("a number that is not finite"));
        }
        if length > 0.0 {
            #[expect(clippy::cast_possible_truncation, reason = "no part of a vector of unit length is beyond 1")]
            let scaled = |value: &f32| (f64::from(*value) / length) as f32;
            vector = vector.iter().map(scaled).collect();
        }
        Ok(vector)
    }
}

impl Embedder for ProviderEmbedder {
    fn model(&self) -> &str {
        self.endpoint.id()
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    fn kind(&self) -> EmbedderKind {
        EmbedderKind::Remote
    }

    fn embed<'a>(
        &'a self,
        tenant: &'a TenantContext,
        texts: &'a [String],
        _purpose: EmbedPurpose,
    ) -> BoxFuture<'a, Result<Embedded, ModelError>> {
        Box::pin(async move {
            let mut all = Embedded { vectors: Vec::with_capacity(texts.len()), tokens_in: Some(0) };
            for batch in texts.chunks(self.endpoint.provider().batch.max(1)) {
                let Embedded { vectors, tokens_in } = self.batch(tenant, batch).await?;
                all.vectors.extend(vectors);
                all.tokens_in = all.tokens_in.zip(tokens_in).map(|(all, some)| all.saturating_add(some));
            }
            Ok(all)
        })
    }
}
