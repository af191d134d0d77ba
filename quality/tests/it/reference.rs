//! The metrics against values that `tests/reference/record.py` recorded from `pytrec_eval` and `ir-measures`.

use std::collections::BTreeMap;

use quality::{
    measure::Measure,
    metrics::{Judgements, Scores},
    ranking::Ranking,
};
use serde_json::Value;

const QRELS: &str = include_str!("../reference/sample.qrels");
const RUN: &str = include_str!("../reference/sample.run");
const MEASURES: &str = include_str!("../reference/measures.json");
const EXPECTED: &str = include_str!("../reference/expected.json");

fn judgements() -> BTreeMap<&'static str, Judgements> {
    let mut questions: BTreeMap<&str, Judgements> = BTreeMap::new();
    for line in QRELS.lines() {
        let [question, _, document, grade] = fields(line);
        let grade = grade.parse().expect("a grade is a small number");
        questions.entry(question).or_default().insert(document.to_owned(), grade);
    }
    questions
}

fn run() -> BTreeMap<&'static str, Vec<(&'static str, f64)>> {
    let mut questions: BTreeMap<&str, Vec<(&str, f64)>> = BTreeMap::new();
    for line in RUN.lines() {
        let [question, _, document, _, score, _] = fields(line);
        questions.entry(question).or_default().push((document, score.parse().expect("a score is a number")));
    }
    questions
}

fn fields<const N: usize>(line: &'static str) -> [&'static str; N] {
    let fields: Vec<&str> = line.split_whitespace().collect();
    fields.try_into().unwrap_or_else(|fields| panic!("`{line}` has {fields:?}, not {N} fields"))
}

/// To four places, which is what `trec_eval` prints.
fn assert_equal(what: &str, ours: Scores, theirs: &Value) {
    let pairs =
        [("ndcg_10", ours.ndcg_10), ("recall_5", ours.recall_5), ("recall_10", ours.recall_10), ("mrr", ours.mrr)];
    for (metric, ours) in pairs {
        let theirs = theirs[metric].as_f64().expect("the recorded value is a number");
        assert!((ours - theirs).abs() < 0.000_05, "{what} {metric}: ours {ours}, theirs {theirs}");
    }
}

#[test]
fn equals_pytrec_eval_for_every_question_and_the_mean() {
    let expected: Value = serde_json::from_str(EXPECTED).expect("the recorded file is JSON");
    let judgements = judgements();
    let mut all = Vec::new();
    for (question, scored) in run() {
        let scores = Scores::of(&Ranking::from_scores(scored), &judgements[question]);
        assert_equal(question, scores, &expected["questions"][question]);
        all.push(scores);
    }
    assert_eq!(Some(all.len()), expected["questions"].as_object().map(serde_json::Map::len));
    assert_equal("mean", Scores::mean(&all), &expected["mean"]);
}

#[test]
fn would_notice_ties_broken_the_other_way() {
    let judgements = judgements();
    let differing = run().into_iter().filter(|(question, scored)| {
        let mut other = scored.clone();
        other.sort_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(right.0)));
        let places = (0_u32..).map(|place| -f64::from(place));
        let other = Ranking::from_scores(other.into_iter().map(|(document, _)| document).zip(places));
        Scores::of(&other, &judgements[question])
            != Scores::of(&Ranking::from_scores(scored.clone()), &judgements[question])
    });
    assert!(differing.count() > 5, "the sample must hold ties that matter");
}

#[test]
fn equals_ir_measures_in_every_measure_of_every_question() {
    let recorded: Value = serde_json::from_str(MEASURES).expect("the recorded file is JSON");
    let (judgements, run) = (judgements(), run());
    assert_eq!(recorded["questions"].as_object().map(serde_json::Map::len), Some(run.len()));
    for (question, scored) in run {
        let ranking = Ranking::from_scores(scored);
        for measure in Measure::ALL {
            let theirs = &recorded["questions"][question][measure.to_string()];
            let theirs = theirs.as_f64().unwrap_or_else(|| panic!("{question} has no {measure}"));
            let ours = measure.of(&ranking, &judgements[question]);
            assert!((ours - theirs).abs() < 0.000_05, "{question} {measure}: ours {ours}, theirs {theirs}");
        }
    }
}
