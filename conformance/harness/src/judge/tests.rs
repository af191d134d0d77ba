use std::time::Duration;

use serde_json::json;

use super::*;
use crate::client::Request;

fn judge() -> Judge {
    Judge::new(&Contract::from_document(serde_json::from_str(contract_types::OPENAPI).unwrap()).unwrap())
}

fn exchange(method: &str, path: &str, status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Exchange {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let response = Response {
        status,
        headers,
        body: body.into().into(),
        truncated: false,
        broken: false,
        headers_after: Duration::ZERO,
        arrivals: Vec::new(),
        stopped: false,
    };
    Exchange { request: Request::new(method, path), url: String::new(), response, elapsed: Duration::ZERO }
}

const OPEN: [(&str, &str); 3] =
    [("x-request-id", "r-1"), ("cache-control", "no-store"), ("content-type", "application/json")];
const TENANT: [(&str, &str); 7] = [
    ("x-request-id", "r-1"),
    ("cache-control", "no-store"),
    ("content-type", "application/json"),
    ("x-tenant-id", "aurora-bikes"),
    ("x-ratelimit-limit", "100"),
    ("x-ratelimit-remaining", "99"),
    ("x-ratelimit-reset", "1700000000"),
];

fn health() -> Value {
    json!({"status": "ok", "version": "1", "contract_version": "1.0.0", "dependencies": []})
}

fn error(code: &str) -> Vec<u8> {
    json!({"error": {"code": code, "message": "m", "request_id": "r-1"}}).to_string().into()
}

/// Kinds of what is found in an answer of `GET /health`.
fn found(status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Vec<ViolationKind> {
    kinds(&judge().violations(&exchange("GET", "/health?a=b", status, headers, body)))
}

fn kinds(violations: &[Violation]) -> Vec<ViolationKind> {
    violations.iter().map(|violation| violation.kind).collect()
}

#[test]
fn lets_a_good_answer_pass() {
    assert_eq!(found(200, &OPEN, health().to_string()), []);
    assert_eq!(found(400, &OPEN, error("VALIDATION_ERROR")), []);
    let charset = [OPEN[0], OPEN[1], ("content-type", "application/json; charset=UTF-8")];
    assert_eq!(found(200, &charset, health().to_string()), []);
    let job = "/jobs/job_01jdb8m4x7q2v9k3c5n6p0r1st";
    let body = contract_types::examples("Job")[0].to_string();
    assert_eq!(judge().violations(&exchange("GET", job, 200, &TENANT, body)), []);
}

#[test]
fn finds_an_undocumented_status() {
    assert_eq!(found(418, &OPEN, health().to_string()), [ViolationKind::Status]);
    assert_eq!(found(404, &OPEN, error("NOT_FOUND")), [ViolationKind::Status]);
}

#[test]
fn finds_a_missing_or_wrong_header() {
    assert_eq!(found(200, &OPEN[1..], health().to_string()), [ViolationKind::Header]);
    let cached = [OPEN[0], ("cache-control", "max-age=60"), OPEN[2]];
    assert_eq!(found(200, &cached, health().to_string()), [ViolationKind::Header]);
    let twice = [OPEN[0], OPEN[0], OPEN[1], OPEN[2]];
    assert_eq!(found(200, &twice, health().to_string()), [ViolationKind::Header]);
    let mut headers = TENANT;
    headers[4].1 = "many";
    let body = contract_types::examples("DocumentList")[1].to_string();
    assert_eq!(
        kinds(&judge().violations(&exchange("GET", "/documents", 200, &headers, body))),
        [ViolationKind::Header]
    );
}

#[test]
fn finds_a_wrong_content_type() {
    for kind in ["text/html", "text/event-stream", "application/problem+json"] {
        let headers = [OPEN[0], OPEN[1], ("content-type", kind)];
        assert_eq!(found(200, &headers, health().to_string()), [ViolationKind::ContentType], "{kind}");
    }
    assert_eq!(found(200, &OPEN[..2], health().to_string()), [ViolationKind::ContentType]);
    let charset = [OPEN[0], OPEN[1], ("content-type", "application/json; charset=latin1")];
    assert_eq!(found(200, &charset, health().to_string()), [ViolationKind::ContentType]);
}

#[test]
fn finds_a_body_that_does_not_fit() {
    let mut extra = health();
    extra["surprise"] = json!(1);
    let mut missing = health();
    missing.as_object_mut().unwrap().shift_remove("version");
    let mut wrong = health();
    wrong["status"] = json!("fine");
    for body in [extra.to_string(), missing.to_string(), wrong.to_string(), "{".to_owned(), String::new()] {
        assert_eq!(found(200, &OPEN, body.clone()), [ViolationKind::Body], "{body}");
    }
    let mut broken = exchange("GET", "/health", 200, &OPEN, health().to_string());
    broken.response.broken = true;
    assert_eq!(kinds(&judge().violations(&broken)), [ViolationKind::Body]);
}

#[test]
fn finds_a_code_under_another_status_and_another_request_id() {
    assert_eq!(found(400, &OPEN, error("NOT_FOUND")), [ViolationKind::ErrorCode]);
    let other = [("x-request-id", "r-2"), OPEN[1], OPEN[2]];
    assert_eq!(found(400, &other, error("VALIDATION_ERROR")), [ViolationKind::Header]);
}

#[test]
fn judges_what_reaches_no_operation() {
    let judge = judge();
    let of = |method: &str, path: &str, status, headers: &[(&str, &str)], body: Vec<u8>| {
        kinds(&judge.violations(&exchange(method, path, status, headers, body)))
    };
    let allow = [OPEN[0], OPEN[1], OPEN[2], ("allow", "GET, DELETE, HEAD, OPTIONS")];
    assert_eq!(of("PUT", "/documents/a", 405, &allow, error("METHOD_NOT_ALLOWED")), []);
    assert_eq!(of("PUT", "/documents/a", 405, &OPEN, error("METHOD_NOT_ALLOWED")), [ViolationKind::Header]);
    assert_eq!(of("PUT", "/documents/a", 200, &OPEN, b"{}".to_vec()), [ViolationKind::Status]);
    assert_eq!(of("GET", "/nowhere", 404, &OPEN, error("NOT_FOUND")), []);
    assert_eq!(of("GET", "/nowhere", 404, &OPEN[..2], Vec::new()), [ViolationKind::ContentType]);
}

#[test]
fn prefers_a_literal_path_to_a_parameter() {
    let judge = judge();
    assert_eq!(judge.operation("POST", "/tools/execute"), Some("execute_tool"));
    assert_eq!(judge.operation("GET", "/tools/summarize"), Some("get_tool"));
    assert_eq!(judge.operation("GET", "/documents/..%2F..%2Fetc"), Some("get_document"));
    assert_eq!(judge.operation("GET", "/documents/"), None);
}

mod streams {
    use super::*;

    fn example(schema: &str, index: usize) -> String {
        let mut value = contract_types::examples(schema)[0].clone();
        value["index"] = json!(index);
        value.to_string()
    }

    fn stream(names: &[&str]) -> String {
        let schema = |name: &str| match name {
            "start" => "StreamStart",
            "token" => "StreamToken",
            "usage" => "StreamUsage",
            "done" => "SearchStreamDone",
            _ => "StreamError",
        };
        // The tokens together are the answer that `done` repeats: a character each, and the rest in the last one.
        let answer = contract_types::examples("SearchStreamDone")[0]["answer"]["answer"].clone();
        let mut left = answer.as_str().unwrap().to_owned();
        let mut tokens = names.iter().filter(|name| **name == "token").count();
        let mut event = |(index, name): (usize, &&str)| {
            let mut data = example(schema(name), index);
            if *name == "token" {
                tokens -= 1;
                let text: String = left.drain(..if tokens == 0 { left.len() } else { 1 }).collect();
                let mut value: Value = serde_json::from_str(&data).unwrap();
                value["text"] = json!(text);
                data = value.to_string();
            }
            format!("event: {name}\ndata: {data}\n\n")
        };
        let events = names.iter().enumerate().map(&mut event);
        events.collect::<String>() + ": beat\n\ndata: [DONE]\n\n"
    }

    fn found(text: &str) -> Vec<Violation> {
        let mut headers = TENANT;
        headers[2].1 = "text/event-stream";
        judge().violations(&exchange("POST", "/search", 200, &headers, text))
    }

    #[test]
    fn lets_a_good_stream_pass() {
        assert_eq!(found(&stream(&["start", "token", "token", "usage", "done"])), []);
        assert_eq!(found(&stream(&["start", "token", "usage", "error"])), []);
    }

    #[test]
    fn finds_events_out_of_order() {
        for names in [
            &["token", "start", "usage", "done"][..],
            &["start", "token", "done"],
            &["start", "token", "error"],
            &["start", "usage", "token", "done"],
            &["start", "token", "usage"],
            &["start", "token", "usage", "done", "done"],
            &["start"],
        ] {
            assert!(kinds(&found(&stream(names))).contains(&ViolationKind::Stream), "{names:?}");
        }
    }

    #[test]
    fn finds_a_cut_a_gap_and_a_stranger() {
        let good = stream(&["start", "token", "usage", "done"]);
        assert!(!found(good.trim_end_matches("data: [DONE]\n\n")).is_empty());
        assert!(!found(&good[..good.len() - 1]).is_empty());
        assert!(!found(&good.replace("\"index\":2", "\"index\":3")).is_empty());
        assert!(!found(&good.replace("event: token", "event: novelty")).is_empty());
        assert!(!found(&good.replace("\"index\":1,", "\"index\":1,\"extra\":1,")).is_empty());
        assert!(!found("").is_empty());
    }

    #[test]
    fn finds_tokens_that_are_not_the_answer() {
        let good = stream(&["start", "token", "token", "usage", "done"]);
        let other = good.replacen("\"text\":\"", "\"text\":\"Not ", 1);
        assert!(other != good && kinds(&found(&other)) == [ViolationKind::Stream]);
        assert_eq!(kinds(&found(&stream(&["start", "usage", "done"]))), [ViolationKind::Stream], "no token at all");
    }
}
