//! Which records are read, which are refused, and what the refusal says.

use contract_types::RunRecordVerdict;
use reports::{Report, parse};
use serde_json::{Value, json};

use crate::{changed, passing, run};

fn check(change: impl FnOnce(&mut Value), place: &str, says: &str) {
    let problem = parse("run.json", &changed(change)).unwrap_err();
    assert_eq!(problem.place, place, "{problem}");
    assert!(problem.message.contains(says), "{problem}");
    assert!(!problem.to_string().contains('\n'), "{problem}");
}

#[test]
fn every_example_of_the_contract_is_read() {
    for example in contract_types::examples("RunRecord").as_array().unwrap() {
        run(example.to_string().as_bytes());
    }
}

#[test]
fn a_broken_record_is_named_by_its_pointer() {
    check(|record| record["cases"][1]["outcome"] = json!("maybe"), "/cases/1/outcome", "");
    check(|record| record["surprise"] = json!(1), "", "surprise");
    check(|record| record["started_at"] = json!("yesterday"), "/started_at", "date-time");
}

#[test]
fn a_record_of_a_newer_format_is_refused() {
    check(|record| record["schema_version"] = json!(2), "/schema_version", "newer");
}

#[test]
fn what_is_no_json_is_named_by_line_and_column() {
    let problem = parse("run.json", b"{\n  oops").unwrap_err();
    assert_eq!((problem.place.as_str(), problem.file.as_str()), ("line 2 column 3", "run.json"));
}

#[test]
fn a_record_that_contradicts_itself_is_refused() {
    check(|record| record["counts"]["passed"] = json!(7), "/counts/passed", "says 7, but 1");
    check(|record| record["verdict"] = json!("pass"), "/verdict", "/cases/0");
    check(|record| record["coverage"][0]["reached"] = json!(999), "/coverage/0/reached", "999");
}

#[test]
fn a_refusal_repeats_no_secret() {
    let key = "pl_aurora-bikes_0123456789abcdefghijABCDEFGHIJ01234567";
    let problem = parse("run.json", &changed(|record| record[key] = json!(key))).unwrap_err();
    assert!(!problem.to_string().contains(key), "{problem}");
}

#[test]
fn a_failing_record_flips_the_verdict() {
    let (passed, failed) = (run(&passing(|_| ())), run(&changed(|record| record["target"]["name"] = json!("other"))));
    assert_eq!(Report::new(vec![passed.clone()]).verdict(), RunRecordVerdict::Pass);
    assert_eq!(Report::new(vec![passed, failed]).verdict(), RunRecordVerdict::Fail);
}

#[test]
fn a_failure_outranks_an_error_and_an_error_outranks_a_pass() {
    let error = run(&passing(|record| {
        record["verdict"] = json!("error");
        record["target"]["name"] = json!("far");
    }));
    let (passed, failed) = (run(&passing(|_| ())), run(&changed(|_| ())));
    assert_eq!(Report::new(vec![passed, error.clone()]).verdict(), RunRecordVerdict::Error);
    assert_eq!(Report::new(vec![error, failed]).verdict(), RunRecordVerdict::Fail);
}

#[test]
fn only_the_newest_run_of_a_suite_and_target_counts() {
    let failed_before = run(&changed(|record| record["started_at"] = json!("2026-03-02T11:00:00+02:00")));
    let passed_after = run(&passing(|_| ()));
    let report = Report::new(vec![failed_before, passed_after]);
    assert_eq!(report.verdict(), RunRecordVerdict::Pass);
    assert_eq!((report.current.len(), report.history.len()), (1, 1));
}
