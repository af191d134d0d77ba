//! Tries every saboteur, and makes the record of it.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use contract_types::{CaseRecord, CaseRecordLevel, CaseRecordOutcome, RunRecordVerdict};
use futures_util::{StreamExt, stream};
use harness::{exit, output, project_root, record};
use indicatif::ProgressBar;

use super::{Options, Saboteur, probes, proxied, proxy::Proxy, servers};
use crate::{
    engine,
    session::Session,
    suite::{Suite, Test},
};

/// Proxies that are tried at once.
const AT_ONCE: usize = 8;
/// Longest time of one exchange: more than any answer takes, and less than what a flaw that hangs would hold a run up for.
const LONGEST_EXCHANGE: Duration = Duration::from_secs(10);
/// Longest time that a step asks again for: a flaw that keeps something from ever coming is waited for that long, and once more
/// while the case cleans up.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How a saboteur fared.
#[derive(Debug, Clone)]
pub(super) struct Tried {
    pub(super) id: String,
    pub(super) rule: Option<String>,
    pub(super) operation: Option<String>,
    pub(super) text: String,
    /// What caught it, or why nothing did.
    pub(super) verdict: Result<String, String>,
    pub(super) took: Duration,
}

/// Runs the command and gives the exit code: 100 when one was not caught.
pub fn main(options: &Options, command: &str) -> u8 {
    let suite = match Suite::load(&project_root()) {
        Ok(suite) => suite,
        Err(error) => {
            output::say(&error.to_string());
            return exit::USAGE;
        }
    };
    let wanted = |id: &str| options.texts.is_empty() || options.texts.iter().any(|text| id.contains(text.as_str()));
    let saboteurs: Vec<Saboteur> =
        proxied(&suite.contract, &suite.tests).into_iter().filter(|saboteur| wanted(&saboteur.id)).collect();
    if options.list {
        for saboteur in &saboteurs {
            output::data(&saboteur.id);
        }
        return exit::PASS;
    }
    if let Some(runs) = options.clean_runs {
        return clean_runs(options, runs);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::say(&format!("no async runtime: {error}"));
            return exit::HARNESS;
        }
    };
    let started = SystemTime::now();
    let session = match open(&options.target, &suite, &runtime) {
        Ok(session) => Arc::new(session),
        Err(error) => {
            output::say(&error.to_string());
            return error.exit_code();
        }
    };
    let mut tried = if options.probes {
        runtime.block_on(probes::all(&session, &suite.tests, &wanted))
    } else {
        runtime.block_on(proxies(&session, &saboteurs, &suite.tests))
    };
    if !options.probes && options.switches != "none" {
        match servers::all(options, &suite, &runtime, &wanted) {
            Ok(more) => tried.extend(more),
            Err((message, code)) => {
                output::say(&message);
                return code;
            }
        }
    }
    runtime.block_on(session.clean_up());
    finish(&session, options, tried, started, command)
}

pub(super) fn open(
    target: &str,
    suite: &Suite,
    runtime: &tokio::runtime::Runtime,
) -> Result<Session, harness::prepare::PrepareError> {
    let mut session = Session::open(target, suite.contract.clone())?;
    session.examples = suite.examples().into();
    session.bounds.time = session.bounds.time.min(LONGEST_EXCHANGE);
    session.longest_wait = LONGEST_WAIT;
    runtime.block_on(session.fill())?;
    Ok(session)
}

/// Runs the whole suite several times against the good target.
fn clean_runs(options: &Options, runs: u32) -> u8 {
    for run in 1..=runs {
        output::say(&format!("clean run {run} of {runs}"));
        let program = std::env::current_exe().unwrap_or_default();
        let mut command = std::process::Command::new(program);
        command.args(["run", "--target", &options.target, "--seed", &run.to_string()]);
        if let Some(out) = &options.out {
            command.arg("--out").arg(out);
        }
        match command.status() {
            Ok(status) if status.success() => {}
            Ok(status) => {
                output::say(&format!(
                    "clean run {run} of {runs} ended with {status}: without a saboteur nothing may fail"
                ));
                return exit::FAILED;
            }
            Err(error) => {
                output::say(&format!("the suite cannot be run again: {error}"));
                return exit::HARNESS;
            }
        }
    }
    output::say(&format!("{runs} clean runs, no failure"));
    exit::PASS
}

/// Tries the saboteurs that a proxy plays; before, the same tests must pass through a proxy that breaks nothing.
async fn proxies(session: &Arc<Session>, saboteurs: &[Saboteur], tests: &[Test]) -> Vec<Tried> {
    let progress = bar(saboteurs.len(), "proxies");
    let tried = stream::iter(saboteurs.iter().cloned()).map(|saboteur| {
        let (session, progress) = (Arc::clone(session), progress.clone());
        let meant: Vec<Test> = tests.iter().filter(|test| saboteur.means(&test.id())).cloned().collect();
        async move {
            let began = Instant::now();
            let verdict = attempt(&session, &saboteur, &meant).await;
            progress.inc(1);
            Tried {
                id: format!("saboteurs/{}", saboteur.id),
                rule: saboteur.rule.map(str::to_owned),
                operation: Some(saboteur.operation.clone()),
                text: saboteur.text.clone(),
                verdict,
                took: began.elapsed(),
            }
        }
    });
    let tried = tried.buffered(AT_ONCE).collect().await;
    progress.finish_and_clear();
    tried
}

async fn attempt(session: &Arc<Session>, saboteur: &Saboteur, meant: &[Test]) -> Result<String, String> {
    if meant.is_empty() {
        return Err(format!("no test is called {}", saboteur.meant.join(" or ")));
    }
    let (mut controls, mut seen) = (0, Vec::new());
    for test in meant {
        let (good, message) = through(session, None, test).await?;
        match good {
            CaseRecordOutcome::Pass => controls += 1,
            CaseRecordOutcome::NotApplicable => continue,
            CaseRecordOutcome::Fail | CaseRecordOutcome::Error | CaseRecordOutcome::KnownFailure => {
                return Err(format!("{} fails without a saboteur: {message}", test.id()));
            }
        }
        let (bad, message) = through(session, Some(saboteur), test).await?;
        if bad == CaseRecordOutcome::Fail && saboteur.is_told_by(&message) {
            return Ok(format!("caught by {}: {message}", test.id()));
        }
        seen.push(format!("{} {bad}: {message}", test.id()));
    }
    if controls == 0 {
        return Err("no test that is meant to catch it applies to the target".to_owned());
    }
    Err(format!("not caught; {}", seen.join("; ")))
}

/// Runs one test through a proxy with or without a saboteur.
async fn through(
    session: &Arc<Session>,
    saboteur: Option<&Saboteur>,
    test: &Test,
) -> Result<(CaseRecordOutcome, String), String> {
    let (judge, contract) = (Arc::clone(&session.judge), Arc::clone(&session.contract));
    let proxy = Proxy::start(&session.target.base_url, judge, contract, saboteur.cloned(), Vec::new()).await?;
    let behind = session.through(&proxy.base_url).map_err(|error| error.to_string())?;
    let (case, _) = engine::one(&behind, test).await;
    let message = case.message.or(case.reason).unwrap_or_default();
    if saboteur.is_some() && proxy.broken() == 0 {
        return Ok((case.outcome, format!("the proxy found nothing to break; {message}")));
    }
    Ok((case.outcome, message))
}

pub(super) fn bar(total: usize, message: &'static str) -> ProgressBar {
    let style = indicatif::ProgressStyle::with_template("{bar:40} {pos}/{len} {msg} {elapsed}");
    let bar = ProgressBar::new(u64::try_from(total).unwrap_or(0)).with_message(message);
    bar.set_style(style.unwrap_or_else(|_| indicatif::ProgressStyle::default_bar()));
    bar
}

fn finish(session: &Session, options: &Options, tried: Vec<Tried>, started: SystemTime, command: &str) -> u8 {
    let cases: Vec<CaseRecord> = tried.into_iter().map(|tried| case(session, tried)).collect();
    let escaped: Vec<&CaseRecord> = cases.iter().filter(|case| case.outcome != CaseRecordOutcome::Pass).collect();
    for case in &escaped {
        output::say(&engine::line(case));
    }
    let score = format!("{} of {} saboteurs caught", cases.len() - escaped.len(), cases.len());
    let failed = !escaped.is_empty();
    let verdict = if failed { RunRecordVerdict::Fail } else { RunRecordVerdict::Pass };
    let notes = std::iter::once(score.clone()).chain(options.part()).collect();
    let record = engine::Frame::new(session, started, command).record(cases, verdict, None, notes);
    let out = options.out.clone().unwrap_or_else(engine::default_out);
    output::say(&score);
    match record::write(&record, &out) {
        Ok(path) => output::say(&format!("run record: {}", path.display())),
        Err(error) => {
            output::say(&format!("the run record cannot be written to {}: {error}", out.display()));
            return exit::HARNESS;
        }
    }
    if failed { exit::FAILED } else { exit::PASS }
}

fn case(session: &Session, tried: Tried) -> CaseRecord {
    let (outcome, message) = match tried.verdict {
        Ok(message) => (CaseRecordOutcome::Pass, message),
        Err(message) => (CaseRecordOutcome::Fail, message),
    };
    let message = format!("{}. {message}", tried.text.trim_end_matches('.'));
    CaseRecord {
        id: tried.id,
        kind: "saboteur".to_owned(),
        operation: tried.operation,
        rule: tried.rule,
        level: CaseRecordLevel::Must,
        outcome,
        duration_ms: (tried.took.as_secs_f64() * 1e6).round() / 1e3,
        message: Some(record::cut(&session.redactor.clean(&message), 2000).0),
        curl: None,
        request: None,
        response: None,
        reason: None,
        attempts: None,
    }
}
