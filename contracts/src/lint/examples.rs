//! Examples must fit their schema, and one of them must stand at an edge of it.

use serde_json::{Value, json};

use super::{Finding, finding};
use crate::{Contract, Sources, pointer::join};

pub(super) fn check(sources: &Sources, contract: &Contract, findings: &mut Vec<Finding>) {
    let files: std::collections::HashMap<&str, &String> =
        sources.schemas.iter().filter_map(|(file, schema)| Some((schema.get("title")?.as_str()?, file))).collect();
    let document = contract.schema_document();
    for (name, schema) in &contract.schemas {
        let Some(examples) = schema.get("examples").and_then(Value::as_array) else { continue };
        let (file, at) = files.get(name.as_str()).map_or_else(
            || ("openapi.yaml".to_owned(), format!("/components/schemas/{name}/examples")),
            |file| (format!("schemas/{file}"), "/examples".to_owned()),
        );
        let mut root = document.clone();
        root["$ref"] = json!(format!("#/components/schemas/{name}"));
        let validator = match jsonschema::options().should_validate_formats(true).build(&root) {
            Ok(validator) => validator,
            Err(error) => {
                findings.push(finding(&file, "", format!("is no JSON Schema: {error}")));
                continue;
            }
        };
        for (index, example) in examples.iter().enumerate() {
            if let Some(error) = validator.iter_errors(example).next() {
                let place = format!("{at}/{index}{}", error.instance_path());
                findings.push(finding(&file, &place, format!("the example does not fit its schema: {error}")));
            }
        }
        if schema.get("enum").is_none() && !examples.iter().any(|example| at_edge(contract, schema, example)) {
            findings.push(finding(
                &file,
                &at,
                "no example stands at an edge: a bound met exactly, or optional fields left out",
            ));
        }
    }
}

/// Whether some value in `example` lies exactly at a bound of its schema, or some object leaves optional fields out.
fn at_edge(contract: &Contract, schema: &Value, example: &Value) -> bool {
    let schema = contract.resolve(schema);
    let number = |keyword: &str| schema.get(keyword).and_then(Value::as_f64);
    let count = |keyword: &str| schema.get(keyword).and_then(Value::as_u64);
    let is = |keyword: &str, size: usize| count(keyword) == u64::try_from(size).ok();
    let here = match example {
        Value::Number(value) => [number("minimum"), number("maximum")].contains(&value.as_f64()),
        Value::String(text) => {
            text.is_empty() || is("minLength", text.chars().count()) || is("maxLength", text.chars().count())
        }
        Value::Array(items) => items.is_empty() || is("minItems", items.len()) || is("maxItems", items.len()),
        Value::Object(fields) => {
            let required = schema.get("required").and_then(Value::as_array).map_or(0, Vec::len);
            let named = schema.get("properties").and_then(Value::as_object).map_or(0, serde_json::Map::len);
            fields.is_empty() || (fields.len() == required && required < named) || is("maxProperties", fields.len())
        }
        Value::Bool(_) | Value::Null => schema.get("type").and_then(Value::as_str) == Some("boolean"),
    };
    here || inside(contract, schema, example)
}

fn inside(contract: &Contract, schema: &Value, example: &Value) -> bool {
    let branches = schema.get("anyOf").and_then(Value::as_array);
    if branches.into_iter().flatten().any(|branch| at_edge(contract, branch, example)) {
        return true;
    }
    match example {
        Value::Object(fields) => fields.iter().any(|(name, value)| {
            let property = schema.pointer(&join("/properties", name)).or_else(|| schema.get("additionalProperties"));
            property.is_some_and(|property| at_edge(contract, property, value))
        }),
        Value::Array(items) => {
            schema.get("items").is_some_and(|rule| items.iter().any(|item| at_edge(contract, rule, item)))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
