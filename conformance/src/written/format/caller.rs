//! Who calls in a step: nobody, a tenant's credential, a token made for the step, or one of the suite's own helpers.

use serde::Deserialize;
use serde_json::{Map, Value};

/// Who calls.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(untagged)]
pub enum Caller {
    /// The main tenant's `all`.
    #[default]
    Main,
    /// `none`: nobody.
    Word(Nobody),
    /// A tenant's credential.
    Named(Box<Identity>),
}

/// Nobody.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nobody {
    /// No `authorization` header.
    None,
    /// The control API, which needs no credential; the path is one of its own.
    Control,
    /// The stand-in for model providers; the path is one of its own, such as `/faults/embeddings` or `/requests`.
    Upstream,
}

/// A tenant's credential.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The tenant; `main` and `foreign` stand for the first and the second of the profile.
    pub tenant: String,
    /// The name of its credential; absent means `all`.
    #[serde(default)]
    pub key: Option<String>,
    /// The whole `authorization` header instead.
    #[serde(default)]
    pub raw: Option<String>,
    /// A token made for this step instead. Needs `tokens`.
    #[serde(default)]
    pub jwt: Option<Token>,
}

/// A JWT that is right but for what is said here: it names the tenant of its caller and runs out in ten minutes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// `kid` of the key that signs; absent means the profile's first.
    #[serde(default)]
    pub key: Option<String>,
    /// Scopes; absent means `admin`.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// Fields of the header that differ; null leaves one out.
    #[serde(default)]
    pub header: Map<String, Value>,
    /// Claims that differ; null leaves one out. `{{now+600}}` is a moment in seconds.
    #[serde(default)]
    pub claims: Map<String, Value>,
    /// What is done to the signature.
    #[serde(default)]
    pub signature: SignatureForm,
}

/// What is done to a token's signature.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignatureForm {
    /// Nothing: it is right.
    #[default]
    Right,
    /// One of its letters is changed.
    Altered,
    /// It is left empty.
    Empty,
}
