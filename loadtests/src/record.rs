//! The end of every run: its gates told, its record written, its exit code.

use std::path::Path;

use contract_types::{
    CaseRecord, CaseRecordLevel, CaseRecordOutcome, LoadRecord, OPENAPI, RunRecord, RunRecordKind, RunRecordVerdict,
    RunTarget,
};
use harness::{exit, output::say, project_root, record};
use serde_json::Value;

/// Why a run could not be made: exit code and message.
pub(crate) type Failure = (u8, String);

/// Longest message of a gate in a record, in characters.
const LONGEST: usize = 8192;

/// A run that is over.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The target.
    pub(crate) target: RunTarget,
    /// When it began, in RFC 3339.
    pub(crate) started_at: String,
    /// Seed of everything random.
    pub(crate) seed: u64,
    /// The command line that repeats it.
    pub(crate) command: String,
    /// Its gates.
    pub(crate) cases: Vec<CaseRecord>,
    /// Its measurements.
    pub(crate) load: Vec<LoadRecord>,
    /// Remarks for people.
    pub(crate) notes: Vec<String>,
    /// Whether not one request got a response.
    pub(crate) unreachable: bool,
}

impl Ran {
    /// Tells the gates that failed, writes the record to `out` or to the workspace's folder, and gives the exit code.
    pub(crate) fn finish(mut self, out: Option<&Path>) -> Result<u8, Failure> {
        self.cases.sort_by(|a, b| a.id.cmp(&b.id));
        let failed = || self.cases.iter().filter(|case| case.outcome == CaseRecordOutcome::Fail);
        for case in failed() {
            say(&format!("{}: {}", case.id, case.message.as_deref().unwrap_or_default()));
        }
        let (verdict, code) = match (self.unreachable, failed().next().is_none()) {
            (true, _) => (RunRecordVerdict::Error, exit::UNREACHABLE),
            (false, true) => (RunRecordVerdict::Pass, exit::PASS),
            (false, false) => (RunRecordVerdict::Fail, exit::FAILED),
        };
        let record = RunRecord {
            schema_version: record::SCHEMA_VERSION,
            run_id: record::run_id(),
            kind: RunRecordKind::Load,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            contract_version: contract_version()?,
            target: self.target,
            started_at: self.started_at,
            finished_at: record::now(),
            seed: self.seed,
            commit: record::commit(&project_root()),
            command: self.command,
            verdict,
            counts: record::counts(&self.cases),
            cases: self.cases,
            coverage: None,
            scores: None,
            changes: None,
            load: Some(self.load),
            notes: self.notes,
        };
        let out = out.map_or_else(|| project_root().join("reports/out"), Path::to_path_buf);
        let path =
            record::write(&record, &out).map_err(|error| (exit::HARNESS, format!("{}: {error}", out.display())))?;
        say(&format!("wrote {}", path.display()));
        say(match verdict {
            RunRecordVerdict::Pass => "passed",
            RunRecordVerdict::Fail => "failed",
            RunRecordVerdict::Error => "the target gave no answer at all",
        });
        Ok(code)
    }
}

fn contract_version() -> Result<String, Failure> {
    let document: Value = serde_json::from_str(OPENAPI).map_err(|error| (exit::HARNESS, error.to_string()))?;
    let version = document["info"]["version"].as_str().map(str::to_owned);
    version.ok_or_else(|| (exit::HARNESS, "the contract names no version".to_owned()))
}

/// A gate of `scenario` as a case; it failed where there is a problem.
pub(crate) fn gate(scenario: &str, operation: Option<&str>, name: &str, problem: Option<String>) -> CaseRecord {
    let outcome = if problem.is_none() { CaseRecordOutcome::Pass } else { CaseRecordOutcome::Fail };
    CaseRecord {
        id: format!("load/{scenario}/{name}"),
        kind: "gate".to_owned(),
        operation: operation.map(str::to_owned),
        rule: None,
        level: CaseRecordLevel::Must,
        outcome,
        duration_ms: 0.0,
        message: problem.map(|text| record::cut(&text, LONGEST).0),
        curl: None,
        request: None,
        response: None,
        reason: None,
        attempts: None,
    }
}
