//! What earlier records tell: the verdicts and figures of each part over time, and the cases that are not steady.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};

use contract_types::{
    CaseRecordOutcome, GateFlaky, GatePartPart, GatePoint, GatePointVerdict, LoadRecordPhase, RunRecordVerdict,
};

use crate::{
    format::share,
    model::{Run, Suite},
    saboteurs::Board,
    tally,
};

/// Most points of a trend.
const POINTS: usize = 60;
/// Most cases that are told.
const TOLD: usize = 50;
/// The figure of quality that is followed.
const METRIC: (&str, u64) = ("ndcg", 10);

/// What the figures of a part are.
pub(super) fn measure(part: GatePartPart) -> &'static str {
    match part {
        GatePartPart::Conformance => "share of the cases that passed",
        GatePartPart::Saboteurs => "share of the saboteurs that were caught",
        GatePartPart::Quality => "mean nDCG at 10",
        GatePartPart::Load => "slowest 95th percentile in ms",
    }
}

/// `runs` of one part, the oldest first, as points.
pub(super) fn trend(part: GatePartPart, runs: &[&Run]) -> Vec<GatePoint> {
    let point = |run: &&Run| GatePoint {
        figure: figure(part, run),
        ..GatePoint::new(run.record.started_at.clone(), verdict(run.record.verdict))
    };
    runs.iter().skip(runs.len().saturating_sub(POINTS)).map(point).collect()
}

fn verdict(verdict: RunRecordVerdict) -> GatePointVerdict {
    match verdict {
        RunRecordVerdict::Pass => GatePointVerdict::Pass,
        RunRecordVerdict::Fail => GatePointVerdict::Fail,
        RunRecordVerdict::Error => GatePointVerdict::Error,
    }
}

/// The figure of a run; nothing where it has none.
fn figure(part: GatePartPart, run: &Run) -> Option<f64> {
    match part {
        GatePartPart::Conformance => {
            let tally = run.tally();
            (tally.applicable() > 0).then(|| share(tally.passed, tally.applicable()))
        }
        GatePartPart::Saboteurs => Board::of(run).map(|board| share(board.caught, board.seeded)),
        GatePartPart::Quality => {
            let scores = run.record.scores.iter().flatten();
            let values: Vec<f64> = scores
                .filter(|score| score.metric == METRIC.0 && score.k == Some(METRIC.1))
                .map(|score| score.value)
                .collect();
            let count = u32::try_from(values.len()).ok().filter(|count| *count > 0)?;
            Some(values.iter().sum::<f64>() / f64::from(count))
        }
        GatePartPart::Load => {
            let rows = run.record.load.iter().flatten();
            let whole = rows.filter(|row| row.phase.is_none_or(|phase| phase == LoadRecordPhase::Response));
            whole.map(|row| row.p95_ms).max_by(f64::total_cmp)
        }
    }
}

/// The cases of conformance that are not steady over `runs`, the oldest first.
pub(super) fn flaky(runs: &[&Run]) -> Vec<GateFlaky> {
    let mut found: BTreeMap<&str, GateFlaky> = BTreeMap::new();
    // What a case did last in a run of a commit. A run without a commit says nothing about the next.
    let mut last: HashMap<(&str, &str), bool> = HashMap::new();
    for run in runs.iter().filter(|run| run.suite() == Suite::Conformance) {
        for case in tally::plain(&run.record.cases) {
            let failed = match case.outcome {
                CaseRecordOutcome::Pass => false,
                CaseRecordOutcome::Fail => true,
                CaseRecordOutcome::Error | CaseRecordOutcome::NotApplicable | CaseRecordOutcome::KnownFailure => {
                    continue;
                }
            };
            let entry = found.entry(&case.id).or_insert_with(|| GateFlaky::new(case.id.clone(), 0, 0, 0, 0));
            entry.runs += 1;
            entry.failed += u64::from(failed);
            entry.repeated += u64::from(case.attempts.is_some_and(|attempts| attempts > 1));
            if let Some(commit) = run.record.commit.as_deref() {
                let before = last.insert((commit, &case.id), failed);
                entry.flips += u64::from(before.is_some_and(|before| before != failed));
            }
        }
    }
    let mut unsteady: Vec<GateFlaky> = found.into_values().filter(|case| case.flips > 0 || case.repeated > 0).collect();
    unsteady.sort_by_key(|case| Reverse((case.flips, case.repeated, case.failed)));
    unsteady.truncate(TOLD);
    unsteady
}
