//! The contract's schemas, compiled once, and their findings as the contract's error details.

use std::collections::HashMap;

use contract_types::{ErrorCode, ErrorDetail};
use jsonschema::{ValidationError, Validator, error::ValidationErrorKind};
use reference_core::sabotage::{self, Sabotage};
use serde_json::{Value, json};

use super::parameters;
use crate::{
    generated::table::OPERATIONS,
    operation::{Operation, SchemaSource},
    reply::{Problem, detail},
};

/// At most this many findings are told: the first ones are what a person reads.
const MOST_DETAILS: usize = 20;

/// Validators by schema name.
pub(crate) struct Schemas {
    validators: HashMap<&'static str, Validator>,
}

impl Schemas {
    pub(crate) fn new() -> Self {
        let mut validators = HashMap::new();
        for operation in OPERATIONS {
            for name in operation.parameters_schema.into_iter().chain(body_schema(operation)) {
                validators.entry(name).or_insert_with(|| compile(name));
            }
        }
        Self { validators }
    }

    /// Checks a request body.
    pub(crate) fn body(&self, operation: &Operation, value: &Value) -> Result<(), Problem> {
        let Some(validator) = body_schema(operation).and_then(|name| self.validators.get(name)) else { return Ok(()) };
        let mut details = findings(validator, value, "");
        let blank = value["query"].as_str().is_some_and(|query| query.trim().is_empty());
        if sabotage::on(if blank { Sabotage::BlankQueriesAccepted } else { Sabotage::ControlCharactersAccepted }) {
            details.retain(|found| found.pointer.as_deref() != Some("/query"));
        }
        if details.is_empty() {
            return Ok(());
        }
        let mut problem = Problem::new(ErrorCode::ValidationError, "the body is not as the contract says");
        problem.details = details;
        Err(problem)
    }

    /// Drops operators of a filter that the contract does not name, for the flaw of ignoring them.
    pub(super) fn drop_operators(value: &mut Value) {
        const KNOWN: [&str; 8] = ["$eq", "$ne", "$in", "$nin", "$lt", "$lte", "$gt", "$gte"];
        let Some(filter) = value.get_mut("filter").and_then(Value::as_object_mut) else { return };
        for condition in filter.values_mut().filter_map(Value::as_object_mut) {
            condition.retain(|operator, _| KNOWN.contains(&operator.as_str()));
        }
        filter.retain(|key, condition| !key.starts_with('$') && condition.as_object().is_none_or(|it| !it.is_empty()));
    }

    /// Drops fields that the contract does not name, for the flaw of ignoring them.
    pub(super) fn prune(&self, operation: &Operation, value: &mut Value) {
        let Some(validator) = body_schema(operation).and_then(|name| self.validators.get(name)) else { return };
        let unknown: Vec<(String, Vec<String>)> = validator
            .iter_errors(value)
            .filter_map(|error| {
                let ValidationErrorKind::AdditionalProperties { unexpected } = error.kind() else { return None };
                Some((error.instance_path().to_string(), unexpected.clone()))
            })
            .collect();
        for (pointer, names) in unknown {
            if let Some(object) = value.pointer_mut(&pointer).and_then(Value::as_object_mut) {
                object.retain(|name, _| !names.contains(name));
            }
        }
    }

    /// Checks an operation's own parameters. A path id that does not fit answers as one that does not exist.
    pub(super) fn parameters(&self, operation: &Operation, values: &Value) -> Result<(), Problem> {
        let Some(validator) = operation.parameters_schema.and_then(|name| self.validators.get(name)) else {
            return Ok(());
        };
        let mut details = findings(validator, values, "");
        if details.is_empty() {
            return Ok(());
        }
        for found in &mut details {
            let name = found.pointer.as_deref().unwrap_or_default().trim_start_matches('/').to_owned();
            let parameter = operation.parameters.iter().find(|parameter| parameter.name == name);
            let place = match parameter.map(|parameter| parameter.location) {
                Some(crate::operation::Location::Path) => return Err(parameters::missing()),
                Some(crate::operation::Location::Header) => "header",
                Some(crate::operation::Location::Query) | None => "query",
            };
            found.pointer = Some(format!("/{place}/{}", name.to_ascii_lowercase()));
        }
        let mut problem = Problem::new(ErrorCode::ValidationError, "a parameter is not as the contract says");
        problem.details = details;
        Err(problem)
    }
}

/// The JSON type that a parameter's schema names, its reference followed.
pub(super) fn parameter_type(operation: &Operation, name: &str) -> Option<&'static str> {
    let schemas = &contract_types::schemas()["components"]["schemas"];
    let mut schema = &schemas[operation.parameters_schema?]["properties"][name];
    while let Some(target) = schema.get("$ref").and_then(Value::as_str).and_then(|r| r.rsplit('/').next()) {
        schema = &schemas[target];
    }
    schema.get("type").and_then(Value::as_str)
}

fn body_schema(operation: &Operation) -> Option<&'static str> {
    match operation.request?.schema {
        SchemaSource::Type(name, _) => Some(name),
        SchemaSource::Property(..) | SchemaSource::Literal(_) => None,
    }
}

fn compile(name: &str) -> Validator {
    let mut document = contract_types::schemas().clone();
    document["$ref"] = json!(format!("#/components/schemas/{name}"));
    let options = jsonschema::options().should_validate_formats(true);
    options.build(&document).expect("the contract's linter compiled every schema before this was generated")
}

fn findings(validator: &Validator, value: &Value, prefix: &str) -> Vec<ErrorDetail> {
    if validator.is_valid(value) {
        return Vec::new();
    }
    validator.iter_errors(value).flat_map(|error| describe(&error, prefix)).take(MOST_DETAILS).collect()
}

/// One finding a refused value, without the value: what a client sent is not told back.
#[expect(clippy::wildcard_enum_match_arm, reason = "every other keyword is told in the same way")]
fn describe(error: &ValidationError<'_>, prefix: &str) -> Vec<ErrorDetail> {
    let mut pointer = format!("{prefix}{}", error.instance_path());
    if sabotage::on(Sabotage::ErrorPointsElsewhere) {
        "/nowhere".clone_into(&mut pointer);
    }
    let keyword = error.kind().keyword().to_owned();
    let make = |pointer: String, message: String| {
        let mut particular = detail(message);
        particular.pointer = Some(pointer.chars().take(1000).collect());
        particular.keyword = Some(keyword.clone());
        particular
    };
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            vec![make(format!("{pointer}/{}", escape(name)), format!("`{name}` is required"))]
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => unexpected
            .iter()
            .map(|name| make(format!("{pointer}/{}", escape(name)), "the contract has no such field here".to_owned()))
            .collect(),
        _ => {
            let mut message = error.masked_with("the value").to_string();
            if sabotage::on(Sabotage::ErrorRepeatsInput) {
                message = error.to_string();
            }
            let message: String = message.chars().take(900).collect();
            vec![make(pointer, message)]
        }
    }
}

fn escape(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1").chars().take(200).collect()
}
