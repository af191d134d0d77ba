//! What a step expects to come back.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::super::assertion::{Assertion, HeaderAssertion, Length};

/// What must come back.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// A status, or several of which one must come.
    #[serde(default)]
    pub status: Option<Statuses>,
    /// The error code.
    #[serde(default)]
    pub code: Option<String>,
    /// Headers: an assertion, or the word `absent` or `present`.
    #[serde(default)]
    pub headers: BTreeMap<String, HeaderAssertion>,
    /// Assertions on the body.
    #[serde(default)]
    pub body: Vec<Assertion>,
    /// Name of the contract's schema that the body fits.
    #[serde(default)]
    pub fits: Option<String>,
    /// Name of an earlier step whose answer this one equals: status, headers and body, save what names the request, the date
    /// and the rate limits.
    #[serde(default)]
    pub same_as: Option<String>,
    /// What the event stream holds.
    #[serde(default)]
    pub stream: Option<StreamExpect>,
    /// What the audio is.
    #[serde(default)]
    pub audio: Option<AudioExpect>,
    /// Assertions on the log line of the request, which must be there once and fit its schema. Needs `start`.
    #[serde(default)]
    pub log: Option<Vec<Assertion>>,
    /// Number of expected answers by status, for `at_once` and `repeat`: `{200: 1, 409: 1}`.
    #[serde(default)]
    pub tally: BTreeMap<String, u32>,
}

/// What an audio answer is, beside what the contract says of every one: that its bytes are of its media type, to the end.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudioExpect {
    /// `wav`, `mp3`, `opus` or `pcm`.
    #[serde(default)]
    pub format: Option<String>,
    /// Samples in a second, as a number or a variable.
    #[serde(default)]
    pub rate_hz: Value,
    /// Least and most length in seconds.
    #[serde(default)]
    pub seconds: Option<[f64; 2]>,
    /// Whether the sound changes as speech does, and neither is silence, a tone nor noise. Needs `wav` or `pcm`.
    #[serde(default)]
    pub speech: Option<bool>,
    /// Name of an earlier step whose audio this one begins with. Needs `wav` or `pcm` in both.
    #[serde(default)]
    pub begins_as: Option<String>,
    /// Name of an earlier step and the least and most share of its length that this one has.
    #[serde(default)]
    pub length_of: Option<(String, [f64; 2])>,
    /// Longest time to the first byte of the body, in milliseconds.
    #[serde(default)]
    pub first_byte_within_ms: Option<u64>,
}

/// What an event stream holds, beside what the contract says of every stream.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamExpect {
    /// Number of events by name; a name that is not listed may come as it likes.
    #[serde(default)]
    pub events: BTreeMap<String, Length>,
    /// Number of comments, such as heartbeats.
    #[serde(default)]
    pub comments: Option<Length>,
    /// Name of the last event before the terminator.
    #[serde(default)]
    pub last: Option<String>,
    /// Longest time to the first event, in milliseconds or as a variable.
    #[serde(default)]
    pub first_event_within_ms: Value,
    /// Longest silence between two pieces, in milliseconds or as a variable.
    #[serde(default)]
    pub silence_at_most_ms: Value,
    /// What the texts of all `token` events make when they are joined.
    #[serde(default)]
    pub joined: Option<String>,
    /// Assertions on the list of all events, each `{event, data, at_ms}`.
    #[serde(default)]
    pub body: Vec<Assertion>,
}

/// One status or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Statuses {
    /// One.
    One(u16),
    /// Any of these.
    AnyOf(Vec<u16>),
}

impl Statuses {
    /// Whether `status` is one of them.
    pub fn contains(&self, status: u16) -> bool {
        match self {
            Self::One(one) => *one == status,
            Self::AnyOf(several) => several.contains(&status),
        }
    }
}

impl std::fmt::Display for Statuses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::One(one) => write!(f, "{one}"),
            Self::AnyOf(several) => write!(f, "one of {several:?}"),
        }
    }
}
