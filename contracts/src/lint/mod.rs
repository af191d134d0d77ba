//! Refuses what the generator, the judge or a reader could misunderstand, with the JSON pointer of each place.

mod documents;
mod examples;
mod operations;
mod profile;
mod tools;

use serde_json::Value;

pub use profile::KEYWORDS;

use crate::{Contract, Sources};

/// One thing wrong with the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// File, relative to the contract's folder.
    pub file: String,
    /// JSON pointer within it.
    pub pointer: String,
    /// What is wrong, what was expected, what to do.
    pub message: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}#{}: {}", self.file, self.pointer, self.message)
    }
}

/// Everything wrong with the contract, in the order of its files.
pub fn lint(sources: &Sources, contract: &Contract) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, document) in [("openapi.yaml", &sources.openapi), ("control.yaml", &sources.control)] {
        let schemas = document.pointer("/components/schemas").and_then(Value::as_object);
        for (name, schema) in schemas.into_iter().flatten() {
            profile::named(file, &format!("/components/schemas/{name}"), schema, &mut findings);
        }
        profile::everywhere(file, document, "", &mut findings);
    }
    for (file, schema) in &sources.schemas {
        profile::named(&format!("schemas/{file}"), "", schema, &mut findings);
    }
    examples::check(sources, contract, &mut findings);
    operations::check(contract, &mut findings);
    documents::check(contract, &mut findings);
    tools::check(contract, &mut findings);
    findings
}

pub(crate) fn finding(file: &str, pointer: &str, message: impl Into<String>) -> Finding {
    Finding { file: file.to_owned(), pointer: pointer.to_owned(), message: message.into() }
}
