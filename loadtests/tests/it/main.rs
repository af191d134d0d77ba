//! The scenario against targets that answer rightly, leak, and refuse.
//!
//! One test runs them in turn: goose ends runs by a switch that the whole process shares.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod scripted;
mod truth;

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use contract_types::OPENAPI;
use contracts::Contract;
use harness::{canary::Scanner, credential::Secret, judge::Judge};
use loadtests::{
    action::Action,
    ask::{Caller, Shared},
    attack::{self, Plan},
    inspection::Inspector,
    open,
    pacing::Pace,
    recorder::Recorder,
    schedule::Segment,
    tally::Outcome,
    workload::Workload,
};
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, Respond, ResponseTemplate,
    matchers::{header, method, path},
};

const CANARY: &str = "5d41402abc4b2a76b9719d911017c592";

/// The contract's own example of an answer, with another tenant's canary where `leaks`.
struct Target {
    leaks: bool,
}

impl Respond for Target {
    fn respond(&self, _: &wiremock::Request) -> ResponseTemplate {
        let mut body = contract_types::examples("SearchAnswer")[0].clone();
        if self.leaks {
            body["answer"] = Value::from(CANARY);
        }
        let limits = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"];
        let response = ResponseTemplate::new(200)
            .set_body_json(&body)
            .insert_header("x-request-id", body["request_id"].as_str().unwrap_or("r"))
            .insert_header("x-tenant-id", "asking")
            .insert_header("cache-control", "no-store");
        limits.into_iter().fold(response, |response, name| response.insert_header(name, "100"))
    }
}

/// What workers share who ask `base_url` for `duration`; answers are searched for `canary`.
pub(crate) fn shared(base_url: String, canary: Option<&str>, duration: Duration, most: u64) -> Arc<Shared> {
    let contract = Contract::from_document(serde_json::from_str(OPENAPI).unwrap()).unwrap();
    let mut scanner = Scanner::new();
    if let Some(canary) = canary {
        scanner.add("other", &BTreeMap::from([("document_text".to_owned(), canary.to_owned())]));
    }
    // Who looks for nothing measures nothing but time.
    let every = if canary.is_some() { 2 } else { u64::MAX };
    let questions = (0..5).map(|number| format!("Question {number}?")).collect();
    Arc::new(Shared {
        base_url,
        addresses: std::sync::OnceLock::new(),
        callers: vec![Caller {
            tenant: "asking".to_owned(),
            secret: Secret::new("key"),
            documents: Vec::new(),
            calls: Vec::new(),
        }],
        workload: Workload::new(vec![questions], &[(Action::Search, 1)], 1.0, 1).unwrap(),
        recorder: Recorder::new(duration),
        inspector: Inspector::new(Judge::new(&contract), scanner, every),
        seed: 1,
        left: AtomicU64::new(most),
        copies: AtomicU64::new(0),
    })
}

/// `rate` is that of an open run; without it users wait for their answers.
async fn run(target: ResponseOf, rate: Option<f64>, most: Option<u64>) -> (Arc<Shared>, Vec<wiremock::Request>) {
    let server = MockServer::start().await;
    let mock = Mock::given(method("POST")).and(path("/search")).and(header("authorization", "Bearer key"));
    match target {
        ResponseOf::Good => mock.respond_with(Target { leaks: false }).mount(&server).await,
        ResponseOf::Leaking => mock.respond_with(Target { leaks: true }).mount(&server).await,
        ResponseOf::Redirecting => {
            let away = ResponseTemplate::new(307).insert_header("location", "/elsewhere");
            mock.respond_with(away).mount(&server).await;
        }
    }
    let duration = Duration::from_secs(1);
    let shared = shared(server.uri(), Some(CANARY), duration, most.unwrap_or(u64::MAX));
    match rate {
        None => attack::run(Plan { users: 2, duration }, Pace::Free, &shared).await.unwrap(),
        Some(rate) => {
            let segments = vec![Segment { part: 0, rate, lasts: duration, flood: false }];
            let plan = open::Plan { segments, open: 100, flood: 0, flood_rate: None, noisy: None, until_behind: false };
            open::run(plan, &shared).await.unwrap();
        }
    }
    let requests = server.received_requests().await.unwrap();
    (shared, requests)
}

enum ResponseOf {
    Good,
    Leaking,
    Redirecting,
}

#[tokio::test(flavor = "multi_thread")]
async fn measures_and_inspects_what_it_sends_and_sends_nothing_else() {
    let (shared, requests) = run(ResponseOf::Good, Some(50.0), None).await;
    let (measured, findings) = (shared.recorder.measured(), shared.inspector.findings());
    assert_eq!(measured.all().requests(), u64::try_from(requests.len()).unwrap());
    assert_eq!(requests.len(), 50, "a second at 50 a second");
    assert_eq!(measured.all().errors(), 0, "{:?}", measured.all().outcomes());
    assert_eq!((findings.violating, findings.leaking), (0, 0), "{:?}", findings.problems);
    assert!(findings.inspected == 25, "{findings:?}");
    let bodies: Vec<Value> = requests.iter().map(|request| request.body_json().unwrap()).collect();
    assert!(bodies.iter().all(|body| body.as_object().is_some_and(|fields| fields.len() == 1)));
    assert!(bodies.contains(&json!({ "query": "Question 0?" })));

    let (shared, requests) = run(ResponseOf::Leaking, None, Some(7)).await;
    assert_eq!(requests.len(), 7);
    let findings = shared.inspector.findings();
    assert_eq!(findings.leaking, findings.inspected);
    assert!(findings.leaking >= 4, "{findings:?}");

    let (shared, requests) = run(ResponseOf::Redirecting, None, Some(3)).await;
    assert!(requests.iter().all(|request| request.url.path() == "/search"), "a redirect was followed");
    assert_eq!(shared.recorder.measured().all().outcomes(), &BTreeMap::from([(Outcome::Status(307), 3)]));

    assert!(!std::path::Path::new("goose-runs").exists());
}
