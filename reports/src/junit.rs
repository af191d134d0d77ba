//! JUnit XML, for CI servers: what fails there is what fails the run, and nothing else.

use std::{collections::BTreeMap, time::Duration};

use contract_types::{CaseRecordOutcome, RunRecordVerdict};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::{
    format::plain,
    judged::{Judged, PROBE, judged},
    model::Run,
};

/// Writes `run` as JUnit XML.
///
/// A suite is a capability, a tenant's scores or a load scenario; a test's name is the case's id, its class the case's kind. Failures
/// that only warn (SHOULD, probes) pass with a warning in `system-out`; what does not apply, is known to fail or could not be looked at
/// without deciding anything is skipped with its reason. Where the run failed or broke without a case that says so, a suite `run` does.
pub fn junit(run: &Run) -> String {
    let record = &run.record;
    let mut report = Report::new(plain(&format!("{} on {}", run.suite(), record.target.name)));
    report.uuid = record.run_id.parse().ok();
    report.timestamp = record.started_at.parse().ok();
    let milliseconds = run.finished.as_millisecond().saturating_sub(run.started.as_millisecond());
    report.set_time(Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0)));
    let items = judged(run);
    let mut suites: BTreeMap<&str, Vec<&Judged<'_>>> = BTreeMap::new();
    for item in &items {
        suites.entry(&item.group).or_default().push(item);
    }
    for (name, items) in suites {
        report.add_test_suite(suite(run, name, items.into_iter().map(test)));
    }
    let told = items.iter().any(|item| item.decides() && item.is_wrong());
    if record.verdict == RunRecordVerdict::Error || (record.verdict == RunRecordVerdict::Fail && !told) {
        report.add_test_suite(suite(run, "run", std::iter::once(verdict(run))));
    }
    text(&report)
}

fn text(report: &Report) -> String {
    report.to_string().expect("writing to memory cannot fail")
}

fn suite(run: &Run, name: &str, tests: impl Iterator<Item = TestCase>) -> TestSuite {
    let record = &run.record;
    let mut suite = TestSuite::new(plain(name));
    suite.add_test_cases(tests);
    suite.set_time(suite.test_cases.iter().filter_map(|test| test.time).sum());
    suite.timestamp = record.started_at.parse().ok();
    let properties = [
        ("base_url", record.target.base_url.as_str()),
        ("contract_version", &record.contract_version),
        ("seed", &record.seed.to_string()),
        ("command", &record.command),
    ];
    for property in properties {
        suite.add_property((property.0, plain(property.1).as_str()));
    }
    suite
}

fn test(item: &Judged<'_>) -> TestCase {
    let (status, warning) = status(item);
    let mut test = TestCase::new(plain(&item.id), status);
    test.set_classname(plain(item.kind));
    test.set_time(Duration::from_secs_f64((item.duration_ms / 1000.0).clamp(0.0, 1e6)));
    let named = [("rule", item.rule), ("operation", item.operation), ("level", Some(item.level.as_str()))];
    for (name, value) in named.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        test.add_property((name, plain(value).as_str()));
    }
    let repeated = (item.attempts > 1).then(|| format!("{} attempts were needed", item.attempts));
    let out: Vec<String> = warning.into_iter().chain(repeated).collect();
    if !out.is_empty() {
        test.set_system_out(out.join("\n"));
    }
    test
}

/// How a test ended, and what a pass warns of.
fn status(item: &Judged<'_>) -> (TestCaseStatus, Option<String>) {
    let told = plain(item.told());
    match item.outcome {
        CaseRecordOutcome::Pass => (TestCaseStatus::success(), None),
        CaseRecordOutcome::Fail if !item.decides() => {
            let what = if item.kind == PROBE { "probe" } else { item.level.as_str() };
            (TestCaseStatus::success(), Some(format!("warning ({what}): {}", body(item))))
        }
        CaseRecordOutcome::Fail => (unsuccessful(item, NonSuccessKind::Failure), None),
        CaseRecordOutcome::Error if item.decides() => (unsuccessful(item, NonSuccessKind::Error), None),
        CaseRecordOutcome::Error => (skipped("could not be looked at", &told), None),
        CaseRecordOutcome::NotApplicable => (skipped("not applicable", &reason(item)), None),
        CaseRecordOutcome::KnownFailure => (skipped("known failure", &reason(item)), None),
    }
}

fn reason(item: &Judged<'_>) -> String {
    plain(item.reason.unwrap_or("no reason was recorded"))
}

fn skipped(why: &str, reason: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_type(why).set_message(format!("{why}: {reason}"));
    status
}

fn unsuccessful(item: &Judged<'_>, kind: NonSuccessKind) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(plain(item.rule.unwrap_or(item.kind))).set_message(plain(item.told())).set_description(body(item));
    status
}

/// The message, and below it the command that repeats the case.
fn body(item: &Judged<'_>) -> String {
    let curl = item.curl.map(|curl| format!("\n\n{}", plain(curl))).unwrap_or_default();
    plain(item.told()) + &curl
}

/// The run itself as a test, where nothing in it says why it did not pass.
fn verdict(run: &Run) -> TestCase {
    let error = run.record.verdict == RunRecordVerdict::Error;
    let kind = if error { NonSuccessKind::Error } else { NonSuccessKind::Failure };
    let message = if error { "the run could not be completed" } else { "the run failed" };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(message).set_type("verdict").set_description(plain(&run.record.notes.join("\n")));
    let mut test = TestCase::new("run/verdict", status);
    test.set_classname("verdict");
    test
}
