//! The parts of a tenant's settings, named as in the contract's `tenant_config.json`.

use std::collections::BTreeMap;

use super::scope::named;
use crate::answer::PromptTemplate;

named! {
    /// How cut points of chunks are chosen.
    ChunkStrategy {
        /// Prefers headings and paragraphs.
        Structure = "structure",
        /// Fills every chunk.
        Fixed = "fixed",
    }
}

named! {
    /// Which halves of the index answer a query.
    RetrievalMode {
        /// Vectors.
        Dense = "dense",
        /// Words.
        Lexical = "lexical",
        /// Both, fused.
        Hybrid = "hybrid",
    }
}

named! {
    /// How the two halves of the index are brought onto one scale.
    Fusion {
        /// Scores, scaled so that the best is 1 and the one at rank 100 is 0.
        MinMax = "min_max",
        /// Ranks alone: reciprocal rank fusion with k = 60, scaled so that the first has 1.
        Rrf = "rrf",
    }
}

named! {
    /// What a safety rule looks for.
    SafetyFilter {
        /// Text that tries to steer the model.
        PromptInjection = "prompt_injection",
        /// Keys, tokens and passwords.
        Secrets = "secrets",
        /// Data about persons.
        PersonalData = "personal_data",
        /// Threats, hate and harassment.
        Abuse = "abuse",
        /// Links and images to hosts that the tenant does not list; output alone.
        Exfiltration = "exfiltration",
        /// Words of the system prompt in what a model wrote; output alone.
        PromptLeak = "prompt_leak",
    }
}

named! {
    /// Which text a safety rule reads.
    SafetyDirection {
        /// What clients send.
        Input = "input",
        /// What the service answers.
        Output = "output",
    }
}

named! {
    /// What happens to a finding, from strongest to weakest.
    SafetyAction {
        /// The request is refused.
        Block = "block",
        /// The found text is replaced.
        Redact = "redact",
        /// The finding is reported only.
        Flag = "flag",
        /// The rule is off.
        Off = "off",
    }
}

/// How the prompts of a tenant's answers are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerPrompt {
    /// The template, checked.
    pub template: PromptTemplate,
    /// Most tokens of all passages in one prompt.
    pub context_tokens: u32,
}

impl Default for AnswerPrompt {
    fn default() -> Self {
        Self { template: PromptTemplate::built_in(), context_tokens: 3000 }
    }
}

/// Models that serve a tenant, by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelSettings {
    /// Embeds documents and queries alike.
    pub embedding: String,
    /// Writes answers.
    pub generation: String,
    /// Reranks; `None` stands for the configured `off`.
    pub rerank: Option<String>,
    /// What a request may name beside the generation model.
    pub allowed: Vec<String>,
    /// What writes when the generation model is down, in this order.
    pub fallback: Vec<String>,
    /// The tenant's own gateway, where a provider is reached through one.
    pub gateway: Option<String>,
}

impl Default for ModelSettings {
    fn default() -> Self {
        Self {
            embedding: "hashed-lexical-v1".to_owned(),
            generation: "extractive-v1".to_owned(),
            rerank: None,
            allowed: Vec::new(),
            fallback: Vec::new(),
            gateway: None,
        }
    }
}

/// How documents are cut where a request does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkSettings {
    /// Most tokens in a chunk, 16 to 2048.
    pub size_tokens: u32,
    /// Most tokens that neighbours share, below `size_tokens`, at most 512.
    pub overlap_tokens: u32,
    /// How cut points are chosen.
    pub strategy: ChunkStrategy,
}

impl Default for ChunkSettings {
    fn default() -> Self {
        Self { size_tokens: 256, overlap_tokens: 32, strategy: ChunkStrategy::Structure }
    }
}

/// Least scores of the confidence bands, rising, each in 0 to 1; below `low` is band `none`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConfidenceThresholds {
    /// Least score of `low`.
    pub low: f64,
    /// Least score of `medium`.
    pub medium: f64,
    /// Least score of `high`.
    pub high: f64,
}

/// How the tenant retrieves where a request does not say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetrievalSettings {
    /// Retrieval mode.
    pub mode: RetrievalMode,
    /// Chunks a search takes, 1 to 100.
    pub top_k: u32,
    /// How the halves are fused.
    pub fusion: Fusion,
    /// Share of the lexical score in the fusion, 0 to 1.
    pub lexical_weight: f64,
    /// Where the bands begin.
    pub confidence: ConfidenceThresholds,
}

impl Default for RetrievalSettings {
    fn default() -> Self {
        Self {
            mode: RetrievalMode::Hybrid,
            top_k: 10,
            fusion: Fusion::MinMax,
            lexical_weight: 0.5,
            confidence: ConfidenceThresholds { low: 0.2, medium: 0.45, high: 0.7 },
        }
    }
}

/// Size limits. The default is what the contract's examples show; a deployment's `default_limits` replaces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest request body, as received.
    pub body_bytes: u64,
    /// Most documents in one ingest request.
    pub documents_per_request: u32,
    /// Most Unicode characters in a chat message.
    pub message_chars: u32,
    /// Most messages in a chat request.
    pub messages_per_chat: u32,
    /// Most Unicode characters in a query.
    pub query_chars: u32,
    /// Most event streams open at once.
    pub concurrent_streams: u32,
    /// Most Unicode characters in a speech request.
    pub tts_max_chars: u32,
    /// Most Unicode characters spoken within a request; longer text becomes a job.
    pub tts_sync_chars: u32,
    /// Largest chunk size, in tokens, that an ingest request may ask for.
    pub chunk_size_tokens_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 2_097_152,
            documents_per_request: 100,
            message_chars: 16_000,
            messages_per_chat: 64,
            query_chars: 2_000,
            concurrent_streams: 16,
            tts_max_chars: 5_000,
            tts_sync_chars: 1_000,
            chunk_size_tokens_max: 1_024,
        }
    }
}

/// Time spans in milliseconds of the tenant's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// How long a cached answer may be served.
    pub cache_ttl_ms: i64,
    /// Length of the sliding window of the rate limits.
    pub rate_window_ms: i64,
    /// How long an idempotency key replays its answer.
    pub idempotency_ttl_ms: i64,
    /// How long a chat session is kept after its last turn.
    pub session_ttl_ms: i64,
    /// How long the result of an ended job can be fetched.
    pub result_ttl_ms: i64,
    /// Longest silence on an event stream.
    pub heartbeat_ms: i64,
    /// Longest time a request may take.
    pub deadline_ms: i64,
    /// Bound within which an abandoned stream gives its slot back.
    pub stream_release_ms: i64,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            cache_ttl_ms: 3_600_000,
            rate_window_ms: 60_000,
            idempotency_ttl_ms: 86_400_000,
            session_ttl_ms: 2_592_000_000,
            result_ttl_ms: 86_400_000,
            heartbeat_ms: 15_000,
            deadline_ms: 30_000,
            stream_release_ms: 1_000,
        }
    }
}

/// Requests allowed within one window of [`Times::rate_window_ms`]; the classes count by credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// Of the whole tenant.
    pub tenant_requests: u32,
    /// Of one credential.
    pub credential_requests: u32,
    /// Of one credential to operations of class `read`.
    pub read_requests: u32,
    /// Of one credential to operations of class `write`.
    pub write_requests: u32,
    /// Of one credential to operations of class `model`.
    pub model_requests: u32,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            tenant_requests: 6_000,
            credential_requests: 3_000,
            read_requests: 3_000,
            write_requests: 600,
            model_requests: 1_200,
        }
    }
}

/// How much of its chat sessions a tenant keeps; the oldest turns are dropped first, the last exchange never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionSettings {
    /// Most turns of a session, 2 to 10,000.
    pub max_turns: u32,
    /// Most tokens of a session's turns together.
    pub max_tokens: u32,
    /// Most tokens of what was said before that a model reads with a new message.
    pub context_tokens: u32,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self { max_turns: 1_000, max_tokens: 100_000, context_tokens: 2_000 }
    }
}

/// Price of a model in US dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ModelPrice {
    /// Of input tokens.
    pub input_usd: f64,
    /// Of output tokens.
    pub output_usd: f64,
}

/// Budget of a day.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BudgetSettings {
    /// Tokens in and out together in one UTC day.
    pub tokens_per_day: u64,
    /// Prices by model id; a model that is not listed costs nothing.
    pub usd_per_million_tokens: BTreeMap<String, ModelPrice>,
    /// Characters of texts that may be spoken in one UTC day; `None` bounds them not.
    pub speech_characters_per_day: Option<u64>,
    /// Prices by speech provider; one that is not listed costs nothing.
    pub usd_per_million_characters: BTreeMap<String, f64>,
}

/// One safety filter in one direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SafetyRule {
    /// What it looks for.
    pub filter: SafetyFilter,
    /// Where it looks.
    pub direction: SafetyDirection,
    /// Least score, 0 to 1, at which the action is taken.
    pub threshold: f64,
    /// What is done.
    pub action: SafetyAction,
}

/// Speech synthesis.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpeechSettings {
    /// Enabled providers, in the order in which they are tried.
    pub providers: Vec<String>,
}

/// Where the candidates of the dense half of retrieval come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Candidates {
    /// Every stored vector is looked at.
    #[default]
    Exact,
    /// An index elsewhere names them, where the host has one.
    Vectorize,
}

/// How a tenant uses a vector index elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VectorSettings {
    /// Where candidates come from.
    pub candidates: Candidates,
    /// Metadata keys that the index filters by.
    pub indexed_keys: Vec<String>,
}
