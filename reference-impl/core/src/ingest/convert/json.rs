//! JSON records: scalars become lines of `key: value`, objects and lists of objects become headings with lines below.

use serde_json::{Map, Value};

use super::{BlockKind, Builder, ConvertError, Extracted};

/// Keys whose value names the record that holds them, best first.
const NAMES: [&str; 5] = ["title", "name", "id", "code", "key"];

pub(super) fn extract(content: &str) -> Result<Extracted, ConvertError> {
    let value: Value = serde_json::from_str(content)
        .map_err(|error| ConvertError::InvalidJson { line: error.line(), column: error.column() })?;
    let mut builder = Builder::default();
    // serde_json refuses nesting beyond 128, so recursion is bounded.
    walk(&mut builder, None, &value, 1);
    Ok(builder.finish())
}

fn walk(builder: &mut Builder, key: Option<&str>, value: &Value, level: u8) {
    match value {
        Value::Object(map) => object(builder, map, level),
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            for (index, item) in items.iter().enumerate() {
                let heading = item
                    .as_object()
                    .and_then(name)
                    .unwrap_or_else(|| format!("{} {}", key.unwrap_or("record"), index + 1));
                builder.push(BlockKind::Heading(level), &heading);
                walk(builder, None, item, level.saturating_add(1));
            }
        }
        Value::Array(_) | Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {
            line(builder, key, value);
        }
    }
}

/// Plain values first, so that they stand below the heading of their own object.
fn object(builder: &mut Builder, map: &Map<String, Value>, level: u8) {
    let nested = |value: &Value| match value {
        Value::Object(_) => true,
        Value::Array(items) => items.iter().any(|item| item.is_object() || item.is_array()),
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => false,
    };
    for (key, value) in map.iter().filter(|(_, value)| !nested(value)) {
        line(builder, Some(key), value);
    }
    for (key, value) in map.iter().filter(|(_, value)| nested(value)) {
        builder.push(BlockKind::Heading(level), key);
        walk(builder, Some(key), value, level.saturating_add(1));
    }
}

fn line(builder: &mut Builder, key: Option<&str>, value: &Value) {
    let text = scalar(value);
    match key {
        Some(key) => builder.push(BlockKind::Item, &format!("{key}: {text}")),
        None => builder.push(BlockKind::Item, &text),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Array(items) => items.iter().map(scalar).collect::<Vec<_>>().join(", "),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

fn name(map: &Map<String, Value>) -> Option<String> {
    NAMES.iter().find_map(|key| match map.get(*key) {
        Some(Value::String(text)) if !text.trim().is_empty() => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    })
}
