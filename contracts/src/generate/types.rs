//! Wire types: one Rust type for each named schema, with its limits as `schemars` attributes.
//!
//! What Rust's types cannot say (a format, a map's size, an extension) rides along as `extend`, so that the schema derived
//! from the type equals the schema in the contract, keyword by keyword; a test of `contract-types` holds that.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::naming::{doc, field, literal, pascal, variant};
use crate::model::{component_name, is_free_map};

/// Code of every named schema, in the order of their names.
pub(super) fn types(schemas: &Map<String, Value>) -> String {
    let mut out = String::from("use serde::{Deserialize, Serialize};\nuse schemars::JsonSchema;\n\n");
    for (name, schema) in schemas {
        named(&mut out, name, schema, schemas);
    }
    out
}

const SERDE: &str = "Serialize, Deserialize, JsonSchema";

fn named(out: &mut String, name: &str, schema: &Value, schemas: &Map<String, Value>) {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return string_enum(out, name, schema, values, false);
    }
    if schema.get("properties").is_some() {
        return structure(out, name, schema, schemas);
    }
    if let Some(branches) = schema.get("anyOf").and_then(Value::as_array) {
        return union(out, name, schema, branches);
    }
    // Everything else is one value with limits of its own.
    let shape = shape(name, "value", schema, true);
    shape.nested.iter().for_each(|code| out.push_str(code));
    let eq = if shape.rust == "String" { "Eq, Hash, PartialOrd, Ord, " } else { "" };
    container(out, name, schema, &format!("Debug, Clone, PartialEq, {eq}"), &["description", "examples"], false);
    out.push_str("#[serde(transparent)]\n");
    let _ = writeln!(out, "pub struct {name}({} pub {});\n", attribute("schemars", &shape.limits), shape.rust);
    let _ = writeln!(
        out,
        "impl From<{0}> for {name} {{ fn from(value: {0}) -> Self {{ Self(value) }} }}\n\
         impl std::ops::Deref for {name} {{ type Target = {0}; fn deref(&self) -> &{0} {{ &self.0 }} }}\n",
        shape.rust
    );
    if shape.rust == "String" {
        let _ = writeln!(
            out,
            "impl From<&str> for {name} {{ fn from(value: &str) -> Self {{ Self(value.to_owned()) }} }}\n\
             impl std::fmt::Display for {name} {{ fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result \
             {{ f.write_str(&self.0) }} }}\n"
        );
    }
}

/// Doc comment and container attributes: examples come from a file, other leftovers literally.
fn container(out: &mut String, name: &str, schema: &Value, derives: &str, handled: &[&str], inline: bool) {
    if !inline {
        out.push_str(&doc("", schema.get("description").and_then(Value::as_str).unwrap_or(name)));
    }
    let _ = writeln!(out, "#[derive({derives}{SERDE})]");
    let mut arguments = Vec::new();
    if inline {
        arguments.push("inline".to_owned());
    }
    if schema.get("examples").is_some() {
        arguments.push(format!("extend(\"examples\" = crate::examples({}))", literal(name)));
    }
    if handled.len() > 2 {
        arguments.extend(extensions(schema, handled));
    }
    out.push_str(&attribute("schemars", &arguments));
}

fn attribute(kind: &str, arguments: &[String]) -> String {
    if arguments.is_empty() { String::new() } else { format!("#[{kind}({})]\n", arguments.join(", ")) }
}

fn extensions(schema: &Value, handled: &[&str]) -> Vec<String> {
    let fields = schema.as_object().into_iter().flatten();
    fields
        .filter(|(keyword, _)| !handled.contains(&keyword.as_str()))
        .map(|(keyword, value)| format!("extend({} = {})", literal(keyword), json_literal(value)))
        .collect()
}

fn json_literal(value: &Value) -> String {
    match value {
        Value::Number(number) if number.is_i64() => format!("{number}_i64"),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => literal(text),
        Value::Null | Value::Array(_) | Value::Object(_) => format!("serde_json::json!({value})"),
    }
}

fn structure(out: &mut String, name: &str, schema: &Value, schemas: &Map<String, Value>) {
    let empty = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let mut body = String::new();
    let mut helpers = String::new();
    let (mut inputs, mut values) = (Vec::new(), Vec::new());
    for (wire, property) in properties {
        let shape = shape(name, wire, property, false);
        helpers.extend(shape.nested);
        body.push_str(&doc("    ", property.get("description").and_then(Value::as_str).unwrap_or(wire)));
        let rust_name = field(wire);
        let mut serde = Vec::new();
        if rust_name.trim_start_matches("r#") != wire {
            serde.push(format!("rename = {}", literal(wire)));
        }
        let mut schemars = shape.limits;
        let mut rust = shape.rust;
        // JSON Schema calls `3.0` an integer, so the types must read it as one.
        let whole = matches!(rust.as_str(), "u64" | "i64");
        if whole && (required.contains(&wire.as_str()) || property.get("default").is_some()) {
            serde.push("deserialize_with = \"crate::whole\"".to_owned());
        } else if whole {
            serde.push("deserialize_with = \"crate::whole_if_present\"".to_owned());
        }
        if let Some(default) = property.get("default") {
            let function = format!("default_{}_{}", super::naming::snake(name), super::naming::snake(wire));
            serde.push(format!("default = {}", literal(&function)));
            let _ = writeln!(helpers, "fn {function}() -> {rust} {{ {} }}\n", default_value(&rust, default));
            values.push(format!("{rust_name}: {function}()"));
        } else if !required.contains(&wire.as_str()) {
            serde.push("default".to_owned());
            if takes_null(property, schemas) {
                serde.push("deserialize_with = \"crate::present\"".to_owned());
            }
            serde.push("skip_serializing_if = \"Option::is_none\"".to_owned());
            schemars.insert(0, format!("with = {}", literal(&rust)));
            rust = format!("Option<{rust}>");
            values.push(format!("{rust_name}: None"));
        } else {
            inputs.push(format!("{rust_name}: {rust}"));
            values.push(rust_name.clone());
        }
        body.push_str(&attribute("serde", &serde));
        body.push_str(&attribute("schemars", &schemars));
        let _ = writeln!(body, "    pub {rust_name}: {rust},");
    }
    out.push_str(&helpers);
    let handled = ["type", "description", "examples", "properties", "required", "additionalProperties", "default"];
    container(out, name, schema, "Debug, Clone, PartialEq, ", &handled, false);
    out.push_str("#[serde(deny_unknown_fields)]\n");
    let _ = writeln!(out, "pub struct {name} {{\n{body}}}\n");
    let _ = writeln!(
        out,
        "impl {name} {{\n/// The required fields; the others are absent or at their defaults.\n\
         pub fn new({}) -> Self {{ Self {{ {} }} }}\n}}\n",
        inputs.join(", "),
        values.join(", ")
    );
    if inputs.is_empty() {
        let _ = writeln!(out, "impl Default for {name} {{ fn default() -> Self {{ Self::new() }} }}\n");
    }
}

/// Whether null is one of the values, so that a field that is null differs from one that is absent.
fn takes_null(schema: &Value, schemas: &Map<String, Value>) -> bool {
    let schema = component_name(schema).and_then(|name| schemas.get(name)).unwrap_or(schema);
    let null = |schema: &Value| match &schema["type"] {
        Value::String(one) => one == "null",
        Value::Array(many) => many.iter().any(|one| one == "null"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    };
    null(schema) || schema.get("anyOf").and_then(Value::as_array).is_some_and(|branches| branches.iter().any(null))
}

fn default_value(rust: &str, default: &Value) -> String {
    match default {
        Value::Number(number) if rust == "f64" => format!("{:?}", number.as_f64().unwrap_or_default()),
        Value::Bool(_) | Value::Number(_) => default.to_string(),
        Value::String(text) if rust == "String" => format!("{}.to_owned()", literal(text)),
        Value::String(text) => format!("{rust}::{}", variant(text)),
        Value::Null | Value::Array(_) | Value::Object(_) => "Default::default()".to_owned(),
    }
}

fn string_enum(out: &mut String, name: &str, schema: &Value, values: &[Value], inline: bool) {
    let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
    let mut helper = String::new();
    let derives = "Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ";
    container(out, name, schema, derives, &["type", "enum", "description", "examples"], inline);
    let _ = writeln!(out, "pub enum {name} {{");
    for value in &values {
        let _ = writeln!(out, "#[serde(rename = {})] {},", literal(value), variant(value));
    }
    let _ = writeln!(out, "}}\n\nimpl {name} {{\n/// Every value, in the order of the contract.");
    let all: Vec<String> = values.iter().map(|value| format!("Self::{}", variant(value))).collect();
    let _ = writeln!(out, "pub const ALL: &'static [Self] = &[{}];\n", all.join(", "));
    let _ = writeln!(out, "/// The value as it travels.\npub const fn as_str(self) -> &'static str {{ match self {{");
    for value in &values {
        let _ = writeln!(out, "Self::{} => {},", variant(value), literal(value));
    }
    out.push_str("} }\n");
    if let Some(statuses) = schema.get("x-statuses").and_then(Value::as_object) {
        let _ =
            writeln!(out, "\n/// The one HTTP status of this code.\npub const fn status(self) -> u16 {{ match self {{");
        for (status, codes) in statuses {
            let codes: Vec<String> =
                codes.as_array().into_iter().flatten().filter_map(Value::as_str).map(variant).collect();
            let _ = writeln!(out, "Self::{} => {status},", codes.join(" | Self::"));
        }
        out.push_str("} }\n");
    }
    if let Some(default) = schema.get("default").and_then(Value::as_str) {
        let _ =
            writeln!(helper, "impl Default for {name} {{ fn default() -> Self {{ Self::{} }} }}\n", variant(default));
    }
    let _ = writeln!(
        out,
        "}}\n\n{helper}impl std::fmt::Display for {name} {{ fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result \
         {{ f.write_str(self.as_str()) }} }}\n\n\
         impl std::str::FromStr for {name} {{ type Err = (); fn from_str(text: &str) -> Result<Self, ()> \
         {{ Self::ALL.iter().copied().find(|value| value.as_str() == text).ok_or(()) }} }}\n"
    );
}

fn union(out: &mut String, name: &str, schema: &Value, branches: &[Value]) {
    let mut body = String::new();
    for branch in branches {
        let (variant_name, rust, limits) = if let Some(target) = component_name(branch) {
            (target.to_owned(), target.to_owned(), Vec::new())
        } else {
            let shape = shape(name, "value", branch, false);
            let kind = branch.get("type").and_then(Value::as_str).unwrap_or("any");
            let label = match kind {
                "string" => "Text".to_owned(),
                "null" => "Null".to_owned(),
                "array" => "List".to_owned(),
                "object" => "Map".to_owned(),
                other => pascal(other),
            };
            (label, if kind == "null" { "()".to_owned() } else { shape.rust }, shape.limits)
        };
        let whole =
            if matches!(rust.as_str(), "u64" | "i64") { "#[serde(deserialize_with = \"crate::whole\")]\n" } else { "" };
        let _ = writeln!(body, "{variant_name}({whole}{}{rust}),", attribute("schemars", &limits));
    }
    container(out, name, schema, "Debug, Clone, PartialEq, ", &["anyOf", "description", "examples"], false);
    out.push_str("#[serde(untagged)]\n");
    let _ = writeln!(out, "pub enum {name} {{\n{body}}}\n");
}

/// A Rust type for a schema in place, the attributes that carry its limits, and code of types that it needs.
struct Shape {
    rust: String,
    limits: Vec<String>,
    nested: Vec<String>,
}

fn shape(parent: &str, wire: &str, schema: &Value, top: bool) -> Shape {
    let plain = |rust: &str, limits: Vec<String>| Shape { rust: rust.to_owned(), limits, nested: Vec::new() };
    // What the doc comment, the default or the container already says.
    let mut handled = vec!["type", "description", "default"];
    if top {
        handled.push("examples");
    }
    if let Some(target) = component_name(schema) {
        handled.push("$ref");
        return plain(target, extensions(schema, &handled));
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let name = format!("{parent}{}", pascal(wire));
        let mut code = String::new();
        let mut bare = schema.clone();
        if let Some(fields) = bare.as_object_mut() {
            fields.retain(|keyword, _| keyword == "type" || keyword == "enum");
        }
        string_enum(&mut code, &name, &bare, values, true);
        handled.push("enum");
        return Shape { rust: name, limits: extensions(schema, &handled), nested: vec![code] };
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => {
            let mut limits = lengths(schema, "minLength", "maxLength");
            limits.extend(
                schema.get("pattern").and_then(Value::as_str).map(|p| format!("regex(pattern = {})", literal(p))),
            );
            handled.extend(["minLength", "maxLength", "pattern"]);
            limits.extend(extensions(schema, &handled));
            plain("String", limits)
        }
        Some(kind @ ("integer" | "number")) => {
            let natural = schema.get("minimum").and_then(Value::as_i64).is_some_and(|minimum| minimum >= 0);
            let rust = if kind == "number" {
                "f64"
            } else if natural {
                "u64"
            } else {
                "i64"
            };
            let mut limits = range(schema, rust);
            handled.extend(["minimum", "maximum"]);
            limits.extend(extensions(schema, &handled));
            plain(rust, limits)
        }
        Some("boolean") => plain("bool", extensions(schema, &handled)),
        Some("array") => {
            let items = schema.get("items").cloned().unwrap_or(Value::Bool(true));
            let inner = shape(parent, wire, &items, false);
            let mut limits = lengths(schema, "minItems", "maxItems");
            handled.extend(["minItems", "maxItems"]);
            let native = ["type", "minLength", "maxLength", "pattern", "minimum", "maximum", "$ref", "enum"];
            let simple = items.as_object().is_none_or(|fields| fields.keys().all(|key| native.contains(&key.as_str())));
            if simple {
                handled.push("items");
                if !inner.limits.is_empty() {
                    limits.push(format!("inner({})", inner.limits.join(", ")));
                }
            }
            limits.extend(extensions(schema, &handled));
            Shape { rust: format!("Vec<{}>", inner.rust), limits, nested: inner.nested }
        }
        Some("object") if is_free_map(schema) => {
            let additional = schema.get("additionalProperties").cloned().unwrap_or(Value::Bool(true));
            match component_name(&additional) {
                Some(target) if additional.as_object().is_some_and(|fields| fields.len() == 1) => {
                    handled.push("additionalProperties");
                    plain(&format!("std::collections::BTreeMap<String, {target}>"), extensions(schema, &handled))
                }
                _ => {
                    if additional == Value::Bool(true) {
                        handled.push("additionalProperties");
                    }
                    plain("serde_json::Map<String, serde_json::Value>", extensions(schema, &handled))
                }
            }
        }
        _ => {
            handled.retain(|keyword| *keyword != "type");
            plain("serde_json::Value", extensions(schema, &handled))
        }
    }
}

fn lengths(schema: &Value, minimum: &str, maximum: &str) -> Vec<String> {
    let bound = |keyword: &str, name: &str| {
        schema.get(keyword).and_then(Value::as_u64).map(|value| format!("{name} = {value}"))
    };
    let bounds: Vec<String> = [bound(minimum, "min"), bound(maximum, "max")].into_iter().flatten().collect();
    if bounds.is_empty() { bounds } else { vec![format!("length({})", bounds.join(", "))] }
}

fn range(schema: &Value, rust: &str) -> Vec<String> {
    let bound = |keyword: &str, name: &str| {
        let value = schema.get(keyword)?;
        let text = if rust == "f64" { format!("{:?}", value.as_f64()?) } else { format!("{value}_{rust}") };
        Some(format!("{name} = {text}"))
    };
    let bounds: Vec<String> = [bound("minimum", "min"), bound("maximum", "max")].into_iter().flatten().collect();
    if bounds.is_empty() { bounds } else { vec![format!("range({})", bounds.join(", "))] }
}

/// Code of a list of every named schema with the function that derives it from its type.
pub(super) fn list(schemas: &Map<String, Value>) -> String {
    let mut out = String::from(
        "\n/// Every named schema with the function that derives it from its type.\n\
         pub const DERIVED: &[(&str, fn(&mut schemars::SchemaGenerator) -> schemars::Schema)] = &[\n",
    );
    for name in schemas.keys() {
        let _ = writeln!(out, "({}, <{name} as JsonSchema>::json_schema),", literal(name));
    }
    out.push_str("];\n");
    out
}
