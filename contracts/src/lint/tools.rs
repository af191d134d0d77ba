//! Declarations of tools: what their schemas may not do, and that their examples fit.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Finding, finding};
use crate::{
    Contract,
    model::{Tool, tool::DESCRIPTOR},
    pointer::join,
};

/// Largest schema in bytes of compact JSON.
const SCHEMA_BYTES: usize = 32 * 1024;
/// Deepest nesting of a schema's JSON.
const SCHEMA_DEPTH: usize = 32;
/// Names that a path of the contract takes already.
const RESERVED: [&str; 2] = ["execute", "unknown"];

pub(super) fn check(contract: &Contract, findings: &mut Vec<Finding>) {
    let mut names = BTreeSet::new();
    for tool in &contract.tools {
        if !names.insert(tool.name.as_str()) {
            findings.push(finding(&tool.file, "/name", format!("another file declares `{}` as well", tool.name)));
        }
        if RESERVED.contains(&tool.name.as_str()) {
            findings.push(finding(&tool.file, "/name", format!("`{}` has a meaning of its own", tool.name)));
        }
        if tool.file != format!("tools/{}.yaml", tool.name) {
            findings.push(finding(&tool.file, "/name", "the file must have the name of its tool"));
        }
        for key in tool.declared.keys() {
            if !DESCRIPTOR.contains(&key.as_str()) && key != "examples" {
                findings.push(finding(&tool.file, &join("", key), "no declaration has this; see the other tools"));
            }
        }
        descriptor(contract, tool, findings);
        for which in ["arguments_schema", "result_schema"] {
            schema(tool, which, findings);
        }
        examples(tool, findings);
    }
}

fn descriptor(contract: &Contract, tool: &Tool, findings: &mut Vec<Finding>) {
    let mut root = contract.schema_document();
    root["$ref"] = json!("#/components/schemas/ToolDescriptor");
    match jsonschema::options().build(&root) {
        Ok(validator) => {
            for error in validator.iter_errors(&tool.descriptor()) {
                findings.push(finding(&tool.file, error.instance_path().as_str(), error.to_string()));
            }
        }
        Err(error) => findings.push(finding("schemas/tool_descriptor.json", "", format!("is no schema: {error}"))),
    }
    if tool.text("side_effects") == "write" && tool.schema("scopes").as_array().is_none_or(Vec::is_empty) {
        findings.push(finding(&tool.file, "/scopes", "a tool that writes needs a scope beside tools:execute"));
    }
}

fn schema(tool: &Tool, which: &str, findings: &mut Vec<Finding>) {
    let schema = tool.schema(which);
    let at = join("", which);
    if let Err(error) = jsonschema::draft202012::meta::validate(schema) {
        findings.push(finding(&tool.file, &at, format!("is no JSON Schema of 2020-12: {error}")));
        return;
    }
    if schema.get("type") != Some(&json!("object")) || schema.get("additionalProperties") != Some(&json!(false)) {
        findings.push(finding(&tool.file, &at, "must be an object with `additionalProperties: false`"));
    }
    if schema.to_string().len() > SCHEMA_BYTES {
        findings.push(finding(&tool.file, &at, format!("is larger than {SCHEMA_BYTES} bytes")));
    }
    walk(tool, &at, schema, 0, findings);
}

/// Refuses references, nesting without bound, and values without bound.
fn walk(tool: &Tool, at: &str, value: &Value, depth: usize, findings: &mut Vec<Finding>) {
    if depth > SCHEMA_DEPTH {
        findings.push(finding(&tool.file, at, format!("is nested deeper than {SCHEMA_DEPTH} levels")));
        return;
    }
    match value {
        Value::Object(fields) => {
            for key in ["$ref", "$dynamicRef", "$recursiveRef", "$id", "$anchor"] {
                if fields.get(key).is_some_and(Value::is_string) {
                    let message = "a tool's schema stands alone and does not refer to itself: write the part out";
                    findings.push(finding(&tool.file, &join(at, key), message));
                }
            }
            let has = |key: &str| fields.contains_key(key);
            let unbounded = match fields.get("type").and_then(Value::as_str) {
                Some("string") => !has("maxLength") && !has("enum"),
                Some("array") => !has("maxItems") || !has("items"),
                Some("integer" | "number") => !has("minimum") || !has("maximum"),
                Some("object") => !has("properties") && !has("maxProperties"),
                Some(_) | None => false,
            };
            if unbounded {
                findings.push(finding(&tool.file, at, "has no upper bound"));
            }
            for (key, inner) in fields {
                walk(tool, &join(at, key), inner, depth + 1, findings);
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                walk(tool, &join(at, &index.to_string()), inner, depth + 1, findings);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn examples(tool: &Tool, findings: &mut Vec<Finding>) {
    if tool.examples().len() < 2 {
        findings.push(finding(&tool.file, "/examples", "a tool needs at least two examples"));
    }
    let Ok(validator) = jsonschema::options().build(tool.schema("arguments_schema")) else { return };
    for (index, example) in tool.examples().iter().enumerate() {
        let at = format!("/examples/{index}");
        if example.get("title").and_then(Value::as_str).is_none_or(str::is_empty) {
            findings.push(finding(&tool.file, &at, "an example needs a `title`"));
        }
        if example.get("expect").and_then(Value::as_array).is_none_or(Vec::is_empty) {
            findings.push(finding(&tool.file, &at, "an example needs an `expect`, or it shows nothing"));
        }
        let arguments = example.get("arguments").unwrap_or(&Value::Null);
        for error in validator.iter_errors(arguments) {
            let place = format!("{at}/arguments{}", error.instance_path());
            findings.push(finding(&tool.file, &place, format!("the example does not fit: {error}")));
        }
    }
}
