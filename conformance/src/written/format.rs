//! The form of a written case. Unknown keys are refused.

use std::collections::BTreeMap;

use contract_types::{CaseRecordLevel, Feature};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::assertion::{Assertion, HeaderAssertion};

/// A case as a file holds it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// `<capability>/<name>`, from its path.
    #[serde(skip)]
    pub id: String,
    /// The rule that it checks.
    pub rule: String,
    /// The rule's level.
    pub level: Level,
    /// Whether the rule's good side or its bad side is shown.
    pub polarity: Polarity,
    /// One sentence: why it matters.
    pub why: String,
    /// Features without which it is not applicable.
    #[serde(default)]
    pub features: Vec<Feature>,
    /// What else it needs.
    #[serde(default)]
    pub needs: Vec<Need>,
    /// Whether it changes nothing.
    #[serde(default)]
    pub safe: bool,
    /// Whether it must not run beside others of its tenants.
    #[serde(default)]
    pub serial: bool,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

impl Case {
    /// Its level, as records name it.
    pub fn level(&self) -> CaseRecordLevel {
        match self.level {
            Level::Must => CaseRecordLevel::Must,
            Level::Should => CaseRecordLevel::Should,
        }
    }
}

/// How binding a rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Fails the run.
    Must,
    /// Warns.
    Should,
}

/// Which side of a rule a case shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Polarity {
    /// What must happen.
    Positive,
    /// What must be refused.
    Negative,
}

/// What a case needs beside features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// The control API.
    Control,
    /// Bytes on the wire that are no proper HTTP; `http` addresses only.
    RawHttp,
    /// A target that the harness started itself.
    Start,
}

/// One step.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What it does, for messages.
    pub name: String,
    /// Who calls; absent means the main tenant's `all`.
    #[serde(default, rename = "as")]
    pub caller: Caller,
    /// What is sent.
    pub request: RequestForm,
    /// How often it is sent, one after the other; each answer must be as expected.
    #[serde(default = "once")]
    pub repeat: u32,
    /// How often it is sent at the same time; each answer must be as expected.
    #[serde(default = "once")]
    pub at_once: u32,
    /// Ask again until the expectations hold.
    #[serde(default)]
    pub until: Option<Until>,
    /// Wait before the step, in milliseconds or as a variable such as `{{time.cache_ttl_ms}}`.
    #[serde(default)]
    pub wait_ms: Value,
    /// What must come back.
    #[serde(default)]
    pub expect: Expect,
    /// What later steps call by name: a variable and the JSONPath of its value, or `header:<name>`.
    #[serde(default)]
    pub capture: BTreeMap<String, String>,
}

fn once() -> u32 {
    1
}

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
    Named(Identity),
}

/// Nobody.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nobody {
    /// No `authorization` header.
    None,
    /// The control API, which needs no credential; the path is one of its own.
    Control,
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
}

/// What is sent.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestForm {
    /// Method.
    #[serde(default)]
    pub method: String,
    /// Path, sent as written.
    #[serde(default)]
    pub path: String,
    /// Query parameters; a list sends its parameter several times.
    #[serde(default)]
    pub query: Map<String, Value>,
    /// Headers; an empty value takes away what the body or the credential would bring, a list sends a header several times.
    #[serde(default)]
    pub headers: Map<String, Value>,
    /// A JSON body. Where it asks for a retrieval `mode` that its tenant does not list, the case is not applicable.
    #[serde(default)]
    pub body: Option<Value>,
    /// A body as text, sent as written.
    #[serde(default)]
    pub raw: Option<String>,
    /// A body from a file of the fixtures.
    #[serde(default)]
    pub body_file: Option<String>,
    /// The whole request as bytes on the wire instead; `\r\n` is written out. Needs `raw_http`.
    #[serde(default)]
    pub wire: Option<String>,
}

/// Ask again until the expectations hold.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Until {
    /// Longest time.
    pub within_ms: u64,
    /// Time between two requests.
    pub every_ms: u64,
}

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
    /// Number of expected answers by status, for `at_once` and `repeat`: `{200: 1, 409: 1}`.
    #[serde(default)]
    pub tally: BTreeMap<String, u32>,
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
