//! The ranking metrics, equal to `trec_eval` and `ir-measures`: nDCG with linear gain, recall, precision, average precision,
//! reciprocal rank, rank-biased precision, success and the share of judged documents.
//!
//! A grade of 1 or more is relevant; a document without a judgement has grade 0. The reference values that these are
//! compared with lie in `tests/reference`.

use std::collections::BTreeMap;

use crate::ranking::Ranking;

/// Grades of one question: document id → 0 (not relevant) to 3 (answers it).
pub type Judgements = BTreeMap<String, u8>;

/// Normalised discounted cumulative gain of the first `k` documents: gain is the grade, discount `log2(rank + 1)`.
///
/// 0 when no document is relevant.
pub fn ndcg(ranking: &Ranking, judgements: &Judgements, k: usize) -> f64 {
    let mut ideal: Vec<u8> = judgements.values().copied().filter(|grade| *grade > 0).collect();
    ideal.sort_unstable_by(|left, right| right.cmp(left));
    let best = discounted_gain(ideal.into_iter().take(k));
    if best == 0.0 {
        return 0.0;
    }
    discounted_gain(ranking.documents().iter().take(k).map(|document| grade(judgements, document))) / best
}

/// Share of the relevant documents that stand among the first `k`; 0 when no document is relevant.
pub fn recall(ranking: &Ranking, judgements: &Judgements, k: usize) -> f64 {
    let relevant = judgements.values().filter(|grade| **grade > 0).count();
    if relevant == 0 {
        return 0.0;
    }
    let found = ranking.documents().iter().take(k).filter(|document| grade(judgements, document) > 0).count();
    ratio(found, relevant)
}

/// Share of the first `k` places that hold a relevant document; places beyond the end of the ranking hold none.
pub fn precision(ranking: &Ranking, judgements: &Judgements, k: usize) -> f64 {
    let found = ranking.documents().iter().take(k).filter(|document| grade(judgements, document) > 0).count();
    ratio(found, k.max(1))
}

/// Average precision over the first `k` documents: the mean, over all relevant documents, of the precision at the rank of
/// each; one that is not among them counts 0. 0 when no document is relevant.
pub fn average_precision(ranking: &Ranking, judgements: &Judgements, k: usize) -> f64 {
    let relevant = judgements.values().filter(|grade| **grade > 0).count();
    if relevant == 0 {
        return 0.0;
    }
    let (mut seen, mut sum) = (0, 0.0);
    for (place, document) in ranking.documents().iter().take(k).enumerate() {
        if grade(judgements, document) > 0 {
            seen += 1;
            sum += ratio(seen, place + 1);
        }
    }
    sum / count(relevant)
}

/// Rank-biased precision with the given `persistence`: what a reader gains who goes on to the next document with that
/// probability. A document is relevant or not; grades do not count.
pub fn rank_biased_precision(ranking: &Ranking, judgements: &Judgements, persistence: f64) -> f64 {
    let (mut weight, mut sum) = (1.0 - persistence, 0.0);
    for document in ranking.documents() {
        if grade(judgements, document) > 0 {
            sum += weight;
        }
        weight *= persistence;
    }
    sum
}

/// 1 when a relevant document stands among the first `k`, otherwise 0.
pub fn success(ranking: &Ranking, judgements: &Judgements, k: usize) -> f64 {
    let found = ranking.documents().iter().take(k).any(|document| grade(judgements, document) > 0);
    if found { 1.0 } else { 0.0 }
}

/// Share of the first `k` documents that somebody judged, relevant or not; of those that are there, where there are fewer.
pub fn judged(ranking: &Ranking, judgements: &Judgements, k: usize) -> f64 {
    let first = ranking.documents().iter().take(k);
    let of = first.len();
    if of == 0 {
        return 0.0;
    }
    ratio(first.filter(|document| judgements.contains_key(*document)).count(), of)
}

/// One over the rank of the first relevant document; 0 when there is none in the ranking.
pub fn reciprocal_rank(ranking: &Ranking, judgements: &Judgements) -> f64 {
    let first = ranking.documents().iter().position(|document| grade(judgements, document) > 0);
    first.map_or(0.0, |position| ratio(1, position + 1))
}

/// The metrics of one question, or their means over several.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Scores {
    /// nDCG of the first ten documents.
    pub ndcg_10: f64,
    /// Recall of the first five documents.
    pub recall_5: f64,
    /// Recall of the first ten documents.
    pub recall_10: f64,
    /// Reciprocal rank of the first relevant document.
    pub mrr: f64,
}

impl Scores {
    /// Scores one ranking.
    pub fn of(ranking: &Ranking, judgements: &Judgements) -> Self {
        Self {
            ndcg_10: ndcg(ranking, judgements, 10),
            recall_5: recall(ranking, judgements, 5),
            recall_10: recall(ranking, judgements, 10),
            mrr: reciprocal_rank(ranking, judgements),
        }
    }

    /// Arithmetic means; zeros for no question at all.
    pub fn mean(scores: &[Self]) -> Self {
        let mean = |metric: fn(&Self) -> f64| {
            if scores.is_empty() { 0.0 } else { scores.iter().map(metric).sum::<f64>() / count(scores.len()) }
        };
        Self {
            ndcg_10: mean(|scores| scores.ndcg_10),
            recall_5: mean(|scores| scores.recall_5),
            recall_10: mean(|scores| scores.recall_10),
            mrr: mean(|scores| scores.mrr),
        }
    }
}

fn grade(judgements: &Judgements, document: &str) -> u8 {
    judgements.get(document).copied().unwrap_or(0)
}

fn discounted_gain(grades: impl Iterator<Item = u8>) -> f64 {
    grades.enumerate().map(|(index, grade)| f64::from(grade) / count(index + 2).log2()).sum()
}

pub(crate) fn ratio(part: usize, whole: usize) -> f64 {
    count(part) / count(whole)
}

#[expect(clippy::cast_precision_loss, reason = "counts of questions and documents are far below 2^52")]
pub(crate) fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judgements(grades: &[(&str, u8)]) -> Judgements {
        grades.iter().map(|(document, grade)| ((*document).to_owned(), *grade)).collect()
    }

    fn ranking(documents: &[&str]) -> Ranking {
        Ranking::from_scores(documents.iter().zip(0_u8..).map(|(document, rank)| (*document, -f64::from(rank))))
    }

    #[test]
    fn gives_one_for_the_ideal_order() {
        let scores = Scores::of(&ranking(&["a", "b", "c"]), &judgements(&[("a", 3), ("b", 1), ("c", 0)]));
        assert_eq!(scores, Scores { ndcg_10: 1.0, recall_5: 1.0, recall_10: 1.0, mrr: 1.0 });
    }

    #[test]
    fn weighs_grades_linearly() {
        let found = ndcg(&ranking(&["b", "a"]), &judgements(&[("a", 3), ("b", 1)]), 10);
        let third = 3.0_f64.log2();
        assert!((found - (1.0 + 3.0 / third) / (3.0 + 1.0 / third)).abs() < 1e-12, "{found}");
    }

    #[test]
    fn gives_zero_for_an_empty_ranking_and_for_no_relevant_document() {
        assert_eq!(Scores::of(&Ranking::default(), &judgements(&[("a", 3)])), Scores::default());
        assert_eq!(Scores::of(&ranking(&["a"]), &judgements(&[("a", 0)])), Scores::default());
        assert_eq!(Scores::mean(&[]), Scores::default());
    }

    #[test]
    fn looks_no_further_than_the_cut() {
        let ranked = ranking(&["1", "2", "3", "4", "5", "a"]);
        let scores = Scores::of(&ranked, &judgements(&[("a", 1)]));
        assert_eq!((scores.recall_5, scores.recall_10), (0.0, 1.0));
        assert!((scores.mrr - 1.0 / 6.0).abs() < 1e-12);
    }

    #[test]
    fn counts_what_each_metric_says() {
        let ranked = ranking(&["x", "a", "z", "b"]);
        let judged_ones = judgements(&[("a", 1), ("b", 2), ("c", 1), ("z", 0)]);
        let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12, "{found} for {expected}");
        close(precision(&ranked, &judged_ones, 5), 0.4);
        close(average_precision(&ranked, &judged_ones, 100), (0.5 + 0.5) / 3.0);
        close(average_precision(&ranked, &judged_ones, 2), 0.5 / 3.0);
        close(rank_biased_precision(&ranked, &judged_ones, 0.8), 0.2 * (0.8 + 0.8 * 0.8 * 0.8));
        close(success(&ranked, &judged_ones, 1), 0.0);
        close(success(&ranked, &judged_ones, 2), 1.0);
        close(judged(&ranked, &judged_ones, 10), 0.75);
        close(judged(&Ranking::default(), &judged_ones, 10), 0.0);
    }

    #[test]
    fn means_are_over_questions() {
        let one = Scores { ndcg_10: 1.0, recall_5: 1.0, recall_10: 1.0, mrr: 1.0 };
        assert_eq!(Scores::mean(&[one, Scores::default()]).mrr.to_bits(), 0.5_f64.to_bits());
    }
}
