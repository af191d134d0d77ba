//! What a schema cannot say about a record: its parts must not contradict each other.

use contract_types::{CaseRecord, CaseRecordLevel, RunRecord, RunRecordVerdict};

use crate::{
    judged::{PROBE, wrong},
    tally::Tally,
};

/// The first contradiction of `record`: its JSON pointer, and what is wrong there.
pub(crate) fn contradiction(record: &RunRecord) -> Option<(String, String)> {
    counts(record).or_else(|| coverage(record)).or_else(|| excluded(record)).or_else(|| verdict(record))
}

fn counts(record: &RunRecord) -> Option<(String, String)> {
    let (said, found) = (Tally::from(&record.counts), Tally::of(&record.cases));
    let pairs = [
        ("passed", said.passed, found.passed),
        ("failed", said.failed, found.failed),
        ("errored", said.errored, found.errored),
        ("not_applicable", said.not_applicable, found.not_applicable),
        ("known_failures", said.known, found.known),
    ];
    pairs.into_iter().find(|(_, said, found)| said != found).map(|(field, said, found)| {
        (format!("/counts/{field}"), format!("says {said}, but {found} of the cases ended so"))
    })
}

fn coverage(record: &RunRecord) -> Option<(String, String)> {
    let rows = record.coverage.as_deref().unwrap_or_default();
    rows.iter().position(|row| row.reached > row.total).map(|index| {
        let row = &rows[index];
        (format!("/coverage/{index}/reached"), format!("says {} of a total of {}", row.reached, row.total))
    })
}

/// What is excluded is not in the total, so it cannot be missing from it.
fn excluded(record: &RunRecord) -> Option<(String, String)> {
    record.coverage.iter().flatten().enumerate().find_map(|(index, row)| {
        let missing = |item: &str| row.missing.iter().any(|entry| entry.split(": ").next() == Some(item));
        let twice = row.excluded.iter().flatten().position(|excluded| missing(&excluded.item))?;
        Some((format!("/coverage/{index}/excluded/{twice}/item"), "is excluded and also missing".to_owned()))
    })
}

/// A run that passed has no MUST case that did not, no score below its floor and no latency over its budget.
fn verdict(record: &RunRecord) -> Option<(String, String)> {
    if record.verdict != RunRecordVerdict::Pass {
        return None;
    }
    let decides = |case: &CaseRecord| case.level == CaseRecordLevel::Must && case.kind != PROBE;
    let case = record.cases.iter().position(|case| decides(case) && wrong(case.outcome));
    let scores = record.scores.as_deref().unwrap_or_default();
    let score = scores.iter().position(|score| score.floor.is_some_and(|floor| score.value < floor));
    let load = record.load.as_deref().unwrap_or_default();
    let row = load.iter().position(|row| row.budget_p95_ms.is_some_and(|budget| row.p95_ms > budget));
    let cause = case
        .map(|index| format!("the MUST case at /cases/{index} did not pass"))
        .or_else(|| score.map(|index| format!("the score at /scores/{index} is below its floor")))
        .or_else(|| row.map(|index| format!("the 95th percentile at /load/{index} is over its budget")))?;
    Some(("/verdict".to_owned(), format!("says pass, although {cause}")))
}
