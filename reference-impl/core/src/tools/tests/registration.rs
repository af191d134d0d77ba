//! What registration refuses.

use super::limits::{descriptor, probe};
use super::*;

#[test]
fn has_the_tools_of_the_contract() {
    let names: Vec<String> = Registry::built_in().all().map(|it| it.declaration.name.clone()).collect();
    assert_eq!(names, ALL);
}

#[test]
fn refuses_what_could_deceive_or_exhaust() {
    type Change = fn(&mut Json);
    let table: [(&str, Change, &str); 11] = [
        ("the same name", |it| it["name"] = "summarize".into(), "looks like `summarize`"),
        ("a Cyrillic letter", |it| it["name"] = "summаrize".into(), "looks like `summarize`"),
        ("a digit for a letter", |it| it["name"] = "c1assify_intent".into(), "looks like `classify_intent`"),
        ("a full-width letter", |it| it["name"] = "ｓummarize".into(), "looks like `summarize`"),
        ("a capital", |it| it["name"] = "Probe".into(), "is not 1 to 64"),
        ("a reserved name", |it| it["name"] = "execute".into(), "is not 1 to 64"),
        (
            "a network reference",
            |it| it["arguments_schema"]["$ref"] = "https://evil.example/s.json".into(),
            "reference at /$ref",
        ),
        (
            "a schema that holds itself",
            |it| it["arguments_schema"]["properties"] = json!({"a": {"$ref": "#"}}),
            "reference at /properties/a/$ref",
        ),
        ("a large schema", |it| it["result_schema"]["description"] = "x".repeat(40_000).into(), "larger than"),
        ("no schema", |it| it["result_schema"] = json!({"type": "object", "required": 7}), "no JSON Schema"),
        ("no limits", |it| it["limits"] = Json::Null, "`limits` is missing"),
    ];
    for (what, change, expected) in table {
        let mut registry = Registry::built_in();
        let mut asked = descriptor("probe");
        change(&mut asked);
        let refused = registry.register(&asked, probe()).unwrap_err().to_string();
        assert!(refused.contains(expected), "{what}: {refused}");
        assert_eq!(registry.all().count(), 5, "{what}");
    }
    let mut deep = json!({"type": "string"});
    for _ in 0..40 {
        deep = json!({"type": "object", "properties": {"a": deep}});
    }
    let mut asked = descriptor("probe");
    asked["arguments_schema"] = deep;
    let refused = Registry::default().register(&asked, probe()).unwrap_err();
    assert!(matches!(refused, RegistrationError::Oversize { .. }), "{refused}");
}
