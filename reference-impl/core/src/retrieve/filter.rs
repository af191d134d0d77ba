//! Metadata filters, with Vectorize's meaning.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use crate::ports::{FILTER_BYTES, FILTERED_BYTES};
use crate::sabotage::{self, Sabotage};

/// Most conditions in one filter.
const MAX_KEYS: usize = 32;
/// Most values in one list.
const MAX_VALUES: usize = 100;

/// Why a filter is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FilterError {
    /// JSON pointer to the part, from the request's root.
    pub pointer: String,
    /// Keyword that the part breaks, as JSON Schema names it.
    pub keyword: &'static str,
    /// What was expected.
    pub message: String,
}

/// A parsed filter: every condition must hold. The default holds for everything.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Filter {
    conditions: Vec<Condition>,
}

#[derive(Debug, Clone, PartialEq)]
struct Condition {
    path: Vec<String>,
    test: Test,
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    Equal(Value),
    NotEqual(Value),
    In(Vec<Value>),
    NotIn(Vec<Value>),
    Order(Bound, Value),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Filter {
    /// Parses the `filter` of a request: a map of keys (dots step into nested maps) to a scalar or to operators.
    ///
    /// # Errors
    ///
    /// [`FilterError`] for an unknown operator, an empty condition, a value of a wrong type, or too many of anything.
    pub fn parse(filter: &Map<String, Value>) -> Result<Self, FilterError> {
        if filter.len() > MAX_KEYS {
            return Err(error("", "maxProperties", format!("a filter has at most {MAX_KEYS} keys")));
        }
        let mut conditions = Vec::new();
        for (key, value) in filter {
            let at = escape(key);
            if key.starts_with('$') {
                return Err(error(&format!("/{at}"), "pattern", "expected a metadata key, not an operator".to_owned()));
            }
            let path: Vec<String> = if sabotage::on(Sabotage::FilterDotsNotFollowed) {
                vec![key.clone()]
            } else {
                key.split('.').map(str::to_owned).collect()
            };
            match value {
                Value::Object(operators) if operators.is_empty() => {
                    return Err(error(&format!("/{at}"), "minProperties", "expected at least one operator".to_owned()));
                }
                Value::Object(operators) => {
                    for (operator, operand) in operators {
                        let pointer = format!("/{at}/{}", escape(operator));
                        conditions.push(Condition { path: path.clone(), test: test(operator, operand, &pointer)? });
                    }
                }
                Value::Array(_) | Value::Null => return Err(error(&format!("/{at}"), "type", scalar_expected())),
                Value::String(_) | Value::Number(_) | Value::Bool(_) => {
                    conditions.push(Condition { path, test: Test::Equal(value.clone()) });
                }
            }
        }
        Ok(Self { conditions })
    }

    /// Whether it holds for everything.
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// Whether a document's metadata pass.
    pub fn matches(&self, metadata: &Value) -> bool {
        let holds = |condition: &Condition| condition.test.holds(look_up(metadata, &condition.path));
        if sabotage::on(Sabotage::FilterIgnored) {
            return true;
        }
        if sabotage::on(Sabotage::FilterOneConditionSuffices) {
            return self.conditions.is_empty() || self.conditions.iter().any(holds);
        }
        self.conditions.iter().all(holds)
    }

    /// The tenant that the filter seems to name, for the flaw of obeying it.
    #[cfg(feature = "sabotage")]
    pub(crate) fn namespace(&self) -> Option<&str> {
        self.conditions.iter().find_map(|condition| match (&condition.test, condition.path.as_slice()) {
            (Test::Equal(Value::String(value)), [key])
                if ["tenant", "tenant_id", "namespace"].contains(&key.as_str()) =>
            {
                Some(value.as_str())
            }
            _ => None,
        })
    }

    /// The part of the filter that an index over `keys` can compare, as JSON in the contract's form; `None` where there is none.
    /// Whatever passes the filter passes this part as well.
    pub(crate) fn pushed(&self, keys: &[String]) -> Option<Map<String, Value>> {
        let mut pushed: Map<String, Value> = Map::new();
        for condition in &self.conditions {
            let [key] = condition.path.as_slice() else { continue };
            let Some((operator, operand)) = condition.test.pushed().filter(|_| keys.contains(key)) else { continue };
            let operators = pushed.entry(key.clone()).or_insert_with(|| Value::Object(Map::new()));
            if let Some(operators) = operators.as_object_mut() {
                operators.insert(operator.to_owned(), operand);
            }
        }
        let length = serde_json::to_string(&pushed).map_or(usize::MAX, |text| text.len());
        (!pushed.is_empty() && length < FILTER_BYTES).then_some(pushed)
    }

    /// A text that is equal for filters that mean the same whatever the order of their keys; part of cache keys.
    pub fn canonical(&self) -> String {
        let mut parts: Vec<String> =
            self.conditions.iter().map(|it| format!("{:?} {}", it.path, it.test.canonical())).collect();
        parts.sort();
        parts.join("\n")
    }
}

fn test(operator: &str, operand: &Value, pointer: &str) -> Result<Test, FilterError> {
    let order = |bound| match operand {
        Value::String(_) | Value::Number(_) => Ok(Test::Order(bound, operand.clone())),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            Err(error(pointer, "type", format!("`{operator}` compares strings or numbers")))
        }
    };
    match operator {
        "$eq" => scalar(operand, pointer).map(Test::Equal),
        "$ne" => scalar(operand, pointer).map(Test::NotEqual),
        "$in" => list(operand, pointer).map(Test::In),
        "$nin" => list(operand, pointer).map(Test::NotIn),
        "$lt" => order(Bound::Less),
        "$lte" => order(Bound::LessOrEqual),
        "$gt" => order(Bound::Greater),
        "$gte" => order(Bound::GreaterOrEqual),
        _ => Err(error(
            pointer,
            "additionalProperties",
            "unknown operator; expected one of $eq $ne $in $nin $lt $lte $gt $gte".to_owned(),
        )),
    }
}

fn scalar(operand: &Value, pointer: &str) -> Result<Value, FilterError> {
    if operand.is_array() || operand.is_object() {
        return Err(error(pointer, "type", scalar_expected()));
    }
    Ok(operand.clone())
}

fn list(operand: &Value, pointer: &str) -> Result<Vec<Value>, FilterError> {
    let values = operand.as_array().ok_or_else(|| error(pointer, "type", "expected a list of values".to_owned()))?;
    if values.is_empty() || values.len() > MAX_VALUES {
        let keyword = if values.is_empty() { "minItems" } else { "maxItems" };
        return Err(error(pointer, keyword, format!("expected 1 to {MAX_VALUES} values")));
    }
    values.iter().enumerate().map(|(index, value)| scalar(value, &format!("{pointer}/{index}"))).collect()
}

fn scalar_expected() -> String {
    "expected a string, a number or a boolean".to_owned()
}

fn error(pointer: &str, keyword: &'static str, message: String) -> FilterError {
    FilterError { pointer: format!("/filter{pointer}"), keyword, message }
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn look_up<'a>(metadata: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(metadata, |value, key| value.get(key.as_str()))
}

impl Test {
    /// Operator and operand for an index that compares scalars and the beginnings of strings. What a missing key passes is left
    /// out, and so are orders of strings, of which it may hold a part alone.
    fn pushed(&self) -> Option<(&'static str, Value)> {
        let compared = |value: &Value| match value {
            Value::String(text) => text.len() <= FILTERED_BYTES,
            Value::Number(_) | Value::Bool(_) => true,
            Value::Null | Value::Array(_) | Value::Object(_) => false,
        };
        match self {
            Self::Equal(operand) => compared(operand).then(|| ("$eq", operand.clone())),
            Self::In(operands) => operands.iter().all(compared).then(|| ("$in", Value::from(operands.clone()))),
            Self::Order(bound, operand @ Value::Number(_)) => Some((
                match bound {
                    Bound::Less => "$lt",
                    Bound::LessOrEqual => "$lte",
                    Bound::Greater => "$gt",
                    Bound::GreaterOrEqual => "$gte",
                },
                operand.clone(),
            )),
            Self::NotEqual(_) | Self::NotIn(_) | Self::Order(..) => None,
        }
    }

    /// A key that is missing passes only where something is excluded.
    fn holds(&self, value: Option<&Value>) -> bool {
        match self {
            Self::Equal(operand) => value.is_some_and(|value| equal(value, operand)),
            Self::NotEqual(_) if value.is_none() && sabotage::on(Sabotage::FilterNeDropsMissing) => false,
            Self::NotEqual(operand) => !value.is_some_and(|value| equal(value, operand)),
            Self::In(operands) if sabotage::on(Sabotage::FilterInTakesTheFirst) => {
                value.is_some_and(|value| operands.iter().take(1).any(|operand| equal(value, operand)))
            }
            Self::In(operands) => value.is_some_and(|value| operands.iter().any(|operand| equal(value, operand))),
            Self::NotIn(_) if sabotage::on(Sabotage::FilterNinIgnored) => true,
            Self::NotIn(operands) => !value.is_some_and(|value| operands.iter().any(|operand| equal(value, operand))),
            Self::Order(Bound::Less | Bound::LessOrEqual, _)
                if value.is_none() && sabotage::on(Sabotage::FilterMissingMatchesComparisons) =>
            {
                true
            }
            Self::Order(bound, operand) => {
                let bound = match bound {
                    Bound::Less if sabotage::on(Sabotage::FilterBoundsInclusive) => &Bound::LessOrEqual,
                    Bound::Greater if sabotage::on(Sabotage::FilterBoundsInclusive) => &Bound::GreaterOrEqual,
                    Bound::Less | Bound::LessOrEqual | Bound::Greater | Bound::GreaterOrEqual => bound,
                };
                if sabotage::on(Sabotage::FilterNumbersAsText)
                    && let (Some(Value::Number(one)), Value::Number(other)) = (value, operand)
                {
                    let text = |number: &serde_json::Number| Value::from(number.to_string());
                    return Self::Order(*bound, text(other)).holds(Some(&text(one)));
                }
                value.and_then(|value| compare(value, operand)).is_some_and(|order| match bound {
                    Bound::Less => order == Ordering::Less,
                    Bound::LessOrEqual => order != Ordering::Greater,
                    Bound::Greater => order == Ordering::Greater,
                    Bound::GreaterOrEqual => order != Ordering::Less,
                })
            }
        }
    }

    fn canonical(&self) -> String {
        let sorted = |values: &[Value]| {
            let mut texts: Vec<String> = values.iter().map(Value::to_string).collect();
            texts.sort();
            texts.join(",")
        };
        match self {
            Self::Equal(value) => format!("= {value}"),
            Self::NotEqual(value) => format!("!= {value}"),
            Self::In(values) => format!("in {}", sorted(values)),
            Self::NotIn(values) => format!("not in {}", sorted(values)),
            Self::Order(bound, value) => format!("{bound:?} {value}"),
        }
    }
}

/// Equality of scalars of the same type; `1` and `1.0` are the same number.
fn equal(value: &Value, operand: &Value) -> bool {
    if let (Value::String(one), Value::String(other)) = (value, operand) {
        if sabotage::on(Sabotage::FilterCaseInsensitive) {
            return one.to_lowercase() == other.to_lowercase();
        }
        if sabotage::on(Sabotage::ValuesComparedByTheirBeginning) {
            return one.bytes().take(64).eq(other.bytes().take(64));
        }
    }
    if sabotage::on(Sabotage::FilterNumbersEqualStrings)
        && let (Value::Number(number), Value::String(text)) | (Value::String(text), Value::Number(number)) =
            (value, operand)
    {
        return number.as_f64().is_some_and(|number| text.parse() == Ok(number));
    }
    match (value, operand) {
        (Value::Bool(one), Value::Bool(other)) => one == other,
        (Value::Null, Value::Null) => true,
        _ => compare(value, operand) == Some(Ordering::Equal),
    }
}

/// Order of two strings (by code point) or two numbers; `None` for anything else.
fn compare(value: &Value, operand: &Value) -> Option<Ordering> {
    match (value, operand) {
        (Value::String(one), Value::String(other)) => Some(one.as_str().cmp(other)),
        (Value::Number(one), Value::Number(other)) => {
            // Integers compare exactly, also where a double could not tell them apart.
            if let (Some(one), Some(other)) = (one.as_i64(), other.as_i64()) {
                return Some(one.cmp(&other));
            }
            one.as_f64()?.partial_cmp(&other.as_f64()?)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(filter: &Value) -> Result<Filter, FilterError> {
        Filter::parse(filter.as_object().unwrap())
    }

    #[test]
    fn matches_as_vectorize_does() {
        let metadata = json!({
            "area": "billing", "version": 3, "public": true, "score": 0.5, "product": {"line": "cargo"}, "none": null,
            "tags": ["a", "b"], "big": 9_007_199_254_740_991_i64, "tenant": "x", "empty": ""
        });
        let cases = [
            (json!({}), true),
            (json!({"area": "billing"}), true),
            (json!({"area": "Billing"}), false),
            (json!({"area": "billing", "version": 4}), false),
            (json!({"version": {"$eq": 3.0}}), true),
            (json!({"version": "3"}), false),
            (json!({"public": true}), true),
            (json!({"public": 1}), false),
            (json!({"public": "true"}), false),
            (json!({"product.line": "cargo"}), true),
            (json!({"product.model": "cargo"}), false),
            (json!({"area.deep": "billing"}), false),
            (json!({"product": {"$ne": "cargo"}}), true),
            (json!({"missing": {"$eq": null}}), false),
            (json!({"none": {"$eq": null}}), true),
            (json!({"none": {"$ne": null}}), false),
            (json!({"missing": {"$ne": "x"}}), true),
            (json!({"missing": {"$nin": ["x"]}}), true),
            (json!({"missing": {"$in": ["x"]}}), false),
            (json!({"missing": {"$lt": 1}}), false),
            (json!({"area": {"$in": ["a", "billing"]}}), true),
            (json!({"area": {"$nin": ["a", "billing"]}}), false),
            (json!({"version": {"$gt": 2, "$lt": 4}}), true),
            (json!({"version": {"$gte": 3, "$lte": 3}}), true),
            (json!({"version": {"$gt": 3}}), false),
            (json!({"version": {"$lt": "4"}}), false),
            (json!({"area": {"$gt": "bil", "$lt": "bim"}}), true),
            (json!({"big": 9_007_199_254_740_992_i64}), false),
            (json!({"tags": "a"}), false),
            (json!({"empty": ""}), true),
            (json!({"tenant": "x"}), true),
        ];
        for (filter, expected) in cases {
            assert_eq!(parse(&filter).unwrap().matches(&metadata), expected, "{filter}");
        }
    }

    #[test]
    fn refuses_what_it_does_not_understand() {
        let cases = [
            (json!({"a": {"$regex": "x"}}), "/filter/a/$regex", "additionalProperties"),
            (json!({"a": {"eq": "x"}}), "/filter/a/eq", "additionalProperties"),
            (json!({"a": {}}), "/filter/a", "minProperties"),
            (json!({"$or": [{"a": 1}]}), "/filter/$or", "pattern"),
            (json!({"a": ["x"]}), "/filter/a", "type"),
            (json!({"a": {"$in": "x"}}), "/filter/a/$in", "type"),
            (json!({"a": {"$in": []}}), "/filter/a/$in", "minItems"),
            (json!({"a": {"$in": [["x"]]}}), "/filter/a/$in/0", "type"),
            (json!({"a": {"$eq": {"b": 1}}}), "/filter/a/$eq", "type"),
            (json!({"a/b": {"$lt": true}}), "/filter/a~1b/$lt", "type"),
        ];
        for (filter, pointer, keyword) in cases {
            let error = parse(&filter).unwrap_err();
            assert_eq!((error.pointer.as_str(), error.keyword), (pointer, keyword), "{filter}");
        }
    }

    #[test]
    fn has_one_canonical_form_for_one_meaning() {
        let one = parse(&json!({"a": 1, "b": {"$in": ["x", "y"]}})).unwrap();
        let other = parse(&json!({"b": {"$in": ["y", "x"]}, "a": {"$eq": 1}})).unwrap();
        assert_eq!(one.canonical(), other.canonical());
        assert_ne!(one.canonical(), parse(&json!({"a": "1", "b": {"$in": ["x", "y"]}})).unwrap().canonical());
    }
}
