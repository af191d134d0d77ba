//! Everything that can be run: known offline, in a stable order.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use contract_types::CaseRecordLevel;
use contracts::{Contract, Sources, catalogue};

use crate::{
    catalogue as generated,
    isolation::{self, Attempt},
    outcome::Outcome,
    permissions,
    probe::{self, Probe},
    property::{self, Property},
    rules,
    session::Session,
    sweep::{self, Sweep},
    written,
};

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

/// How much a test's word counts, and what it costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Tier {
    /// Made from the contract, the same requests every time: examples, bounds, broken keywords, the isolation matrix. Decides.
    Generated,
    /// Written by people, the same requests every time. Decides.
    Written,
    /// Drawn from the schemas and from a model of the platform by a seed. Decides.
    Property,
    /// Measurements of time under load. Never decides.
    Probe,
}

/// One test.
#[derive(Debug, Clone)]
pub enum Test {
    /// Generated from the contract.
    Generated(Box<catalogue::Case>),
    /// One cell of the isolation matrix.
    Isolation(Box<Attempt>),
    /// Written by a person.
    Written(Box<written::Case>),
    /// Drawn from the contract by a seed.
    Property(Box<Property>),
    /// Measures a time.
    Probe(Box<Probe>),
    /// Judges what the target has written.
    Log(Sweep),
}

impl Test {
    /// Its stable id, in the alphabet of run records.
    pub fn id(&self) -> String {
        match self {
            Self::Generated(case) => {
                let allowed = |c: char| c.is_ascii_alphanumeric() || "._:/@#-".contains(c);
                case.id.chars().map(|c| if allowed(c) { c } else { '@' }).collect()
            }
            Self::Isolation(attempt) => attempt.id(),
            Self::Property(property) => property.id().to_owned(),
            Self::Probe(probe) => probe.id().to_owned(),
            Self::Log(sweep) => sweep.id().to_owned(),
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
            Self::Isolation(_) => "isolation".to_owned(),
            Self::Written(_) => "rule".to_owned(),
            Self::Property(property) => property.kind().to_owned(),
            Self::Probe(probe) => probe.kind().to_owned(),
            Self::Log(sweep) => sweep.kind().to_owned(),
        }
    }

    /// Its tier.
    pub fn tier(&self) -> Tier {
        match self {
            Self::Generated(_) | Self::Isolation(_) | Self::Log(_) => Tier::Generated,
            Self::Written(_) => Tier::Written,
            Self::Property(_) => Tier::Property,
            Self::Probe(_) => Tier::Probe,
        }
    }

    /// How binding it is.
    pub fn level(&self) -> CaseRecordLevel {
        match self {
            Self::Generated(_) | Self::Isolation(_) => CaseRecordLevel::Must,
            Self::Property(property) => property.level(),
            Self::Probe(probe) => probe.level(),
            Self::Log(sweep) => sweep.level(),
            Self::Written(case) => case.level(),
        }
    }

    /// The rule that it holds, where it holds one above all.
    pub fn rule(&self) -> Option<&str> {
        match self {
            Self::Generated(case) => rules::of_generated(case).map(|(rule, _)| rule),
            Self::Isolation(attempt) => Some(attempt.rule()),
            Self::Written(case) => Some(&case.rule),
            Self::Property(_) => None,
            Self::Probe(probe) => Some(probe.rule()),
            Self::Log(sweep) => Some(sweep.rule()),
        }
    }

    /// Which side of its rule it shows.
    pub fn polarity(&self) -> Option<written::Polarity> {
        match self {
            Self::Generated(case) => rules::of_generated(case).map(|(_, polarity)| polarity),
            Self::Isolation(attempt) => Some(attempt.polarity()),
            Self::Written(case) => Some(case.polarity),
            Self::Log(sweep) => Some(sweep.polarity()),
            Self::Property(_) | Self::Probe(_) => None,
        }
    }

    /// Cases of the isolation and security catalogue that it holds.
    pub fn catalogue(&self) -> Vec<String> {
        match self {
            Self::Generated(_) | Self::Property(_) | Self::Log(_) => Vec::new(),
            Self::Isolation(attempt) => attempt.catalogue().iter().map(|&id| id.to_owned()).collect(),
            Self::Written(case) => case.catalogue.clone(),
            Self::Probe(probe) => probe.catalogue().iter().map(|&id| id.to_owned()).collect(),
        }
    }

    /// Whether it sends requests to this operation.
    pub fn touches(&self, operation: &str) -> bool {
        match self {
            Self::Generated(case) => case.operation == operation,
            Self::Isolation(attempt) => attempt.operation == operation,
            Self::Written(case) => case.operations.iter().any(|known| known == operation),
            Self::Property(property) => property.operation() == Some(operation),
            Self::Probe(probe) => probe.operation() == operation,
            Self::Log(_) => false,
        }
    }

    /// How long it waits for time to pass, roughly, in milliseconds.
    pub fn patience(&self) -> u64 {
        match self {
            // Probes come last: what is left of the run then does not disturb them.
            Self::Generated(_) | Self::Isolation(_) | Self::Probe(_) | Self::Log(_) => 0,
            // After what waits for longer, and before everything that is over at once.
            Self::Property(_) => 500,
            Self::Written(case) => case.patience(),
        }
    }

    /// How long it may wait, roughly, in milliseconds, where the target is not as it should be.
    pub fn longest(&self) -> u64 {
        match self {
            Self::Generated(_) | Self::Isolation(_) | Self::Property(_) | Self::Probe(_) | Self::Log(_) => {
                self.patience()
            }
            Self::Written(case) => case.longest(),
        }
    }

    /// Whether it judges what all others have left, and so runs when they are over.
    pub fn comes_last(&self) -> bool {
        matches!(self, Self::Log(_))
    }

    /// Runs it.
    pub async fn run(&self, session: &Session) -> Outcome {
        match self {
            Self::Generated(case) => generated::run(session, case).await,
            Self::Isolation(attempt) => isolation::run(session, attempt).await,
            Self::Written(case) => written::run(session, case).await,
            Self::Property(property) => property.run(session, session.seed, session.property_time).await,
            Self::Probe(probe) => probe.run(session).await,
            Self::Log(sweep) => sweep.run(session).await,
        }
    }
}

/// The suite.
#[derive(Debug)]
pub struct Suite {
    /// The contract that it was made from.
    pub contract: Contract,
    /// Written tests by id, then the permission matrix of tools, then the isolation matrix, then generated ones, both in the order of the contract, then properties, then
    /// probes, then sweeps over the log.
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
        let mut written = written::load(&root.join("conformance/cases"), &contract)?;
        written.extend(permissions::all(&root.join("conformance/cases"), &contract)?);
        let mut tests: Vec<Test> = written.into_iter().map(|case| Test::Written(Box::new(case))).collect();
        tests.extend(isolation::all(&contract).into_iter().map(|attempt| Test::Isolation(Box::new(attempt))));
        for (index, line) in CATALOGUE.lines().enumerate() {
            let case = serde_json::from_str(line).map_err(|error| SuiteError {
                file: root.join("conformance/src/generated/catalogue.jsonl"),
                place: format!("line {}", index + 1),
                message: format!("{error}; run `cargo run -p contracts -- generate`"),
            })?;
            tests.push(Test::Generated(Box::new(case)));
        }
        tests.extend(property::all(&contract).into_iter().map(|property| Test::Property(Box::new(property))));
        tests.extend(probe::all(&contract).into_iter().map(|probe| Test::Probe(Box::new(probe))));
        tests.extend(sweep::all().map(Test::Log));
        let mut seen = HashSet::new();
        if let Some(twice) = tests.iter().find(|test| !seen.insert(test.id())) {
            return Err(fault(root.join("conformance/cases"), format!("two tests are called `{}`", twice.id())));
        }
        Ok(Self { contract, tests })
    }

    /// The generated cases that send an example of the contract.
    pub fn examples(&self) -> Vec<catalogue::Case> {
        let generated = self.tests.iter().filter_map(|test| match test {
            Test::Generated(case) if case.kind == catalogue::Kind::Example => Some((**case).clone()),
            Test::Generated(_)
            | Test::Isolation(_)
            | Test::Written(_)
            | Test::Property(_)
            | Test::Probe(_)
            | Test::Log(_) => None,
        });
        generated.collect()
    }
}
