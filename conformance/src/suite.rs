//! Everything that can be run: known offline, in a stable order.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use contract_types::CaseRecordLevel;
use contracts::{Contract, Sources, catalogue};

use crate::written;

/// The generated catalogue, one case a line.
const CATALOGUE: &str = include_str!("generated/catalogue.jsonl");

/// Why the suite cannot run. Its text is one message for a person.
#[derive(Debug, thiserror::Error)]
#[error("{file}{at}: {message}", file = file.display(), at = if place.is_empty() { String::new() } else { format!(" at {place}") })]
pub struct SuiteError {
    /// The file.
    pub file: PathBuf,
    /// Line or pointer in it; empty for the file as a whole.
    pub place: String,
    /// What was expected, and what to do.
    pub message: String,
}

/// One test.
#[derive(Debug, Clone)]
pub enum Test {
    /// Generated from the contract.
    Generated(Box<catalogue::Case>),
    /// Written by a person.
    Written(Box<written::Case>),
}

impl Test {
    /// Its stable id, in the alphabet of run records.
    pub fn id(&self) -> String {
        match self {
            Self::Generated(case) => {
                let allowed = |c: char| c.is_ascii_alphanumeric() || "._:/@#-".contains(c);
                case.id.chars().map(|c| if allowed(c) { c } else { '@' }).collect()
            }
            Self::Written(case) => case.id.clone(),
        }
    }

    /// Its kind, as records name it.
    pub fn kind(&self) -> String {
        match self {
            Self::Generated(case) => serde_json::to_value(case.kind)
                .ok()
                .and_then(|kind| kind.as_str().map(str::to_owned))
                .unwrap_or_else(|| "schema".to_owned()),
            Self::Written(_) => "rule".to_owned(),
        }
    }

    /// How binding it is.
    pub fn level(&self) -> CaseRecordLevel {
        match self {
            Self::Generated(_) => CaseRecordLevel::Must,
            Self::Written(case) => case.level(),
        }
    }
}

/// The suite.
#[derive(Debug)]
pub struct Suite {
    /// The contract that it was made from.
    pub contract: Contract,
    /// Written tests by id, then generated ones in the order of the contract.
    pub tests: Vec<Test>,
}

impl Suite {
    /// Reads the suite of the project at `root`. Nothing but files is touched.
    ///
    /// # Errors
    ///
    /// [`SuiteError`] names the file and the place.
    pub fn load(root: &Path) -> Result<Self, SuiteError> {
        let folder = root.join("contracts");
        let fault = |file: PathBuf, message: String| SuiteError { file, place: String::new(), message };
        let sources = Sources::read(&folder).map_err(|error| fault(folder.clone(), error.to_string()))?;
        let rules = Contract::from_sources(&sources).map_err(|error| fault(folder.clone(), error.to_string()))?.rules;
        let document = serde_json::from_str(contract_types::OPENAPI).unwrap_or_default();
        let mut contract =
            Contract::from_document(document).map_err(|error| fault(folder.clone(), error.to_string()))?;
        contract.rules = rules;
        let written = written::load(&root.join("conformance/cases"), &contract)?;
        let mut tests: Vec<Test> = written.into_iter().map(|case| Test::Written(Box::new(case))).collect();
        for (index, line) in CATALOGUE.lines().enumerate() {
            let case = serde_json::from_str(line).map_err(|error| SuiteError {
                file: root.join("conformance/src/generated/catalogue.jsonl"),
                place: format!("line {}", index + 1),
                message: format!("{error}; run `cargo run -p contracts -- generate`"),
            })?;
            tests.push(Test::Generated(Box::new(case)));
        }
        let mut seen = HashSet::new();
        if let Some(twice) = tests.iter().find(|test| !seen.insert(test.id())) {
            return Err(fault(root.join("conformance/cases"), format!("two tests are called `{}`", twice.id())));
        }
        Ok(Self { contract, tests })
    }
}
