//! From the cases of a run to its record, its verdict and its exit code.

use std::time::SystemTime;

use contract_types::{
    CaseRecord, CaseRecordLevel, CaseRecordOutcome, CoverageRecord, RunRecord, RunRecordKind, RunRecordVerdict,
    RunTarget,
};
use harness::{exit, project_root, record};

use super::stop::Stop;
use crate::{levels, session::Session};

/// What is known of a run before its first case.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    run_id: String,
    contract_version: String,
    target: RunTarget,
    started_at: String,
    seed: u64,
    command: String,
}

impl Frame {
    /// The frame of a run that began at `started` and that `command` repeats.
    pub(crate) fn new(session: &Session, started: SystemTime, command: &str) -> Self {
        let implementation = session.facts.values().find_map(|facts| facts.implementation.clone());
        let (implementation, version) = implementation.unzip();
        Self {
            run_id: session.run_id.clone(),
            contract_version: session.contract.version().to_owned(),
            target: RunTarget {
                name: session.profile.spec.name.clone(),
                base_url: session.target.base_url.clone(),
                implementation,
                version,
            },
            started_at: record::timestamp(started),
            seed: session.seed,
            command: record::cut(command, 4000).0,
        }
    }

    /// The record of the run with these cases.
    pub(crate) fn record(
        &self,
        mut cases: Vec<CaseRecord>,
        verdict: RunRecordVerdict,
        coverage: Option<Vec<CoverageRecord>>,
        notes: Vec<String>,
    ) -> RunRecord {
        cases.sort_by(|a, b| a.id.cmp(&b.id));
        RunRecord {
            schema_version: record::SCHEMA_VERSION,
            run_id: self.run_id.clone(),
            kind: RunRecordKind::Conformance,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            contract_version: self.contract_version.clone(),
            target: self.target.clone(),
            started_at: self.started_at.clone(),
            finished_at: record::now(),
            seed: self.seed,
            commit: record::commit(&project_root()),
            command: self.command.clone(),
            verdict,
            counts: record::counts(&cases),
            coverage,
            scores: None,
            changes: None,
            load: None,
            notes,
            cases,
        }
    }
}

/// Whether a case fails the run.
pub fn fails(case: &CaseRecord) -> bool {
    case.outcome == CaseRecordOutcome::Fail && case.level == CaseRecordLevel::Must
}

/// One failure for a person: what, why, and the command that repeats it.
pub fn line(case: &CaseRecord) -> String {
    let word = match (case.outcome, case.level) {
        (CaseRecordOutcome::Fail, CaseRecordLevel::Should) => "WARN",
        (CaseRecordOutcome::Fail, CaseRecordLevel::Must) => "FAIL",
        (CaseRecordOutcome::KnownFailure, _) => "KNOWN",
        (CaseRecordOutcome::Pass | CaseRecordOutcome::NotApplicable | CaseRecordOutcome::Error, _) => "ERROR",
    };
    let rule = case.rule.as_deref().map(|rule| format!(" [{rule}]")).unwrap_or_default();
    let message = case.message.as_deref().unwrap_or_default();
    let command = case.curl.as_deref().map(|command| format!("\n      {command}")).unwrap_or_default();
    format!("{word} {}{rule}: {message}{command}", case.id)
}

/// The record of a run that is over.
pub(super) fn finished(session: &Session, frame: &Frame, mut cases: Vec<CaseRecord>, stop: &Stop) -> RunRecord {
    cases.extend(of_profile(session));
    let failed = cases.iter().any(fails);
    let broke = cases.iter().any(|case| case.outcome == CaseRecordOutcome::Error && case.kind != "probe");
    let whole = matches!(stop, Stop::Complete | Stop::FirstFailure);
    let verdict = match (failed, broke || !whole) {
        _ if matches!(stop, Stop::Gone) => RunRecordVerdict::Error,
        (true, _) => RunRecordVerdict::Fail,
        (false, true) => RunRecordVerdict::Error,
        (false, false) => RunRecordVerdict::Pass,
    };
    let control = session.target.control.is_some();
    let features = session.features(session.main_tenant());
    let coverage = session.coverage.lock().map(|coverage| coverage.records(&session.contract, &features, control));
    let mut notes = notes(session, &cases);
    let left = session.planned.load(std::sync::atomic::Ordering::Relaxed).saturating_sub(cases.len());
    notes.extend(stop.note(left));
    if whole {
        notes.extend(levels::note(&cases, &features));
    }
    frame.record(cases, verdict, coverage.ok(), notes)
}

/// The exit code that a record leads to.
pub(super) fn exit_code(record: &RunRecord, stop: &Stop) -> u8 {
    match record.verdict {
        _ if matches!(stop, Stop::Gone) => exit::UNREACHABLE,
        RunRecordVerdict::Pass => exit::PASS,
        RunRecordVerdict::Fail => exit::FAILED,
        RunRecordVerdict::Error => exit::HARNESS,
    }
}

/// Checks of the profile itself: features that it promises in vain, known failures that have expired.
fn of_profile(session: &Session) -> Vec<CaseRecord> {
    let case = |id: String, message: String| CaseRecord {
        id,
        kind: "profile".to_owned(),
        operation: None,
        rule: None,
        level: CaseRecordLevel::Must,
        outcome: CaseRecordOutcome::Fail,
        duration_ms: 0.0,
        message: Some(message),
        curl: None,
        request: None,
        response: None,
        reason: None,
        attempts: None,
    };
    let promises = session.disagreements.iter().enumerate();
    let mut cases: Vec<CaseRecord> =
        promises.map(|(index, message)| case(format!("profile/features/{index}"), message.clone())).collect();
    for (index, known) in session.profile.spec.known_failures.iter().flatten().enumerate() {
        if known.expires < record::today() {
            let message =
                format!("the known failure `{}` expired on {}; mend it or argue it anew", known.case, known.expires);
            cases.push(case(format!("profile/known_failures/{index}"), message));
        }
    }
    cases
}

fn notes(session: &Session, cases: &[CaseRecord]) -> Vec<String> {
    let mut notes = Vec::new();
    if session.target.control.is_none() {
        notes.push("no control API: statuses that only a fault behind the service leads to are not counted".to_owned());
    }
    for known in session.profile.spec.known_failures.iter().flatten() {
        let beginning = known.case.trim_end_matches('*');
        if !cases.iter().any(|case| case.id.starts_with(beginning)) {
            notes.push(format!("the known failure `{}` names no case of this run", known.case));
        }
    }
    notes
}
