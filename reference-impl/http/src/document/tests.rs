//! The way back: what the reference serves equals the contract that people wrote, keyword by keyword.

use serde_json::{Number, Value};

use super::document;

/// Removes differences of spelling that mean nothing: how Rust holds a number, `1.0` for `1`, the order of lists that are
/// sets, line breaks in prose, and a title or default that only repeats what is said elsewhere.
fn normal(key: &str, value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .filter(|(key, value)| {
                    !(*key == "format" && matches!(value.as_str(), Some("int64" | "uint64" | "double")))
                })
                .filter(|(key, value)| !(*key == "required" && **value == Value::Bool(false)))
                .map(|(key, value)| (key.clone(), normal(key, value)))
                .collect(),
        ),
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(|item| normal("", item)).collect();
            if ["required", "parameters", "tags"].contains(&key) {
                items.sort_by_key(ToString::to_string);
            }
            Value::Array(items)
        }
        Value::String(text) if ["description", "summary"].contains(&key) => {
            Value::String(text.split_whitespace().collect::<Vec<_>>().join(" "))
        }
        Value::Number(number) => Value::Number(whole(number)),
        Value::Null | Value::Bool(_) | Value::String(_) => value.clone(),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "only whole numbers within the range of doubles' integers")]
fn whole(number: &Number) -> Number {
    match number.as_f64() {
        Some(value) if value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0 => Number::from(value as i64),
        _ => number.clone(),
    }
}

fn compare(place: &str, wanted: &Value, served: &Value, differences: &mut Vec<String>) {
    match (wanted, served) {
        (Value::Object(a), Value::Object(b)) => {
            let absent = Value::String("(absent)".to_owned());
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                let (left, right) = (a.get(key).unwrap_or(&absent), b.get(key).unwrap_or(&absent));
                compare(&format!("{place}/{}", key.replace('/', "~1")), left, right, differences);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (left, right)) in a.iter().zip(b).enumerate() {
                compare(&format!("{place}/{index}"), left, right, differences);
            }
        }
        _ if wanted == served => {}
        _ => {
            let short = |value: &Value| value.to_string().chars().take(160).collect::<String>();
            differences.push(format!(
                "{place}: the contract says {}, the reference serves {}",
                short(wanted),
                short(served)
            ));
        }
    }
}

#[test]
fn serves_the_contract_that_people_wrote() {
    let contract: Value = serde_json::from_str(contract_types::OPENAPI).unwrap();
    let mut differences = Vec::new();
    compare("", &normal("", &contract), &normal("", &document()), &mut differences);
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}
