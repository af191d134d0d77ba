//! Servers that are broken: whatever they do, the suite ends by itself, says what it found and gives a documented exit code.

use std::{net::TcpListener, time::Duration};

use contract_types::{CaseRecordOutcome, RunRecordVerdict};

use crate::{
    script::{Manner, Since, serve},
    suite::{DOCUMENTED, Run, run},
};

/// Longest time of one exchange.
const EXCHANGE_MS: &str = "1000";
/// Within so long every run must have ended: a few exchanges that each take their longest time, and the suite's own work.
const BOUND: Duration = Duration::from_mins(2);
/// A few cases of different operations; each sends one request.
const CASES: [&str; 4] = ["get_openapi/example", "get_document/example", "list_documents/example", "retrieve/example"];
const UNREACHABLE: i32 = 3;
const FAILED: i32 = 100;

fn against(url: &str) -> Run {
    within(url, EXCHANGE_MS)
}

fn within(url: &str, exchange_ms: &str) -> Run {
    let variables =
        [("PLUMBLINE_STAGING_URL", url), ("PLUMBLINE_DEMO_KEYS", "1"), ("PLUMBLINE_REQUEST_TIMEOUT_MS", exchange_ms)];
    let run = run("staging", &CASES, &variables, BOUND);
    assert!(DOCUMENTED.contains(&run.code), "exit code {} is not documented:\n{}", run.code, run.said);
    run
}

/// The target counts as out of reach, which is said once, and there is no record of a run that never began.
fn is_out_of_reach(run: &Run) {
    assert_eq!(run.code, UNREACHABLE, "{}", run.said);
    assert_eq!(run.said.matches("the target cannot be reached").count(), 1, "{}", run.said);
    assert!(run.record.is_none(), "{:?}", run.record);
}

/// Every case has failed for a reason that holds `reason`, and the record says so.
fn has_failed(run: &Run, reason: &str) {
    assert_eq!(run.code, FAILED, "{}", run.said);
    let record = run.record.as_ref().expect("a run that began leaves a record");
    assert_eq!(record.verdict, RunRecordVerdict::Fail);
    assert_eq!((record.counts.passed, record.counts.errored), (0, 0), "{}", run.said);
    let told: Vec<&str> = run.cases(CaseRecordOutcome::Fail).filter_map(|case| case.message.as_deref()).collect();
    assert!(told.len() >= CASES.len(), "{told:?}");
    // Nor does such a target declare what its profile promises, whatever else is wrong with it.
    let about = |message: &&str| message.contains(reason) || message.starts_with("the profile promises");
    assert!(told.iter().all(about), "`{reason}` is not in each of {told:#?}");
    assert!(
        run.cases(CaseRecordOutcome::Fail).all(|case| case
            .response
            .as_ref()
            .is_none_or(|it| it.body.as_ref().is_none_or(|body| body.len() < 1 << 20)))
    );
}

#[test]
fn nobody_is_there() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    is_out_of_reach(&against(&format!("http://{free}")));
}

#[test]
fn nothing_but_rudeness_from_the_start_is_out_of_reach() {
    for manner in [Manner::HangsUp, Manner::Silent, Manner::Garbage, Manner::EndlessHeaders, Manner::EndlessBody] {
        let run = against(&format!("http://{}", serve(manner, Since::TheStart)));
        assert!(run.took < Duration::from_mins(1), "{manner:?} took {:?}", run.took);
        is_out_of_reach(&run);
    }
}

#[test]
fn a_handshake_that_never_ends_is_out_of_reach() {
    let run = against(&format!("https://{}", serve(Manner::Silent, Since::TheStart)));
    is_out_of_reach(&run);
}

#[test]
fn a_page_for_every_request_fails_every_case() {
    has_failed(&against(&format!("http://{}", serve(Manner::Page, Since::TheStart))), "content type");
}

#[test]
fn what_breaks_after_the_start_fails_case_by_case() {
    for (manner, reason) in [
        (Manner::HangsUp, "the connection broke"),
        (Manner::Garbage, "the connection broke"),
        (Manner::CutShort, "the connection broke before the body was complete"),
        (Manner::NoText, "the body is not JSON"),
        (Manner::Page, "content type"),
    ] {
        has_failed(&against(&format!("http://{}", serve(manner, Since::TheFirstCase))), reason);
    }
}

#[test]
fn what_never_ends_is_given_up() {
    for manner in [Manner::Silent, Manner::EndlessBody] {
        has_failed(
            &against(&format!("http://{}", serve(manner, Since::TheFirstCase))),
            "no complete response within 1s",
        );
    }
}

#[test]
fn a_gigabyte_is_not_swallowed() {
    // Reading as much as is read at most may take more than a second.
    has_failed(
        &within(&format!("http://{}", serve(Manner::Gigabyte, Since::TheFirstCase)), "30000"),
        "larger than any answer",
    );
}

#[test]
fn a_time_that_is_none_is_refused() {
    let variables = [
        ("PLUMBLINE_STAGING_URL", "http://127.0.0.1:9"),
        ("PLUMBLINE_DEMO_KEYS", "1"),
        ("PLUMBLINE_REQUEST_TIMEOUT_MS", "soon"),
    ];
    let run = run("staging", &CASES, &variables, BOUND);
    assert_eq!(run.code, 2, "{}", run.said);
    assert!(run.said.contains("PLUMBLINE_REQUEST_TIMEOUT_MS is `soon`: expected milliseconds"), "{}", run.said);
}
