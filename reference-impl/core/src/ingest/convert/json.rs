//! JSON records: scalars become lines of `key: value`, objects and lists of objects become headings with lines below.

use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::{BlockKind, Builder, ConvertError, Extracted};

/// Keys whose value names the record that holds them, best first.
const NAMES: [&str; 5] = ["title", "name", "id", "code", "key"];

pub(super) fn extract(content: &str) -> Result<Extracted, ConvertError> {
    // Looked through before anything is built of it, so that a fault is reported at its place in what was sent.
    serde_json::from_str::<IgnoredAny>(content).map_err(|error| refusal(&error))?;
    let value: Value = serde_json::from_str(&with_numbers_as_texts(content)).map_err(|error| refusal(&error))?;
    let mut builder = Builder::default();
    // serde_json refuses nesting beyond 127, so recursion is bounded.
    walk(&mut builder, None, &value, 1);
    Ok(builder.finish())
}

fn refusal(error: &serde_json::Error) -> ConvertError {
    if error.to_string().starts_with("recursion limit exceeded") {
        ConvertError::JsonDepth
    } else {
        ConvertError::InvalidJson { line: error.line(), column: error.column() }
    }
}

/// Valid JSON with each number in quotes: as a number it would lose digits beyond a double's, and zeros at its end.
fn with_numbers_as_texts(content: &str) -> String {
    let mut out = String::with_capacity(content.len() + content.len() / 4);
    let (mut from, mut quoted, mut escaped, mut number) = (0, false, false, false);
    for (at, byte) in content.bytes().enumerate() {
        let part = !quoted && matches!(byte, b'-' | b'+' | b'.' | b'0'..=b'9' | b'e' | b'E');
        // `e` alone stands in `true` and `false` as well.
        let begins = part && !number && matches!(byte, b'-' | b'0'..=b'9');
        if begins || (number && !part) {
            out.push_str(&content[from..at]);
            out.push('"');
            from = at;
            number = begins;
        }
        if quoted && !escaped && byte == b'"' {
            quoted = false;
        } else if !quoted && byte == b'"' {
            quoted = true;
        }
        escaped = quoted && !escaped && byte == b'\\';
    }
    out.push_str(&content[from..]);
    if number {
        out.push('"');
    }
    out
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
