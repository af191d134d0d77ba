//! The figures of a set of answers.

use contract_types::ConfidenceBand;

use super::{Answered, Cited, SPAN_WORDS, calibration::expected_error, text};
use crate::{collection::Gold, gate::statistics::mean, metrics::ratio};

/// Names of the figures, in the order of tables.
pub const METRICS: &[&str] = &[
    "answered",
    "no_answer_accuracy",
    "citation_precision",
    "citation_recall",
    "exact_match",
    "token_f1",
    "cited_span_holds_answer",
    "first_span_holds_answer",
    "verbatim_citations",
    "faithful_answers",
    "follow_ups_answered",
    "calibration_error",
    "calibration_agreement",
    "judge_supported",
];

/// Every figure that there is something for: name, value, and of how many things it is the mean.
pub fn scores(answers: &[Answered]) -> Vec<(&'static str, f64, usize)> {
    let (answerable, unanswerable): (Vec<&Answered>, Vec<&Answered>) =
        answers.iter().partition(|answer| answer.asked.is_answerable());
    let given: Vec<&Answered> = answerable.iter().copied().filter(|answer| answer.is_answer()).collect();
    let marked: Vec<&Answered> = given.iter().copied().filter(|answer| golden(answer).next().is_some()).collect();
    let citations: Vec<&Cited> = answers.iter().flat_map(|answer| &answer.citations).collect();
    let confidences: Vec<(f64, bool)> = answers
        .iter()
        .filter(|answer| answer.is_answer())
        .map(|answer| (answer.confidence, is_right(answer)))
        .collect();
    let share = |yes: usize, of: usize| (of > 0).then(|| (ratio(yes, of), of));
    let means = |values: Vec<f64>| (!values.is_empty()).then(|| (mean(&values), values.len()));
    let best = |answer: &&Answered, score: fn(&str, &str) -> f64| {
        golden(answer).map(|gold| score(&answer.answer, &gold.text)).fold(0.0, f64::max)
    };
    let spans_of =
        |answer: &&Answered, most: usize| answer.citations.iter().take(most).any(|cited| span_holds(answer, cited));
    let asked: Vec<bool> = answers.iter().flat_map(|answer| answer.follow_ups.iter().copied()).collect();
    let votes: Vec<f64> =
        answers.iter().filter_map(|answer| answer.votes).map(|(yes, of)| f64::from(u8::from(2 * yes > of))).collect();
    let error = (!confidences.is_empty()).then(|| (expected_error(&confidences), confidences.len()));
    let recalls = given.iter().filter(|answer| !answer.asked.gold.is_empty()).map(|answer| recall(answer)).collect();
    let precisions = given.iter().map(|answer| {
        ratio(answer.citations.iter().filter(|cited| is_right_place(answer, cited)).count(), answer.citations.len())
    });
    let figures = [
        share(given.len(), answerable.len()),
        share(unanswerable.iter().filter(|answer| answer.band == ConfidenceBand::None).count(), unanswerable.len()),
        means(precisions.collect()),
        means(recalls),
        means(
            marked
                .iter()
                .map(|answer| best(answer, |found, gold| f64::from(u8::from(text::is_exact(found, gold)))))
                .collect(),
        ),
        means(marked.iter().map(|answer| best(answer, text::token_f1)).collect()),
        share(marked.iter().filter(|answer| spans_of(answer, usize::MAX)).count(), marked.len()),
        share(marked.iter().filter(|answer| spans_of(answer, 1)).count(), marked.len()),
        share(citations.iter().filter(|cited| cited.verbatim).count(), citations.len()),
        share(
            given.iter().filter(|answer| answer.citations.iter().all(|cited| cited.verbatim && cited.supports)).count(),
            given.len(),
        ),
        share(asked.iter().filter(|answered| **answered).count(), asked.len()),
        error,
        error.map(|(error, of)| (1.0 - error, of)),
        means(votes),
    ];
    let named = METRICS.iter().zip(figures);
    named.filter_map(|(name, figure)| figure.map(|(value, of)| (*name, value, of))).collect()
}

/// The passages that answer by themselves.
fn golden(answer: &Answered) -> impl Iterator<Item = &Gold> {
    answer.asked.gold.iter().filter(|gold| gold.answers)
}

/// Whether a quote of at most 40 words holds the answer.
fn span_holds(answer: &Answered, cited: &Cited) -> bool {
    text::length(&cited.quote) <= SPAN_WORDS && golden(answer).any(|gold| text::holds(&cited.quote, &gold.text))
}

/// Whether a citation is of a passage that people marked: the quote holds it, or lies within it. Where nobody marked any, whether
/// its document is relevant.
fn is_right_place(answer: &Answered, cited: &Cited) -> bool {
    if answer.asked.gold.is_empty() {
        return answer.asked.judgements.get(&cited.document).is_some_and(|grade| *grade > 0);
    }
    answer.asked.gold.iter().any(|gold| cites(cited, gold))
}

fn cites(cited: &Cited, gold: &Gold) -> bool {
    cited.document == gold.document && (text::holds(&cited.quote, &gold.text) || text::holds(&gold.text, &cited.quote))
}

/// Share of the marked passages that are cited.
fn recall(answer: &Answered) -> f64 {
    let cited = answer.asked.gold.iter().filter(|gold| answer.citations.iter().any(|cited| cites(cited, gold)));
    ratio(cited.count(), answer.asked.gold.len())
}

/// Whether an answer is right: a cited span holds the marked answer, or where none is marked a relevant document is cited.
fn is_right(answer: &Answered) -> bool {
    if golden(answer).next().is_some() {
        return answer.citations.iter().any(|cited| span_holds(answer, cited));
    }
    let relevant = |cited: &Cited| answer.asked.judgements.get(&cited.document).is_some_and(|grade| *grade > 0);
    answer.citations.iter().any(relevant)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::collection::Asked;

    fn answered(quote: &str, band: ConfidenceBand, change: impl Fn(&mut Answered)) -> Answered {
        let gold = Gold { document: "a".to_owned(), text: "308".to_owned(), answers: true };
        let asked = Asked {
            id: "1".to_owned(),
            text: "how many points".to_owned(),
            judgements: BTreeMap::from([("a".to_owned(), 1)]),
            gold: vec![gold],
        };
        let cited = Cited { document: "a".to_owned(), quote: quote.to_owned(), verbatim: true, supports: true };
        let mut answer = Answered {
            asked,
            answer: quote.to_owned(),
            band,
            confidence: 0.9,
            citations: vec![cited],
            follow_ups: Vec::new(),
            votes: None,
        };
        change(&mut answer);
        answer
    }

    fn found(answers: &[Answered]) -> BTreeMap<&'static str, f64> {
        scores(answers).into_iter().map(|(name, value, _)| (name, value)).collect()
    }

    #[test]
    fn scores_a_right_answer() {
        let found = found(&[answered("They gave up 308 points.", ConfidenceBand::High, |_| ())]);
        for name in [
            "answered",
            "citation_precision",
            "citation_recall",
            "cited_span_holds_answer",
            "verbatim_citations",
            "faithful_answers",
        ] {
            assert!((found[name] - 1.0).abs() < 1e-12, "{name}: {found:?}");
        }
        assert!((found["token_f1"] - 1.0 / 3.0).abs() < 1e-12 && found["exact_match"] == 0.0, "{found:?}");
        assert!((found["calibration_error"] - 0.1).abs() < 1e-9, "{found:?}");
        assert!(!found.contains_key("no_answer_accuracy") && !found.contains_key("judge_supported"));
    }

    #[test]
    fn sees_what_is_wrong_with_an_answer() {
        let long = format!("308 {}", "word ".repeat(40));
        for (name, answer) in [
            ("answered", answered("308", ConfidenceBand::None, |_| ())),
            ("cited_span_holds_answer", answered(&long, ConfidenceBand::High, |_| ())),
            (
                "citation_precision",
                answered("308", ConfidenceBand::High, |answer| answer.citations[0].document = "b".to_owned()),
            ),
            ("citation_recall", answered("309", ConfidenceBand::High, |_| ())),
            (
                "verbatim_citations",
                answered("308", ConfidenceBand::High, |answer| answer.citations[0].verbatim = false),
            ),
            ("faithful_answers", answered("308", ConfidenceBand::High, |answer| answer.citations[0].supports = false)),
            ("follow_ups_answered", answered("308", ConfidenceBand::High, |answer| answer.follow_ups = vec![false])),
            ("no_answer_accuracy", answered("308", ConfidenceBand::Low, |answer| answer.asked.judgements.clear())),
            ("judge_supported", answered("308", ConfidenceBand::High, |answer| answer.votes = Some((1, 3)))),
        ] {
            assert!(found(std::slice::from_ref(&answer))[name] == 0.0, "{name}: {:?}", found(&[answer]));
        }
    }

    #[test]
    fn falls_back_to_relevant_documents_where_nobody_marked_a_passage() {
        let unmarked = |document: &str| {
            answered("any quote", ConfidenceBand::High, |answer| {
                answer.asked.gold.clear();
                answer.citations[0].document = document.to_owned();
            })
        };
        assert!((found(&[unmarked("a"), unmarked("b")])["citation_precision"] - 0.5).abs() < 1e-12);
        assert!(!found(&[unmarked("a")]).contains_key("citation_recall"));
    }
}
