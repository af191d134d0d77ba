//! Variables in written cases: `{{run}}`, `{{case}}`, `{{now}}` (seconds since 1970), captures, `{{canary.<tenant>.<store>}}`, `{{limit.<name>}}`,
//! `{{time.<name>}}`, `{{tenant.main}}`, `{{tenant.foreign}}` and `{{key.<tenant>.<name>}}`.

use std::collections::{BTreeMap, BTreeSet};

use harness::client::Exchange;
use serde_json::{Map, Value};

use crate::session::{Session, Turn};

/// What variables stand for in one case.
pub(super) struct Variables<'a> {
    pub(super) session: &'a Session,
    /// Name of the case.
    pub(super) case: String,
    /// What earlier steps captured.
    pub(super) captured: BTreeMap<String, Value>,
    /// The last answer of each step so far, by the step's name.
    pub(super) answers: BTreeMap<String, Exchange>,
    /// The tenants that the case acts for.
    pub(super) tenants: BTreeSet<String>,
    /// The right to send, given back while the case waits for time to pass.
    pub(super) turn: Option<Turn<'a>>,
}

impl Variables<'_> {
    /// `text` with every variable filled in; `tenant` is the step's, whose limits and times are meant.
    pub(super) fn text(&self, text: &str, tenant: &str) -> Result<String, String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) =
                after.split_once("}}").ok_or_else(|| format!("`{text}` has a `{{{{` without its `}}}}`"))?;
            out.push_str(before);
            let value = self.value(name.trim(), tenant)?;
            out.push_str(&value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            rest = after;
        }
        Ok(out + rest)
    }

    /// `value` with every variable in its texts filled in. A text that is one variable alone becomes its value, type and all.
    pub(super) fn json(&self, value: &Value, tenant: &str) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) => match text.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")) {
                Some(name) if !name.contains("{{") => self.value(name.trim(), tenant)?,
                _ => Value::from(self.text(text, tenant)?),
            },
            Value::Array(items) => {
                Value::Array(items.iter().map(|item| self.json(item, tenant)).collect::<Result<_, _>>()?)
            }
            Value::Object(fields) => {
                let mut filled = Map::new();
                for (key, value) in fields {
                    filled.insert(self.text(key, tenant)?, self.json(value, tenant)?);
                }
                Value::Object(filled)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        })
    }

    fn value(&self, name: &str, tenant: &str) -> Result<Value, String> {
        let session = self.session;
        let unknown = || format!("nothing is called `{{{{{name}}}}}` here");
        if let Some(value) = self.captured.get(name) {
            return Ok(value.clone());
        }
        // `limit.query_chars+1`: what lies just past a bound.
        if let Some(at) = name.rfind(['+', '*', '-'])
            && let Ok(number) = name[at + 1..].trim().parse::<u64>()
            && let Ok(left) = self.value(name[..at].trim(), tenant)
        {
            // A captured header is a text that spells its number.
            let left = left.as_u64().or_else(|| left.as_str()?.parse().ok()).ok_or_else(unknown)?;
            return Ok(Value::from(match &name[at..=at] {
                "+" => left + number,
                "-" => left.saturating_sub(number),
                _ => left * number,
            }));
        }
        if let Some((text, count)) = name.strip_prefix("repeat ").and_then(|rest| rest.rsplit_once(' ')) {
            let count = self.value(count, tenant).ok().and_then(|value| value.as_u64()).or_else(|| count.parse().ok());
            let count = usize::try_from(count.ok_or_else(unknown)?).unwrap_or(0);
            return Ok(Value::from(text.trim_matches('"').repeat(count)));
        }
        let mut parts = name.splitn(3, '.');
        let found = match (parts.next().unwrap_or_default(), parts.next(), parts.next()) {
            ("run", None, None) => Some(Value::from(session.run.clone())),
            ("now", None, None) => Some(Value::from(unix_seconds())),
            ("case", None, None) => Some(Value::from(self.case.clone())),
            ("tenant", Some("main"), None) => Some(Value::from(session.main_tenant())),
            ("tenant", Some("foreign"), None) => session.foreign_tenant().map(Value::from),
            ("canary", Some(tenant), Some(store)) => session.scanner.canary(tenant, store).map(Value::from),
            ("key", Some(tenant), Some(key)) => {
                session.profile.credential(tenant, key).map(|credential| Value::from(credential.secret.expose()))
            }
            (group @ ("limit" | "time"), Some(item), None) => {
                session.facts.get(tenant).and_then(|facts| facts.number(group, item)).map(Value::from)
            }
            _ => None,
        };
        found.ok_or_else(unknown)
    }
}

/// Now, in seconds since 1970.
pub(super) fn unix_seconds() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
