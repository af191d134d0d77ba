//! What may differ between two spellings of one schema, and nothing else.

use serde_json::{Number, Value};

/// Removes the differences of spelling:
///
/// - `format: int64 | uint64 | double` says how Rust holds a number, not what the contract allows;
/// - `1.0` and `1` are one number;
/// - the order of `required` and of keys has no meaning;
/// - line breaks in descriptions have no meaning.
pub(crate) fn normal(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(keyword, value)| {
                let machine = matches!(value.as_str(), Some("int64" | "uint64" | "double"));
                !(keyword.as_str() == "format" && machine) && keyword.as_str() != "$schema"
            });
            Value::Object(
                kept.map(|(keyword, value)| {
                    let value = match keyword.as_str() {
                        "required" if value.is_array() => sorted(value),
                        "description" if value.is_string() => Value::String(words(value)),
                        "examples" => numbers(value),
                        _ => normal(value),
                    };
                    (keyword.clone(), value)
                })
                .collect(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(normal).collect()),
        Value::Number(_) | Value::Null | Value::Bool(_) | Value::String(_) => numbers(schema),
    }
}

fn numbers(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(whole(number)),
        Value::Array(items) => Value::Array(items.iter().map(numbers).collect()),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(key, value)| (key.clone(), numbers(value))).collect())
        }
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

fn sorted(list: &Value) -> Value {
    let mut names: Vec<String> =
        list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    names.sort();
    names.into_iter().map(Value::String).collect()
}

fn words(text: &Value) -> String {
    text.as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}
