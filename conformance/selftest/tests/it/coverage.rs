//! What the suite as a whole promises: both sides of every rule, every case of the isolation and security catalogue, enough of
//! everything, and the same list every time.

use std::collections::{BTreeMap, BTreeSet};

use conformance::{
    saboteurs,
    suite::{Suite, Test},
    written::Polarity,
};
use contracts::model::Level;
use harness::project_root;

/// Rules of which one side cannot be shown over HTTP alone, with the reason.
const ONE_SIDED: [(&str, &str); 3] = [
    ("AUT-015", "needs a deployment outside demo mode; the reference's own tests hold it"),
    ("JOB-007", "needs a restart of the target, which no request causes; the reference's own tests hold it"),
    ("AUD-005", "needs a restart of the target, which no request causes"),
];
/// Cases of the catalogue that no case here holds, with the reason.
const NOT_HELD: [(&str, &str); 1] = [("VE-06", "no vector without a tenant can be made from outside")];
/// The catalogue's groups and how many cases each has.
const CATALOGUE: [(&str, u8); 9] =
    [("AU", 11), ("IN", 7), ("SC", 9), ("VE", 7), ("CH", 8), ("TL", 10), ("TT", 6), ("ML", 6), ("AD", 6)];

fn suite() -> Suite {
    Suite::load(&project_root()).unwrap()
}

#[test]
fn shows_both_sides_of_every_must() {
    let suite = suite();
    let mut sides: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for test in &suite.tests {
        if let (Some(rule), Some(polarity)) = (test.rule(), test.polarity()) {
            let side = if polarity == Polarity::Positive { "positive" } else { "negative" };
            sides.entry(rule).or_default().insert(side);
        }
    }
    let musts = suite.contract.rules.iter().filter(|rule| rule.level == Level::Must);
    let lacking: Vec<String> = musts
        .filter(|rule| !ONE_SIDED.iter().any(|(id, _)| *id == rule.id))
        .filter_map(|rule| {
            let found = sides.get(rule.id.as_str()).cloned().unwrap_or_default();
            let missing: Vec<&str> =
                ["positive", "negative"].into_iter().filter(|side| !found.contains(side)).collect();
            (!missing.is_empty()).then(|| format!("{} lacks a {} case", rule.id, missing.join(" and a ")))
        })
        .collect();
    assert!(lacking.is_empty(), "{}", lacking.join("\n"));
}

#[test]
fn holds_every_case_of_the_catalogue() {
    let suite = suite();
    let held: BTreeSet<String> = suite.tests.iter().flat_map(Test::catalogue).collect();
    let all =
        CATALOGUE.iter().flat_map(|(group, count)| (1..=*count).map(move |number| format!("{group}-{number:02}")));
    let all: BTreeSet<String> = all.collect();
    assert_eq!(all.len(), 70);
    let strange: Vec<&String> = held.difference(&all).collect();
    assert!(strange.is_empty(), "no cases of the catalogue: {strange:?}");
    let excused = |id: &&String| NOT_HELD.iter().any(|(known, _)| known == *id);
    let lacking: Vec<&String> = all.difference(&held).filter(|id| !excused(id)).collect();
    assert!(lacking.is_empty(), "no case holds {lacking:?}");
    let needless: Vec<&(&str, &str)> = NOT_HELD.iter().filter(|(id, _)| held.contains(*id)).collect();
    assert!(needless.is_empty(), "held after all: {needless:?}");
}

#[test]
fn has_as_many_of_everything_as_it_says() {
    let suite = suite();
    let written = suite.tests.iter().filter(|test| matches!(test, Test::Written(_))).count();
    assert!(written >= 250, "{written} written cases");
    assert!(suite.tests.len() >= 2000, "{} tests", suite.tests.len());
    let proxied = saboteurs::proxied(&suite.contract, &suite.tests);
    assert!(proxied.len() >= 150, "{} saboteurs that a proxy plays", proxied.len());
    let ids: BTreeSet<&str> = proxied.iter().map(|saboteur| saboteur.id.as_str()).collect();
    assert_eq!(ids.len(), proxied.len(), "two saboteurs share an id");
}

#[test]
fn lists_the_same_every_time() {
    let ids = |suite: &Suite| suite.tests.iter().map(Test::id).collect::<Vec<_>>();
    let (one, other) = (suite(), suite());
    assert_eq!(ids(&one), ids(&other));
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._:/@#-".contains(c);
    let strange: Vec<String> = ids(&one).into_iter().filter(|id| !id.chars().all(allowed) || id.len() > 255).collect();
    assert!(strange.is_empty(), "ids that a record cannot hold: {strange:?}");
}
