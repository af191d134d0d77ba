//! Any chat model that speaks `OpenAI`'s `POST {url}/chat/completions`.

use reference_core::answer::parse;
use reference_core::ports::{BoxFuture, Generation, GenerationRequest, Generator, GeneratorKind, ModelError};
use reference_core::tenancy::TenantContext;
use serde_json::{Value, json};

use super::{Endpoint, EndpointError};
use crate::config::{Provider, ProviderKind};

/// Most tokens that a model may write: three sentences with room.
const MAX_TOKENS: u32 = 400;

/// Writes answers by a model behind a URL. What it writes is checked against the passages afterwards, as any other's.
#[derive(Debug, Clone)]
pub struct RemoteGenerator {
    endpoint: Endpoint,
}

impl RemoteGenerator {
    /// The generator of a provider; `None` for one of another kind.
    ///
    /// # Errors
    ///
    /// [`EndpointError`].
    pub fn new(provider: &Provider) -> Result<Option<Self>, EndpointError> {
        match provider.kind {
            ProviderKind::Generation => Ok(Some(Self { endpoint: Endpoint::new(provider.clone())? })),
            ProviderKind::Embedding { .. } | ProviderKind::Rerank => Ok(None),
        }
    }

    async fn ask(&self, request: &GenerationRequest) -> Result<Generation, ModelError> {
        let body = json!({
            "model": self.endpoint.provider().model,
            "messages": [
                {"role": "system", "content": request.prompt.system},
                {"role": "user", "content": request.prompt.user},
            ],
            "temperature": 0,
            "max_tokens": MAX_TOKENS,
            "stream": false,
        });
        let answer = self.endpoint.post("/chat/completions", &body).await?;
        let text = answer.pointer("/choices/0/message/content").and_then(Value::as_str);
        let text = text.ok_or_else(|| self.endpoint.unusable("expected a text at /choices/0/message/content"))?;
        Ok(Generation {
            sentences: parse(text, request),
            written: Some(text.to_owned()),
            tokens_in: answer.pointer("/usage/prompt_tokens").and_then(Value::as_u64),
            tokens_out: answer.pointer("/usage/completion_tokens").and_then(Value::as_u64),
        })
    }
}

impl Generator for RemoteGenerator {
    fn model(&self) -> &str {
        self.endpoint.id()
    }

    fn kind(&self) -> GeneratorKind {
        GeneratorKind::Model
    }

    fn generate<'a>(
        &'a self,
        _tenant: &'a TenantContext,
        request: &'a GenerationRequest,
    ) -> BoxFuture<'a, Result<Generation, ModelError>> {
        Box::pin(self.ask(request))
    }
}

#[cfg(test)]
mod tests {
    use reference_core::answer::Prompt;
    use reference_core::ports::Passage;
    use reference_core::testkit::TestTenants;
    use wiremock::matchers::{body_partial_json, header, method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use std::time::Duration;

    use super::*;
    use crate::config::ApiKey;

    fn request() -> GenerationRequest {
        GenerationRequest {
            question: "How long does the lever last?".to_owned(),
            terms: Vec::new(),
            passages: vec![Passage {
                document_id: "lever".to_owned(),
                chunk_id: "chk_lever".to_owned(),
                text: "The lever lasts 7 years.".to_owned(),
                heading_path: Vec::new(),
                score: 1.0,
                similarity: None,
            }],
            prompt: Prompt { system: "rules".to_owned(), user: "question".to_owned() },
            max_sentences: 3,
        }
    }

    async fn asked(answer: ResponseTemplate) -> Result<Generation, ModelError> {
        let server = MockServer::start().await;
        let messages = json!([{"role": "system", "content": "rules"}, {"role": "user", "content": "question"}]);
        Mock::given(method("POST"))
            .and(path("/v1/chat/completions"))
            .and(header("authorization", "Bearer k-1"))
            .and(body_partial_json(json!({"model": "m", "messages": messages, "stream": false})))
            .respond_with(answer)
            .mount(&server)
            .await;
        let base = format!("{}/v1", server.uri());
        let provider = Provider {
            id: "m".to_owned(),
            kind: ProviderKind::Generation,
            url: base,
            model: "m".to_owned(),
            key: ApiKey::new("k-1"),
            timeout: Duration::from_millis(500),
            batch: 1,
        };
        let generator = RemoteGenerator::new(&provider).unwrap().unwrap();
        generator.generate(&TestTenants::new().owner(), &request()).await
    }

    #[tokio::test]
    async fn reads_sentences_markers_and_usage() {
        let answer = json!({
            "choices": [{"message": {"content": "The lever lasts 7 years [1]. It is blue [1]."}}],
            "usage": {"prompt_tokens": 31, "completion_tokens": 9},
        });
        let found = asked(ResponseTemplate::new(200).set_body_json(answer)).await.unwrap();
        assert_eq!((found.tokens_in, found.tokens_out, found.sentences.len()), (Some(31), Some(9), 1));
        assert_eq!(
            (found.sentences[0].text.as_str(), found.sentences[0].passages.as_slice()),
            ("The lever lasts 7 years.", &[0][..])
        );
    }

    #[tokio::test]
    async fn tells_what_failed_without_the_key() {
        let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(5));
        for (answer, told) in [
            (ResponseTemplate::new(500), "unavailable: status 500"),
            (ResponseTemplate::new(200).set_body_string("{"), "its answer is no JSON"),
            (ResponseTemplate::new(200).set_body_json(json!({"choices": []})), "/choices/0/message/content"),
            (slow, "did not answer within 500 ms"),
        ] {
            let error = asked(answer).await.unwrap_err().to_string();
            assert!(error.contains(told) && !error.contains("k-1"), "{error}");
        }
    }
}
