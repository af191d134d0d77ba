//! Schemas of somebody else's document in the form that the catalogue reads.

use serde_json::{Map, Value, json};

use crate::model::component_name;

/// Keywords that hold one schema.
const ONE: [&str; 9] = [
    "items",
    "additionalProperties",
    "not",
    "if",
    "then",
    "else",
    "contains",
    "propertyNames",
    "unevaluatedProperties",
];
/// Keywords that hold a list of schemas.
const LIST: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];
/// Keywords that hold schemas by name.
const MAP: [&str; 4] = ["properties", "patternProperties", "$defs", "dependentSchemas"];

/// Makes `example` a list of `examples`, here and in every schema below. A schema that is `true` becomes a map.
pub(super) fn normalise(schema: &mut Value) {
    if *schema == Value::Bool(true) {
        *schema = json!({});
    }
    let Some(fields) = schema.as_object_mut() else { return };
    if let Some(example) = fields.shift_remove("example") {
        fields.entry("examples").or_insert_with(|| json!([example]));
    }
    if fields.get("examples").is_some_and(|examples| !examples.is_array()) {
        fields.shift_remove("examples");
    }
    for key in ONE {
        if let Some(inner) = fields.get_mut(key).filter(|inner| inner.is_object()) {
            normalise(inner);
        }
    }
    for key in LIST {
        fields.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten().for_each(normalise);
    }
    for key in MAP {
        let inner = fields.get_mut(key).and_then(Value::as_object_mut);
        inner.into_iter().flat_map(|map| map.values_mut()).for_each(normalise);
    }
}

/// The schema with these examples instead of its own; its name is followed, for nothing can stand beside a reference.
pub(super) fn with_examples(schema: &Value, examples: Vec<Value>, named: &Map<String, Value>) -> Value {
    let mut found = schema.clone();
    // As many steps as there are names: a reference to itself ends.
    for _ in 0..=named.len() {
        match component_name(&found).and_then(|name| named.get(name)).cloned() {
            Some(target) => found = target,
            None => break,
        }
    }
    if found.is_object() {
        found["examples"] = Value::Array(examples);
    }
    found
}
