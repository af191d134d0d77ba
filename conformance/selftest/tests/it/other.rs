//! A second implementation, in another language, that shares no code with the reference: what it passes, the contract asks for.

use std::{process::Command, sync::LazyLock, time::Duration};

use contract_types::{CaseRecordOutcome, RunRecordVerdict};

use crate::suite::{Run, run};

const BOUND: Duration = Duration::from_mins(5);
/// The whole suite, once for every claim about it.
static WHOLE: LazyLock<Run> = LazyLock::new(|| {
    needs_node();
    run("other", &[], &[], BOUND)
});
/// Features and modes that it does not declare and cases ask for.
const MISSING: [&str; 3] = ["async_ingest", "spell_correction", "dense"];
/// How a reason begins or what it names where a case asks for more than features.
const OTHERWISE: [&str; 7] = [
    "the suite started no stand-in",
    "the profile has no tenant",
    "declares the feature",
    "control API",
    "key to sign tokens",
    "does not declare the feature",
    "retrieval mode",
];

/// Node must be there: without it this whole comparison would be silently empty.
fn needs_node() {
    let node = Command::new("node").arg("--version").output();
    let version = node.expect("`node` is not on the path: install Node 20.15 or newer").stdout;
    let version = String::from_utf8(version).unwrap();
    let mut numbers = version.trim().trim_start_matches('v').split('.').map(|part| part.parse::<u32>().unwrap());
    let found = (numbers.next().unwrap(), numbers.next().unwrap());
    assert!(found >= (20, 15), "expected Node 20.15 or newer, found {version}");
}

#[test]
fn passes_where_it_shares_no_code_with_the_reference() {
    let run = &*WHOLE;
    assert_eq!(run.code, 0, "{}", run.said);
    let record = run.record.as_ref().unwrap();
    assert_eq!(record.verdict, RunRecordVerdict::Pass);
    assert_eq!(record.target.implementation.as_deref(), Some("small-other"));
    assert_eq!((record.counts.failed, record.counts.errored), (0, 0));
    assert!(record.counts.passed > 1400, "{:?}", record.counts);
    // What it does not do it says in its profile: no log, no safety filters, no words of like meaning.
    assert!(record.counts.known_failures <= 32, "{:?}", record.counts);
    // It leaves out what it has not, and little else: the more features the suite knows, the larger is the share that it lacks.
    let share = record.counts.not_applicable * 100 / record.counts.passed;
    assert!((1..35).contains(&share), "{:?}", record.counts);
    assert!(run.children.contains("node"), "the server was not seen to run: {:?}", run.children);
}

#[test]
fn names_the_feature_that_a_case_is_left_out_for() {
    let reasons: Vec<&str> =
        WHOLE.cases(CaseRecordOutcome::NotApplicable).map(|case| case.reason.as_deref().unwrap_or_default()).collect();
    for missing in MISSING {
        assert!(reasons.iter().any(|reason| reason.contains(missing)), "`{missing}` is not in {reasons:?}");
    }
    let named = |reason: &&&str| !OTHERWISE.iter().any(|it| reason.contains(it));
    let strange: Vec<&&str> = reasons.iter().filter(named).collect();
    assert!(strange.is_empty(), "left out for no missing feature: {strange:?}");
}
