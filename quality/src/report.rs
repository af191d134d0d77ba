//! What a smoke run says: the table for people, and the scores and gates of the run record.

use contract_types::{CaseRecord, CaseRecordLevel, CaseRecordOutcome, ScoreRecord};

use crate::{
    baseline::{Baseline, kept_score},
    gate::{
        sentence,
        statistics::{Compared, SIGNIFICANCE, compare, holm},
    },
    metrics::Scores,
    smoke::{RECALL_5_FLOOR, TenantScores},
};

/// Name of the fixtures' questions in a record.
const COLLECTION: &str = "fixtures";
/// Most problems of one tenant that are told one by one.
const TOLD: usize = 5;

/// The table, line by line.
pub fn table(tenants: &[TenantScores]) -> Vec<String> {
    let width = tenants.iter().map(|tenant| tenant.tenant.len()).max().unwrap_or(0).max("tenant".len());
    let mut lines = vec![format!(
        "{:width$}  questions  unanswerable  nDCG@10  recall@5  recall@10     MRR  floor (recall@5)",
        "tenant"
    )];
    for found in tenants {
        let mean = found.mean();
        lines.push(format!(
            "{:width$}  {:>9}  {:>12}  {:>7.4}  {:>8.4}  {:>9.4}  {:>6.4}  {RECALL_5_FLOOR:.2} {}",
            found.tenant.as_str(),
            found.asked.len(),
            found.unanswerable,
            mean.ndcg_10,
            mean.recall_5,
            mean.recall_10,
            mean.mrr,
            if found.reaches_floor() { "reached" } else { "MISSED" },
        ));
    }
    lines
}

/// Lines about what was wrong with answers, the first few of each tenant.
pub fn problems(tenants: &[TenantScores]) -> Vec<String> {
    let mut lines = Vec::new();
    for found in tenants {
        let told = found.problems.iter().take(TOLD);
        lines.extend(told.map(|problem| format!("{} {problem}", found.tenant)));
        if found.problems.len() > TOLD {
            lines.push(format!("{}: and {} more", found.tenant, found.problems.len() - TOLD));
        }
    }
    lines
}

/// The scores of every tenant, each metric with its floor where it has one, and nDCG@10 with its baseline.
pub fn scores(tenants: &[TenantScores], baseline: Option<&Baseline>) -> Vec<ScoreRecord> {
    tenants.iter().flat_map(|found| tenant_scores(found, baseline)).collect()
}

fn tenant_scores(found: &TenantScores, baseline: Option<&Baseline>) -> [ScoreRecord; 4] {
    let Scores { ndcg_10, recall_5, recall_10, mrr } = found.mean();
    let score = |metric: &str, k: Option<u64>, value: f64, floor: Option<f64>| ScoreRecord {
        tenant: found.tenant.clone(),
        collection: COLLECTION.to_owned(),
        metric: metric.to_owned(),
        k,
        value,
        queries: u64::try_from(found.asked.len()).unwrap_or(u64::MAX),
        floor,
        baseline: None,
        interval_low: None,
        interval_high: None,
    };
    let mut gated = score("ndcg", Some(10), ndcg_10, None);
    if let Some(compared) = baseline.map(|baseline| against(found, baseline)).filter(|compared| compared.questions > 0)
    {
        gated.baseline = Some(gated.value - compared.difference);
        (gated.interval_low, gated.interval_high) = (Some(compared.low), Some(compared.high));
    }
    [
        gated,
        score("recall", Some(5), recall_5, Some(RECALL_5_FLOOR)),
        score("recall", Some(10), recall_10, None),
        score("mrr", None, mrr, None),
    ]
}

/// The gates of the run as cases, by id: for every tenant the floor, and the answers' agreement with the contract.
pub fn gates(tenants: &[TenantScores]) -> Vec<CaseRecord> {
    let mut cases: Vec<CaseRecord> = tenants.iter().flat_map(tenant_gates).collect();
    cases.sort_by(|left, right| left.id.cmp(&right.id));
    cases
}

fn tenant_gates(found: &TenantScores) -> [CaseRecord; 2] {
    let recall = found.mean().recall_5;
    let missed = format!(
        "expected recall@5 of at least {RECALL_5_FLOOR:.2}, found {recall:.4} over {} questions",
        found.asked.len()
    );
    let wrong = || format!("expected every answer to be a ranking that fits the contract: {}", lines(&found.problems));
    [
        gate("answers", found, found.problems.is_empty().then_some(()).ok_or_else(wrong)),
        gate("recall-at-5", found, if found.reaches_floor() { Ok(()) } else { Err(missed) }),
    ]
}

/// Whether each tenant lost nDCG@10 against the baseline, by Holm's correction over the tenants.
pub fn losses(tenants: &[TenantScores], baseline: Option<&Baseline>) -> Vec<CaseRecord> {
    let mut cases: Vec<CaseRecord> = match baseline {
        None => tenants
            .iter()
            .map(|found| not_applicable(found, "there is no baseline of this target; `quality bless` writes one"))
            .collect(),
        Some(baseline) => {
            let compared: Vec<Compared> = tenants.iter().map(|found| against(found, baseline)).collect();
            let corrected = holm(&compared.iter().map(|compared| compared.p_loss).collect::<Vec<_>>());
            let each = tenants.iter().zip(&compared).zip(corrected);
            each.map(|((found, compared), p_loss)| {
                let lost = p_loss < SIGNIFICANCE || compared.questions == 0;
                let words = || format!("nDCG@10 got worse than the baseline: {}", sentence(compared, p_loss));
                gate("no-loss", found, if lost { Err(words()) } else { Ok(()) })
            })
            .collect()
        }
    };
    cases.sort_by(|left, right| left.id.cmp(&right.id));
    cases
}

fn against(found: &TenantScores, baseline: &Baseline) -> Compared {
    let pairs = found.asked.iter().filter_map(|asked| {
        let before = baseline.queries.get(&format!("{}/{}", found.tenant, asked.question))?;
        Some((before.score, kept_score(asked.scores.ndcg_10)))
    });
    let (before, now): (Vec<f64>, Vec<f64>) = pairs.unzip();
    compare(&before, &now, 0)
}

fn not_applicable(found: &TenantScores, reason: &str) -> CaseRecord {
    let case = gate("no-loss", found, Ok(()));
    CaseRecord { outcome: CaseRecordOutcome::NotApplicable, reason: Some(reason.to_owned()), ..case }
}

fn lines(problems: &[String]) -> String {
    let told: Vec<&str> = problems.iter().take(TOLD).map(String::as_str).collect();
    format!("{} problems, first: {}", problems.len(), told.join("; "))
}

fn gate(name: &str, found: &TenantScores, passed: Result<(), String>) -> CaseRecord {
    let (outcome, message) = match passed {
        Ok(()) => (CaseRecordOutcome::Pass, None),
        Err(message) => (CaseRecordOutcome::Fail, Some(harness::record::cut(&message, 8192).0)),
    };
    CaseRecord {
        id: format!("quality/smoke/{name}/{}", found.tenant),
        kind: "gate".to_owned(),
        operation: Some("retrieve".to_owned()),
        rule: None,
        level: CaseRecordLevel::Must,
        outcome,
        duration_ms: 0.0,
        message,
        curl: None,
        request: None,
        response: None,
        reason: None,
        attempts: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smoke::Asked;

    fn found(recall_5: f64, problems: &[&str]) -> TenantScores {
        let scores = Scores { ndcg_10: 0.5, recall_5, recall_10: 0.9, mrr: 0.75 };
        TenantScores {
            tenant: "aurora-bikes".into(),
            asked: vec![Asked { question: "q001".to_owned(), scores }],
            unanswerable: 8,
            problems: problems.iter().map(|&problem| problem.to_owned()).collect(),
        }
    }

    #[test]
    fn lines_the_table_up() {
        let lines = table(&[found(0.8, &[]), found(0.5, &[])]);
        assert_eq!(
            lines[1],
            "aurora-bikes          1             8   0.5000    0.8000     0.9000  0.7500  0.60 reached"
        );
        assert!(lines[2].ends_with("0.60 MISSED"));
    }

    #[test]
    fn holds_recall_alone_to_a_floor() {
        let scores = scores(&[found(0.8, &[])], None);
        let floors: Vec<_> =
            scores.iter().filter_map(|score| Some((score.metric.as_str(), score.k?, score.floor?))).collect();
        assert_eq!(floors, [("recall", 5, RECALL_5_FLOOR)]);
        assert!(scores.iter().all(|score| score.queries == 1));
    }

    #[test]
    fn fails_a_tenant_that_got_worse_than_the_baseline() {
        let many = |ndcg_10: f64| TenantScores {
            asked: (0..40)
                .map(|number| Asked { question: format!("q{number}"), scores: Scores { ndcg_10, ..Scores::default() } })
                .collect(),
            ..found(0.8, &[])
        };
        let kept = |number: i32| (format!("aurora-bikes/q{number}"), serde_json::json!({"score": 0.8, "ranking": []}));
        let baseline: Baseline = serde_json::from_value(serde_json::json!({
            "format": "plumbline-baseline/1", "target": "local", "collection": "fixtures", "mode": "default",
            "reason": "a test", "blessed_at": "2026-03-02T09:15:00Z", "documents": 1, "chunks": 1,
            "queries": (0..40).map(kept).collect::<serde_json::Map<_, _>>(),
        }))
        .expect("a baseline");
        let outcome = |ndcg: f64, baseline| losses(&[many(ndcg)], baseline)[0].outcome;
        assert_eq!(outcome(0.8, Some(&baseline)), CaseRecordOutcome::Pass);
        assert_eq!(outcome(0.9, Some(&baseline)), CaseRecordOutcome::Pass);
        assert_eq!(outcome(0.7, Some(&baseline)), CaseRecordOutcome::Fail);
        assert_eq!(outcome(0.7, None), CaseRecordOutcome::NotApplicable);
        let gated = scores(&[many(0.7)], Some(&baseline)).remove(0);
        assert!(
            (gated.baseline.unwrap_or_default() - 0.8).abs() < 1e-9 && gated.interval_high < Some(0.0),
            "{gated:?}"
        );
    }

    #[test]
    fn fails_the_gate_that_was_missed() {
        let outcomes = |found: TenantScores| gates(&[found]).iter().map(|gate| gate.outcome).collect::<Vec<_>>();
        let (pass, fail) = (CaseRecordOutcome::Pass, CaseRecordOutcome::Fail);
        assert_eq!(outcomes(found(0.60, &[])), [pass, pass]);
        assert_eq!(outcomes(found(0.59, &[])), [pass, fail]);
        assert_eq!(outcomes(found(0.9, &["q001: expected status 200, found 500"])), [fail, pass]);
    }
}
