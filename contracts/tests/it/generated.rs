//! Generated code is fresh, and staleness is seen.

use std::fs;

use contracts::{generate, requirements::Requirements};

#[test]
fn finds_every_checked_in_file_fresh() {
    let (_, contract) = crate::contract();
    let files = generate::generate(&contract).unwrap();
    let stale = generate::stale(&crate::root(), &files);
    assert!(stale.is_empty(), "run `cargo run -p contracts -- generate`: {stale:?}");
}

#[test]
fn sees_a_required_field_dropped_from_the_contract() {
    let (mut sources, _) = crate::contract();
    let required = sources.openapi.pointer_mut("/components/schemas/RetrieveRequest/required").unwrap();
    required.as_array_mut().unwrap().clear();
    let changed = contracts::Contract::from_sources(&sources).unwrap();
    let files = generate::generate(&changed).unwrap();
    let stale = generate::stale(&crate::root(), &files);
    let names: Vec<String> = stale.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    for wanted in ["contracts/types/src/generated/wire.rs", "conformance/src/generated/catalogue.jsonl"] {
        assert!(names.iter().any(|name| name == wanted), "{wanted} must be stale, stale are {names:?}");
    }
}

#[test]
fn asks_of_a_frozen_version_what_it_asked() {
    let (_, contract) = crate::contract();
    let sets = Requirements::frozen(&crate::root()).unwrap();
    assert!(!sets.is_empty());
    for set in sets {
        assert_eq!(set.departures(&contract), Vec::<String>::new(), "{}", set.contract);
    }
}

#[test]
fn sees_a_rule_that_binds_an_older_version_after_all() {
    let (_, contract) = crate::contract();
    let frozen = Requirements::of(&contract, "1.0.0");
    let change = |change: &dyn Fn(&mut Vec<contracts::model::Rule>)| {
        let mut changed = contract.clone();
        change(&mut changed.rules);
        frozen.departures(&changed).join("\n")
    };
    let new = |since: Option<&str>| contracts::model::Rule {
        id: "NEW-001".to_owned(),
        since: since.map(str::to_owned),
        ..contract.rules[0].clone()
    };
    assert!(change(&|rules| rules.push(new(None))).contains("NEW-001 is not of 1.0.0"));
    assert_eq!(change(&|rules| rules.push(new(Some("1.1.0")))), "");
    assert!(change(&|rules| drop(rules.remove(0))).contains("is gone"));
    assert!(change(&|rules| rules[0].since = Some("2.0.0".to_owned())).contains("is gone"));
    let softer = |rule: &mut contracts::model::Rule| rule.level = contracts::model::Level::Should;
    assert!(change(&|rules| softer(&mut rules[0])).contains("was Must in 1.0.0 and is Should"));
}

#[test]
fn has_changed_compatibly_since_the_blessed_contract() {
    let (_, contract) = crate::contract();
    let base = fs::read_to_string(crate::root().join("contracts/blessed/openapi.json")).unwrap();
    let changes = contracts::diff::diff(&serde_json::from_str(&base).unwrap(), &contract.document);
    let breaking: Vec<_> = changes.iter().filter(|it| it.weight == contracts::diff::Weight::Breaking).collect();
    assert!(breaking.is_empty(), "{breaking:#?}");
}
