//! The run record of a run against somebody else's document.

use std::{collections::BTreeSet, sync::PoisonError, time::SystemTime};

use contract_types::{
    CaseRecord, CaseRecordLevel, CaseRecordOutcome, CoverageRecord, CoverageRecordDimension, RunRecord, RunRecordKind,
    RunRecordVerdict, RunTarget,
};
use contracts::{catalogue::Case, model::Foreign};
use harness::{curl, output, project_root, record};

use super::server::Server;
use crate::{
    engine::{self, Options},
    outcome::{Ending, Outcome},
};

/// A case that ran.
pub(super) struct Found {
    pub(super) case: Case,
    pub(super) outcome: Outcome,
}

impl Found {
    /// Says a failure as it comes; whether it was one.
    pub(super) fn says(&self, options: &Options) -> bool {
        let (Ending::Fail(message) | Ending::Error(message)) = &self.outcome.ending else { return false };
        if options.fail_fast {
            output::say(&format!("{}: {message}", id(&self.case)));
        }
        matches!(self.outcome.ending, Ending::Fail(_))
    }
}

/// The id of a case in the alphabet of run records.
pub(super) fn id(case: &Case) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._:/@#-".contains(c);
    case.id.chars().map(|c| if allowed(c) { c } else { '@' }).take(255).collect()
}

/// The record of the whole run.
pub(super) fn of_run(
    server: &Server,
    foreign: &Foreign,
    found: Vec<Found>,
    started: SystemTime,
    command: &str,
) -> RunRecord {
    let coverage = coverage(foreign, &found);
    let mut cases: Vec<CaseRecord> = found.into_iter().map(|found| of_case(server, found)).collect();
    cases.sort_by(|a, b| a.id.cmp(&b.id));
    let mut notes = server.notes.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let whole = notes.is_empty();
    let title = foreign.contract.document["info"]["title"].as_str().unwrap_or("a document without a title");
    notes.push(format!("held against {title} {}, not against our own contract", foreign.contract.version()));
    notes.extend(foreign.unsendable.iter().map(|(id, reason)| format!("no case of `{id}`: {reason}")));
    let notes = notes.into_iter().map(|note| record::cut(&note, 4000).0).collect();
    let broke = cases.iter().any(|case| case.outcome == CaseRecordOutcome::Error);
    let verdict = if cases.iter().any(engine::fails) {
        RunRecordVerdict::Fail
    } else if broke || !whole {
        RunRecordVerdict::Error
    } else {
        RunRecordVerdict::Pass
    };
    RunRecord {
        schema_version: record::SCHEMA_VERSION,
        run_id: record::run_id(),
        kind: RunRecordKind::Conformance,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        contract_version: version(foreign.contract.version()),
        target: RunTarget {
            name: server.name.clone(),
            base_url: server.base.clone(),
            implementation: None,
            version: None,
        },
        started_at: record::timestamp(started),
        finished_at: record::now(),
        seed: 1,
        commit: record::commit(&project_root()),
        command: record::cut(&server.redactor.clean(command), 4000).0,
        verdict,
        counts: record::counts(&cases),
        coverage: Some(coverage),
        scores: None,
        changes: None,
        load: None,
        notes,
        cases,
    }
}

fn of_case(server: &Server, found: Found) -> CaseRecord {
    let Found { case, outcome } = found;
    let (kind, message) = match &outcome.ending {
        Ending::Pass => (CaseRecordOutcome::Pass, None),
        Ending::Fail(message) => (CaseRecordOutcome::Fail, Some(message)),
        Ending::Error(message) => (CaseRecordOutcome::Error, Some(message)),
        Ending::NotApplicable(reason) => (CaseRecordOutcome::NotApplicable, Some(reason)),
    };
    let exchange = outcome.exchange.as_ref().filter(|_| kind != CaseRecordOutcome::Pass);
    let (request, response) = exchange.map(|exchange| record::exchange(exchange, &server.redactor)).unzip();
    let command = exchange.map(|exchange| curl::command(exchange, &[], &server.redactor));
    let name = serde_json::to_value(case.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned));
    CaseRecord {
        id: id(&case),
        kind: name.unwrap_or_else(|| "schema".to_owned()),
        operation: Some(case.operation),
        rule: None,
        level: CaseRecordLevel::Must,
        outcome: kind,
        duration_ms: (outcome.took.as_secs_f64() * 1e6).round() / 1e3,
        message: message.map(|message| record::cut(&server.redactor.clean(message), 8000).0),
        curl: command.map(|command| record::cut(&command, 16000).0),
        request,
        response,
        reason: None,
        attempts: None,
    }
}

/// Operations, and the statuses that the document names by their number.
fn coverage(foreign: &Foreign, found: &[Found]) -> Vec<CoverageRecord> {
    let (mut operations, mut statuses) = (BTreeSet::new(), BTreeSet::new());
    for found in found.iter().filter(|found| found.case.method.is_none()) {
        if let Some(exchange) = &found.outcome.exchange {
            operations.insert(found.case.operation.clone());
            statuses.insert(format!("{} {}", found.case.operation, exchange.response.status));
        }
    }
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let dimension = |dimension, total: &BTreeSet<String>, reached: &BTreeSet<String>| CoverageRecord {
        dimension,
        total: count(total.len()),
        reached: count(total.intersection(reached).count()),
        missing: total.difference(reached).cloned().collect(),
        excluded: None,
    };
    let all = foreign.contract.operations.iter().map(|operation| operation.id.clone()).collect();
    vec![
        dimension(CoverageRecordDimension::Operation, &all, &operations),
        dimension(CoverageRecordDimension::Status, &foreign.statuses, &statuses),
    ]
}

/// A version as records have it: three numbers, zeros where a document counts otherwise.
fn version(text: &str) -> String {
    let parts: Vec<&str> = text.split('.').collect();
    let number = |part: &&str| (1..=6).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    if parts.len() == 3 && parts.iter().all(number) { text.to_owned() } else { "0.0.0".to_owned() }
}
