//! Every value fits its schema, every broken one has the fault that it claims, and a seed always gives the same values.

use std::collections::BTreeSet;

use contracts::Contract;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::json;

use super::*;

fn contract() -> Contract {
    Contract::from_document(serde_json::from_str(contract_types::OPENAPI).unwrap()).unwrap()
}

fn runner(name: &str) -> TestRunner {
    let config = Config { max_local_rejects: 1 << 20, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed_of(7, name)))
}

fn draw<T: std::fmt::Debug>(strategy: &BoxedStrategy<T>, name: &str, count: usize) -> Vec<T> {
    let mut runner = runner(name);
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

#[test]
fn every_value_of_every_named_schema_fits() {
    let contract = contract();
    let schemas = Schemas::new(&contract);
    for name in contract.schemas.keys() {
        let schema = json!({ "$ref": format!("#/components/schemas/{name}") });
        let validator = schemas.validator(&schema).unwrap();
        let strategy = schemas.valid(&schema, Options::default()).unwrap_or_else(|error| panic!("{name}: {error}"));
        for value in draw(&strategy, name, 24) {
            let faults: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
            assert!(faults.is_empty(), "{name}: {value} does not fit: {faults:?}");
        }
    }
}

#[test]
fn a_simpler_value_fits_too() {
    let schemas = Schemas::new(&contract());
    let schema = json!({ "$ref": "#/components/schemas/IngestRequest" });
    let validator = schemas.validator(&schema).unwrap();
    let strategy = schemas.valid(&schema, Options::default()).unwrap();
    let mut runner = runner("shrinks");
    for _ in 0..6 {
        let mut tree = strategy.new_tree(&mut runner).unwrap();
        while tree.simplify() {
            assert!(validator.is_valid(&tree.current()), "{} does not fit", tree.current());
        }
    }
}

#[test]
fn a_broken_value_has_one_fault_and_every_keyword_is_broken_somewhere() {
    let contract = contract();
    let schemas = Schemas::new(&contract);
    let mut keywords = BTreeSet::new();
    let bodies = contract.operations.iter().filter_map(|operation| operation.request.as_ref().map(|body| &body.schema));
    for schema in bodies {
        let validator = schemas.validator(schema).unwrap();
        let strategy = schemas.near_valid(schema, Options::default()).unwrap();
        for broken in draw(&strategy, &schema.to_string(), 150) {
            let faults = validator.iter_errors(&broken.value).count();
            assert_eq!(faults, 1, "{broken:?}");
            assert!(broken.is_named_by(&broken.pointer));
            keywords.insert(broken.keyword);
        }
    }
    let wanted = [
        "additionalProperties",
        "anyOf",
        "enum",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minimum",
        "pattern",
        "propertyNames",
        "required",
        "type",
        "uniqueItems",
    ];
    let missing: Vec<&str> = wanted.into_iter().filter(|keyword| !keywords.contains(keyword)).collect();
    assert!(missing.is_empty(), "never broken: {missing:?}");
}

#[test]
fn keywords_that_the_contract_seldom_uses_are_kept_and_broken() {
    let schemas = Schemas::new(&contract());
    let mut keywords = BTreeSet::new();
    for (index, schema) in [
        json!({ "type": ["integer", "null"], "exclusiveMinimum": 3, "exclusiveMaximum": 6 }),
        json!({ "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1 }),
        json!({ "type": "string", "format": "date-time" }),
        json!({ "type": "string", "format": "uuid" }),
        json!({
            "type": "object", "additionalProperties": false, "properties": { "a": true, "b": true, "c": true },
            "dependentRequired": { "a": ["b"], "b": ["c"] },
        }),
        json!({ "type": "array", "items": { "type": "boolean" }, "uniqueItems": true, "minItems": 2, "maxItems": 2 }),
        json!({ "type": "object", "additionalProperties": { "type": "boolean" }, "minProperties": 2, "maxProperties": 3 }),
    ]
    .iter()
    .enumerate()
    {
        let validator = schemas.validator(schema).unwrap();
        let strategy = schemas.valid(schema, Options::default()).unwrap();
        for value in draw(&strategy, &index.to_string(), 60) {
            assert!(validator.is_valid(&value), "{value} does not fit {schema}");
        }
        let broken = schemas.near_valid(schema, Options::default()).unwrap();
        for broken in draw(&broken, &index.to_string(), 30) {
            assert_eq!(validator.iter_errors(&broken.value).count(), 1, "{broken:?}");
            keywords.insert(broken.keyword);
        }
    }
    let wanted = ["minProperties", "exclusiveMinimum", "exclusiveMaximum", "format"];
    assert!(wanted.iter().all(|keyword| keywords.contains(keyword)), "broken were only {keywords:?}");
}

#[test]
fn endless_and_strange_schemas_are_refused_with_their_place() {
    let mut contract = contract();
    let tree = json!({
        "type": "object", "additionalProperties": false, "required": ["next"],
        "properties": { "next": { "$ref": "#/components/schemas/Endless" } },
    });
    let list = json!({
        "type": "object", "additionalProperties": false,
        "properties": { "next": { "$ref": "#/components/schemas/Ending" } },
    });
    contract.schemas.insert("Endless".to_owned(), tree);
    contract.schemas.insert("Ending".to_owned(), list);
    let schemas = Schemas::new(&contract);
    let endless = schemas.valid(&json!({ "$ref": "#/components/schemas/Endless" }), Options::default());
    assert!(matches!(endless, Err(SchemaError::Endless { .. })), "{endless:?}");
    assert!(schemas.valid(&json!({ "$ref": "#/components/schemas/Ending" }), Options::default()).is_ok());
    let strange = json!({ "type": "object", "properties": { "a": { "type": "string", "contentEncoding": "base64" } } });
    let message = schemas.valid(&strange, Options::default()).unwrap_err().to_string();
    assert!(message.contains("/properties/a") && message.contains("contentEncoding"), "{message}");
}

#[test]
fn texts_hold_what_software_stumbles_over() {
    let texts = draw(&adversarial(0, 60), "texts", 400).concat();
    for (what, from, to) in [
        ("astral", '\u{10000}', '\u{10ffff}'),
        ("combining", '\u{300}', '\u{36f}'),
        ("right to left", '\u{5d0}', '\u{6ff}'),
        ("control", '\u{0}', '\u{1f}'),
        ("bidirectional override", '\u{202d}', '\u{202e}'),
    ] {
        assert!(texts.chars().any(|c| (from..=to).contains(&c)), "no {what} character");
    }
}

#[tokio::test]
async fn a_seed_always_gives_the_same_values_and_shrinks_to_the_least() {
    let values = async |seed: u64| {
        let drawer = Drawer::new(seed_of(seed, "numbers"), || Ok((0_u32..1000).boxed()));
        let mut values = Vec::new();
        for _ in 0..8 {
            values.push(drawer.next().await.unwrap());
        }
        values
    };
    assert_eq!(values(1).await, values(1).await);
    assert_ne!(values(1).await, values(2).await);
    let drawer = Drawer::new(seed_of(1, "shrink"), || Ok((0_u32..1000).boxed()));
    let fails = |value: u32| value >= 300;
    let mut least = drawer.next().await.unwrap();
    while !fails(least) {
        least = drawer.next().await.unwrap();
    }
    let mut next = drawer.simpler().await.unwrap();
    while let Some(value) = next {
        if fails(value) {
            least = value;
            next = drawer.simpler().await.unwrap();
        } else {
            next = drawer.less_simple().await.unwrap();
        }
    }
    assert_eq!(least, 300);
}

#[test]
fn understands_every_keyword_of_the_contract_s_profile() {
    let strange: Vec<_> = contracts::lint::KEYWORDS
        .iter()
        .filter(|key| !super::UNDERSTOOD.contains(key) && !super::SILENT.contains(key))
        .collect();
    assert!(strange.is_empty(), "{strange:?}");
}
