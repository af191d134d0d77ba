//! Candidates to scores.

use reference_core::ports::{BoxFuture, ModelError, RerankCandidate, Reranked, Reranker};
use reference_core::tenancy::TenantContext;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::address::Task;
use crate::endpoint::Endpoint;
use crate::form::Form;
use crate::provider::ProviderKind;

/// The reranker of a provider of the kind [`ProviderKind::Rerank`].
#[derive(Debug, Clone)]
pub struct ProviderReranker {
    endpoint: Endpoint,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(alias = "response")]
    results: Vec<Entry>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(alias = "prompt_tokens")]
    total_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(alias = "id")]
    index: usize,
    #[serde(alias = "score")]
    relevance_score: f64,
}

impl ProviderReranker {
    /// `None` for a provider of another kind.
    pub fn new(endpoint: Endpoint) -> Option<Self> {
        match endpoint.provider().kind {
            ProviderKind::Rerank => Some(Self { endpoint }),
            ProviderKind::Embedding { .. } | ProviderKind::Generation | ProviderKind::Speech { .. } => None,
        }
    }

    fn body(&self, query: &str, texts: &[&str]) -> Json {
        match self.endpoint.form() {
            Form::OpenAi => {
                let model = &self.endpoint.provider().model;
                json!({"model": model, "query": query, "documents": texts, "top_n": texts.len()})
            }
            Form::WorkersAi => {
                let contexts: Vec<Json> = texts.iter().map(|text| json!({"text": text})).collect();
                json!({"query": query, "contexts": contexts, "top_k": texts.len()})
            }
        }
    }

    async fn batch(&self, tenant: &TenantContext, query: &str, texts: &[&str]) -> Result<Reranked, ModelError> {
        let answer = self.endpoint.post(tenant, Task::Rerank, &self.body(query, texts)).await?;
        let answer: Answer =
            serde_json::from_value(answer).map_err(|_| self.endpoint.unusable("its answer holds no scores"))?;
        let tokens_in = answer.usage.and_then(|usage| usage.total_tokens);
        if answer.results.len() != texts.len() {
            let reason = format!("{} scores for {} texts", answer.results.len(), texts.len());
            return Err(self.endpoint.unusable(&reason));
        }
        let mut scores: Vec<Option<f64>> = vec![None; texts.len()];
        for entry in answer.results {
            match scores.get_mut(entry.index) {
                // Some models give scores a little beyond the range that the port promises.
                Some(slot @ None) => *slot = Some(entry.relevance_score.clamp(0.0, 1.0)),
                Some(Some(_)) => return Err(self.endpoint.unusable("two scores of the same `index`")),
                None => return Err(self.endpoint.unusable("an `index` beyond the texts")),
            }
        }
        Ok(Reranked { scores: scores.into_iter().flatten().collect(), tokens_in })
    }
}

impl Reranker for ProviderReranker {
    fn model(&self) -> &str {
        self.endpoint.id()
    }

    fn rerank<'a>(
        &'a self,
        tenant: &'a TenantContext,
        query: &'a str,
        candidates: &'a [RerankCandidate],
    ) -> BoxFuture<'a, Result<Reranked, ModelError>> {
        Box::pin(async move {
            let texts: Vec<&str> = candidates.iter().map(|candidate| candidate.text.as_str()).collect();
            let mut all = Reranked { scores: Vec::with_capacity(texts.len()), tokens_in: Some(0) };
            for batch in texts.chunks(self.endpoint.provider().batch.max(1)) {
                let Reranked { scores, tokens_in } = self.batch(tenant, query, batch).await?;
                all.scores.extend(scores);
                all.tokens_in = all.tokens_in.zip(tokens_in).map(|(all, some)| all.saturating_add(some));
            }
            Ok(all)
        })
    }
}
