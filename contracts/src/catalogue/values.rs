//! Values to send: base requests, samples of a schema, and a judge that knows whether a mutated request really is invalid.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::Base;
use crate::{
    Contract,
    model::{Location, Operation, component_name},
};

/// Decides whether a value fits a named schema, so that no case claims what its own contract contradicts.
pub(super) struct Judge {
    validators: HashMap<String, jsonschema::Validator>,
}

impl Judge {
    pub(super) fn new(contract: &Contract) -> Self {
        let mut validators = HashMap::new();
        for operation in &contract.operations {
            let parameters = operation.parameter_schema().map(|_| operation.parameters_type());
            let body = operation.request.as_ref().and_then(|body| component_name(&body.schema)).map(str::to_owned);
            for name in parameters.into_iter().chain(body) {
                let mut document = contract.schema_document();
                document["$ref"] = json!(format!("#/components/schemas/{name}"));
                let options = jsonschema::options().should_validate_formats(true);
                if let Ok(validator) = options.build(&document) {
                    validators.insert(name, validator);
                }
            }
        }
        Self { validators }
    }

    /// Whether `value` fits the schema called `name`; `None` when there is no such schema.
    pub(super) fn fits(&self, name: &str, value: &Value) -> Option<bool> {
        Some(self.validators.get(name)?.is_valid(value))
    }
}

/// The base request of an operation: the example with the most values in it.
pub(super) fn base(contract: &Contract, operation: &Operation) -> Base {
    let body = operation.request.as_ref().and_then(|body| {
        let examples = examples(contract, &body.schema);
        // Our own contract has an example of every body; of another's, a sample must do.
        examples.into_iter().max_by_key(leaves).or_else(|| Some(sample(contract, &body.schema)))
    });
    let required = operation.own_parameters().filter(|p| p.required && p.location == Location::Query);
    let query = required.flat_map(|p| pairs(&p.name, &sample(contract, &p.schema))).collect();
    Base { body, query }
}

/// A query parameter as it is written: a list repeats its name.
fn pairs(name: &str, value: &Value) -> Vec<(String, String)> {
    match value {
        Value::Array(items) => items.iter().map(|item| (name.to_owned(), plain(item))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            vec![(name.to_owned(), plain(value))]
        }
    }
}

/// The examples of a schema, its name followed.
pub(super) fn examples(contract: &Contract, schema: &Value) -> Vec<Value> {
    contract.resolve(schema).get("examples").and_then(Value::as_array).cloned().unwrap_or_default()
}

fn leaves(value: &Value) -> usize {
    match value {
        Value::Object(fields) => fields.values().map(leaves).sum::<usize>() + 1,
        Value::Array(items) => items.iter().map(leaves).sum::<usize>() + 1,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
    }
}

/// A value of the schema: its first example where there is one, else the least that its keywords allow.
pub fn sample(contract: &Contract, schema: &Value) -> Value {
    sample_within(contract, schema, DEEPEST)
}

/// A schema that holds itself is sampled so deep and no deeper.
const DEEPEST: usize = 12;

fn sample_within(contract: &Contract, schema: &Value, depth: usize) -> Value {
    let schema = contract.resolve(schema);
    let Some(depth) = depth.checked_sub(1) else { return Value::Null };
    let sample = |contract: &Contract, schema: &Value| sample_within(contract, schema, depth);
    if let Some(example) = schema.pointer("/examples/0") {
        return example.clone();
    }
    if let Some(value) = schema.get("const").or_else(|| schema.get("default")).or_else(|| schema.pointer("/enum/0")) {
        return value.clone();
    }
    if let Some(branch) = schema.pointer("/anyOf/0").or_else(|| schema.pointer("/oneOf/0")) {
        return sample(contract, branch);
    }
    if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
        return merged(parts.iter().map(|part| sample(contract, part)), object_sample(contract, schema, depth));
    }
    let untyped = || schema.get("properties").map(|_| "object");
    let kind = schema.get("type").and_then(|kind| kind.as_str().or_else(|| kind.pointer("/0")?.as_str()));
    match kind.or_else(untyped) {
        Some("string") => string_sample(schema),
        Some("integer") => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        Some("number") => schema.get("minimum").cloned().unwrap_or_else(|| json!(0.5)),
        Some("boolean") => json!(true),
        Some("array") => {
            let wanted = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0).max(1);
            let item = sample(contract, schema.get("items").unwrap_or(&Value::Bool(true)));
            Value::Array((0..wanted).map(|_| item.clone()).collect())
        }
        Some("object") => object_sample(contract, schema, depth),
        _ => json!("a"),
    }
}

fn string_sample(schema: &Value) -> Value {
    match schema.get("format").and_then(Value::as_str) {
        Some("date") => json!("2026-01-15"),
        Some("date-time") => json!("2026-01-15T09:30:00Z"),
        Some("uuid") => json!("0199c2a4-7d10-7c3e-9b1f-00a1b2c3d4e5"),
        Some("email") => json!("someone@example.com"),
        Some("uri") => json!("https://example.com/"),
        _ => {
            let length = schema.get("minLength").and_then(Value::as_u64).unwrap_or(1).max(1);
            json!("a".repeat(usize::try_from(length).unwrap_or(1)))
        }
    }
}

/// The fields of all parts in one object; a part that is none stands alone.
fn merged(parts: impl Iterator<Item = Value>, own: Value) -> Value {
    let mut all = Map::new();
    for part in parts.chain([own]) {
        match part {
            Value::Object(fields) => all.extend(fields),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => return part,
        }
    }
    Value::Object(all)
}

fn object_sample(contract: &Contract, schema: &Value, depth: usize) -> Value {
    let mut fields = Map::new();
    for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        if let Some(property) = schema.get("properties").and_then(|properties| properties.get(name)) {
            fields.insert(name.to_owned(), sample_within(contract, property, depth));
        }
    }
    Value::Object(fields)
}

/// A scalar as it stands in a query string or a header.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// One way to step over a bound, or to stand exactly on it.
pub(super) struct Edge {
    /// The keyword.
    pub(super) keyword: &'static str,
    /// Whether the value is still allowed.
    pub(super) inside: bool,
    /// The value.
    pub(super) value: EdgeValue,
}

/// A value at an edge, written out or described.
pub(super) enum EdgeValue {
    Plain(Value),
    Text { unit: String, count: u64 },
    Items { item: Value, count: u64 },
}

/// Text of more characters than this is described, not written out.
const WRITTEN_OUT: u64 = 300;

/// The edges of a schema's own keywords.
pub(super) fn edges(contract: &Contract, schema: &Value) -> Vec<Edge> {
    let schema = contract.resolve(schema);
    let mut edges = Vec::new();
    let mut add = |keyword, inside, value| edges.push(Edge { keyword, inside, value });
    let count = |keyword: &str| schema.get(keyword).and_then(Value::as_u64);
    let text = |count: u64| {
        let unit = schema.get("x-fill").and_then(Value::as_str).unwrap_or("a").to_owned();
        if count <= WRITTEN_OUT {
            EdgeValue::Plain(json!(unit.repeat(usize::try_from(count).unwrap_or(0))))
        } else {
            EdgeValue::Text { unit, count }
        }
    };
    if let Some(least) = count("minLength").filter(|least| *least > 0) {
        add("minLength", true, text(least));
        add("minLength", false, text(least - 1));
    }
    if let Some(most) = count("maxLength") {
        add("maxLength", true, text(most));
        add("maxLength", false, text(most + 1));
    }
    if schema.get("pattern").is_some() {
        add("pattern", false, EdgeValue::Plain(json!("\u{7f} not \u{202e}this")));
    }
    if schema.get("enum").is_some() {
        for value in schema.get("enum").and_then(Value::as_array).into_iter().flatten() {
            add("enum", true, EdgeValue::Plain(value.clone()));
        }
        add("enum", false, EdgeValue::Plain(json!("no-such-value")));
    }
    if schema.get("format").and_then(Value::as_str).is_some_and(|format| format != "binary") {
        add("format", false, EdgeValue::Plain(json!("not-of-this-format")));
    }
    numbers(schema, &mut add);
    let item = || sample(contract, schema.get("items").unwrap_or(&Value::Bool(true)));
    if let Some(least) = count("minItems").filter(|least| *least > 0) {
        add("minItems", true, EdgeValue::Items { item: item(), count: least });
        add("minItems", false, EdgeValue::Items { item: item(), count: least - 1 });
    }
    if let Some(most) = count("maxItems") {
        if schema.get("uniqueItems") != Some(&Value::Bool(true)) {
            add("maxItems", true, EdgeValue::Items { item: item(), count: most });
        }
        add("maxItems", false, EdgeValue::Items { item: item(), count: most + 1 });
    }
    if schema.get("uniqueItems") == Some(&Value::Bool(true)) {
        add("uniqueItems", false, EdgeValue::Items { item: item(), count: 2 });
    }
    if schema.get("minProperties").is_some() {
        add("minProperties", false, EdgeValue::Plain(json!({})));
    }
    if let (Some(most), None) = (count("maxProperties"), schema.get("properties")) {
        let additional = schema.get("additionalProperties").unwrap_or(&Value::Bool(true)).clone();
        let value = if additional == Value::Bool(true) { json!(1) } else { sample(contract, &additional) };
        let map = |count: u64| Value::Object((0..count).map(|n| (format!("key{n}"), value.clone())).collect());
        add("maxProperties", true, EdgeValue::Plain(map(most)));
        add("maxProperties", false, EdgeValue::Plain(map(most + 1)));
    }
    edges
}

fn numbers(schema: &Value, add: &mut dyn FnMut(&'static str, bool, EdgeValue)) {
    let whole = schema.get("type").and_then(Value::as_str) == Some("integer");
    for (keyword, sign) in [("minimum", -1), ("maximum", 1)] {
        let Some(bound) = schema.get(keyword) else { continue };
        add(keyword, true, EdgeValue::Plain(bound.clone()));
        let past = match (whole, bound.as_i64(), bound.as_f64()) {
            (true, Some(bound), _) => json!(bound + sign),
            (_, _, Some(bound)) => {
                #[expect(clippy::cast_precision_loss, reason = "the sign is -1 or 1")]
                let step = sign as f64 * (bound.abs() * 0.01).max(0.01);
                json!(bound + step)
            }
            _ => continue,
        };
        add(keyword, false, EdgeValue::Plain(past));
    }
    for (keyword, sign) in [("exclusiveMinimum", 1.0), ("exclusiveMaximum", -1.0)] {
        let Some(bound) = schema.get(keyword).and_then(Value::as_f64) else { continue };
        add(keyword, false, EdgeValue::Plain(json!(bound)));
        let step = if whole { 1.0 } else { (bound.abs() * 0.01).max(0.01) };
        add(keyword, true, EdgeValue::Plain(json!(bound + sign * step)));
    }
}

/// A value of another JSON type than the schema allows, with a word for it.
pub(super) fn wrong_types(schema: &Value) -> Vec<(&'static str, Value)> {
    let allowed: Vec<&str> = match schema.get("type") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ if schema.get("enum").is_some() => vec!["string"],
        _ => return Vec::new(),
    };
    let numeric = allowed.contains(&"integer") || allowed.contains(&"number");
    let mut wrong = Vec::new();
    if !allowed.contains(&"null") {
        wrong.push(("null", Value::Null));
    }
    if allowed.contains(&"string") {
        wrong.push(("number", json!(17)));
        wrong.push(("list", json!(["a"])));
    } else {
        wrong.push(("text", json!("seventeen")));
    }
    if allowed.contains(&"integer") && !allowed.contains(&"number") {
        wrong.push(("fraction", json!(1.5)));
    }
    if numeric || allowed.contains(&"boolean") {
        wrong.push(("object", json!({ "a": 1 })));
    }
    if allowed.contains(&"array") || allowed.contains(&"object") {
        wrong.push(("boolean", json!(true)));
    }
    wrong
}
