use serde_json::Value;

use crate::normal::normal;

#[test]
fn derives_the_contracts_schema_from_each_type() {
    let settings = schemars::generate::SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = "/components/schemas".into());
    let mut differences = Vec::new();
    for (name, derive) in contract_types::DERIVED {
        let mut generator = settings.clone().into_generator();
        let derived = normal(derive(&mut generator).as_value());
        let wanted = normal(&contract_types::schemas()["components"]["schemas"][name]);
        compare(name, &wanted, &derived, &mut differences);
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    assert!(contract_types::DERIVED.len() > 100, "the contract has more named schemas than that");
}

fn compare(place: &str, wanted: &Value, derived: &Value, differences: &mut Vec<String>) {
    match (wanted, derived) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                let missing = Value::String("(absent)".to_owned());
                compare(
                    &format!("{place}/{key}"),
                    a.get(key).unwrap_or(&missing),
                    b.get(key).unwrap_or(&missing),
                    differences,
                );
            }
        }
        _ if wanted == derived => {}
        _ => differences.push(format!("{place}: the contract says {wanted}, the type {derived}")),
    }
}

#[test]
fn takes_and_gives_back_every_example() {
    // One type stands for all here: the table above already proves each type's schema.
    for example in contract_types::examples("SearchRequest").as_array().unwrap() {
        let request: contract_types::SearchRequest = serde_json::from_value(example.clone()).unwrap();
        let again = serde_json::to_value(&request).unwrap();
        for (field, value) in example.as_object().unwrap() {
            assert_eq!(again.get(field).map(normal), Some(normal(value)), "field `{field}`");
        }
    }
}

#[test]
fn reads_every_spelling_of_an_integer() {
    for (text, wanted) in
        [("5", Some(5)), ("5.0", Some(5)), ("5e0", Some(5)), ("5.5", None), ("-1", None), ("\"5\"", None)]
    {
        let body = format!(r#"{{"query": "pedal", "top_k": {text}}}"#);
        let read = serde_json::from_str::<contract_types::RetrieveRequest>(&body).ok().map(|request| request.top_k);
        assert_eq!(read, wanted, "{text}");
    }
}

#[test]
fn tells_a_null_from_an_absent_field() {
    let operators: contract_types::FilterOperators = serde_json::from_str(r#"{"$eq": null}"#).unwrap();
    assert_eq!(serde_json::to_string(&operators).unwrap(), r#"{"$eq":null}"#);
}
