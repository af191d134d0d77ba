//! Checks a file against a schema of the contract.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde_json::{Value, json};

use super::{Problem, Source, source::escape};

/// A schema of the contract, compiled.
#[derive(Debug)]
pub(crate) struct Schema(Arc<Validator>);

impl Schema {
    /// The schema called `name`.
    pub(crate) fn named(name: &str) -> Self {
        // To compile one takes longer than to check a hundred files with it.
        static COMPILED: Mutex<BTreeMap<String, Arc<Validator>>> = Mutex::new(BTreeMap::new());
        let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
        let validator = compiled.entry(name.to_owned()).or_insert_with(|| {
            let mut document = contract_types::schemas().clone();
            document["$ref"] = json!(format!("#/components/schemas/{name}"));
            let options = jsonschema::options().should_validate_formats(true);
            Arc::new(
                options.build(&document).expect("the contract's linter compiled every schema before it was generated"),
            )
        });
        Self(validator.clone())
    }

    /// Every way in which `source` is not as the schema says.
    pub(crate) fn check(&self, source: &Source) -> Vec<Problem> {
        self.0.iter_errors(&source.value).flat_map(|error| describe(source, &error)).collect()
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if text.chars().count() > 40 => format!("a text of {} characters", text.chars().count()),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(_) => "a map".to_owned(),
        Value::Null => "nothing".to_owned(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => format!("`{}`", value.to_string().trim_matches('"')),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library's kinds; what is not told apart is told in its own words"
)]
fn describe(source: &Source, error: &ValidationError<'_>) -> Vec<Problem> {
    let place = error.instance_path().to_string();
    let found = shown(error.instance());
    let one = |expected: String, remedy: String| vec![source.problem(&place, expected, remedy)];
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            one(format!("expected the field `{name}`, found none"), format!("add `{name}`"))
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => unexpected
            .iter()
            .map(|name| {
                let known = error.schema_path().to_string();
                let known = known.strip_suffix("/additionalProperties").unwrap_or(&known).to_owned();
                source.problem(
                    &format!("{place}/{}", escape(name)),
                    format!("expected no field `{name}`; it is not known here"),
                    nearest(&known, name).map_or_else(
                        || "take it out".to_owned(),
                        |like| format!("take it out, or write `{like}` if that was meant"),
                    ),
                )
            })
            .collect(),
        ValidationErrorKind::UniqueItems => {
            one("expected items that are all different".to_owned(), "take out what stands twice".to_owned())
        }
        _ => {
            one(format!("expected a value that fits; {}, found {found}", plain(error)), "write such a value".to_owned())
        }
    }
}

/// The rule that was broken, without the value, which may be long.
fn plain(error: &ValidationError<'_>) -> String {
    let text = error.to_string();
    let value = error.instance().to_string();
    text.replace(&value, "this value")
}

/// A field of the schema at `pointer` that is written nearly like `name`.
fn nearest(pointer: &str, name: &str) -> Option<String> {
    let document = contract_types::schemas();
    // A path of keywords passes through references, so its last named schema says which fields there are.
    let schemas = document["components"]["schemas"].as_object()?;
    let mut fields: Vec<&String> = schemas
        .iter()
        .filter(|(schema, _)| {
            ["TenantConfig", "PlatformConfig"].contains(&schema.as_str())
                || schema.starts_with("Deploy")
                || pointer.contains(schema.as_str())
        })
        .filter_map(|(_, schema)| schema["properties"].as_object())
        .flat_map(serde_json::Map::keys)
        .collect();
    fields.sort();
    fields
        .into_iter()
        .map(|field| (distance(field, name), field))
        .filter(|(far, _)| *far <= 2)
        .min()
        .map(|(_, it)| it.clone())
}

/// Edits between two words.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut last = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let keep = last + usize::from(x != *y);
            last = row[j + 1];
            row[j + 1] = keep.min(row[j] + 1).min(last + 1);
        }
    }
    row[b.len()]
}
