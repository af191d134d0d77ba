//! Text to sound.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{StreamExt, stream};
use reference_core::ports::{BoxFuture, ModelError, SoundChunks, SpeechCall, SpeechProvider, SpeechVoice};
use reference_core::tenancy::TenantContext;
use serde_json::{Value as Json, json};

use crate::address::Task;
use crate::endpoint::Endpoint;
use crate::fetch::FetchResponse;
use crate::form::Form;
use crate::provider::ProviderKind;
use crate::sound;

/// Most characters of a call: a paragraph, well below what any of these hosts take.
const PIECE_CHARS: usize = 600;
/// Most bytes of sound for one call.
const MOST_BYTES: usize = 64 << 20;

/// The voices of a provider of the kind [`ProviderKind::Speech`].
#[derive(Debug, Clone)]
pub struct ProviderSpeech {
    endpoint: Endpoint,
    voices: Vec<SpeechVoice>,
}

impl ProviderSpeech {
    /// `None` for a provider of another kind.
    pub fn new(endpoint: Endpoint) -> Option<Self> {
        match endpoint.provider().kind.clone() {
            ProviderKind::Speech { voices } => Some(Self { endpoint, voices }),
            ProviderKind::Embedding { .. } | ProviderKind::Generation | ProviderKind::Rerank => None,
        }
    }

    /// What is sent; `None` where the model has no way to speak so.
    fn body(&self, call: &SpeechCall<'_>) -> Option<Json> {
        let provider = self.endpoint.provider();
        let language = call.language.split('-').next().unwrap_or_default().to_ascii_lowercase();
        match self.endpoint.form() {
            Form::OpenAi => Some(json!({
                "model": provider.model, "input": call.text, "voice": call.voice.id, "response_format": "pcm",
                "speed": call.speed,
            })),
            // The models of Workers AI know no speed.
            Form::WorkersAi if (call.speed - 1.0).abs() > f64::EPSILON => None,
            Form::WorkersAi if provider.model.contains("melotts") => {
                Some(json!({"prompt": call.text, "lang": language}))
            }
            Form::WorkersAi => Some(json!({
                "text": call.text, "speaker": call.voice.id, "encoding": "linear16", "container": "none",
                "sample_rate": call.voice.sample_rate_hz,
            })),
        }
    }

    /// A whole answer, in whatever form it holds its sound.
    async fn whole(&self, response: FetchResponse, json: bool, rate_hz: u32) -> Result<SoundChunks, ModelError> {
        let bytes = if json {
            let answer = self.endpoint.read(response).await?;
            let text = answer.get("audio").and_then(Json::as_str).or(answer.as_str());
            let decoded = text.and_then(|text| STANDARD.decode(text).ok());
            decoded.ok_or_else(|| self.endpoint.unusable("its answer holds no audio"))?
        } else {
            let mut body = self.streamed(response);
            let mut bytes = Vec::new();
            while let Some(chunk) = body.next().await {
                bytes.extend_from_slice(&chunk?);
            }
            bytes
        };
        let pcm = sound::pcm(bytes, rate_hz).map_err(|reason| self.endpoint.unusable(reason))?;
        Ok(stream::iter([Ok(pcm)]).boxed())
    }

    /// The bytes of an answer as they come, no longer apart than the provider's time.
    fn streamed(&self, response: FetchResponse) -> SoundChunks {
        let state = Some((self.endpoint.clone(), response.body, 0_usize));
        stream::unfold(state, |state| async move {
            let (endpoint, mut body, held) = state?;
            let next = endpoint.in_time(async { Ok(body.next().await) }).await;
            match next {
                Ok(Some(Ok(chunk))) if held + chunk.len() <= MOST_BYTES => {
                    let held = held + chunk.len();
                    Some((Ok(chunk.to_vec()), Some((endpoint, body, held))))
                }
                Ok(Some(Ok(_))) => Some((Err(endpoint.unusable("its answer is too long")), None)),
                Ok(Some(Err(_))) => Some((Err(endpoint.unavailable("its answer broke off")), None)),
                Ok(None) if held % 2 != 0 => Some((Err(endpoint.unusable("its sound ends within a sample")), None)),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        })
        .boxed()
    }
}

impl SpeechProvider for ProviderSpeech {
    fn name(&self) -> &str {
        self.endpoint.id()
    }

    fn voices(&self) -> &[SpeechVoice] {
        &self.voices
    }

    fn piece_chars(&self) -> usize {
        PIECE_CHARS
    }

    fn speak<'a>(
        &'a self,
        tenant: &'a TenantContext,
        call: SpeechCall<'a>,
    ) -> BoxFuture<'a, Result<SoundChunks, ModelError>> {
        Box::pin(async move {
            let body = self.body(&call).ok_or_else(|| self.endpoint.unusable("it cannot change its speed"))?;
            let response = self.endpoint.open(tenant, Task::Speech, &body).await?;
            let kind = response.content_type.as_deref().unwrap_or_default().to_ascii_lowercase();
            let rate_hz = call.voice.sample_rate_hz;
            let has = |part: &str| kind.contains(part);
            match kind.split(';').next().unwrap_or_default().trim() {
                "application/json" => self.endpoint.in_time(self.whole(response, true, rate_hz)).await,
                _ if has("wav") || has("mpeg") || has("mp3") => {
                    self.endpoint.in_time(self.whole(response, false, rate_hz)).await
                }
                "application/octet-stream" | "" => self.endpoint.in_time(self.whole(response, false, rate_hz)).await,
                kind if kind.starts_with("audio/") => Ok(self.streamed(response)),
                _ => Err(self.endpoint.unusable("its answer is no audio")),
            }
        })
    }
}
