//! What the page, the comment, JUnit, SARIF and the command promise.
#![expect(clippy::unwrap_used, reason = "the helpers of tests may panic as tests do")]

mod changes;
mod command;
mod forms;
mod gate;
mod gate_command;
mod merged;
mod page;
mod records;
mod workflows;

use std::path::Path;

use reports::{Report, Run};
use serde_json::Value;

/// The sample runs: three suites that failed, one that could not run, one that passed, and three older runs.
pub(crate) fn sample() -> Report {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records");
    Report::new(reports::read(&folder).expect("the samples are valid"))
}

/// The contract's own example of a conformance run, changed by `change`.
pub(crate) fn changed(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut record = contract_types::examples("RunRecord")[0].clone();
    change(&mut record);
    serde_json::to_vec(&record).expect("a value is always JSON")
}

/// The same example without the case that failed, as a run that passed.
pub(crate) fn passing(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    changed(|record| {
        record["verdict"] = "pass".into();
        record["counts"]["failed"] = 0.into();
        record["cases"].as_array_mut().unwrap().remove(0);
        change(record);
    })
}

pub(crate) fn run(text: &[u8]) -> Run {
    reports::parse("run.json", text).expect("the record is valid")
}
