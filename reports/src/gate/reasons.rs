//! The reasons of a part: what its record says went wrong, told by the sort of trouble.

use contract_types::{CaseRecordOutcome, GatePart, GatePartVerdict, GateReason, GateReasonKind, RunRecordVerdict};

use crate::{
    format::cut,
    judged::{BUDGET, Judged, SABOTEUR, SCORE, judged},
    model::{Run, Suite},
    redact,
};

/// Most reasons of one part.
const MOST: usize = 200;
/// Longest reason, in bytes.
const LONGEST: usize = 1000;
/// Kinds of cases whose whole point is that tenants stay apart.
const APART: [&str; 2] = ["isolation", "tenant"];
/// Rules about what one tenant must not get from another, beside those of tenancy itself.
const ISOLATION_RULES: [&str; 6] = ["VEC-003", "VEC-004", "VEC-005", "CAC-008", "IDM-005", "RAT-006"];
/// What the message of the scanner for other tenants' secrets speaks of.
const CANARY: &str = "canary";

/// `part` with the verdict of `run` and its reasons.
pub(super) fn judge(part: GatePart, run: &Run) -> GatePart {
    let mut found: Vec<Judged<'_>> = judged(run).into_iter().filter(|it| it.is_wrong() && it.decides()).collect();
    // Certain failures first, then what could not be looked at; within them as the record has it.
    found.sort_by_key(|it| it.outcome != CaseRecordOutcome::Fail);
    let mut reasons: Vec<GateReason> = found.iter().take(MOST).map(|it| reason(run, it)).collect();
    let verdict = match run.record.verdict {
        RunRecordVerdict::Pass => GatePartVerdict::Pass,
        RunRecordVerdict::Fail => GatePartVerdict::Fail,
        RunRecordVerdict::Error => GatePartVerdict::Error,
    };
    if verdict == GatePartVerdict::Fail && reasons.is_empty() {
        let told = format!("{} says fail and names no case; read its notes", run.file);
        reasons.push(GateReason::new(GateReasonKind::Evidence, run.suite().to_string(), told));
    }
    GatePart { verdict, reasons, ..part }
}

fn reason(run: &Run, judged: &Judged<'_>) -> GateReason {
    let clean = redact(judged.told());
    let (told, shortened) = cut(&clean, LONGEST);
    let told = if shortened { format!("{told}…") } else { told.to_owned() };
    let what = cut(&judged.id, 500).0.to_owned();
    GateReason::new(kind(run.suite(), judged), what, told)
}

/// The sort of trouble.
fn kind(suite: Suite, judged: &Judged<'_>) -> GateReasonKind {
    if judged.kind == SABOTEUR {
        return GateReasonKind::Saboteur;
    }
    let apart = APART.contains(&judged.kind)
        || judged.rule.is_some_and(|rule| rule.starts_with("TEN-") || ISOLATION_RULES.contains(&rule))
        || judged.told().contains(CANARY);
    if apart {
        return GateReasonKind::Isolation;
    }
    match suite {
        Suite::Conformance | Suite::Saboteurs => GateReasonKind::Contract,
        Suite::Quality => GateReasonKind::Quality,
        Suite::Load if judged.kind == BUDGET => GateReasonKind::Latency,
        Suite::Load if judged.kind == SCORE => GateReasonKind::Quality,
        // The inspected sample of a load run holds answers against the contract.
        Suite::Load if judged.id.ends_with("/contract") => GateReasonKind::Contract,
        Suite::Load => GateReasonKind::Latency,
    }
}
