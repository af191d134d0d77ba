//! Schemas of the contract, each compiled once.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use contracts::Contract;
use serde_json::{Value, json};

/// Most problems of one value that are told.
const MOST_PROBLEMS: usize = 5;
/// Longest value that a message repeats.
const LONGEST: usize = 200;

/// A compiled schema.
#[derive(Debug)]
pub(super) struct Check(jsonschema::Validator);

impl Check {
    /// What is wrong with `value`, each with its place; empty when it fits.
    pub(super) fn problems(&self, value: &Value) -> Vec<String> {
        let problem = |error: jsonschema::ValidationError<'_>| {
            let text = short(&error.to_string());
            format!("{}: {text}", error.instance_path())
        };
        self.0.iter_errors(value).take(MOST_PROBLEMS).map(problem).collect()
    }
}

/// A message without the middle of a long value: what is wrong stands at its end.
fn short(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    if letters.len() <= LONGEST {
        return text.to_owned();
    }
    let (head, tail) = (&letters[..LONGEST / 3], &letters[letters.len() - 2 * LONGEST / 3..]);
    format!("{}…{}", head.iter().collect::<String>(), tail.iter().collect::<String>())
}

/// Makes checks, the same one for the same schema.
pub(super) struct Validators {
    components: Value,
    made: HashMap<String, Arc<Check>>,
}

impl Validators {
    pub(super) fn new(contract: &Contract) -> Self {
        Self { components: contract.schema_document()["components"].clone(), made: HashMap::new() }
    }

    /// The check of the component schema called `name`.
    pub(super) fn named(&mut self, name: &str) -> Arc<Check> {
        self.of(&json!({ "$ref": format!("#/components/schemas/{name}") }))
    }

    /// The check of `schema`.
    pub(super) fn of(&mut self, schema: &Value) -> Arc<Check> {
        let components = &self.components;
        let make = || {
            let mut document = schema.clone();
            document["components"] = components.clone();
            let options = jsonschema::options().should_validate_formats(true);
            Arc::new(Check(options.build(&document).expect("the linter lets only valid schemas through")))
        };
        Arc::clone(self.made.entry(schema.to_string()).or_insert_with(make))
    }

    /// The JSON type that a header's text is read as, its reference followed.
    pub(super) fn is_number(&self, schema: &Value) -> bool {
        let mut schema = schema;
        while let Some(name) = contracts::model::component_name(schema) {
            schema = &self.components["schemas"][name];
        }
        matches!(schema["type"].as_str(), Some("integer" | "number"))
    }
}

/// Checks of named schemas, compiled when they are first asked for.
static NAMED: LazyLock<Mutex<HashMap<String, Arc<Check>>>> = LazyLock::new(Mutex::default);

/// What is wrong with `value` by the contract's schema called `name`, those of records and log lines too; `None` when there is
/// no such schema.
///
/// # Panics
///
/// When a schema of the contract is none, which its linter rules out.
pub fn misfits(name: &str, value: &Value) -> Option<Vec<String>> {
    let mut named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
    if !named.contains_key(name) {
        let mut document = contract_types::schemas().clone();
        document["components"]["schemas"].get(name)?;
        document["$ref"] = Value::from(format!("#/components/schemas/{name}"));
        let options = jsonschema::options().should_validate_formats(true);
        let check = options.build(&document).expect("the linter lets only valid schemas through");
        named.insert(name.to_owned(), Arc::new(Check(check)));
    }
    let check = named.get(name).cloned();
    drop(named);
    Some(check?.problems(value))
}
