//! Tests of the gate: each kind of damage is seen by the step that is there for it.

use std::collections::BTreeMap;

use super::*;
use crate::{chance::Chance, collection::Asked, evaluate::Found};

const TERMS: Terms = Terms { margin: MARGIN, seed: 7 };

/// Questions whose one relevant document stands at a place that follows from the seed.
fn evaluated(collection: &str, questions: usize, place: impl Fn(usize, &mut Chance) -> usize) -> Evaluated {
    let mut chance = Chance::new(3);
    let found = (0..questions).map(|number| {
        let at = place(number, &mut chance);
        let scored = (0..12_u8).map(|rank| {
            let relevant = usize::from(rank) == at;
            let document = if relevant { "right".to_owned() } else { format!("d{rank}") };
            (document, 1.0 - f64::from(rank) / 100.0)
        });
        let asked = Asked {
            id: format!("q{number}"),
            text: "what".to_owned(),
            judgements: BTreeMap::from([("right".to_owned(), 1)]),
            gold: Vec::new(),
        };
        Found::new(asked, "open-shelf", scored.collect())
    });
    Evaluated {
        collection: collection.to_owned(),
        tenants: vec!["open-shelf".to_owned()],
        found: found.collect(),
        documents: 12,
        chunks: 20,
        ..Evaluated::default()
    }
}

fn early(_: usize, chance: &mut Chance) -> usize {
    chance.below(3)
}

fn baseline(evaluated: &Evaluated) -> Baseline {
    Baseline::of(evaluated, "local", "a test", "2026-03-02T09:15:00Z".to_owned(), None)
}

fn failing(now: Evaluated, before: Option<&Evaluated>) -> Vec<String> {
    let judged = judge(vec![(now, before.map(baseline))], TERMS).remove(0);
    let failing = judged.gates.iter().filter(|gate| gate.fails());
    failing.map(|gate| format!("{}/{}", gate.step, gate.name)).collect()
}

#[test]
fn lets_the_same_run_through() {
    let run = evaluated("fixtures", 80, early);
    assert_eq!(failing(run.clone(), Some(&run)), Vec::<String>::new());
    assert_eq!(failing(run, None), Vec::<String>::new());
}

#[test]
fn tells_what_cannot_be_asked_without_a_baseline() {
    let judged = judge(vec![(evaluated("fixtures", 10, early), None)], TERMS).remove(0);
    let skipped = judged.gates.iter().filter(|gate| matches!(gate.verdict, Verdict::NotApplicable(_)));
    assert_eq!(skipped.map(|gate| gate.name.as_str()).collect::<Vec<_>>(), ["chunks", "golden-rankings", "no-loss"]);
    assert!(judged.gates.iter().all(|gate| gate.case().id.starts_with("quality/fixtures/")));
}

#[test]
fn sees_each_damage_with_its_step() {
    let before = evaluated("fixtures", 80, early);
    let with = |change: &dyn Fn(&mut Evaluated)| {
        let mut now = before.clone();
        change(&mut now);
        failing(now, Some(&before))
    };
    let bad = || vec!["x".to_owned()];
    assert_eq!(with(&|now| now.problems = bad()), ["exact/answers"]);
    assert_eq!(with(&|now| now.miscounted = bad()), ["exact/documents"]);
    assert_eq!(with(&|now| now.altered = bad()), ["exact/metadata"]);
    assert_eq!(with(&|now| now.strangers = bad()), ["exact/own-documents"]);
    assert_eq!(with(&|now| now.chunks = 19), ["exact/chunks"]);
    let one = with(&|now| {
        let last = now.found.pop().expect("there are questions");
        let mut scored = last.scored.clone();
        scored[8].1 = 0.5;
        now.found.push(Found::new(last.asked, "open-shelf", scored));
    });
    assert_eq!(one, ["exact/golden-rankings"]);
}

#[test]
fn sees_a_loss_over_many_questions_and_a_missed_floor() {
    let first = |_: usize, chance: &mut Chance| usize::from(chance.below(4) == 0);
    let before = evaluated("scifact", 200, first);
    let worse = evaluated("scifact", 200, |number, chance| first(number, chance) + usize::from(number % 4 == 0));
    assert_eq!(failing(worse, Some(&before)), ["statistics/no-loss"]);
    let useless = evaluated("scifact", 200, |_, _| 11);
    assert_eq!(failing(useless, Some(&before)), ["statistics/no-loss", "floor/ndcg-at-10"]);
}

#[test]
fn says_when_a_loss_cannot_be_ruled_out() {
    // As many got better as got worse, and by so much that the mean says little.
    let before = evaluated("other", 24, |_, _| 4);
    let now = evaluated("other", 24, |number, _| if number % 2 == 0 { 0 } else { 11 });
    let judged = judge(vec![(now, Some(baseline(&before)))], TERMS).remove(0);
    let gate = judged.gates.iter().find(|gate| gate.name == "no-loss").expect("the gate is there");
    let Verdict::Fail(message) = &gate.verdict else { panic!("{gate:?}") };
    assert!(message.contains("cannot be ruled out"), "{message}");
}

#[test]
fn refuses_a_baseline_of_other_questions() {
    let now = evaluated("other", 5, early);
    let mut before = now.clone();
    before.found.iter_mut().for_each(|found| found.asked.id.push('x'));
    assert_eq!(failing(now, Some(&before)), ["statistics/no-loss"]);
}
