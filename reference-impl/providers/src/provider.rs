//! A model behind a URL, as configuration names it.

use std::fmt;
use std::time::Duration;

use reference_core::ports::SpeechVoice;

/// A key or token that shows itself to nobody but the upstream that it opens.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// `None` where the text is empty or cannot stand in a header field.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = !text.is_empty() && text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        fits.then(|| Self(text.to_owned()))
    }

    /// The value of `authorization`.
    pub fn bearer(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What a provider is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderKind {
    /// Vectors of this length.
    Embedding {
        /// Numbers in each vector.
        dimensions: usize,
    },
    /// Text: answers and conversations.
    Generation,
    /// Scores.
    Rerank,
    /// Sound, by these voices.
    Speech {
        /// The one for each language first.
        voices: Vec<SpeechVoice>,
    },
}

/// A Cloudflare AI Gateway before a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// Gateway of tenants that name none.
    pub id: String,
    /// Path of the provider behind it, such as `compat` or `workers-ai`.
    pub provider: String,
    /// Seconds that it may answer from its cache; 0 forbids it, `None` leaves it to the gateway.
    pub cache_ttl_s: Option<u64>,
    /// What opens the gateway, beside the provider's key.
    pub token: Option<Secret>,
    /// Where the provider itself is, for calls that the gateway does not take: without a slash at the end.
    pub direct_url: Option<String>,
}

/// How a provider is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Api {
    /// As `OpenAI` is.
    OpenAi,
    /// Workers AI over REST.
    WorkersAi {
        /// Account at Cloudflare.
        account: String,
    },
    /// Through a gateway.
    AiGateway {
        /// Account at Cloudflare.
        account: String,
        /// The gateway.
        gateway: Gateway,
    },
}

/// A model behind a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// The id that tenants name.
    pub id: String,
    /// What it is for.
    pub kind: ProviderKind,
    /// How it is spoken to.
    pub api: Api,
    /// Where it is: scheme, host and path without a slash at the end.
    pub url: String,
    /// The name that is sent.
    pub model: String,
    /// A binding of the host that calls go through instead of the network, where the host has bindings.
    pub binding: Option<String>,
    /// What opens it.
    pub key: Option<Secret>,
    /// Longest time of a call.
    pub timeout: Duration,
    /// Most texts in a call.
    pub batch: usize,
    /// Tokens that it reads and writes together, where that is known.
    pub context_tokens: Option<usize>,
}
