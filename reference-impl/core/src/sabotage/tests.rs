use std::collections::{BTreeMap, HashSet};
use std::process::Command;

use serde_json::Value;

use super::*;

/// A file of the contract, as text.
fn contract(file: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contracts").join(file);
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn names_a_rule_of_the_contract_for_every_switch() {
    let rules = contract("rules.yaml");
    let ids: HashSet<&str> = rules.lines().filter_map(|line| line.strip_prefix("- id: ")).map(str::trim).collect();
    assert!(ids.len() > 100, "the rules were not found");
    for which in Sabotage::ALL {
        assert!(ids.contains(which.rule()), "{}: there is no rule {}", which.name(), which.rule());
    }
}

#[test]
fn names_each_switch_once_and_after_its_variant() {
    let mut names = HashSet::new();
    for which in Sabotage::ALL {
        let words = which.name().split('-').map(|word| word[..1].to_uppercase() + &word[1..]);
        assert_eq!(words.collect::<String>(), format!("{which:?}"));
        assert!(names.insert(which.name()), "{} stands twice", which.name());
        assert!(which.text().ends_with('.') && which.text().len() <= 200, "{}", which.name());
    }
}

#[test]
fn is_in_no_default_build() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut having = 0;
    for package in metadata["packages"].as_array().unwrap() {
        let features: BTreeMap<String, Vec<String>> = serde_json::from_value(package["features"].clone()).unwrap();
        having += usize::from(features.contains_key("sabotage"));
        // What the default features come to, followed to the end.
        let mut on = vec!["default".to_owned()];
        let mut next = 0;
        while let Some(feature) = on.get(next).cloned() {
            on.extend(
                features
                    .get(&feature)
                    .into_iter()
                    .flatten()
                    .filter(|it| !on.contains(*it))
                    .cloned()
                    .collect::<Vec<_>>(),
            );
            next += 1;
        }
        assert!(!on.iter().any(|feature| feature.contains("sabotage")), "{}: {on:?}", package["name"]);
        for dependency in package["dependencies"].as_array().unwrap() {
            let asked = dependency["features"].as_array().unwrap();
            assert!(!asked.contains(&Value::from("sabotage")), "{} asks for it: {dependency}", package["name"]);
        }
    }
    assert_eq!(having, 4, "core, http, native and the Worker have the feature");
}

#[cfg(not(feature = "sabotage"))]
#[test]
fn is_off_to_the_compiler_without_the_feature() {
    const { assert!(!on(Sabotage::FilterIgnored)) };
    assert!(Sabotage::ALL.iter().all(|which| !on(*which)));
}

// Alone in touching the state of the process; every other test of this crate runs beside it only for a moment.
#[cfg(feature = "sabotage")]
#[test]
fn turns_on_one_at_a_time() {
    // The two that no test of this crate can meet.
    let (one, other) = (Sabotage::DebugRoutesServed, Sabotage::CorsWildcard);
    set(Some(one));
    assert_eq!((current(), on(one), on(other)), (Some(one), true, false));
    set(Some(other));
    assert_eq!((current(), on(one), on(other)), (Some(other), false, true));
    set(None);
    assert_eq!((current(), on(one), on(other)), (None, false, false));
}
