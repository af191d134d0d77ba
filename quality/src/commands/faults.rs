//! `quality faults`: proves that the gate sees each seeded fault of retrieval, and lists which step saw it.

use contract_types::{CaseRecord, CaseRecordLevel, CaseRecordOutcome, RunRecordVerdict};
use harness::{output::data, record};
use std::path::PathBuf;

use super::{Finished, fail, score::What};
use crate::faults::{Fault, trial};

/// Seed faults of retrieval one at a time, over the fixtures and the collections given, and list which step of the gate sees
/// each. The target needs the switches of a build with the feature sabotage.
#[derive(Debug, clap::Args)]
pub struct Faults {
    #[command(flatten)]
    what: What,
    /// Folder that the run record is written to [default: reports/out of the workspace].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Faults {
    /// Runs the command; the exit code says whether every fault was seen.
    pub(crate) fn run(&self) -> u8 {
        let started_at = record::now();
        let all = || {
            let runtime = What::runtime()?;
            let collections = self.what.read()?;
            let session = self.what.open(&runtime)?;
            let tried = runtime.block_on(trial::all(&session, &collections, self.what.terms()));
            let tried = tried.map_err(|error| fail(error.exit_code(), &error.to_string()))?;
            Ok::<_, u8>((session, tried))
        };
        let (session, tried) = match all() {
            Ok(found) => found,
            Err(code) => return code,
        };
        data(&format!("{:<22} {:<12} {}", "fault", "collection", "seen by"));
        for one in &tried {
            let steps: Vec<String> =
                one.steps().into_iter().map(|(step, gates)| format!("{step} ({})", gates.join(", "))).collect();
            let seen = if steps.is_empty() { "not seen".to_owned() } else { steps.join(", ") };
            data(&format!("{:<22} {:<12} {seen}", one.fault.name(), one.collection));
        }
        let cases: Vec<CaseRecord> = Fault::ALL.iter().map(|fault| case(*fault, &tried)).collect();
        let failed = cases.iter().any(|case| case.outcome == CaseRecordOutcome::Fail);
        let finished = Finished {
            started_at,
            seed: self.what.seed,
            command: format!("cargo run -p quality -- faults{}", self.what.arguments()),
            verdict: if failed { RunRecordVerdict::Fail } else { RunRecordVerdict::Pass },
            notes: cases.iter().filter_map(|case| Some(format!("{}: {}", case.id, case.reason.as_ref()?))).collect(),
            cases,
            scores: Vec::new(),
            changes: Vec::new(),
        };
        finished.write(&session.prepared, self.out.clone())
    }
}

/// A fault as a case: caught when a step saw it over any collection.
fn case(fault: Fault, tried: &[trial::Tried]) -> CaseRecord {
    let seen: Vec<String> = tried
        .iter()
        .filter(|one| one.fault == fault)
        .flat_map(|one| {
            one.steps()
                .into_iter()
                .map(|(step, gates)| format!("{step} over {} ({})", one.collection, gates.join(", ")))
        })
        .collect();
    let caught = !seen.is_empty();
    CaseRecord {
        id: format!("saboteurs/quality/{}", fault.name()),
        kind: "saboteur".to_owned(),
        operation: Some("retrieve".to_owned()),
        rule: None,
        level: CaseRecordLevel::Must,
        outcome: if caught { CaseRecordOutcome::Pass } else { CaseRecordOutcome::Fail },
        duration_ms: 0.0,
        message: (!caught).then(|| format!("no step of the gate saw that {}", fault.text())),
        curl: None,
        request: None,
        response: None,
        reason: caught.then(|| format!("{}: seen by {}", fault.text(), seen.join("; "))),
        attempts: None,
    }
}
