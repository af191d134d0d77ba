//! What can be wrong with a model provider.

use std::{str::FromStr, time::Duration};

use serde::Deserialize;
use serde_json::Value;
use wiremock::Request;

use super::HANG;

/// What a provider is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// `POST /v1/embeddings`.
    Embeddings,
    /// `POST /v1/chat/completions`.
    Chat,
    /// `POST /v1/rerank`.
    Rerank,
    /// `POST /v1/audio/speech`.
    Speech,
}

impl Operation {
    /// Its name in paths and answers of the stand-in.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Embeddings => "embeddings",
            Self::Chat => "chat",
            Self::Rerank => "rerank",
            Self::Speech => "speech",
        }
    }

    /// The operation that a request is for, where it is for one.
    pub(super) fn of(request: &Request) -> Option<Self> {
        match (request.method.as_str(), request.url.path()) {
            ("POST", "/v1/embeddings") => Some(Self::Embeddings),
            ("POST", "/v1/chat/completions") => Some(Self::Chat),
            ("POST", "/v1/rerank") => Some(Self::Rerank),
            ("POST", "/v1/audio/speech") => Some(Self::Speech),
            _ => None,
        }
    }
}

impl FromStr for Operation {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = [Self::Embeddings, Self::Chat, Self::Rerank, Self::Speech];
        let found = known.into_iter().find(|operation| operation.name() == name);
        found.ok_or_else(|| format!("expected one of embeddings, chat, rerank and speech, found `{name}`"))
    }
}

/// How an operation is broken until it is mended.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// Status of the answer, with [`FaultKind::Status`]; absent means 503.
    #[serde(default)]
    pub status: Option<u16>,
    /// Seconds in `retry-after`, with [`FaultKind::Status`].
    #[serde(default)]
    pub retry_after: Option<u64>,
    /// Time in milliseconds before the answer, with any kind.
    #[serde(default)]
    pub delay_ms: Option<u64>,
    /// What a chat model writes, with [`FaultKind::Writes`].
    #[serde(default)]
    pub content: Option<String>,
    /// What a chat model calls, with [`FaultKind::Tools`].
    #[serde(default)]
    pub tools: Vec<ToolAsked>,
    /// Calls that it strikes; absent means all until it is mended.
    #[serde(default)]
    pub calls: Option<u32>,
}

impl Fault {
    /// Time before the answer.
    pub(super) fn delay(&self) -> Option<Duration> {
        let least = (self.kind == FaultKind::Hang).then_some(HANG);
        self.delay_ms.map(Duration::from_millis).or(least)
    }
}

/// A call of a tool that a chat model asks for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolAsked {
    /// The tool.
    pub name: String,
    /// Its arguments; a text is sent as it is, so that it may be no JSON at all.
    pub arguments: Value,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// An error status, with a message that repeats the key and the texts.
    Status,
    /// The right answer after `delay_ms`.
    Slow,
    /// No answer within any time that somebody waits for.
    Hang,
    /// A body that is no JSON, with status 200.
    Garbage,
    /// JSON of the right form that does not fit the request: vectors of another length, a place beyond the texts, no choice;
    /// instead of sound, a WAV file of another sample rate.
    Misfit,
    /// The first half of the right body; of an event stream, the first events without an end; of sound, an
    /// odd number of bytes.
    Cut,
    /// The connection breaks before there is an answer.
    Reset,
    /// The chat model writes `content`.
    Writes,
    /// The chat model asks for `tools`, and answers once it has been told what they gave.
    Tools,
    /// The chat model asks for `tools` whatever it is told.
    ToolsForever,
}
