//! Generated code is fresh, and staleness is seen.

use std::fs;

use contracts::generate;

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
fn has_changed_compatibly_since_the_blessed_contract() {
    let (_, contract) = crate::contract();
    let base = fs::read_to_string(crate::root().join("contracts/blessed/openapi.json")).unwrap();
    let changes = contracts::diff::diff(&serde_json::from_str(&base).unwrap(), &contract.document);
    let breaking: Vec<_> = changes.iter().filter(|it| it.weight == contracts::diff::Weight::Breaking).collect();
    assert!(breaking.is_empty(), "{breaking:#?}");
}
