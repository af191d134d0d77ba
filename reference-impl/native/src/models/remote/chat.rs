//! A generator behind an OpenAI-compatible `/chat/completions` URL.

use std::time::Duration;

use reference_core::answer::parse;
use reference_core::ports::{BoxFuture, Generation, GenerationRequest, Generator, GeneratorKind, ModelError};
use reference_core::tenancy::TenantContext;
use reqwest::Client;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};

/// Longest body that is read of an answer, in bytes.
const MAX_BODY: usize = 1 << 20;
/// Most tokens that a model may write: three sentences with room.
const MAX_TOKENS: u32 = 400;

/// Writes answers by a model behind a URL. What it writes is checked against the passages afterwards, as any other's.
pub struct ChatGenerator {
    client: Client,
    url: String,
    model: String,
    key: Option<String>,
    timeout: Duration,
}

impl ChatGenerator {
    /// A generator that posts to `base`, a URL such as `https://host/v1`, on behalf of `model`.
    ///
    /// - `key`: sent as a bearer token; never told in an error.
    /// - `timeout`: for one whole answer.
    pub fn new(client: Client, base: &str, model: &str, key: Option<String>, timeout: Duration) -> Self {
        let url = format!("{}/chat/completions", base.trim_end_matches('/'));
        Self { client, url, model: model.to_owned(), key, timeout }
    }

    async fn ask(&self, request: &GenerationRequest) -> Result<Generation, ModelError> {
        let body = json!({
            "model": self.model,
            "messages": [
                {"role": "system", "content": request.prompt.system},
                {"role": "user", "content": request.prompt.user},
            ],
            "temperature": 0,
            "max_tokens": MAX_TOKENS,
            "stream": false,
        });
        let mut post = self.client.post(&self.url).header(CONTENT_TYPE, "application/json").body(body.to_string());
        if let Some(key) = &self.key {
            post = post.header(AUTHORIZATION, format!("Bearer {key}"));
        }
        let mut response = post.send().await.map_err(|error| self.unavailable(&error.without_url().to_string()))?;
        let status = response.status();
        if !status.is_success() {
            return Err(self.unavailable(&format!("expected status 200, found {}", status.as_u16())));
        }
        let mut bytes = Vec::new();
        while let Some(piece) =
            response.chunk().await.map_err(|error| self.unavailable(&error.without_url().to_string()))?
        {
            if bytes.len() + piece.len() > MAX_BODY {
                return Err(self.unusable(&format!("expected at most {MAX_BODY} bytes")));
            }
            bytes.extend_from_slice(&piece);
        }
        self.read(&bytes, request)
    }

    fn read(&self, bytes: &[u8], request: &GenerationRequest) -> Result<Generation, ModelError> {
        let value: Value =
            serde_json::from_slice(bytes).map_err(|error| self.unusable(&format!("expected JSON: {error}")))?;
        let text = value.pointer("/choices/0/message/content").and_then(Value::as_str);
        let text = text.ok_or_else(|| self.unusable("expected a text at /choices/0/message/content"))?;
        Ok(Generation {
            sentences: parse(text, request),
            tokens_in: value.pointer("/usage/prompt_tokens").and_then(Value::as_u64),
            tokens_out: value.pointer("/usage/completion_tokens").and_then(Value::as_u64),
        })
    }

    fn unavailable(&self, reason: &str) -> ModelError {
        ModelError::Unavailable { model: self.model.clone(), reason: reason.to_owned() }
    }

    fn unusable(&self, reason: &str) -> ModelError {
        ModelError::Unusable { model: self.model.clone(), reason: reason.to_owned() }
    }
}

impl Generator for ChatGenerator {
    fn model(&self) -> &str {
        &self.model
    }

    fn kind(&self) -> GeneratorKind {
        GeneratorKind::Model
    }

    fn generate<'a>(
        &'a self,
        _tenant: &'a TenantContext,
        request: &'a GenerationRequest,
    ) -> BoxFuture<'a, Result<Generation, ModelError>> {
        Box::pin(async move {
            match tokio::time::timeout(self.timeout, self.ask(request)).await {
                Ok(answered) => answered,
                Err(_) => {
                    let after_ms = u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX);
                    Err(ModelError::TimedOut { model: self.model.clone(), after_ms })
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use reference_core::answer::Prompt;
    use reference_core::ports::Passage;
    use reference_core::testkit::TestTenants;
    use wiremock::matchers::{body_partial_json, header, method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

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
        let base = format!("{}/v1/", server.uri());
        let wait = Duration::from_millis(500);
        let generator = ChatGenerator::new(Client::new(), &base, "m", Some("k-1".to_owned()), wait);
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
            (ResponseTemplate::new(500), "unavailable: expected status 200, found 500"),
            (ResponseTemplate::new(200).set_body_string("{"), "expected JSON"),
            (ResponseTemplate::new(200).set_body_json(json!({"choices": []})), "/choices/0/message/content"),
            (slow, "did not answer within 500 ms"),
        ] {
            let error = asked(answer).await.unwrap_err().to_string();
            assert!(error.contains(told) && !error.contains("k-1"), "{error}");
        }
    }
}
