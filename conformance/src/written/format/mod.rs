//! The form of a written case. Unknown keys are refused.

mod caller;
mod expect;

use std::collections::BTreeMap;

use contract_types::{CaseRecordLevel, Feature};
use serde::Deserialize;
use serde_json::{Map, Value};

pub(crate) use caller::{Caller, Nobody, SignatureForm, Token};
pub(crate) use expect::{AudioExpect, Expect, StreamExpect};

/// Requests of one step at once from which on every tenant of a deployment feels them.
const MANY_AT_ONCE: u32 = 100;

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
    /// Cases of the isolation and security catalogue that it holds, such as `AU-06`.
    #[serde(default)]
    pub catalogue: Vec<String>,
    /// Features without which it is not applicable.
    #[serde(default)]
    pub features: Vec<Feature>,
    /// Features with which it is not applicable.
    #[serde(default)]
    pub without: Vec<Feature>,
    /// Operations that its steps reach, found when it is read.
    #[serde(skip)]
    pub operations: Vec<String>,
    /// What else it needs.
    #[serde(default)]
    pub needs: Vec<Need>,
    /// Whether it changes nothing.
    #[serde(default)]
    pub safe: bool,
    /// Whether it must not run beside others of its tenants.
    #[serde(default)]
    pub serial: bool,
    /// Tenants that a serial case only looks at: others may go on there.
    #[serde(default)]
    pub beside: Vec<String>,
    /// What must be there first. A step that does not hold fails the case and says that it is setup.
    #[serde(default)]
    pub setup: Vec<Step>,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// What is taken back at the end, whatever happened before.
    #[serde(default)]
    pub cleanup: Vec<Step>,
}

impl Case {
    /// Every step, each with the list that it stands in.
    pub fn all_steps(&self) -> impl Iterator<Item = (&'static str, usize, &Step)> {
        let lists = [("setup", &self.setup), ("steps", &self.steps), ("cleanup", &self.cleanup)];
        lists
            .into_iter()
            .flat_map(|(list, steps)| steps.iter().enumerate().map(move |(index, step)| (list, index, step)))
    }

    /// Whether every tenant feels it: a fault of the control API that names no tenant, or so many requests at once that a deployment
    /// of one thread answers nobody else for a second or two, which a case that counts a second or two by the clock does not bear.
    pub fn strikes_all(&self) -> bool {
        self.all_steps().any(|(_, _, step)| {
            if step.at_once >= MANY_AT_ONCE {
                return true;
            }
            let names = step.request.body.as_ref().is_some_and(|body| body.get("tenant").is_some());
            matches!(step.caller, Caller::Word(Nobody::Control))
                && step.request.method == "PUT"
                && step.request.path.starts_with("/faults")
                && !names
        })
    }

    /// How long it waits for time to pass, roughly, in milliseconds: what its steps state, a second for each named time.
    pub fn patience(&self) -> u64 {
        let wait = |step: &Step| match &step.wait_ms {
            Value::Number(number) => number.as_u64().unwrap_or(0),
            Value::String(_) => 1000,
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => 0,
        };
        self.all_steps().map(|(_, _, step)| wait(step)).sum()
    }

    /// How long it may wait, roughly, in milliseconds, where the target is not as it should be: its own waits, every time that it
    /// asks again for, and some seconds for each call that it lets hang.
    pub fn longest(&self) -> u64 {
        let hangs = |step: &Step| step.request.body.as_ref().is_some_and(|body| body["kind"] == "hang");
        let again = |step: &Step| step.until.map_or(0, |until| until.within_ms) + if hangs(step) { 5000 } else { 0 };
        self.patience() + self.setup.iter().chain(&self.steps).map(again).sum::<u64>()
    }

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
    /// A target that the harness started itself, whose output it reads.
    Start,
    /// A key that the target takes tokens from.
    Tokens,
    /// The stand-in for model providers that the harness starts beside its target.
    Upstream,
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
    /// How an event stream is read, where not simply to its end.
    #[serde(default)]
    pub reading: Reading,
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

/// How an event stream is read, where not simply to its end.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// Hang up as soon as this many events of this name have arrived.
    #[serde(default)]
    pub disconnect_after: BTreeMap<String, u32>,
    /// Wait so long after each piece that was read.
    #[serde(default)]
    pub pause_ms: u64,
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
