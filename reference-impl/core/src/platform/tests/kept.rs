//! Answers of the cache as the entries that they stand in.

use super::*;
use crate::search::Answered;
use crate::tenancy::{SafetyAction, SafetyDirection, SafetyFilter, SafetyRule};

const QUERY: &str = "How long does the warranty last?";

/// Parts of an answer as an edge might write them, and how often it was asked to.
fn written(answered: &Answered, times: &AtomicUsize) -> Option<[Vec<u8>; 2]> {
    let Answered::Kept(kept) = answered else { return None };
    let parts = kept.written(|answer| {
        times.fetch_add(1, Relaxed);
        Some([answer.answer.clone().into_bytes(), Vec::new()])
    });
    parts.cloned()
}

async fn asked(house: &House, tenant: &TenantContext, query: &str) -> Answered {
    house.platform.answer_search(tenant, SearchRequest::new(query)).await.unwrap()
}

#[tokio::test]
async fn writes_an_entry_once_for_all_that_ask_in_its_words() {
    let (house, owner) = filled().await;
    let times = AtomicUsize::new(0);
    let made = asked(&house, &owner, QUERY).await;
    assert!(matches!(made, Answered::Made(_)) && written(&made, &times).is_none());
    let made = made.whole();
    for _ in 0..3 {
        let kept = asked(&house, &owner, QUERY).await;
        assert_eq!(written(&kept, &times).unwrap()[0], made.answer.as_bytes());
        let whole = kept.whole();
        assert_eq!((&whole.answer, &whole.citations, &whole.query), (&made.answer, &made.citations, &made.query));
        assert!(whole.cache.hit && whole.usage == crate::search::Usage::default());
    }
    assert_eq!(times.load(Relaxed), 1);
}

#[tokio::test]
async fn writes_nothing_that_another_way_of_asking_or_another_tenant_would_be_sent() {
    let (house, owner) = filled().await;
    let times = AtomicUsize::new(0);
    asked(&house, &owner, QUERY).await;
    let shouted = asked(&house, &owner, "HOW long does the  warranty last?").await;
    assert!(matches!(shouted, Answered::Kept(_)) && written(&shouted, &times).is_none());
    assert_eq!(shouted.whole().query.original, "HOW long does the  warranty last?");
    assert!(matches!(asked(&house, &house.tenants.stranger(), QUERY).await, Answered::Made(_)));
    // A corpus that has changed is another one, whatever was known of the query.
    house.platform.delete_document(&owner, "warranty").await.unwrap();
    let after = asked(&house, &owner, QUERY).await;
    assert!(matches!(after, Answered::Made(_)) && !after.whole().answer.contains("2 years"));
    assert_eq!(times.load(Relaxed), 0);
}

#[tokio::test]
async fn findings_in_a_query_are_told_each_time_it_is_asked() {
    let rule = SafetyRule {
        direction: SafetyDirection::Input,
        filter: SafetyFilter::PersonalData,
        threshold: 0.5,
        action: SafetyAction::Flag,
    };
    let house = house_with(|settings| settings.safety = vec![rule]);
    let owner = house.tenants.owner();
    house.platform.ingest(&owner, &corpus(), ChunkOptions::default()).await.unwrap();
    let query = "How long does the warranty last? Write to jane.doe@example.com";
    let times = AtomicUsize::new(0);
    for round in 0..3 {
        let answered = asked(&house, &owner, query).await;
        assert_eq!(matches!(answered, Answered::Kept(_)), round > 0);
        assert!(written(&answered, &times).is_none(), "an answer that tells findings is its request's own");
        let safety = answered.whole().safety;
        assert!(safety.iter().any(|it| it.filter == SafetyFilter::PersonalData), "round {round}: {safety:?}");
    }
}
