//! Cases from the schemas of query, path and header parameters.

use serde_json::Value;

use super::{
    Base, Case, Expect, Kind,
    values::{self, EdgeValue, Judge},
};
use crate::{
    Contract,
    model::{Location, Operation, Parameter},
    pointer::join,
};

pub(super) fn cases(contract: &Contract, judge: &Judge, operation: &Operation, base: &Base) -> Vec<Case> {
    let mut cases = Vec::new();
    for parameter in operation.own_parameters() {
        match parameter.location {
            Location::Query => query(contract, judge, operation, base, parameter, &mut cases),
            Location::Header => header(contract, judge, operation, base, parameter, &mut cases),
            Location::Path => path(contract, operation, base, parameter, &mut cases),
        }
    }
    cases.push(Case {
        place: Some("/query".to_owned()),
        keyword: Some("additionalProperties".to_owned()),
        query: with(base, "unheard_of", "value"),
        ..Case::new(operation, base, Kind::UnknownField, "query/unknown", super::refusal(400, "VALIDATION_ERROR"))
    });
    cases
}

fn with(base: &Base, name: &str, value: &str) -> Vec<(String, String)> {
    let mut query: Vec<_> = base.query.iter().filter(|(known, _)| known != name).cloned().collect();
    query.push((name.to_owned(), value.to_owned()));
    query
}

fn written(value: EdgeValue) -> Option<String> {
    match value {
        EdgeValue::Plain(value) => Some(values::plain(&value)),
        EdgeValue::Text { unit, count } if count <= 4096 => Some(unit.repeat(usize::try_from(count).ok()?)),
        EdgeValue::Text { .. } | EdgeValue::Items { .. } => None,
    }
}

fn query(
    contract: &Contract,
    judge: &Judge,
    operation: &Operation,
    base: &Base,
    parameter: &Parameter,
    cases: &mut Vec<Case>,
) {
    let name = &parameter.name;
    let place = join("/query", name);
    let schema = contract.resolve(&parameter.schema);
    if parameter.required {
        let query = base.query.iter().filter(|(known, _)| known != name).cloned().collect();
        let expect = super::refusal(400, "VALIDATION_ERROR");
        let case = Case::new(operation, base, Kind::MissingField, &format!("query/{name}/missing"), expect);
        cases.push(Case { place: Some(place.clone()), keyword: Some("required".to_owned()), query, ..case });
    }
    let number = matches!(schema.get("type").and_then(Value::as_str), Some("integer" | "number" | "boolean"));
    if number {
        for (word, value) in [("text", "seventeen"), ("empty", "")] {
            cases.push(Case {
                place: Some(place.clone()),
                keyword: Some("type".to_owned()),
                query: with(base, name, value),
                ..Case::new(
                    operation,
                    base,
                    Kind::TypeError,
                    &format!("query/{name}/type/{word}"),
                    super::refusal(400, "VALIDATION_ERROR"),
                )
            });
        }
    }
    // A cursor is authenticated: one within its pattern is still refused unless the deployment made it.
    let opaque = name == "cursor";
    for edge in values::edges(contract, schema) {
        let keyword = edge.keyword;
        let (kind, side) = if edge.inside { (Kind::BoundInside, "inside") } else { (Kind::BoundOutside, "outside") };
        let Some(value) = written(edge.value) else { continue };
        // A value at the bound of one keyword may break another, such as a date's length and its form.
        let sent = value.parse::<i64>().map_or_else(|_| Value::String(value.clone()), Value::from);
        let others_required = operation.own_parameters().any(|other| other.required && other.name != *name);
        if edge.inside
            && !others_required
            && judge.fits(&operation.parameters_type(), &serde_json::json!({ name: sent })) == Some(false)
        {
            continue;
        }
        let refused = super::refusal(400, "VALIDATION_ERROR");
        let expect = if edge.inside && !opaque { Expect::Valid } else { refused };
        let kind = if opaque { Kind::BoundOutside } else { kind };
        let what = format!("query/{name}/{}/{side}/{}", crate::generate::naming::snake(keyword), cases.len());
        cases.push(Case {
            place: Some(place.clone()),
            keyword: Some(keyword.to_owned()),
            query: with(base, name, &value),
            ..Case::new(operation, base, kind, &what, expect)
        });
    }
}

fn header(
    contract: &Contract,
    judge: &Judge,
    operation: &Operation,
    base: &Base,
    parameter: &Parameter,
    cases: &mut Vec<Case>,
) {
    let name = parameter.name.to_ascii_lowercase();
    for edge in values::edges(contract, &parameter.schema) {
        let (keyword, inside) = (edge.keyword, edge.inside);
        // Header values are visible ASCII; a client library refuses to send anything else.
        let Some(value) = written(edge.value).map(|value| value.replace(|c: char| !(' '..='~').contains(&c), "("))
        else {
            continue;
        };
        let fits = judge.fits(&operation.parameters_type(), &serde_json::json!({ &parameter.name: value }));
        // With a required parameter beside it the object alone never fits, and then the edge's own word is taken.
        if inside && fits == Some(false) && operation.own_parameters().filter(|p| p.required).count() == 0 {
            continue;
        }
        if value.is_empty() {
            continue;
        }
        let (kind, side) = if inside { (Kind::BoundInside, "inside") } else { (Kind::BoundOutside, "outside") };
        let expect = if inside { Expect::Valid } else { super::refusal(400, "VALIDATION_ERROR") };
        let what = format!("header/{name}/{}/{side}", crate::generate::naming::snake(keyword));
        cases.push(Case {
            place: Some(join("/header", &name)),
            keyword: Some(keyword.to_owned()),
            headers: vec![(name.clone(), value)],
            ..Case::new(operation, base, kind, &what, expect)
        });
    }
}

/// An id that cannot exist answers like one that does not: 404.
fn path(contract: &Contract, operation: &Operation, base: &Base, parameter: &Parameter, cases: &mut Vec<Case>) {
    if operation.response(404).is_none() {
        return;
    }
    let missing = missing_id(contract, &parameter.schema);
    let schema = contract.resolve(&parameter.schema);
    let length = |keyword: &str| schema[keyword].as_u64().and_then(|length| usize::try_from(length).ok());
    let (least, most) = (length("minLength").unwrap_or(1), length("maxLength").unwrap_or(255));
    let too_long = format!("{missing}{}", "0".repeat((most + 1).saturating_sub(missing.len())));
    let too_short: String = missing.chars().take(least.saturating_sub(1)).collect();
    for (what, keyword, value) in [
        ("missing", None, missing.as_str()),
        ("malformed", Some("pattern"), "%20not-an-id%20"),
        ("traversal", Some("pattern"), "..%2F..%2Fetc"),
        ("nul", Some("pattern"), "a%00b"),
        ("too_long", Some("maxLength"), too_long.as_str()),
        ("too_short", Some("minLength"), too_short.as_str()),
    ] {
        cases.push(Case {
            place: Some(join("/path", &parameter.name)),
            keyword: keyword.map(str::to_owned),
            path: vec![(parameter.name.clone(), value.to_owned())],
            ..Case::new(
                operation,
                base,
                Kind::MissingObject,
                &format!("path/{}/{what}", parameter.name),
                super::refusal(404, "NOT_FOUND"),
            )
        });
    }
}

/// A well-formed id that exists nowhere: the schema's own example, its last letters turned to zeros where it is a random id.
fn missing_id(contract: &Contract, schema: &Value) -> String {
    let example = values::plain(&values::sample(contract, schema));
    match example.split_once('_') {
        Some((prefix @ ("job" | "ses" | "chk"), rest)) => format!("{prefix}_{}", "0".repeat(rest.len())),
        _ => "no-such-thing".to_owned(),
    }
}
