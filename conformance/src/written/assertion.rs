//! Assertions on headers and bodies. Each says what was expected and what was found.

use std::cmp::Ordering;

use regex::Regex;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json_path::JsonPath;

use super::template::Variables;

/// Longest value that a message repeats.
const LONGEST: usize = 160;

/// What is asserted of the values at a JSONPath, or of a header's value.
///
/// An assertion on a path holds of all values there; without any value it fails, `absent` and `length` aside.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assertion {
    /// JSONPath; absent in headers.
    #[serde(default)]
    pub path: String,
    /// Equal to this.
    #[serde(default, deserialize_with = "given")]
    pub equals: Option<Value>,
    /// Different from this.
    #[serde(default, deserialize_with = "given")]
    pub not_equals: Option<Value>,
    /// A text that holds this, or a list that holds this value.
    #[serde(default)]
    pub contains: Option<Value>,
    /// A text or list that does not.
    #[serde(default)]
    pub not_contains: Option<Value>,
    /// A text that matches this regular expression.
    #[serde(default)]
    pub matches: Option<String>,
    /// Length of a text, list or object; of the values themselves when the path finds several.
    #[serde(default)]
    pub length: Option<Length>,
    /// Every value is one of these.
    #[serde(default)]
    pub all_in: Option<Vec<Value>>,
    /// Some value is this.
    #[serde(default, deserialize_with = "given")]
    pub any_equals: Option<Value>,
    /// No value is this.
    #[serde(default, deserialize_with = "given")]
    pub none_equals: Option<Value>,
    /// The values never rise.
    #[serde(default)]
    pub descending: Option<bool>,
    /// There is no value.
    #[serde(default)]
    pub absent: Option<bool>,
    /// There is a value.
    #[serde(default)]
    pub present: Option<bool>,
    /// JSON type: string, number, integer, boolean, list, object or null.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// Greater than this.
    #[serde(default)]
    pub greater_than: Option<Value>,
    /// Less than this.
    #[serde(default)]
    pub less_than: Option<Value>,
    /// Every text at the path stands word for word in some text at this other path.
    #[serde(default)]
    pub quote_in: Option<String>,
}

/// An assertion on a header: a word, or an assertion without a path.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum HeaderAssertion {
    /// `absent` or `present`.
    Word(Presence),
    /// Anything else.
    Assertion(Box<Assertion>),
}

/// Whether a header is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// It must not be.
    Absent,
    /// It must be.
    Present,
}

/// Bounds on a length.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Length {
    /// At least.
    #[serde(default)]
    pub min: Option<u64>,
    /// At most.
    #[serde(default)]
    pub max: Option<u64>,
    /// Exactly.
    #[serde(default)]
    pub equals: Option<u64>,
}

/// Tells `equals: null` from no `equals`.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Assertion {
    /// What is wrong with the assertion itself: found when a case is read.
    pub(super) fn faults(&self, in_body: bool) -> Vec<String> {
        let path = |path: &str| JsonPath::parse(path).err().map(|error| format!("`{path}` is no JSONPath: {error}"));
        let mut faults: Vec<String> = Vec::new();
        if in_body {
            faults.extend(path(&self.path));
        }
        faults.extend(self.quote_in.as_deref().and_then(path));
        let templated = |text: &&String| !text.contains("{{");
        let pattern = self.matches.as_ref().filter(templated).and_then(|pattern| Regex::new(pattern).err());
        faults.extend(pattern.map(|error| format!("`matches` is no regular expression: {error}")));
        faults
    }

    /// What does not hold of `body`.
    pub(crate) fn problems(&self, body: &Value) -> Vec<String> {
        let Ok(path) = JsonPath::parse(&self.path) else { return vec![format!("`{}` is no JSONPath", self.path)] };
        let values: Vec<&Value> = path.query(body).all();
        let mut problems = self.of_values(&values);
        if let Some(other) = self.quote_in.as_deref().and_then(|other| JsonPath::parse(other).ok()) {
            let texts: Vec<&str> = other.query(body).all().into_iter().filter_map(Value::as_str).collect();
            let stands =
                |value: &&&Value| !value.as_str().is_some_and(|quote| texts.iter().any(|text| text.contains(quote)));
            problems
                .extend(values.iter().find(stands).map(|quote| format!("{} stands in no text there", short(quote))));
        }
        problems.into_iter().map(|problem| format!("{}: {problem}", self.path)).collect()
    }

    /// What does not hold of the values that were found.
    pub(super) fn of_values(&self, values: &[&Value]) -> Vec<String> {
        let mut problems = Vec::new();
        let absent = self.absent == Some(true) || self.present == Some(false);
        if absent {
            problems.extend(values.first().map(|value| format!("expected nothing there, found {}", short(value))));
            return problems;
        }
        if values.is_empty() {
            let may_be_empty = self.none_equals.is_some()
                || self.not_contains.is_some()
                || self.length.is_some()
                || self.absent == Some(false);
            if self.length.is_some_and(|length| !length.admits(0)) || !may_be_empty {
                problems.push("found nothing there".to_owned());
            }
            return problems;
        }
        if let Some(length) = self.length {
            let found = match values {
                [one] => size(one).unwrap_or(1),
                several => u64::try_from(several.len()).unwrap_or(u64::MAX),
            };
            if !length.admits(found) {
                problems.push(format!("expected a length of {length}, found {found}"));
            }
        }
        if let Some(wanted) = &self.any_equals
            && !values.iter().any(|value| same(value, wanted))
        {
            problems.push(format!("expected {} among them, found {}", short(wanted), list(values)));
        }
        if self.descending == Some(true)
            && values.windows(2).any(|pair| matches!(pair, [a, b] if compare(a, b) == Some(Ordering::Less)))
        {
            problems.push(format!("expected values that never rise, found {}", list(values)));
        }
        let first = values.iter().find_map(|value| self.of_value(value));
        problems.extend(first);
        problems
    }

    fn of_value(&self, value: &Value) -> Option<String> {
        let wrong = |expected: String| Some(format!("expected {expected}, found {}", short(value)));
        if let Some(wanted) = self.equals.as_ref().filter(|wanted| !same(value, wanted)) {
            return wrong(short(wanted));
        }
        if let Some(other) = self.not_equals.as_ref().filter(|other| same(value, other)) {
            return wrong(format!("anything but {}", short(other)));
        }
        if let Some(part) = self.contains.as_ref().filter(|part| !holds(value, part)) {
            return wrong(format!("something that holds {}", short(part)));
        }
        if let Some(part) = self.not_contains.as_ref().filter(|part| holds(value, part)) {
            return wrong(format!("nothing that holds {}", short(part)));
        }
        if let Some(pattern) = &self.matches {
            let fits = Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(&plain(value)));
            if !fits {
                return wrong(format!("a match of `{pattern}`"));
            }
        }
        if let Some(several) = self.all_in.as_ref().filter(|several| !several.iter().any(|one| same(value, one))) {
            return wrong(format!("one of {}", list(&several.iter().collect::<Vec<_>>())));
        }
        if let Some(other) = self.none_equals.as_ref().filter(|other| same(value, other)) {
            return wrong(format!("no {} at all", short(other)));
        }
        if let Some(kind) = self.kind.as_deref().filter(|kind| !is(value, kind)) {
            return wrong(format!("a {kind}"));
        }
        if let Some(bound) = self.greater_than.as_ref().filter(|b| compare(value, b) != Some(Ordering::Greater)) {
            return wrong(format!("more than {}", short(bound)));
        }
        if let Some(bound) = self.less_than.as_ref().filter(|b| compare(value, b) != Some(Ordering::Less)) {
            return wrong(format!("less than {}", short(bound)));
        }
        None
    }
}

impl Assertion {
    /// The assertion with its variables filled in.
    pub(super) fn filled(&self, variables: &Variables<'_>, tenant: &str) -> Result<Self, String> {
        let value = |value: &Option<Value>| value.as_ref().map(|value| variables.json(value, tenant)).transpose();
        let text = |text: &Option<String>| text.as_ref().map(|text| variables.text(text, tenant)).transpose();
        let list = |list: &Option<Vec<Value>>| {
            list.as_ref().map(|list| list.iter().map(|item| variables.json(item, tenant)).collect()).transpose()
        };
        Ok(Self {
            path: variables.text(&self.path, tenant)?,
            equals: value(&self.equals)?,
            not_equals: value(&self.not_equals)?,
            contains: value(&self.contains)?,
            not_contains: value(&self.not_contains)?,
            matches: text(&self.matches)?,
            all_in: list(&self.all_in)?,
            any_equals: value(&self.any_equals)?,
            none_equals: value(&self.none_equals)?,
            greater_than: value(&self.greater_than)?,
            less_than: value(&self.less_than)?,
            ..self.clone()
        })
    }
}

impl HeaderAssertion {
    /// The assertion with its variables filled in.
    pub(super) fn filled(&self, variables: &Variables<'_>, tenant: &str) -> Result<Self, String> {
        Ok(match self {
            Self::Word(word) => Self::Word(*word),
            Self::Assertion(assertion) => Self::Assertion(Box::new(assertion.filled(variables, tenant)?)),
        })
    }

    /// What does not hold of a header's values.
    pub(super) fn problems(&self, values: &[&str]) -> Vec<String> {
        match self {
            Self::Word(Presence::Absent) if values.is_empty() => Vec::new(),
            Self::Word(Presence::Absent) => vec![format!("expected none, found `{}`", values.join(", "))],
            Self::Word(Presence::Present) if values.is_empty() => vec!["is missing".to_owned()],
            Self::Word(Presence::Present) => Vec::new(),
            Self::Assertion(assertion) => {
                let values: Vec<Value> = values.iter().map(|value| Value::from(*value)).collect();
                assertion.of_values(&values.iter().collect::<Vec<_>>())
            }
        }
    }
}

impl Length {
    /// Whether a length of `found` is within them.
    pub(super) fn admits(self, found: u64) -> bool {
        self.min.is_none_or(|min| found >= min)
            && self.max.is_none_or(|max| found <= max)
            && self.equals.is_none_or(|equals| found == equals)
    }
}

impl std::fmt::Display for Length {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.equals, self.min, self.max) {
            (Some(equals), _, _) => write!(f, "{equals}"),
            (None, Some(min), Some(max)) => write!(f, "{min} to {max}"),
            (None, Some(min), None) => write!(f, "at least {min}"),
            (None, None, Some(max)) => write!(f, "at most {max}"),
            (None, None, None) => f.write_str("anything"),
        }
    }
}

/// Equal as JSON, numbers by value; a header's text equals the number that it spells.
fn same(found: &Value, wanted: &Value) -> bool {
    found == wanted
        || match (found, wanted) {
            (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
            (Value::String(text), Value::Number(number)) => text.parse().ok() == number.as_f64(),
            (Value::String(text), Value::Bool(truth)) => text.parse() == Ok(*truth),
            _ => false,
        }
}

fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.parse().ok());
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a.partial_cmp(&b),
        _ => Some(a.as_str()?.cmp(b.as_str()?)),
    }
}

fn holds(value: &Value, part: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(&plain(part)),
        Value::Array(items) => items.iter().any(|item| same(item, part)),
        Value::Object(fields) => part.as_str().is_some_and(|key| fields.contains_key(key)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "list" | "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => false,
    }
}

fn size(value: &Value) -> Option<u64> {
    let size = match value {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) => return None,
    };
    u64::try_from(size).ok()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

fn list(values: &[&Value]) -> String {
    let all: Vec<String> = values.iter().take(20).map(|value| short(value)).collect();
    format!("[{}]", all.join(", "))
}
