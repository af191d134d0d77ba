//! Holds bodies against the shapes of the SDK.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use jsonschema::Validator;
use serde_json::Value;

fn document() -> &'static Value {
    static SHAPES: OnceLock<Value> = OnceLock::new();
    SHAPES.get_or_init(|| serde_json::from_str(include_str!("../sdk/shapes.json")).unwrap())
}

/// Panics, which fails the test that asked, where `value` is not of the shape.
pub(super) fn hold(side: &str, name: &str, value: &Value) {
    static COMPILED: OnceLock<Mutex<BTreeMap<String, Validator>>> = OnceLock::new();
    let shape = &document()[side][name];
    assert!(shape.is_object(), "no shape {side}/{name}");
    let mut compiled = COMPILED.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let validator =
        compiled.entry(format!("{side}/{name}")).or_insert_with(|| jsonschema::validator_for(shape).unwrap());
    let faults: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(faults.is_empty(), "{side}/{name}: {}", faults.join("; "));
    if side == "requests" {
        let known = shape["properties"].as_object().unwrap();
        let strange: Vec<&String> = value.as_object().unwrap().keys().filter(|key| !known.contains_key(*key)).collect();
        assert!(strange.is_empty(), "{name} does not know {strange:?}");
    }
}
