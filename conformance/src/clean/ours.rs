//! Which documents are the suite's: those that carry the mark of a run, and those that an example of the contract made.

use std::collections::{BTreeMap, BTreeSet};

use contracts::catalogue;
use fixtures::Fixtures;
use harness::mark;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::suite::{Suite, Test};

/// The name that documents of the suite's own use begin with.
const OWN: &str = "conformance";

/// How the suite's documents are told from others.
#[derive(Debug)]
pub(crate) struct Ours<'a> {
    /// The one run that is meant, by its mark; any where there is none.
    run: Option<&'a str>,
    /// What may stand before a mark: names of cases.
    stems: BTreeSet<String>,
    /// Ids of documents that generated requests make, each with the hashes of the contents that they give it.
    generated: BTreeMap<String, BTreeSet<String>>,
}

impl<'a> Ours<'a> {
    /// What `suite` writes, but for what the fixtures have under the same id with the same content. `run` is a mark.
    pub(crate) fn new(suite: &Suite, fixtures: &Fixtures, run: Option<&'a str>) -> Self {
        let mut stems = BTreeSet::from([OWN.to_owned()]);
        let mut generated: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for test in &suite.tests {
            match test {
                Test::Written(case) => {
                    stems.extend(case.id.rsplit('/').next().map(str::to_owned));
                }
                Test::Generated(case) if case.operation == "ingest" => {
                    for (id, content) in documents(case) {
                        generated.entry(id).or_default().insert(hash(&content));
                    }
                }
                Test::Generated(_) | Test::Isolation(_) | Test::Property(_) | Test::Probe(_) | Test::Log(_) => {}
            }
        }
        for document in fixtures.tenants().iter().flat_map(|tenant| &tenant.documents) {
            if let Some(hashes) = generated.get_mut(&document.id) {
                hashes.remove(&hash(&document.content));
            }
        }
        Self { run, stems, generated }
    }

    /// Whether `text` carries the mark of a run that is meant.
    pub(crate) fn marks(&self, text: &str) -> bool {
        let Some(found) = mark::find(text) else { return false };
        match self.run {
            Some(run) => run == found,
            // Somebody else's id may look alike: before the mark must stand the name of a case.
            None => self.stems.contains(mark::stem(text, found)),
        }
    }

    /// Whether an entry of GET /documents is the suite's.
    pub(crate) fn is_document(&self, entry: &Value) -> bool {
        let id = entry["id"].as_str().unwrap_or_default();
        let mut facts = entry["metadata"].as_object().into_iter().flatten();
        let hash = entry["content_hash"].as_str().unwrap_or_default();
        let made = || self.generated.get(id).is_some_and(|hashes| hashes.contains(hash));
        self.marks(id)
            || facts.any(|(_, fact)| fact.as_str().is_some_and(|fact| self.marks(fact)))
            || (self.run.is_none() && made())
    }
}

/// The documents of a generated request, each with its content.
fn documents(case: &catalogue::Case) -> Vec<(String, String)> {
    let body = case.payload.json().unwrap_or_default();
    let documents = body["documents"].as_array().into_iter().flatten();
    let pair = |document: &Value| Some((document["id"].as_str()?.to_owned(), document["content"].as_str()?.to_owned()));
    documents.filter_map(pair).collect()
}

/// The hash of a document's content, as the contract writes it.
fn hash(content: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(content.as_bytes())))
}
