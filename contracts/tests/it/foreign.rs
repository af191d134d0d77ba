//! Documents of other people as contracts.

use std::path::Path;

use contracts::{
    catalogue::{Kind, Payload, foreign_cases},
    model::Foreign,
};
use serde_json::{Value, json};

fn read(document: Value) -> Result<Foreign, String> {
    Foreign::from_document(document, Path::new("api.yaml")).map_err(|error| error.to_string())
}

/// As little as a document may say.
fn small() -> Value {
    json!({
        "openapi": "3.1.0", "info": {"title": "Small", "version": "1"},
        "paths": {"/things/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
            "post": {
                "parameters": [{"name": "sort", "in": "query", "required": true, "schema": {"type": "array", "items": {"type": "string"}}}],
                "requestBody": {"content": {"application/merge-patch+json": {"schema": {
                    "type": "object", "required": ["at"], "properties": {"at": {"type": "string", "format": "date-time"}, "next": {"$ref": "#/components/schemas/Node"}},
                }}}},
                "responses": {"201": {"description": "Made."}, "4XX": {"description": "Refused."}},
            },
            "put": {
                "operationId": "put.thing", "security": [{"key": []}],
                "requestBody": {"required": true, "content": {"text/csv": {"schema": {"type": "string"}}}},
                "responses": {"default": {"description": "Whatever."}},
            },
        }},
        "components": {"schemas": {"Node": {"type": "object", "required": ["next"], "properties": {"next": {"$ref": "#/components/schemas/Node"}}}}},
    })
}

#[test]
fn fills_in_what_others_leave_out() {
    let foreign = read(small()).unwrap();
    let ids: Vec<&str> = foreign.contract.operations.iter().map(|operation| operation.id.as_str()).collect();
    assert_eq!(ids, ["put_thing", "post_things_id"]);
    let post = foreign.contract.operation("post_things_id").unwrap();
    assert_eq!(post.parameters.len(), 2);
    assert_eq!(post.request.as_ref().unwrap().media_type, "application/merge-patch+json");
    assert!(post.response(201).is_some() && post.response(422).is_some() && post.response(500).is_none());
    assert!(foreign.contract.operation("put_thing").unwrap().response(503).is_some());
    assert!(foreign.optional_bodies.contains("post_things_id"));
    assert_eq!(foreign.unsendable.len(), 1);
    assert_eq!(foreign.statuses.iter().collect::<Vec<_>>(), ["post_things_id 201"]);
}

#[test]
fn makes_only_cases_that_the_document_justifies() {
    let cases = foreign_cases(&read(small()).unwrap());
    let of = |kind: Kind| cases.iter().filter(move |case| case.kind == kind);
    for kind in [Kind::Accept, Kind::Credential, Kind::Tenant, Kind::Scope, Kind::Correlation, Kind::MissingObject] {
        assert_eq!(of(kind).count(), 0, "{kind:?}");
    }
    assert_eq!(of(Kind::UnknownField).count(), 0, "nothing is said of unknown fields");
    assert!(cases.iter().all(|case| case.operation != "put_thing" || case.kind == Kind::Method));
    assert!(!cases.iter().any(|case| case.id.ends_with("malformed/empty")), "the body is optional");
    assert!(!cases.iter().any(|case| case.kind == Kind::BoundOutside && case.keyword.as_deref() == Some("format")));
    let example = of(Kind::Example).next().unwrap();
    assert_eq!(example.query, [("sort".to_owned(), "a".to_owned())]);
    assert_eq!(example.payload, Payload::Json { value: json!({"at": "2026-01-15T09:30:00Z"}) });
    assert!(of(Kind::MissingField).any(|case| case.id == "post_things_id/body/at/missing"));
}

#[test]
fn leaves_the_lint_of_our_own_contract_as_it_is() {
    let mut document = small();
    document["paths"]["/things/{id}"]["post"]["operationId"] = json!("post");
    assert!(contracts::Contract::from_document(document).unwrap_err().to_string().contains("/tags"));
}

#[test]
fn says_what_is_no_document() {
    for (pointer, value, expected) in [
        ("/openapi", json!("3.0.3"), "expected an OpenAPI 3.1 document, found 3.0.3"),
        ("/paths", json!([]), "expected a map of paths"),
        ("/paths/~1things~1{id}/post/responses", json!({}), "expected at least one status"),
        (
            "/components/schemas/Node",
            json!({"$ref": "https://elsewhere.example/node.json"}),
            "lies outside the document",
        ),
        ("/components/schemas/Node", json!({"type": "thing"}), "is none"),
    ] {
        let mut document = small();
        *document.pointer_mut(pointer).unwrap() = value;
        let text = read(document).unwrap_err();
        assert!(text.contains(expected) && text.contains("api.yaml"), "{text}");
    }
}
