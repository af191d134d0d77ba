//! A broken contract gives a message that names the place and what was expected there.

use contracts::{Contract, lint};
use serde_json::{Value, json};

/// Breaks the contract at one place and returns every finding, or the message of the file that could not be read.
fn findings_of(breaking: impl FnOnce(&mut contracts::Sources)) -> String {
    let (mut sources, _) = crate::contract();
    breaking(&mut sources);
    match Contract::from_sources(&sources) {
        Ok(contract) => lint::lint(&sources, &contract).iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        Err(error) => error.to_string(),
    }
}

fn put(value: &mut Value, pointer: &str, key: &str, inserted: Value) {
    let place = value.pointer_mut(pointer).and_then(Value::as_object_mut);
    place.expect("the contract has a map there").insert(key.to_owned(), inserted);
}

#[test]
fn is_clean_as_it_stands() {
    assert_eq!(findings_of(|_| {}), "");
}

#[test]
fn names_the_place_of_each_fault() {
    type Break = fn(&mut contracts::Sources);
    let query = "/components/schemas/RetrieveRequest/properties/query";
    assert!(crate::contract().0.openapi.pointer(query).is_some());
    let table: [(&str, Break, &str); 9] = [
        (
            "a keyword outside the profile",
            |s| put(&mut s.openapi, "/components/schemas/RetrieveRequest", "if", json!({})),
            "/components/schemas/RetrieveRequest/if: keyword `if` is outside the profile",
        ),
        (
            "a string without a bound",
            |s| {
                let query = s.openapi.pointer_mut("/components/schemas/RetrieveRequest/properties/query").unwrap();
                query.as_object_mut().unwrap().shift_remove("maxLength");
            },
            "/components/schemas/RetrieveRequest/properties/query: a string needs `maxLength`",
        ),
        (
            "an example that does not fit",
            |s| put(&mut s.openapi, "/components/schemas/RetrieveRequest/examples/0", "top_k", json!(0)),
            "the example does not fit its schema",
        ),
        (
            "a property without a description",
            |s| {
                put(
                    &mut s.openapi,
                    "/components/schemas/RetrieveRequest/properties",
                    "extra",
                    json!({"type": "boolean"}),
                );
            },
            "properties/extra: a property needs a `description`",
        ),
        (
            "a required name that is no property",
            |s| put(&mut s.openapi, "/components/schemas/RetrieveRequest", "required", json!(["query", "nothing"])),
            "`nothing` is required but is not a property",
        ),
        (
            "a reference to nothing",
            |s| {
                put(
                    &mut s.openapi,
                    "/components/schemas/RetrieveRequest/properties",
                    "x",
                    json!({"$ref": "#/components/schemas/Nothing"}),
                );
            },
            "no schema is named `Nothing`",
        ),
        (
            "a network reference",
            |s| {
                put(
                    &mut s.openapi,
                    "/components/schemas/RetrieveRequest/properties",
                    "x",
                    json!({"$ref": "https://example.org/x.json"}),
                );
            },
            "network references are refused",
        ),
        (
            "a scope that does not exist",
            |s| put(&mut s.openapi, "/paths/~1retrieve/post", "x-scopes", json!({"all_of": ["search:everything"]})),
            "`x-scopes` names `search:everything`",
        ),
        (
            "a rule that binds nothing",
            |s| put(&mut s.rules, "/0", "operations", json!(["no_such_operation"])),
            "which is no operation",
        ),
    ];
    for (what, breaking, wanted) in table {
        let found = findings_of(breaking);
        assert!(found.contains(wanted), "{what}: wanted `{wanted}` in\n{found}");
    }
}

#[test]
fn names_the_place_of_each_fault_of_a_tool() {
    type Break = fn(&mut Value);
    let table: [(&str, Break, &str); 9] = [
        (
            "a reference to the network",
            |it| put(it, "/arguments_schema/properties/text", "$ref", json!("https://evil.example/s")),
            "/arguments_schema/properties/text/$ref: a tool's schema stands alone",
        ),
        (
            "a string without a bound",
            |it| put(it, "/arguments_schema/properties", "text", json!({"type": "string"})),
            "/arguments_schema/properties/text: has no upper bound",
        ),
        (
            "no schema",
            |it| put(it, "/result_schema", "required", json!(7)),
            "/result_schema: is no JSON Schema of 2020-12",
        ),
        (
            "an open object",
            |it| put(it, "/result_schema", "additionalProperties", json!(true)),
            "/result_schema: must be an object",
        ),
        (
            "an example that does not fit",
            |it| put(it, "/examples/0/arguments", "max_sentences", json!(0)),
            "/examples/0/arguments/max_sentences: the example does not fit",
        ),
        (
            "an example that shows nothing",
            |it| put(it, "/examples/0", "expect", json!([])),
            "/examples/0: an example needs an `expect`",
        ),
        (
            "a write without a scope",
            |it| put(it, "", "side_effects", json!("write")),
            "/scopes: a tool that writes needs a scope",
        ),
        ("a reserved name", |it| put(it, "", "name", json!("execute")), "/name: `execute` has a meaning of its own"),
        ("a field that nobody knows", |it| put(it, "", "colour", json!("red")), "/colour: no declaration has this"),
    ];
    for (what, change, expected) in table {
        let found =
            findings_of(|sources| change(sources.tools.get_mut("summarize.yaml").expect("the tool is declared")));
        assert!(found.contains(expected), "{what}: {found}");
    }
}
