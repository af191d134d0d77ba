//! Faults as the control API says them.

use contract_types::TenantId;
use serde::{Deserialize, Serialize};

/// A port that a fault can be put into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Port {
    /// The tenants' databases, as core uses them.
    Database,
    /// The embedding models.
    Embedding,
    /// The generation models, whole and piece by piece.
    Generator,
    /// The reranking models.
    Reranker,
    /// The answer cache.
    Cache,
    /// The databases as the edge uses them: rate counts and replayed answers.
    RateStore,
    /// No port, but the handlers of operations.
    Handler,
}

impl Port {
    /// Every port, in order.
    pub const ALL: [Self; 7] =
        [Self::Database, Self::Embedding, Self::Generator, Self::Reranker, Self::Cache, Self::RateStore, Self::Handler];

    /// The control API's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Embedding => "embedding",
            Self::Generator => "generator",
            Self::Reranker => "reranker",
            Self::Cache => "cache",
            Self::RateStore => "rate_store",
            Self::Handler => "handler",
        }
    }

    /// The port of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|port| port.as_str() == text)
    }
}

/// How calls go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Refused at once.
    Refused,
    /// Works, after a delay.
    Slow,
    /// Never answers.
    Hang,
    /// Answers with an error status.
    Status,
    /// Answers success with a body that makes no sense.
    Garbage,
}

/// A fault to inject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultSpec {
    /// How calls go wrong.
    pub kind: FaultKind,
    /// Only calls for this tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
    /// Only this operation; for handlers alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Delay in milliseconds, for `slow`; 1000 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "shortest")]
    pub delay_ms: Option<f64>,
    /// Error status, for `status`; 500 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Calls that go wrong before the fault clears itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<u64>,
    /// Pieces that a streaming generator gives first; a call for a whole answer is struck at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_pieces: Option<u64>,
}

/// Whole milliseconds are told as they were given, without a point.
#[expect(clippy::ref_option, reason = "the signature that serde asks for")]
fn shortest<S: serde::Serializer>(delay: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match delay {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held to 0 to 600000")]
        Some(whole) if whole.fract() == 0.0 => serializer.serialize_u64(*whole as u64),
        other => other.serialize(serializer),
    }
}

impl FaultSpec {
    /// Pointer and expectation of the first value out of its bounds.
    pub fn out_of_bounds(&self) -> Option<(&'static str, &'static str)> {
        if self.delay_ms.is_some_and(|it| !(0.0..=600_000.0).contains(&it)) {
            return Some(("/delay_ms", "expected 0 to 600000"));
        }
        if self.status.is_some_and(|it| !(400..=599).contains(&it)) {
            return Some(("/status", "expected 400 to 599"));
        }
        if self.calls.is_some_and(|it| !(1..=1_000_000).contains(&it)) {
            return Some(("/calls", "expected 1 to 1000000"));
        }
        self.after_pieces.is_some_and(|it| it > 1_000_000).then_some(("/after_pieces", "expected at most 1000000"))
    }
}

/// A fault that is set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fault {
    /// The port that fails.
    pub port: Port,
    /// How it fails.
    pub spec: FaultSpec,
    /// Calls that it has struck so far.
    pub struck: u64,
}

/// What happened at one port.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PortCounters {
    /// Calls that were made.
    pub calls: u64,
    /// Calls that failed.
    pub failures: u64,
    /// Calls that were made again; only those to models are.
    pub retries: u64,
    /// State of the circuit breaker; only models have one, and what has none is `closed`.
    pub breaker: &'static str,
}

impl PortCounters {
    pub(crate) fn new(calls: u64, failures: u64) -> Self {
        Self { calls, failures, retries: 0, breaker: "closed" }
    }
}
