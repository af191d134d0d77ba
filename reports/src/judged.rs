//! Everything that a run judges in one shape: cases, scores with a floor, latencies with a budget.

use std::borrow::Cow;

use contract_types::{CaseRecord, CaseRecordLevel, CaseRecordOutcome, LoadRecord, ScoreRecord};

use crate::{format::decimal, model::Run, tally::capability};

/// Kind of the cases that only tell something about the target. They never decide a run.
pub(crate) const PROBE: &str = "probe";
/// Kind of the cases that each seed one fault and pass when the suite has caught it.
pub(crate) const SABOTEUR: &str = "saboteur";
/// Kind of the cases that draw many inputs and shrink one that fails.
pub(crate) const PROPERTY: &str = "property";
/// Kind of a score that is held against its floor.
pub(crate) const SCORE: &str = "score_floor";
/// Kind of a latency that is held against its budget.
pub(crate) const BUDGET: &str = "latency_budget";

/// One thing that was judged.
#[derive(Debug, Clone)]
pub(crate) struct Judged<'a> {
    /// Stays the same from run to run.
    pub(crate) id: Cow<'a, str>,
    /// Capability of a case, tenant of a score, scenario of a latency.
    pub(crate) group: Cow<'a, str>,
    /// Kind of the case, [`SCORE`] or [`BUDGET`].
    pub(crate) kind: &'a str,
    pub(crate) rule: Option<&'a str>,
    pub(crate) operation: Option<&'a str>,
    pub(crate) level: CaseRecordLevel,
    pub(crate) outcome: CaseRecordOutcome,
    pub(crate) duration_ms: f64,
    pub(crate) message: Option<Cow<'a, str>>,
    pub(crate) reason: Option<&'a str>,
    pub(crate) curl: Option<&'a str>,
    pub(crate) attempts: u64,
}

impl Judged<'_> {
    /// Whether a failure of it would fail the run.
    pub(crate) fn decides(&self) -> bool {
        self.level == CaseRecordLevel::Must && self.kind != PROBE
    }

    pub(crate) fn is_wrong(&self) -> bool {
        wrong(self.outcome)
    }

    /// What there is to say about it in words; never empty.
    pub(crate) fn told(&self) -> &str {
        self.message.as_deref().or(self.reason).unwrap_or("no message was recorded")
    }
}

/// A failure, or an error that kept the suite from looking.
pub(crate) fn wrong(outcome: CaseRecordOutcome) -> bool {
    matches!(outcome, CaseRecordOutcome::Fail | CaseRecordOutcome::Error)
}

/// Everything that `run` judges, in the order of the record. Scores without a floor and latencies without a budget only inform.
pub(crate) fn judged(run: &Run) -> Vec<Judged<'_>> {
    let record = &run.record;
    let scores = record.scores.iter().flatten().filter_map(score);
    let load = record.load.iter().flatten().filter_map(latency);
    record.cases.iter().map(case).chain(scores).chain(load).collect()
}

fn case(case: &CaseRecord) -> Judged<'_> {
    Judged {
        id: Cow::Borrowed(&case.id),
        group: Cow::Borrowed(capability(case)),
        kind: &case.kind,
        rule: case.rule.as_deref(),
        operation: case.operation.as_deref(),
        level: case.level,
        outcome: case.outcome,
        duration_ms: case.duration_ms,
        message: case.message.as_deref().map(Cow::Borrowed),
        reason: case.reason.as_deref(),
        curl: case.curl.as_deref(),
        attempts: case.attempts.unwrap_or(1),
    }
}

fn score(score: &ScoreRecord) -> Option<Judged<'_>> {
    let floor = score.floor?;
    let at = score.k.map(|k| format!("@{k}")).unwrap_or_default();
    let held = score.value >= floor;
    Some(Judged {
        id: Cow::Owned(format!("scores/{}/{}/{}{at}", score.tenant.as_str(), score.collection, score.metric)),
        group: Cow::Owned(format!("scores of {}", score.tenant.as_str())),
        kind: SCORE,
        rule: None,
        operation: None,
        level: CaseRecordLevel::Must,
        outcome: if held { CaseRecordOutcome::Pass } else { CaseRecordOutcome::Fail },
        duration_ms: 0.0,
        message: (!held)
            .then(|| Cow::Owned(format!("is {}, below its floor {}", decimal(score.value, 3), decimal(floor, 3)))),
        reason: None,
        curl: None,
        attempts: 1,
    })
}

fn latency(row: &LoadRecord) -> Option<Judged<'_>> {
    let budget = row.budget_p95_ms?;
    let tenant = row.tenant.as_ref().map(|tenant| format!("/{}", tenant.as_str())).unwrap_or_default();
    let phase = row.phase.map(|phase| format!("#{}", phase.as_str())).unwrap_or_default();
    let kept = row.p95_ms <= budget;
    Some(Judged {
        id: Cow::Owned(format!("load/{}/{}{tenant}{phase}", row.scenario, row.operation)),
        group: Cow::Owned(format!("load {}", row.scenario)),
        kind: BUDGET,
        rule: None,
        operation: Some(&row.operation),
        level: CaseRecordLevel::Must,
        outcome: if kept { CaseRecordOutcome::Pass } else { CaseRecordOutcome::Fail },
        duration_ms: row.p95_ms,
        message: (!kept).then(|| {
            Cow::Owned(format!("p95 is {} ms, over its budget of {} ms", decimal(row.p95_ms, 1), decimal(budget, 1)))
        }),
        reason: None,
        curl: None,
        attempts: 1,
    })
}
