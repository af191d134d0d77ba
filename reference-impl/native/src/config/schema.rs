//! Checks a value against a schema of the contract; every finding says where it is and what was expected.

use std::sync::LazyLock;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{ValidationError, Validator};
use serde_json::{Value, json};

use super::Problem;
use super::yaml::escape;

/// A schema of the contract, compiled once.
pub(super) struct Schema {
    name: &'static str,
    validator: LazyLock<Validator>,
}

pub(super) static TENANT: Schema =
    Schema { name: "TenantConfig", validator: LazyLock::new(|| compile("TenantConfig")) };
pub(super) static PROMPT: Schema =
    Schema { name: "PromptTemplate", validator: LazyLock::new(|| compile("PromptTemplate")) };
pub(super) static PLATFORM: Schema =
    Schema { name: "PlatformConfig", validator: LazyLock::new(|| compile("PlatformConfig")) };

fn compile(name: &str) -> Validator {
    let mut document = contract_types::schemas().clone();
    document["$ref"] = json!(format!("#/components/schemas/{name}"));
    let options = jsonschema::options().should_validate_formats(true);
    options.build(&document).expect("the contract's linter compiled every schema before this was generated")
}

impl Schema {
    /// Every way in which `value` is not as the schema says.
    pub(super) fn check(&self, file: &str, value: &Value) -> Vec<Problem> {
        let found = self.validator.iter_errors(value);
        found.flat_map(|error| describe(&error)).map(|(at, expected)| Problem::new(file, at, expected)).collect()
    }

    /// Reads a value that [`Schema::check`] found nothing wrong with.
    pub(super) fn read<T: serde::de::DeserializeOwned>(&self, file: &str, value: Value) -> Result<T, Problem> {
        let expected = |error: serde_json::Error| Problem::new(file, "", format!("expected {}: {error}", self.name));
        serde_json::from_value(value).map_err(expected)
    }
}

/// Pointer and expectation. Texts are not repeated: one of them may be a key that was put in the wrong place.
#[expect(clippy::wildcard_enum_match_arm, reason = "the keyword profile of the contract has no others")]
fn describe(error: &ValidationError<'_>) -> Vec<(String, String)> {
    let pointer = error.instance_path().to_string();
    let found = match error.instance().as_ref() {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(value) => format!("a text of {} characters", value.chars().count()),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(_) => "a map".to_owned(),
    };
    let here = |expected: String| vec![(pointer.clone(), format!("expected {expected}, found {found}"))];
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            vec![(format!("{pointer}/{}", escape(name)), "expected this field; it is required".to_owned())]
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => unexpected
            .iter()
            .map(|name| {
                (format!("{pointer}/{}", escape(name)), "expected no such field; check its spelling".to_owned())
            })
            .collect(),
        ValidationErrorKind::Type { kind } => here(match kind {
            TypeKind::Single(one) => format!("type {one}"),
            TypeKind::Multiple(several) => {
                format!("type {}", several.iter().map(|one| one.to_string()).collect::<Vec<_>>().join(" or "))
            }
        }),
        ValidationErrorKind::Enum { options } => {
            let words: Vec<String> = options.as_array().into_iter().flatten().map(plain).collect();
            // The words of the contract are no secret, and a misspelt one is easier found when it is shown.
            let found = error.instance().as_str().filter(|text| text.len() <= 32).map_or(found, |it| format!("`{it}`"));
            vec![(pointer, format!("expected one of {}, found {found}", words.join(", ")))]
        }
        ValidationErrorKind::Minimum { limit } => here(format!("at least {limit}")),
        ValidationErrorKind::Maximum { limit } => here(format!("at most {limit}")),
        ValidationErrorKind::MinLength { limit } => here(format!("at least {limit} characters")),
        ValidationErrorKind::MaxLength { limit } => here(format!("at most {limit} characters")),
        ValidationErrorKind::MinItems { limit } => here(format!("at least {limit} items")),
        ValidationErrorKind::MaxItems { limit } => here(format!("at most {limit} items")),
        ValidationErrorKind::MaxProperties { limit } => here(format!("at most {limit} fields")),
        ValidationErrorKind::UniqueItems => here("items that are all different".to_owned()),
        ValidationErrorKind::Pattern { pattern } => here(format!("a text that matches `{pattern}`")),
        ValidationErrorKind::Format { format } => here(format!("a text of format `{format}`")),
        _ => here(format!("what `{}` of the schema says", error.kind().keyword())),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), |text| format!("`{text}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Value {
        contract_types::examples("TenantConfig")[0].clone()
    }

    #[test]
    fn finds_nothing_wrong_with_the_contracts_examples() {
        for (schema, name) in [(&TENANT, "TenantConfig"), (&PLATFORM, "PlatformConfig"), (&PROMPT, "PromptTemplate")] {
            for example in contract_types::examples(name).as_array().unwrap() {
                assert_eq!(schema.check("f", example), [], "{example}");
            }
        }
    }

    #[test]
    fn says_place_and_expectation_of_every_problem_at_once() {
        let mut config = example();
        config["limits"]["body_bytes"] = json!(12);
        config["limits"].as_object_mut().unwrap().remove("query_chars");
        config["credentials"][0]["state"] = json!("actve");
        config["credentials"][0]["key_sha256"] = json!("pl_aurora-bikes_secret");
        config["hostname"] = json!([]);
        config["display_name"] = json!(5);
        let mut problems = TENANT.check("tenant.yaml", &config);
        problems.sort();
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let digest = "tenant.yaml: /credentials/0/key_sha256: expected";
        assert_eq!(
            told,
            [
                format!("{digest} a text that matches `^[0-9a-f]{{64}}$`, found a text of 22 characters"),
                format!("{digest} at least 64 characters, found a text of 22 characters"),
                "tenant.yaml: /credentials/0/state: expected one of `active`, `rotating`, `revoked`, found `actve`"
                    .to_owned(),
                "tenant.yaml: /display_name: expected type string, found 5".to_owned(),
                "tenant.yaml: /hostname: expected no such field; check its spelling".to_owned(),
                "tenant.yaml: /limits/body_bytes: expected at least 1024, found 12".to_owned(),
                "tenant.yaml: /limits/query_chars: expected this field; it is required".to_owned(),
            ]
        );
    }
}
