//! Load runs of several machines as one: requests and histograms are added, percentiles are read anew from the sum. Percentiles are
//! never averaged, because the mean of two of them is a percentile of nothing.

use std::collections::BTreeMap;

use contract_types::{
    CaseRecord, CaseRecordOutcome, LoadInterval, LoadRecord, RunCounts, RunRecord, RunRecordKind, RunRecordVerdict,
};

use crate::{
    histogram::{quantile_ms, sum},
    model::Run,
};

/// Most remarks that a record may hold.
const NOTES: usize = 1000;

/// Why runs are no parts of one.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// There is nothing to merge.
    #[error("expected two load records or more, found {0}")]
    Few(usize),
    /// A record of another suite.
    #[error("{file}: expected a record of a load run, found one of {found}")]
    Kind {
        /// The file.
        file: String,
        /// Its suite.
        found: RunRecordKind,
    },
    /// A record that differs in what all must share.
    #[error("{file}: expected {what} `{expected}`, as in {first}, found `{found}`")]
    Differs {
        /// The file.
        file: String,
        /// What differs.
        what: &'static str,
        /// The value of the first record.
        expected: String,
        /// The first record's file.
        first: String,
        /// The value of this one.
        found: String,
    },
    /// The same run twice, whose requests would count twice.
    #[error("{file}: is the same run as {first}")]
    Twice {
        /// The file.
        file: String,
        /// The file that holds it too.
        first: String,
    },
    /// A measurement without a histogram.
    #[error("{file}: /load: `{scenario}` `{operation}` has no histogram, and percentiles cannot be added without one")]
    NoHistogram {
        /// The file.
        file: String,
        /// Scenario of the measurement.
        scenario: String,
        /// Operation of the measurement.
        operation: String,
    },
}

/// The runs as one, under the id `run_id`. It began with the first of them and ended with the last; its verdict and each of its
/// gates is the worst of theirs.
///
/// # Errors
///
/// [`MergeError`].
pub fn merge(runs: &[Run], run_id: &str) -> Result<RunRecord, MergeError> {
    let [first, others @ ..] = runs else { return Err(MergeError::Few(0)) };
    if others.is_empty() {
        return Err(MergeError::Few(1));
    }
    for (index, run) in runs.iter().enumerate() {
        if run.record.kind != RunRecordKind::Load {
            return Err(MergeError::Kind { file: run.file.clone(), found: run.record.kind });
        }
        let differs = |what, expected: &str, found: &str| {
            if expected == found {
                return Ok(());
            }
            let (file, first) = (run.file.clone(), first.file.clone());
            Err(MergeError::Differs { file, what, expected: expected.to_owned(), first, found: found.to_owned() })
        };
        differs("target", &first.record.target.name, &run.record.target.name)?;
        differs("contract_version", &first.record.contract_version, &run.record.contract_version)?;
        if let Some(same) = runs[..index].iter().find(|other| other.record.run_id == run.record.run_id) {
            return Err(MergeError::Twice { file: run.file.clone(), first: same.file.clone() });
        }
    }
    let cases = cases(runs);
    let mut notes = vec![format!(
        "merged from {} runs: {}",
        runs.len(),
        runs.iter().map(|run| run.record.run_id.as_str()).collect::<Vec<_>>().join(", ")
    )];
    notes.extend(runs.iter().flat_map(|run| run.record.notes.iter().cloned()));
    notes.truncate(NOTES);
    let started = runs.iter().min_by_key(|run| run.started).unwrap_or(first);
    let finished = runs.iter().max_by_key(|run| run.finished).unwrap_or(first);
    Ok(RunRecord {
        run_id: run_id.to_owned(),
        started_at: started.record.started_at.clone(),
        finished_at: finished.record.finished_at.clone(),
        verdict: runs
            .iter()
            .map(|run| run.record.verdict)
            .max_by_key(|it| severity(*it))
            .unwrap_or(first.record.verdict),
        counts: counts(&cases),
        cases,
        load: Some(load(runs)?),
        notes,
        ..first.record.clone()
    })
}

fn severity(verdict: RunRecordVerdict) -> u8 {
    match verdict {
        RunRecordVerdict::Pass => 0,
        RunRecordVerdict::Fail => 1,
        RunRecordVerdict::Error => 2,
    }
}

/// Each gate with its worst outcome.
fn cases(runs: &[Run]) -> Vec<CaseRecord> {
    let badness = |outcome: CaseRecordOutcome| match outcome {
        CaseRecordOutcome::NotApplicable => 0,
        CaseRecordOutcome::Pass => 1,
        CaseRecordOutcome::KnownFailure => 2,
        CaseRecordOutcome::Fail => 3,
        CaseRecordOutcome::Error => 4,
    };
    let mut worst: BTreeMap<&str, &CaseRecord> = BTreeMap::new();
    for case in runs.iter().flat_map(|run| &run.record.cases) {
        let kept = worst.entry(&case.id).or_insert(case);
        if badness(case.outcome) > badness(kept.outcome) {
            *kept = case;
        }
    }
    worst.into_values().cloned().collect()
}

fn counts(cases: &[CaseRecord]) -> RunCounts {
    let of = |outcome| cases.iter().filter(|case| case.outcome == outcome).count() as u64;
    RunCounts {
        passed: of(CaseRecordOutcome::Pass),
        failed: of(CaseRecordOutcome::Fail),
        errored: of(CaseRecordOutcome::Error),
        not_applicable: of(CaseRecordOutcome::NotApplicable),
        known_failures: of(CaseRecordOutcome::KnownFailure),
    }
}

/// What a measurement is about.
fn subject(row: &LoadRecord) -> (String, String, Option<String>, Option<String>, Option<String>) {
    (
        row.scenario.clone(),
        row.operation.clone(),
        row.tenant.as_ref().map(|tenant| tenant.as_str().to_owned()),
        row.phase.map(|phase| phase.to_string()),
        row.cache.map(|cache| cache.to_string()),
    )
}

fn load(runs: &[Run]) -> Result<Vec<LoadRecord>, MergeError> {
    let mut rows: Vec<Vec<&LoadRecord>> = Vec::new();
    let mut places = BTreeMap::new();
    for run in runs {
        for row in run.record.load.iter().flatten() {
            if row.histogram.is_none() && row.requests > 0 {
                let (file, scenario, operation) = (run.file.clone(), row.scenario.clone(), row.operation.clone());
                return Err(MergeError::NoHistogram { file, scenario, operation });
            }
            let place = *places.entry(subject(row)).or_insert_with(|| {
                rows.push(Vec::new());
                rows.len() - 1
            });
            rows[place].push(row);
        }
    }
    Ok(rows.iter().map(|rows| add(rows)).collect())
}

fn add(rows: &[&LoadRecord]) -> LoadRecord {
    let histogram = sum(rows.iter().filter_map(|row| row.histogram.as_deref()));
    let max_ms = rows.iter().map(|row| row.max_ms).fold(0.0, f64::max);
    let at = |quantile| quantile_ms(&histogram, quantile).unwrap_or(0.0).min(max_ms);
    LoadRecord {
        requests: rows.iter().map(|row| row.requests).sum(),
        errors: rows.iter().map(|row| row.errors).sum(),
        rate_per_s: rows.iter().map(|row| row.rate_per_s).sum(),
        p50_ms: at(0.50),
        p95_ms: at(0.95),
        p99_ms: at(0.99),
        max_ms,
        budget_p95_ms: rows.iter().filter_map(|row| row.budget_p95_ms).reduce(f64::min),
        timeline: timeline(rows),
        histogram: Some(histogram),
        ..rows[0].clone()
    }
}

/// Stretches of the same length, counted from each machine's own beginning; nothing where one has others or none.
fn timeline(rows: &[&LoadRecord]) -> Option<Vec<LoadInterval>> {
    let all: Option<Vec<&Vec<LoadInterval>>> = rows.iter().map(|row| row.timeline.as_ref()).collect();
    let all = all?;
    let longest = all.iter().max_by_key(|timeline| timeline.len())?;
    let alike = |one: &LoadInterval, two: &LoadInterval| {
        (one.from_ms - two.from_ms).abs() < 1e-6 && (one.to_ms - two.to_ms).abs() < 1e-6
    };
    if !all.iter().all(|timeline| timeline.iter().zip(longest.iter()).all(|(one, two)| alike(one, two))) {
        return None;
    }
    let merged = longest.iter().enumerate().map(|(index, stretch)| {
        let here = || all.iter().filter_map(move |timeline| timeline.get(index));
        LoadInterval {
            from_ms: stretch.from_ms,
            to_ms: stretch.to_ms,
            requests: here().map(|it| it.requests).sum(),
            errors: here().map(|it| it.errors).sum(),
            histogram: sum(here().map(|it| it.histogram.as_slice())),
        }
    });
    Some(merged.collect())
}
