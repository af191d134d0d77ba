//! The generated cases: how many there are of each kind, and that what they claim is so.

use std::collections::BTreeMap;

use contracts::catalogue::{self, Case, Kind};

#[test]
fn counts_cases_by_operation_and_kind() {
    let (_, contract) = crate::contract();
    let mut counts: BTreeMap<String, BTreeMap<Kind, usize>> = BTreeMap::new();
    for case in catalogue::cases(&contract) {
        *counts.entry(case.operation).or_default().entry(case.kind).or_default() += 1;
    }
    let table: String = counts.iter().fold(String::new(), |table, (operation, kinds)| {
        let kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{kind:?} {count}")).collect();
        table + &format!("{operation}: {}\n", kinds.join(", "))
    });
    insta::assert_snapshot!(table);
}

#[test]
fn gives_every_case_an_id_of_its_own() {
    let (_, contract) = crate::contract();
    let cases = catalogue::cases(&contract);
    let mut ids: Vec<&str> = cases.iter().map(|case| case.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), cases.len());
    assert!(cases.len() > 600, "{} cases", cases.len());
}

#[test]
fn reads_back_what_it_wrote() {
    let (_, contract) = crate::contract();
    for case in catalogue::cases(&contract) {
        let line = serde_json::to_string(&case).unwrap();
        let again: Case = serde_json::from_str(&line).unwrap();
        assert_eq!(again, case);
    }
}

#[test]
fn exercises_almost_every_keyword_of_the_denominator() {
    let (_, contract) = crate::contract();
    let wanted = catalogue::denominator(&contract).keywords;
    let cases = catalogue::cases(&contract);
    let tried: std::collections::BTreeSet<String> = cases
        .iter()
        .filter_map(|case| {
            let (place, keyword) = (case.place.as_ref()?, case.keyword.as_ref()?);
            let place =
                if keyword == "required" { place.rsplit_once('/').map_or("", |(parent, _)| parent) } else { place };
            Some(format!("{} {place} {keyword}", case.operation))
        })
        .collect();
    let missing: Vec<&String> = wanted.iter().filter(|entry| !tried.contains(*entry)).collect();
    let share = 100 - 100 * missing.len() / wanted.len();
    assert!(share >= 85, "only {} % of {} keywords are tried; missing: {missing:#?}", share, wanted.len());
}
