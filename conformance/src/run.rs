//! Runs tests against a session, beside each other as far as the profile allows, and makes the run record.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use contract_types::{
    CaseRecord, CaseRecordLevel, CaseRecordOutcome, RunRecord, RunRecordKind, RunRecordVerdict, RunTarget,
};
use harness::{exit, output, project_root, record};
use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    catalogue, outcome,
    outcome::{Ending, Outcome},
    session::Session,
    suite::Test,
    written,
};

/// So many tests in a row that find nobody there end the run.
const GONE_AFTER: usize = 5;
/// Longest time of one test.
const LONGEST_TEST: Duration = Duration::from_mins(5);

/// Runs one test, again where the profile lists it as flaky, and says whether the target was there.
pub async fn one(session: &Session, test: &Test) -> (CaseRecord, bool) {
    let id = test.id();
    let flaky = session.profile.spec.flaky.iter().flatten().find(|flaky| flaky.case == id);
    let most = flaky.map_or(1, |flaky| flaky.attempts);
    let mut attempts = 1;
    loop {
        let outcome = attempt(session, test).await;
        if matches!(outcome.ending, Ending::Fail(_)) && attempts < most {
            attempts += 1;
            continue;
        }
        return (outcome::record(session, test, &outcome, attempts), !outcome.unreachable);
    }
}

async fn attempt(session: &Session, test: &Test) -> Outcome {
    let run = async {
        match test {
            Test::Generated(case) => catalogue::run(session, case).await,
            Test::Written(case) => written::run(session, case).await,
        }
    };
    let late = |_| Outcome::of(Ending::Error(format!("the test did not end within {LONGEST_TEST:?}")));
    tokio::time::timeout(LONGEST_TEST, run).await.unwrap_or_else(late)
}

/// What a run has found.
#[derive(Debug)]
pub struct Found {
    /// The records of the tests that ran.
    pub cases: Vec<CaseRecord>,
    /// Whether the target went out of reach, which ended the run.
    pub gone: bool,
}

/// Runs `tests`, with a progress bar, and tells each failure as it comes.
pub async fn all(session: &Arc<Session>, tests: Vec<Test>) -> Found {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg} {elapsed}");
    let progress = ProgressBar::new(u64::try_from(tests.len()).unwrap_or(0));
    progress.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let shared =
        Arc::new(Shared { tests, next: AtomicUsize::new(0), missed: AtomicUsize::new(0), cases: Mutex::default() });
    let mut workers = Vec::new();
    for _ in 0..session.pace.concurrency() {
        let (session, shared, progress) = (Arc::clone(session), Arc::clone(&shared), progress.clone());
        workers.push(tokio::spawn(async move { work(&session, &shared, &progress).await }));
    }
    for worker in workers {
        if let Err(error) = worker.await {
            progress.suspend(|| output::say(&format!("a worker of the suite broke: {error}")));
        }
    }
    progress.finish_and_clear();
    let gone = shared.missed.load(Ordering::Relaxed) >= GONE_AFTER;
    let mut cases = shared.cases.lock().map(|mut cases| std::mem::take(&mut *cases)).unwrap_or_default();
    if !gone && cases.len() < shared.tests.len() {
        // A worker that broke took its test with it: that test must not vanish from the record.
        for test in &shared.tests {
            let id = test.id();
            if !cases.iter().any(|case| case.id == id) {
                let ending = Ending::Error("the suite broke while it ran this test".to_owned());
                cases.push(outcome::record(session, test, &Outcome::of(ending), 1));
            }
        }
    }
    Found { cases, gone }
}

struct Shared {
    tests: Vec<Test>,
    next: AtomicUsize,
    missed: AtomicUsize,
    cases: Mutex<Vec<CaseRecord>>,
}

async fn work(session: &Session, shared: &Shared, progress: &ProgressBar) {
    while let Some(test) = shared.tests.get(shared.next.fetch_add(1, Ordering::Relaxed)) {
        if shared.missed.load(Ordering::Relaxed) >= GONE_AFTER {
            return;
        }
        let _permit = session.pace.case().await;
        let (case, there) = one(session, test).await;
        if there {
            if shared.missed.load(Ordering::Relaxed) < GONE_AFTER {
                shared.missed.store(0, Ordering::Relaxed);
            }
        } else {
            shared.missed.fetch_add(1, Ordering::Relaxed);
        }
        let bad = matches!(case.outcome, CaseRecordOutcome::Fail | CaseRecordOutcome::Error);
        if bad && there {
            progress.suspend(|| output::say(&line(&case)));
        }
        progress.inc(1);
        if let Ok(mut cases) = shared.cases.lock() {
            cases.push(case);
        }
    }
}

/// One failure for a person: what, why, and the command that repeats it.
pub fn line(case: &CaseRecord) -> String {
    let word = match (case.outcome, case.level) {
        (CaseRecordOutcome::Fail, CaseRecordLevel::Should) => "WARN",
        (CaseRecordOutcome::Fail, CaseRecordLevel::Must) => "FAIL",
        (CaseRecordOutcome::KnownFailure, _) => "KNOWN",
        (CaseRecordOutcome::Pass | CaseRecordOutcome::NotApplicable | CaseRecordOutcome::Error, _) => "ERROR",
    };
    let rule = case.rule.as_deref().map(|rule| format!(" [{rule}]")).unwrap_or_default();
    let message = case.message.as_deref().unwrap_or_default();
    let command = case.curl.as_deref().map(|command| format!("\n      {command}")).unwrap_or_default();
    format!("{word} {}{rule}: {message}{command}", case.id)
}

/// Whether a case fails the run.
pub fn fails(case: &CaseRecord) -> bool {
    case.outcome == CaseRecordOutcome::Fail && case.level == CaseRecordLevel::Must
}

/// Checks of the profile itself: features that it promises in vain, known failures that have expired.
fn of_profile(session: &Session) -> Vec<CaseRecord> {
    let case = |id: String, message: String| CaseRecord {
        id,
        kind: "profile".to_owned(),
        operation: None,
        rule: None,
        level: CaseRecordLevel::Must,
        outcome: CaseRecordOutcome::Fail,
        duration_ms: 0.0,
        message: Some(message),
        curl: None,
        request: None,
        response: None,
        reason: None,
        attempts: None,
    };
    let promises = session.disagreements.iter().enumerate();
    let mut cases: Vec<CaseRecord> =
        promises.map(|(index, message)| case(format!("profile/features/{index}"), message.clone())).collect();
    for (index, known) in session.profile.spec.known_failures.iter().flatten().enumerate() {
        if known.expires < record::today() {
            let message =
                format!("the known failure `{}` expired on {}; mend it or argue it anew", known.case, known.expires);
            cases.push(case(format!("profile/known_failures/{index}"), message));
        }
    }
    cases
}

/// Where a run record is written unless it is said otherwise.
pub fn default_out() -> PathBuf {
    project_root().join("reports/out")
}

/// Takes back what the run has made, makes its record, writes it and tells the summary. Gives the exit code.
pub async fn finish(session: &Session, found: Found, started: SystemTime, command: String, out: &Path) -> u8 {
    session.clean_up().await;
    let mut cases = found.cases;
    let profile = of_profile(session);
    for case in &profile {
        output::say(&line(case));
    }
    cases.extend(profile);
    cases.sort_by(|a, b| a.id.cmp(&b.id));
    let counts = record::counts(&cases);
    let failed = cases.iter().any(fails);
    let verdict = match (found.gone, failed, counts.errored) {
        (false, true, _) => RunRecordVerdict::Fail,
        (false, false, 0) => RunRecordVerdict::Pass,
        (true, _, _) | (false, false, _) => RunRecordVerdict::Error,
    };
    let features = session.features(session.main_tenant());
    let control = session.target.control.is_some();
    let coverage = session.coverage.lock().map(|coverage| coverage.records(&session.contract, &features, control));
    let implementation = session.facts.values().find_map(|facts| facts.implementation.clone());
    let (implementation, version) = implementation.unzip();
    let record = RunRecord {
        schema_version: record::SCHEMA_VERSION,
        run_id: record::run_id(),
        kind: RunRecordKind::Conformance,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        contract_version: session.contract.version().to_owned(),
        target: RunTarget {
            name: session.profile.spec.name.clone(),
            base_url: session.target.base_url.clone(),
            implementation,
            version,
        },
        started_at: record::timestamp(started),
        finished_at: record::now(),
        seed: 0,
        commit: record::commit(&project_root()),
        command: record::cut(&command, 4000).0,
        verdict,
        counts,
        coverage: coverage.ok(),
        scores: None,
        load: None,
        notes: notes(session, &cases, found.gone),
        cases,
    };
    let written = record::write(&record, out);
    summary(&record, found.gone);
    match written {
        Ok(path) => {
            output::say(&format!("run record: {}", shown(&path)));
            output::say("report: `cargo run -p reports` makes reports/out/index.html of it");
        }
        Err(error) => {
            output::say(&format!("the run record cannot be written to {}: {error}", out.display()));
            return exit::HARNESS;
        }
    }
    match verdict {
        _ if found.gone => {
            output::say(&format!("the target at {} went out of reach; the rest was not run", session.target.base_url));
            exit::UNREACHABLE
        }
        RunRecordVerdict::Pass => exit::PASS,
        RunRecordVerdict::Fail => exit::FAILED,
        RunRecordVerdict::Error => exit::HARNESS,
    }
}

/// A path relative to the project where it lies in it.
fn shown(path: &Path) -> String {
    path.strip_prefix(project_root()).unwrap_or(path).display().to_string()
}

fn notes(session: &Session, cases: &[CaseRecord], gone: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if session.target.control.is_none() {
        notes.push("no control API: statuses that only a fault behind the service leads to are not counted".to_owned());
    }
    if gone {
        notes.push("the target went out of reach; tests that are missing here were not run".to_owned());
    }
    for known in session.profile.spec.known_failures.iter().flatten() {
        let beginning = known.case.trim_end_matches('*');
        if !cases.iter().any(|case| case.id.starts_with(beginning)) {
            notes.push(format!("the known failure `{}` names no case of this run", known.case));
        }
    }
    notes
}

fn summary(record: &RunRecord, gone: bool) {
    let mut kinds: BTreeMap<&str, [u64; 5]> = BTreeMap::new();
    for case in &record.cases {
        let row = kinds.entry(&case.kind).or_default();
        let column = match case.outcome {
            CaseRecordOutcome::Pass => 0,
            CaseRecordOutcome::Fail => 1,
            CaseRecordOutcome::Error => 2,
            CaseRecordOutcome::NotApplicable => 3,
            CaseRecordOutcome::KnownFailure => 4,
        };
        row[column] += 1;
    }
    output::say(&format!("{:<16}{:>8}{:>8}{:>8}{:>8}{:>8}", "kind", "passed", "failed", "errors", "n/a", "known"));
    for (kind, [passed, failed, errors, not_applicable, known]) in kinds {
        output::say(&format!("{kind:<16}{passed:>8}{failed:>8}{errors:>8}{not_applicable:>8}{known:>8}"));
    }
    let counts = &record.counts;
    output::say(&format!(
        "{:<16}{:>8}{:>8}{:>8}{:>8}{:>8}",
        "all", counts.passed, counts.failed, counts.errored, counts.not_applicable, counts.known_failures
    ));
    let reached: Vec<String> = record
        .coverage
        .iter()
        .flatten()
        .map(|it| {
            let plural = if it.dimension.as_str().ends_with('s') { "es" } else { "s" };
            format!("{} of {} {}{plural}", it.reached, it.total, it.dimension.as_str())
        })
        .collect();
    output::say(&format!("reached of the contract: {}", reached.join(", ")));
    let verdict = if gone { "error" } else { record.verdict.as_str() };
    output::say(&format!("verdict: {verdict}"));
}
