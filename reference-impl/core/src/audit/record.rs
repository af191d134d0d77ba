//! One record, and its canonical form.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use crate::ports::UnixMillis;
use crate::tenancy::scope::named;

/// `previous_hash` of the first record.
pub const FIRST_PREVIOUS: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

named! {
    /// How a call ended.
    Outcome {
        /// With a result.
        Succeeded = "succeeded",
        /// Without one, for a reason of the tool or of what it needs.
        Failed = "failed",
        /// The caller may not call the tool, or there is none.
        Denied = "denied",
        /// The arguments did not fit.
        Invalid = "invalid",
        /// It took too long.
        TimedOut = "timed_out",
        /// Whoever had asked no longer waits.
        Cancelled = "cancelled",
        /// It was found open after a restart.
        Unknown = "unknown",
    }
}

/// What is known of a call before it ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Called {
    /// Id of the record to be.
    pub id: String,
    /// When it began, RFC 3339 in UTC with milliseconds.
    pub at: String,
    /// Whose it is.
    pub tenant: String,
    /// Keyed hash of who called.
    pub principal: String,
    /// The tool, `unknown` where the registry has none of the name.
    pub tool: String,
    /// Keyed hash of the arguments.
    pub arguments_hash: String,
    /// The request that made it.
    pub request_id: String,
    /// Its trace.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub trace_id: Option<String>,
}

/// A record of the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// What was known when the call began.
    #[serde(flatten)]
    pub called: Called,
    /// Place in the tenant's chain, from 1.
    pub sequence: u64,
    /// How it ended: the contract's word of an [`Outcome`].
    pub outcome: String,
    /// How long it took, in milliseconds.
    pub latency_ms: f64,
    /// The hash of the record before.
    pub previous_hash: String,
}

impl AuditRecord {
    /// The record as canonical JSON.
    pub fn canonical(&self) -> String {
        canonical(&serde_json::to_value(self).unwrap_or(Json::Null))
    }
}

/// A time as records tell it.
pub(crate) fn time(at: UnixMillis) -> String {
    format!("{:.3}", jiff::Timestamp::from_millisecond(at).unwrap_or_default())
}

/// `sha256:` and 64 hexadecimal digits over a record's canonical JSON.
pub(super) fn hash(canonical: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(canonical)))
}

/// Canonical JSON by RFC 8785.
pub fn canonical(value: &Json) -> String {
    // Only numbers that no double holds could fail, and serde_json has none.
    serde_json_canonicalizer::to_string(value).unwrap_or_else(|_| value.to_string())
}
