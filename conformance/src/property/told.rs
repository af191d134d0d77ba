//! Tells a failure: as a shell script of commands, and as a written case that holds it from then on.

use std::{fmt::Write, fs, path::PathBuf};

use contracts::model::Operation;
use harness::{
    client::{Exchange, Request},
    curl, project_root,
    root::{default_out, is_carried},
};
use regex::Regex;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{
    sequence::letters,
    trial::{Failure, Verdict},
};
use crate::{
    catalogue::expected::Expected,
    outcome::{Ending, Outcome},
    session::Session,
};

/// Statuses of a valid request that say nothing of its form and that the target's state leads to.
const OF_OTHER_THINGS: [u16; 10] = [400, 401, 406, 413, 415, 429, 500, 502, 503, 504];

/// Which side of a rule a failure shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Polarity {
    /// What must happen.
    Positive,
    /// What must be refused.
    Negative,
}

/// One request on the way to a failure, as it will be written.
#[derive(Debug, Clone)]
pub(super) struct Told {
    name: String,
    request: Request,
    body: Option<Value>,
    /// What must come back, in the form of a written step.
    expect: Value,
    exchange: Option<Exchange>,
    /// Whether another tenant sends it.
    pub(super) foreign: bool,
    /// Texts of the answer that later steps call by name, each with its JSON path: `(name, path)`.
    pub(super) capture: Vec<(String, String)>,
    /// Whether it is sent again until it is as expected.
    pub(super) until: bool,
}

impl Told {
    pub(super) fn new(name: &str, request: &Request, expect: Value, body: Option<&Value>) -> Self {
        Self {
            name: name.to_owned(),
            request: request.clone(),
            body: body.cloned(),
            expect,
            exchange: None,
            foreign: false,
            capture: Vec::new(),
            until: false,
        }
    }

    pub(super) fn answered(mut self, exchange: &Exchange) -> Self {
        self.exchange = Some(exchange.clone());
        self
    }

    /// The step of a written case; `names` are texts of answers and what later steps call them.
    fn step(&self, session: &Session, names: &[(String, String)]) -> Value {
        let fill = |text: &str| {
            let text = text.replace(&session.run, "{{run}}");
            names.iter().fold(text, |text, (found, name)| text.replace(found.as_str(), &format!("{{{{{name}}}}}")))
        };
        let mut request = json!({ "method": self.request.method, "path": fill(&self.request.target) });
        let kept = |name: &str| !matches!(name, "authorization" | "content-type");
        let headers: Map<String, Value> = self
            .request
            .headers
            .iter()
            .filter(|(name, value)| kept(name) && !value.contains("{{"))
            .map(|(name, value)| (name.clone(), Value::from(value.clone())))
            .collect();
        if !headers.is_empty() {
            request["headers"] = Value::Object(headers);
        }
        if let Some(body) = &self.body {
            let text = body.to_string();
            if text.contains("{{") || !text.chars().all(|c| (' '..='~').contains(&c)) {
                // As text with everything odd escaped, so that neither a template nor the file's own format touches it.
                request["raw"] = Value::from(fill(&escaped(&text)));
            } else {
                request["body"] = serde_json::from_str(&fill(&text)).unwrap_or_else(|_| body.clone());
            }
        }
        let mut step = json!({ "name": self.name });
        if self.foreign {
            step["as"] = json!({ "tenant": "foreign" });
        }
        step["request"] = request;
        if self.until {
            step["until"] = json!({ "within_ms": 30_000, "every_ms": 100 });
        }
        step["expect"] = serde_json::from_str(&fill(&self.expect.to_string())).unwrap_or_else(|_| self.expect.clone());
        if !self.capture.is_empty() {
            step["capture"] =
                self.capture.iter().map(|(name, path)| (name.clone(), Value::from(path.clone()))).collect();
        }
        step
    }
}

/// JSON text in visible ASCII alone, without two braces that begin a variable.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for unit in text.replace("{{", "\\u007b\\u007b").encode_utf16() {
        match char::from_u32(u32::from(unit)).filter(|c| (' '..='~').contains(c)) {
            Some(character) => out.push(character),
            None => out.push_str(&spelled(unit)),
        }
    }
    out
}

/// What must come back, in the form of a written step.
pub(super) fn expectation(operation: &Operation, expected: &Expected) -> Value {
    let all = operation.responses.iter().map(|response| response.status);
    match expected {
        Expected::Success => json!({ "status": all.filter(|status| *status < 300).collect::<Vec<_>>() }),
        Expected::Valid { names } => {
            let other = |status: &u16| OF_OTHER_THINGS.contains(status) && (*status != 400 || names.is_empty());
            json!({ "status": all.filter(|status| !other(status)).collect::<Vec<_>>() })
        }
        Expected::Rpc => json!({ "status": [200, 400] }),
        // A target that declares the feature answers otherwise, and the case must hold there too.
        Expected::Refusal(refusals) if refusals.iter().any(|(status, _)| *status == 501) => {
            let refused = refusals.iter().map(|(status, _)| *status);
            let valid = all.filter(|status| !OF_OTHER_THINGS.contains(status) && *status != 501);
            json!({ "status": refused.chain(valid).collect::<Vec<_>>() })
        }
        Expected::Refusal(refusals) => match refusals.as_slice() {
            [(status, code)] => json!({ "status": status, "code": code }),
            several => json!({ "status": several.iter().map(|(status, _)| *status).collect::<Vec<_>>() }),
        },
    }
}

/// The assertion that a detail names one of these places, or one beneath the first.
pub(super) fn names_one_of<'a>(places: impl Iterator<Item = &'a str>, beneath: bool) -> Value {
    let quoted = |place: &str| {
        let place: String = place.replace('\\', "\\\\").replace('\'', "\\'");
        // A name may hold what a file or a path query cannot: it is spelled by number.
        let spell = |unit: u16| match char::from_u32(u32::from(unit)).filter(|c| (' '..='~').contains(c)) {
            Some(character) => character.to_string(),
            None => spelled(unit),
        };
        place.encode_utf16().map(spell).collect::<String>()
    };
    let places: Vec<&str> = places.collect();
    let mut tests: Vec<String> = places.iter().map(|place| format!("@.pointer == '{}'", quoted(place))).collect();
    if let (true, Some(first)) = (beneath, places.first()) {
        let pattern = regex::escape(first).replace('\\', "\\\\").replace('\'', "\\'");
        tests.push(format!("match(@.pointer, '{pattern}/.*')"));
    }
    json!({ "path": format!("$.error.details[?{}]", tests.join(" || ")), "present": true })
}

/// A UTF-16 unit by its number.
fn spelled(unit: u16) -> String {
    format!("\\u{unit:04x}")
}

/// The script that repeats every request, one command after the other.
fn script(session: &Session, steps: &[Told]) -> String {
    let mut script = String::from("#!/bin/sh\n");
    for step in steps {
        let Some(exchange) = &step.exchange else { continue };
        let command = curl::command(exchange, &session.profile.credentials, &session.redactor);
        let _ = write!(script, "# {}: answered {}\n{command}\n", step.name, exchange.response.status);
    }
    script
}

/// The outcome of a verdict. A failure that the profile does not know of becomes a written case.
pub(super) fn outcome(
    session: &Session,
    id: &str,
    name: &str,
    polarity: Polarity,
    feature: Option<&str>,
    verdict: Verdict,
) -> Outcome {
    let failure = match verdict {
        Verdict::Held => return Outcome::of(Ending::Pass),
        Verdict::Ended(outcome) => return *outcome,
        Verdict::Failed(failure) => failure,
    };
    let known = session.profile.spec.known_failures.iter().flatten().any(|entry| match entry.case.strip_suffix('*') {
        Some(beginning) => id.starts_with(beginning),
        None => entry.case == id,
    });
    let mut message = failure.message.clone();
    if !known {
        let kept = match keep(session, id, name, polarity, feature, &failure) {
            Ok(file) => format!("; kept as {}", file.strip_prefix(project_root()).unwrap_or(&file).display()),
            Err(reason) => format!("; it could not be kept as a written case: {reason}"),
        };
        message.push_str(&kept);
    }
    let script = (failure.steps.iter().filter(|step| step.exchange.is_some()).count() > 1)
        .then(|| script(session, &failure.steps));
    Outcome { exchange: failure.exchange, script, ..Outcome::of(Ending::Fail(message)) }
}

/// Where failures are kept: among the cases where the project's own target was built and started here; beside the run records
/// where it was anybody else's, or where there is no checkout to add a case to.
fn regressions(session: &Session) -> PathBuf {
    if session.profile.spec.start.is_some() && !is_carried() {
        project_root().join("conformance/cases/regressions")
    } else {
        default_out().join("regressions")
    }
}

/// Writes the failure as a written case.
fn keep(
    session: &Session,
    id: &str,
    name: &str,
    polarity: Polarity,
    feature: Option<&str>,
    failure: &Failure,
) -> Result<PathBuf, String> {
    let mut names: Vec<(String, String)> = Vec::new();
    let mut steps = Vec::new();
    for (number, told) in failure.steps.iter().enumerate() {
        let mut step = told.step(session, &names);
        step["name"] = Value::from(format!("{} {}", number + 1, told.name));
        steps.push(step);
        let answer = told.exchange.as_ref().and_then(|exchange| exchange.response.json()).unwrap_or_default();
        for (name, path) in &told.capture {
            let pointer = path.replacen('$', "", 1).replace('.', "/");
            if let Some(found) = answer.pointer(&pointer).and_then(Value::as_str) {
                names.push((found.to_owned(), name.clone()));
            }
        }
    }
    let cleanup: Vec<Value> = made(session, failure)
        .into_iter()
        .map(|id| {
            json!({
                "name": format!("delete {id}"),
                "request": { "method": "DELETE", "path": format!("/documents/{id}") },
                "expect": { "status": [200, 404] },
            })
        })
        .collect();
    let mut case = json!({
        "rule": failure.rule,
        "level": "MUST",
        "polarity": if polarity == Polarity::Positive { "positive" } else { "negative" },
        "why": format!("Found by {id} and shrunk: {}", first_line(&session.redactor.clean(&failure.message))),
    });
    if !cleanup.is_empty() {
        case["serial"] = Value::Bool(true);
    }
    if let Some(feature) =
        feature.filter(|feature| session.features(session.bench()).iter().any(|f| f.as_str() == *feature))
    {
        case["features"] = json!([feature]);
    }
    case["steps"] = Value::Array(steps);
    if !cleanup.is_empty() {
        case["cleanup"] = Value::Array(cleanup);
    }
    let text = serde_yaml::to_string(&case).map_err(|error| error.to_string())?;
    let back: Value = serde_yaml::from_str(&text).map_err(|error| error.to_string())?;
    if back != case {
        return Err("its text cannot be written so that it reads the same".to_owned());
    }
    // What differs from run to run stays out of the name, so that the same failure is kept once.
    let steady = Regex::new("sha256:[0-9a-f]{64}").map_err(|error| error.to_string())?;
    let steady = steady.replace_all(&text, "").replace(&letters(&session.run), "");
    let hash = hex::encode(Sha256::digest(steady.as_bytes()));
    let folder = regressions(session);
    let file = folder.join(format!("{}-{}.yaml", name.replace('_', "-"), &hash[..8]));
    fs::create_dir_all(&folder).and_then(|()| fs::write(&file, text)).map_err(|error| error.to_string())?;
    Ok(file)
}

/// Ids of the documents that the steps may have made, with the run's id as a variable.
fn made(session: &Session, failure: &Failure) -> Vec<String> {
    let ingests = failure.steps.iter().filter(|step| step.request.path() == "/ingest");
    let mut ids: Vec<String> = ingests
        .filter_map(|step| step.body.as_ref()?["documents"].as_array())
        .flatten()
        .filter_map(|document| document["id"].as_str())
        .filter(|id| id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte)))
        .map(|id| id.replace(&session.run, "{{run}}"))
        .collect();
    ids.sort();
    ids.dedup();
    ids
}

/// The beginning of a message, on one line and without what a template would take for a variable.
fn first_line(message: &str) -> String {
    let plain = |c: char| if (' '..='~').contains(&c) { c } else { '?' };
    message.chars().take(300).map(plain).collect::<String>().replace("{{", "{ {")
}
