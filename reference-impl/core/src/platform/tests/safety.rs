//! What answers report of the safety filters.

use super::*;
use crate::tenancy::{SafetyAction, SafetyDirection, SafetyFilter, SafetyRule};

const QUESTION: &str = "With which key is the sandwort archive on floor 37 opened?";

async fn answered(rules: &[(SafetyDirection, SafetyFilter, SafetyAction)], query: &str) -> (House, SearchAnswer) {
    let house = house_with(|settings| {
        let rule = |(direction, filter, action)| SafetyRule { filter, direction, threshold: 0.5, action };
        settings.safety = rules.iter().copied().map(rule).collect();
    });
    let owner = house.tenants.owner();
    let secret = document(
        "archive",
        "The sandwort archive on floor 37 is opened with the key AKIAIOSFODNN7EXAMPLE and a badge.",
        &json!({}),
    );
    house.platform.ingest(&owner, &[secret], ChunkOptions::default()).await.unwrap();
    let answer = search(&house, &owner, query).await;
    (house, answer)
}

fn told(answer: &SearchAnswer) -> Vec<(SafetyDirection, SafetyFilter, SafetyAction)> {
    answer.safety.iter().map(|it| (it.direction, it.filter, it.action)).collect()
}

#[tokio::test]
async fn reports_what_is_redacted_or_flagged_and_nothing_that_is_off() {
    for (action, shown, reported) in
        [(SafetyAction::Redact, false, true), (SafetyAction::Flag, true, true), (SafetyAction::Off, true, false)]
    {
        let rule = (SafetyDirection::Output, SafetyFilter::Secrets, action);
        let (house, answer) = answered(&[rule], QUESTION).await;
        assert!(answer.answer.contains("sandwort archive"), "{action}: {}", answer.answer);
        assert_eq!(answer.answer.contains("AKIA"), shown, "{action}: {}", answer.answer);
        assert_eq!(told(&answer), if reported { vec![rule] } else { Vec::new() }, "{action}");
        let again = search(&house, &house.tenants.owner(), QUESTION).await;
        assert!(again.cache.hit && again.safety == answer.safety, "{action}: the cache keeps the report");
    }
}

#[tokio::test]
async fn a_finding_in_the_query_is_that_querys_alone() {
    let rule = (SafetyDirection::Input, SafetyFilter::Secrets, SafetyAction::Flag);
    let query = format!("{QUESTION} AKIAIOSFODNN7EXAMPLE");
    let (house, answer) = answered(&[rule], &query).await;
    assert_eq!(told(&answer), [rule]);
    let owner = house.tenants.owner();
    let again = search(&house, &owner, &query).await;
    assert!(again.cache.hit && told(&again) == [rule]);
    let lower = search(&house, &owner, &query.to_lowercase()).await;
    assert!(lower.cache.hit && lower.safety.is_empty(), "no key is written like that");
}
