//! SARIF 2.1.0, for code scanners: each failure as a result at the place of the contract that it breaks.

mod places;

use std::collections::BTreeMap;

use contract_types::{CaseRecordLevel, CaseRecordOutcome, RunRecordVerdict};
use serde_json::{Value, json};

use crate::{
    format::plain,
    judged::{BUDGET, Judged, PROBE, SCORE, judged},
    model::Run,
};

pub use places::{OPERATIONS, RULES, RulePlace, contract_places, operation_places, rule_places};

/// Address that names the format's schema.
const SCHEMA: &str = "https://raw.githubusercontent.com/oasis-tcs/sarif-spec/master/Schemata/sarif-schema-2.1.0.json";
/// What relative addresses are relative to.
const ROOT: &str = "%SRCROOT%";

/// Writes `run` as a SARIF log; `rules` says where rules and operations stand ([`contract_places`]).
///
/// A failure is an `error` where it fails the run, a `warning` where it is a SHOULD, a `note` where it is a probe or known; a known one is
/// also suppressed, with its reason. What could not be looked at is no result: it is told as a notification of the run.
pub fn sarif(run: &Run, rules: &[RulePlace]) -> String {
    let items = judged(run);
    let places: BTreeMap<&str, &RulePlace> = rules.iter().map(|place| (place.id.as_str(), place)).collect();
    let failed = |item: &&Judged<'_>| matches!(item.outcome, CaseRecordOutcome::Fail | CaseRecordOutcome::KnownFailure);
    let failures: Vec<&Judged<'_>> = items.iter().filter(failed).collect();
    let mut descriptors: BTreeMap<&str, &Judged<'_>> = BTreeMap::new();
    for item in &failures {
        descriptors.entry(rule_id(item)).or_insert(item);
    }
    let order: Vec<&str> = descriptors.keys().copied().collect();
    let index = |item: &Judged<'_>| order.iter().position(|id| *id == rule_id(item));
    let record = &run.record;
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "Plumbline",
                "version": plain(&record.tool_version),
                "rules": descriptors.iter().map(|(id, item)| descriptor(id, item, &places)).collect::<Vec<_>>(),
            }},
            "automationDetails": {"id": format!("{}/{}", run.suite(), record.target.name)},
            "originalUriBaseIds": {ROOT: {"description": {"text": "The root of the project that holds the contract."}}},
            "invocations": [invocation(run, &items)],
            "columnKind": "unicodeCodePoints",
            "results": failures.iter().map(|item| result(item, index(item), &places)).collect::<Vec<_>>(),
            "properties": {
                "run_id": record.run_id, "target": plain(&record.target.base_url), "seed": record.seed,
                "contract_version": record.contract_version, "commit": record.commit, "verdict": record.verdict.as_str(),
            },
        }],
    });
    format!("{log:#}\n")
}

/// A rule's id, or the kind of a case that was made from the schema alone.
fn rule_id<'a>(item: &'a Judged<'_>) -> &'a str {
    item.rule.unwrap_or(item.kind)
}

fn level(item: &Judged<'_>) -> &'static str {
    match (item.outcome, item.level) {
        (CaseRecordOutcome::KnownFailure, _) => "note",
        _ if item.kind == PROBE => "note",
        (_, CaseRecordLevel::Must) => "error",
        (_, CaseRecordLevel::Should) => "warning",
    }
}

fn descriptor(id: &str, item: &Judged<'_>, places: &BTreeMap<&str, &RulePlace>) -> Value {
    let place = places.get(id).filter(|place| place.file == RULES);
    let text = match (place, item.kind) {
        (Some(place), _) if !place.text.is_empty() => place.text.clone(),
        (_, SCORE) => "A score of retrieval quality holds its floor.".to_owned(),
        (_, BUDGET) => "The 95th percentile of the latency keeps its budget.".to_owned(),
        (_, kind) if id == kind => format!("Cases of the kind {}.", kind.replace('_', " ")),
        _ => format!("Rule {id}, which the contract at hand does not hold."),
    };
    let level = match place.and_then(|place| place.level) {
        Some(CaseRecordLevel::Should) => "warning",
        Some(CaseRecordLevel::Must) | None => "error",
    };
    json!({
        "id": plain(id),
        "name": plain(&id.replace('_', " ")),
        "shortDescription": {"text": plain(&text)},
        "fullDescription": {"text": plain(&text)},
        "defaultConfiguration": {"level": level},
    })
}

/// The rule's line; else the operation's; else the beginning of the document, because scanners want a place for everything.
fn location(item: &Judged<'_>, places: &BTreeMap<&str, &RulePlace>) -> Value {
    let named = [item.rule, item.operation].into_iter().flatten().find_map(|id| places.get(id));
    let (file, line) = named.map_or((OPERATIONS, 1), |place| (place.file, place.line));
    json!({"physicalLocation": {
        "artifactLocation": {"uri": file, "uriBaseId": ROOT},
        "region": {"startLine": line},
    }})
}

fn result(item: &Judged<'_>, index: Option<usize>, places: &BTreeMap<&str, &RulePlace>) -> Value {
    let id = plain(&item.id);
    let mut result = json!({
        "ruleId": plain(rule_id(item)),
        "ruleIndex": index,
        "level": level(item),
        "message": {"text": format!("{id}: {}", plain(item.told()))},
        "locations": [location(item, places)],
        "partialFingerprints": {"caseId/v1": id},
        "properties": {"kind": item.kind, "operation": item.operation, "curl": item.curl.map(plain)},
    });
    if item.outcome == CaseRecordOutcome::KnownFailure {
        let reason = plain(item.reason.unwrap_or("no reason was recorded"));
        result["suppressions"] = json!([{"kind": "external", "status": "accepted", "justification": reason}]);
    }
    result
}

fn invocation(run: &Run, items: &[Judged<'_>]) -> Value {
    let errors = items.iter().filter(|item| item.outcome == CaseRecordOutcome::Error).map(|item| {
        let level = if item.decides() { "error" } else { "warning" };
        json!({"level": level, "message": {"text": format!("{}: {}", plain(&item.id), plain(item.told()))}})
    });
    let notes = run.record.notes.iter().map(|note| json!({"level": "note", "message": {"text": plain(note)}}));
    json!({
        "executionSuccessful": run.record.verdict != RunRecordVerdict::Error,
        "commandLine": plain(&run.record.command),
        "startTimeUtc": run.started.to_string(),
        "endTimeUtc": run.finished.to_string(),
        "toolExecutionNotifications": errors.chain(notes).collect::<Vec<_>>(),
    })
}
