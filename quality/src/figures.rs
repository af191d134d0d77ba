//! What a run says: scores, changes and gates for the record, and tables for people.

use contract_types::{JudgedDocument, QueryChange, ScoreRecord};

use crate::{
    answers,
    baseline::{Baseline, PLACES, kept_score},
    evaluate::{Evaluated, Found},
    gate::statistics::mean,
    gate::{Gate, Judged, Verdict, at_least, floors::floor},
    measure::Measure,
    metrics::Judgements,
    session::Outcome,
};

/// Changes of one collection that a record keeps.
const CHANGES: usize = 400;
/// Characters of a question that a record keeps.
const TEXT_CHARS: usize = 500;

/// The figures of rankings: for each tenant each measure, the gated one beside its baseline.
pub fn ranking_scores(judged: &Judged) -> Vec<ScoreRecord> {
    let evaluated = &judged.evaluated;
    let mut scores = Vec::new();
    for tenant in &evaluated.tenants {
        let found: Vec<&Found> = evaluated.scored().filter(|found| found.tenant == *tenant).collect();
        for measure in Measure::ALL {
            let values: Vec<f64> = found.iter().map(|found| found.measure(*measure)).collect();
            let mut score = record(tenant, &evaluated.collection, measure.metric(), mean(&values), found.len());
            score.k = measure.k.and_then(|k| u64::try_from(k).ok());
            score.floor = floor(&evaluated.collection, measure.metric(), measure.k, evaluated.mode);
            if *measure == Measure::GATED {
                let before = |baseline: &Baseline| {
                    let kept: Vec<f64> =
                        found.iter().filter_map(|found| Some(baseline.queries.get(&found.asked.id)?.score)).collect();
                    (!kept.is_empty()).then(|| mean(&kept))
                };
                score.baseline = judged.baseline.as_ref().and_then(before);
                if let (1, Some(compared)) = (evaluated.tenants.len(), judged.compared) {
                    (score.interval_low, score.interval_high) = (Some(compared.low), Some(compared.high));
                }
            }
            scores.push(score);
        }
    }
    scores
}

/// The figures of answers, over all tenants of the collection for the gates, and for each tenant for the record.
pub fn answer_scores(outcome: &Outcome) -> (Vec<ScoreRecord>, Vec<Gate>) {
    let collection = &outcome.evaluated.collection;
    let (mut scores, mut gates) = (Vec::new(), Vec::new());
    for (tenant, answered) in &outcome.answered {
        for (metric, value, of) in answers::scores(answered) {
            let mut score = record(tenant, collection, metric, value, of);
            score.floor = floor(collection, metric, None, outcome.evaluated.mode);
            scores.push(score);
        }
    }
    let all: Vec<answers::Answered> =
        outcome.answered.iter().flat_map(|(_, answered)| answered.iter().cloned()).collect();
    for (metric, value, _) in answers::scores(&all) {
        if let Some(least) = floor(collection, metric, None, outcome.evaluated.mode) {
            gates.push(at_least(collection, metric, value, least));
        }
    }
    if !outcome.problems.is_empty() {
        let first = outcome.problems.iter().take(3).cloned().collect::<Vec<_>>().join("; ");
        let message =
            format!("expected an answer to every question, found {} that are none: {first}", outcome.problems.len());
        let verdict = Verdict::Fail(message);
        let name = "answered-requests".to_owned();
        gates.push(Gate { step: crate::gate::Step::Exact, name, collection: collection.clone(), verdict });
    }
    (scores, gates)
}

fn record(tenant: &str, collection: &str, metric: &str, value: f64, queries: usize) -> ScoreRecord {
    ScoreRecord {
        tenant: tenant.into(),
        collection: collection.to_owned(),
        metric: metric.to_owned(),
        k: None,
        value,
        queries: u64::try_from(queries).unwrap_or(u64::MAX),
        floor: None,
        baseline: None,
        interval_low: None,
        interval_high: None,
    }
}

/// The questions whose score changed, the greatest loss first.
pub fn changes(judged: &Judged) -> Vec<QueryChange> {
    let Some(baseline) = &judged.baseline else { return Vec::new() };
    let mut changes: Vec<QueryChange> =
        judged.evaluated.scored().filter_map(|found| change(&judged.evaluated, found, baseline)).collect();
    changes.sort_by(|one, other| {
        let moved = |change: &QueryChange| (change.now - change.before).abs();
        moved(other).total_cmp(&moved(one)).then_with(|| one.query.cmp(&other.query))
    });
    changes.truncate(CHANGES);
    changes
}

fn change(evaluated: &Evaluated, found: &Found, baseline: &Baseline) -> Option<QueryChange> {
    let before = baseline.queries.get(&found.asked.id)?;
    let now = kept_score(found.measure(Measure::GATED));
    if (now - before.score).abs() < 1e-9 {
        return None;
    }
    Some(QueryChange {
        tenant: found.tenant.as_str().into(),
        collection: evaluated.collection.clone(),
        query: found.asked.id.clone(),
        text: found.asked.text.chars().take(TEXT_CHARS).collect(),
        metric: Measure::GATED.metric().to_owned(),
        k: Measure::GATED.k.and_then(|k| u64::try_from(k).ok()),
        before: before.score.clamp(0.0, 1.0),
        now: now.clamp(0.0, 1.0),
        ranking_before: graded(&before.ranking, &found.asked.judgements),
        ranking_now: graded(found.ranking.documents(), &found.asked.judgements),
    })
}

fn graded(ranking: &[String], judgements: &Judgements) -> Vec<JudgedDocument> {
    let document =
        |id: &String| JudgedDocument { document: id.clone(), grade: judgements.get(id).map(|grade| u64::from(*grade)) };
    ranking.iter().take(PLACES).map(document).collect()
}

/// The table of a collection's figures, line by line.
pub fn table(scores: &[ScoreRecord]) -> Vec<String> {
    let mut lines = vec![format!(
        "{:<12} {:<14} {:<26} {:>8} {:>8} {:>9} {:>8}",
        "collection", "tenant", "metric", "value", "floor", "baseline", "of"
    )];
    for score in scores {
        let metric = score.k.map_or_else(|| score.metric.clone(), |k| format!("{}@{k}", score.metric));
        let optional = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
        let below = if score.floor.is_some_and(|floor| score.value < floor) { "  BELOW" } else { "" };
        lines.push(format!(
            "{:<12} {:<14} {metric:<26} {:>8.4} {:>8} {:>9} {:>8}{below}",
            score.collection,
            score.tenant.0,
            score.value,
            optional(score.floor),
            optional(score.baseline),
            score.queries
        ));
    }
    lines
}

/// The gates, line by line.
pub fn gate_lines(gates: &[Gate]) -> Vec<String> {
    let line = |gate: &Gate| {
        let (word, text) = match &gate.verdict {
            Verdict::Pass(text) => ("pass", text),
            Verdict::Fail(text) => ("FAIL", text),
            Verdict::NotApplicable(text) => ("n/a ", text),
        };
        format!("{word}  {} {}/{}: {text}", gate.collection, gate.step, gate.name)
    };
    gates.iter().map(line).collect()
}
