//! The subcommands, one a module, and what they share.

mod bless;
mod faults;
mod nightly;
mod safety;
mod score;
mod smoke;
mod tools;

use std::path::{Path, PathBuf};

use contract_types::{CaseRecord, QueryChange, RetrievalMode, RunRecord, RunRecordKind, RunRecordVerdict, ScoreRecord};
use harness::{exit, output::say, prepare::Prepared, project_root, record};

pub use bless::Bless;
pub use faults::Faults;
pub use nightly::Nightly;
pub use safety::Safety;
pub use score::Score;
pub use smoke::Smoke;
pub use tools::Tools;

use crate::baseline::{Baseline, BaselineError};

/// Says why there is no result, and gives the exit code.
fn fail(code: u8, message: &str) -> u8 {
    say(message);
    code
}

/// Where baselines are committed.
fn baselines() -> PathBuf {
    project_root().join("reports/baselines")
}

/// The baseline of a collection: that of `file` where one is given and it is of this collection, otherwise the committed one,
/// otherwise none.
fn read_baseline(
    file: Option<&Path>,
    folder: &Path,
    target: &str,
    collection: &str,
    mode: Option<RetrievalMode>,
) -> Result<Option<Baseline>, BaselineError> {
    if let Some(file) = file {
        let baseline = Baseline::read(file)?;
        baseline.check(file, collection, mode)?;
        return Ok(Some(baseline));
    }
    let file = Baseline::file(folder, target, collection, mode);
    if !file.exists() {
        return Ok(None);
    }
    let baseline = Baseline::read(&file)?;
    baseline.check(&file, collection, mode)?;
    Ok(Some(baseline))
}

/// What a run record is made of.
struct Finished {
    started_at: String,
    seed: u64,
    command: String,
    verdict: RunRecordVerdict,
    cases: Vec<CaseRecord>,
    scores: Vec<ScoreRecord>,
    changes: Vec<QueryChange>,
    notes: Vec<String>,
}

impl Finished {
    /// Writes the record to `out`, or where records lie, and gives the exit code.
    fn write(mut self, prepared: &Prepared, out: Option<PathBuf>) -> u8 {
        let out = out.unwrap_or_else(|| project_root().join("reports/out"));
        self.cases.sort_by(|left, right| left.id.cmp(&right.id));
        let record = RunRecord {
            schema_version: record::SCHEMA_VERSION,
            run_id: record::run_id(),
            kind: RunRecordKind::Quality,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            contract_version: contract_version(),
            target: prepared.run_target(),
            started_at: self.started_at,
            finished_at: record::now(),
            seed: self.seed,
            commit: record::commit(&project_root()),
            command: self.command,
            verdict: self.verdict,
            counts: record::counts(&self.cases),
            cases: self.cases,
            coverage: None,
            scores: Some(self.scores),
            changes: (!self.changes.is_empty()).then_some(self.changes),
            load: None,
            notes: self.notes,
        };
        match record::write(&record, &out) {
            Ok(path) => say(&format!("wrote {}", path.display())),
            Err(error) => return fail(exit::HARNESS, &format!("{} cannot be written: {error}", out.display())),
        }
        if record.verdict == RunRecordVerdict::Pass { exit::PASS } else { exit::FAILED }
    }
}

/// The version of the contract that this was built from.
fn contract_version() -> String {
    let document: serde_json::Value = serde_json::from_str(contract_types::OPENAPI).unwrap_or_default();
    document["info"]["version"].as_str().unwrap_or("0.0.0").to_owned()
}

/// The mode of an argument.
fn mode(text: &str) -> Result<RetrievalMode, String> {
    let modes = [RetrievalMode::Hybrid, RetrievalMode::Dense, RetrievalMode::Lexical];
    let found = modes.into_iter().find(|mode| mode.as_str() == text);
    found.ok_or_else(|| format!("expected hybrid, dense or lexical, found `{text}`"))
}
