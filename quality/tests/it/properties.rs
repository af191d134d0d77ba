//! What holds of the metrics for any ranking.

use proptest::{collection::btree_map, prelude::*};
use quality::{
    metrics::{Judgements, Scores, ndcg},
    ranking::Ranking,
};

fn documents() -> impl Strategy<Value = Vec<(String, f64)>> {
    btree_map("[a-h][0-9]", 0.0..1.0_f64, 0..30).prop_map(|scored| scored.into_iter().collect())
}

fn judgements() -> impl Strategy<Value = Judgements> {
    btree_map("[a-h][0-9]", 0..4_u8, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_metric_lies_between_zero_and_one(scored in documents(), judgements in judgements()) {
        let scores = Scores::of(&Ranking::from_scores(scored), &judgements);
        for value in [scores.ndcg_10, scores.recall_5, scores.recall_10, scores.mrr] {
            prop_assert!((0.0..=1.0 + 1e-12).contains(&value), "{scores:?}");
        }
        prop_assert!(scores.recall_5 <= scores.recall_10);
    }

    #[test]
    fn the_order_of_arrival_changes_nothing(scored in documents(), judgements in judgements()) {
        let backwards: Vec<_> = scored.iter().rev().cloned().collect();
        let (forwards, backwards) = (Ranking::from_scores(scored), Ranking::from_scores(backwards));
        prop_assert_eq!(Scores::of(&forwards, &judgements), Scores::of(&backwards, &judgements));
    }

    #[test]
    fn ranking_by_grade_is_ideal(judgements in judgements()) {
        prop_assume!(judgements.values().any(|grade| *grade > 0));
        let ideal = Ranking::from_scores(judgements.iter().map(|(document, grade)| (document.as_str(), f64::from(*grade))));
        prop_assert!((ndcg(&ideal, &judgements, 10) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn an_unjudged_document_in_front_never_helps(scored in documents(), judgements in judgements()) {
        let with = scored.iter().cloned().chain([("zz".to_owned(), 2.0)]);
        let (with, without) = (Ranking::from_scores(with), Ranking::from_scores(scored.clone()));
        let (with, without) = (Scores::of(&with, &judgements), Scores::of(&without, &judgements));
        prop_assert!(with.ndcg_10 <= without.ndcg_10 + 1e-12 && with.mrr <= without.mrr && with.recall_5 <= without.recall_5);
    }
}
