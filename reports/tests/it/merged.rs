//! Load runs of several machines as one.

use contract_types::RunRecordVerdict;
use reports::{MergeError, Run, merge};
use serde_json::{Value, json};

/// The run `id` of a machine that made `fast` requests of about 10 ms and `slow` ones of about 100 ms.
fn machine(id: u8, fast: u64, slow: u64, change: impl FnOnce(&mut Value)) -> Run {
    let mut record = contract_types::examples("RunRecord")[2].clone();
    record["run_id"] = format!("0195f2b0-6d0a-7c3e-9b1f-2a4c6e8d0f{id:02}").into();
    record["verdict"] = "pass".into();
    let histogram = json!([{"up_to_ms": 10, "count": fast}, {"up_to_ms": 100, "count": slow}]);
    record["load"] = json!([{
        "scenario": "search", "operation": "search", "requests": fast + slow, "errors": slow, "rate_per_s": 5,
        "p50_ms": 10, "p95_ms": 100, "p99_ms": 100, "max_ms": 99, "histogram": histogram,
        "timeline": [{"from_ms": 0, "to_ms": 1000, "requests": fast + slow, "errors": slow, "histogram": histogram}],
    }]);
    record["cases"] =
        json!([{"id": "load/search/statuses", "kind": "gate", "level": "MUST", "outcome": "pass", "duration_ms": 0}]);
    record["counts"]["passed"] = 1.into();
    change(&mut record);
    crate::run(&serde_json::to_vec(&record).unwrap())
}

#[test]
fn percentiles_are_those_of_all_requests_and_not_a_mean() {
    // Alone, the first has a p95 of 100 ms and the second one of 10 ms; of both together 4 % are slow.
    let runs = [machine(11, 60, 40, |_| ()), machine(12, 900, 0, |_| ())];
    let merged = merge(&runs, "0195f2b0-6d0a-7c3e-9b1f-2a4c6e8d0f99").unwrap();
    let row = &merged.load.as_ref().unwrap()[0];
    assert_eq!((row.requests, row.errors, row.histogram.as_ref().unwrap().len()), (1000, 40, 2));
    assert!((9.0..=10.0).contains(&row.p95_ms), "{row:?}");
    assert!((90.0..=99.0).contains(&row.p99_ms) && (row.rate_per_s - 10.0).abs() < 1e-9, "{row:?}");
    let timeline = row.timeline.as_ref().unwrap();
    assert_eq!((timeline.len(), timeline[0].requests, timeline[0].errors), (1, 1000, 40));
    // What comes out is a record that a reader takes.
    reports::parse("merged.json", &serde_json::to_vec(&merged).unwrap()).unwrap();
}

#[test]
fn the_worst_gate_and_the_worst_verdict_count() {
    let failing = machine(12, 10, 0, |record| {
        record["verdict"] = "fail".into();
        record["cases"][0]["outcome"] = "fail".into();
        record["cases"][0]["message"] = "expected 200".into();
        record["counts"] = json!({"passed": 0, "failed": 1, "errored": 0, "not_applicable": 0, "known_failures": 0});
    });
    let merged = merge(&[machine(11, 10, 0, |_| ()), failing], "0195f2b0-6d0a-7c3e-9b1f-2a4c6e8d0f99").unwrap();
    assert_eq!((merged.verdict, merged.counts.failed, merged.counts.passed), (RunRecordVerdict::Fail, 1, 0));
    assert_eq!(merged.cases[0].message.as_deref(), Some("expected 200"));
}

#[test]
fn refuses_what_is_no_part_of_one_run() {
    let good = || machine(11, 10, 0, |_| ());
    let with = |other: Run| merge(&[good(), other], "0195f2b0-6d0a-7c3e-9b1f-2a4c6e8d0f99").unwrap_err();
    assert!(matches!(merge(&[good()], "x").unwrap_err(), MergeError::Few(1)));
    assert!(matches!(with(good()), MergeError::Twice { .. }));
    assert!(matches!(with(machine(12, 1, 0, |it| it["target"]["name"] = "x".into())), MergeError::Differs { .. }));
    let bare = machine(12, 1, 0, |it| {
        it["load"][0].as_object_mut().unwrap().remove("histogram");
    });
    assert!(matches!(with(bare), MergeError::NoHistogram { .. }));
    let other = crate::run(&crate::passing(|_| ()));
    assert!(matches!(with(other), MergeError::Kind { .. }));
}
