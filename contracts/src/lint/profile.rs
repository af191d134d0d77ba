//! The keyword profile: what a schema may say, and what it must say.

use serde_json::Value;

use super::{Finding, finding};
use crate::{model::is_free_map, pointer::join};

/// Every keyword that a schema may use; extensions that start with `x-` come on top. The profile leaves out what the
/// generator would have to guess at or what the served document's model cannot hold.
pub const KEYWORDS: [&str; 28] = [
    "$ref",
    "$schema",
    "additionalProperties",
    "anyOf",
    "default",
    "deprecated",
    "description",
    "enum",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "pattern",
    "properties",
    "propertyNames",
    "required",
    "title",
    "type",
    "uniqueItems",
];

/// Formats whose strings are bounded by themselves.
const BOUNDED_FORMATS: [&str; 4] = ["date", "date-time", "uuid", "binary"];

/// Checks a named schema: the profile, and that it is described, exemplified and bounded.
pub(super) fn named(file: &str, pointer: &str, schema: &Value, findings: &mut Vec<Finding>) {
    if schema.get("description").and_then(Value::as_str).is_none_or(str::is_empty) {
        findings.push(finding(file, pointer, "a named schema needs a `description`"));
    }
    if schema.get("examples").and_then(Value::as_array).is_none_or(|examples| examples.len() < 2) {
        findings.push(finding(file, pointer, "a named schema needs at least two `examples`, one of them at an edge"));
    }
    visit(file, pointer, schema, findings);
}

/// Checks every schema of parameters, headers and bodies in a document.
pub(super) fn everywhere(file: &str, value: &Value, pointer: &str, findings: &mut Vec<Finding>) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                let place = join(pointer, key);
                match key.as_str() {
                    "schema" => visit(file, &place, field, findings),
                    "schemas" | "examples" => {}
                    _ => everywhere(file, field, &place, findings),
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                everywhere(file, item, &join(pointer, &index.to_string()), findings);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn visit(file: &str, pointer: &str, schema: &Value, findings: &mut Vec<Finding>) {
    let Some(fields) = schema.as_object() else { return };
    for keyword in fields.keys() {
        if !KEYWORDS.contains(&keyword.as_str()) && !keyword.starts_with("x-") {
            let message = format!("keyword `{keyword}` is outside the profile; allowed are {}", KEYWORDS.join(", "));
            findings.push(finding(file, &join(pointer, keyword), message));
        }
    }
    if fields.contains_key("$ref") {
        if let Some(extra) = fields.keys().find(|key| *key != "$ref" && *key != "description") {
            let message = "a `$ref` may have a `description` beside it and nothing else";
            findings.push(finding(file, &join(pointer, extra), message));
        }
        return;
    }
    bounds(file, pointer, schema, findings);
    if let Some(properties) = fields.get("properties").and_then(Value::as_object) {
        if fields.get("additionalProperties") != Some(&Value::Bool(false)) {
            findings.push(finding(file, pointer, "an object with `properties` needs `additionalProperties: false`"));
        }
        for (name, property) in properties {
            let place = join(&join(pointer, "properties"), name);
            if property.get("description").and_then(Value::as_str).is_none_or(str::is_empty) {
                findings.push(finding(file, &place, "a property needs a `description` with its meaning and unit"));
            }
            if property.get("properties").is_some() {
                findings.push(finding(
                    file,
                    &place,
                    "an object inside a property needs a name: make it a schema and refer to it",
                ));
            }
            visit(file, &place, property, findings);
        }
        for name in fields.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            if !properties.contains_key(name) {
                let message = format!("`{name}` is required but is not a property");
                findings.push(finding(file, &join(pointer, "required"), message));
            }
        }
    }
    for keyword in ["items", "additionalProperties", "propertyNames"] {
        if let Some(inner) = fields.get(keyword) {
            visit(file, &join(pointer, keyword), inner, findings);
        }
    }
    for (index, branch) in fields.get("anyOf").and_then(Value::as_array).into_iter().flatten().enumerate() {
        visit(file, &join(&join(pointer, "anyOf"), &index.to_string()), branch, findings);
    }
}

fn bounds(file: &str, pointer: &str, schema: &Value, findings: &mut Vec<Finding>) {
    let has = |keyword: &str| schema.get(keyword).is_some();
    let mut need = |missing: bool, message: &str| {
        if missing {
            findings.push(finding(file, pointer, message));
        }
    };
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => {
            let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
            let bounded = has("maxLength") || has("enum") || BOUNDED_FORMATS.contains(&format);
            need(!bounded, "a string needs `maxLength` (or an `enum`, or a bounded `format`)");
        }
        Some("integer" | "number") => {
            let bounded = (has("minimum") || has("exclusiveMinimum")) && (has("maximum") || has("exclusiveMaximum"));
            need(!bounded && !has("enum"), "a number needs `minimum` and `maximum`");
        }
        Some("array") => need(!has("maxItems") || !has("items"), "a list needs `items` and `maxItems`"),
        Some("object") => {
            need(is_free_map(schema) && !has("maxProperties"), "a free map needs `maxProperties`");
            need(
                !has("properties") && !has("additionalProperties"),
                "an object needs `properties` or `additionalProperties`",
            );
        }
        Some("boolean" | "null") | None => {}
        Some(_) => need(true, "`type` must be string, integer, number, boolean, array, object or null"),
    }
}
