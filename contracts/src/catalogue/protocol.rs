//! Cases of HTTP itself: methods, media types, bodies that are no JSON, correlation headers.

use super::{Base, Case, Expect, Kind, Payload};
use crate::{
    Contract,
    model::{Operation, Scopes},
};

pub(super) fn cases(contract: &Contract, operation: &Operation, base: &Base) -> Vec<Case> {
    let mut cases = methods(contract, operation, base);
    if operation.request.is_some() {
        cases.extend(bodies(operation, base));
    }
    if operation.response(406).is_some() {
        cases.push(Case {
            headers: header("accept", "application/x-unheard-of"),
            ..Case::new(operation, base, Kind::Accept, "accept/unknown", super::refusal(406, "NOT_ACCEPTABLE"))
        });
    }
    for (what, value) in [("echoed", "case-0f.A_z"), ("replaced", "has a space and (brackets)")] {
        let what = format!("request_id/{what}");
        cases.push(Case {
            headers: header("x-request-id", value),
            ..Case::new(operation, base, Kind::Correlation, &what, Expect::Valid)
        });
    }
    for (what, value) in
        [("malformed", "00-zz-11-01"), ("zeros", "00-00000000000000000000000000000000-0000000000000000-01")]
    {
        cases.push(Case {
            headers: header("traceparent", value),
            ..Case::new(operation, base, Kind::Correlation, &format!("traceparent/{what}"), Expect::Valid)
        });
    }
    cases
}

fn header(name: &str, value: &str) -> Vec<(String, String)> {
    vec![(name.to_owned(), value.to_owned())]
}

/// Methods that the path does not have, asked once a path.
fn methods(contract: &Contract, operation: &Operation, base: &Base) -> Vec<Case> {
    let same_path: Vec<&Operation> = contract.operations.iter().filter(|other| other.path == operation.path).collect();
    if same_path.first().is_none_or(|first| first.id != operation.id) {
        return Vec::new();
    }
    ["GET", "POST", "PUT", "PATCH", "DELETE"]
        .into_iter()
        .filter(|method| same_path.iter().all(|other| other.method != *method))
        .map(|method| Case {
            method: Some(method.to_owned()),
            payload: Payload::None,
            ..Case::new(
                operation,
                base,
                Kind::Method,
                &format!("method/{}", method.to_lowercase()),
                super::refusal(405, "METHOD_NOT_ALLOWED"),
            )
        })
        .collect()
}

fn bodies(operation: &Operation, base: &Base) -> Vec<Case> {
    let mut cases = Vec::new();
    let raw: [(&str, &[u8]); 6] = [
        ("truncated", b"{\"query\": \"pedal"),
        ("empty", b""),
        ("trailing_comma", b"{\"a\": 1,}"),
        ("two_values", b"{} {}"),
        ("invalid_utf8", b"{\"query\": \"\xff\xfe\"}"),
        ("single_quotes", b"{'query': 'pedal'}"),
    ];
    for (what, bytes) in raw {
        let hex = bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        let what = format!("malformed/{what}");
        cases.push(Case {
            payload: Payload::Raw { hex },
            ..Case::new(operation, base, Kind::MalformedJson, &what, super::refusal(400, "MALFORMED_JSON"))
        });
    }
    for (what, value) in [("text", "text/plain"), ("form", "application/x-www-form-urlencoded"), ("absent", "")] {
        cases.push(Case {
            headers: header("content-type", value),
            ..Case::new(
                operation,
                base,
                Kind::ContentType,
                &format!("content_type/{what}"),
                super::refusal(415, "UNSUPPORTED_MEDIA_TYPE"),
            )
        });
    }
    cases.push(Case {
        headers: header("content-type", "application/json; charset=utf-8"),
        ..Case::new(operation, base, Kind::ContentType, "content_type/with_charset", Expect::Valid)
    });
    if operation.scopes != Scopes::Open {
        // The order of checks: a caller without a credential learns nothing of the body.
        cases.push(Case {
            credential: super::Credential::None,
            payload: Payload::Raw { hex: "7b".to_owned() },
            ..Case::new(
                operation,
                base,
                Kind::Credential,
                "order/credential_before_body",
                super::refusal(401, "UNAUTHORIZED"),
            )
        });
    }
    cases
}
