//! The conformance suite as named tests: `cargo test -p conformance -- --target NAME [FILTER]`.
//!
//! `--target` stands after the `--`; before it, it is cargo's own. `CONFORMANCE_TARGET` says the same and is nextest's way in.

use std::{
    process::ExitCode,
    sync::{Arc, Mutex},
    time::SystemTime,
};

use conformance::{
    run::{self, Found},
    session::Session,
    suite::{Suite, Test},
};
use contract_types::CaseRecordOutcome;
use harness::{exit, output, project_root};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    ExitCode::from(match own_flags(std::env::args().collect()) {
        Ok((target, rest)) => run_tests(&target, Arguments::from_iter(rest)),
        Err(message) => {
            output::say(&message);
            exit::USAGE
        }
    })
}

/// Takes `--target NAME` out; everything else is the test harness's.
fn own_flags(arguments: Vec<String>) -> Result<(String, Vec<String>), String> {
    let mut target = std::env::var("CONFORMANCE_TARGET").ok().filter(|name| !name.is_empty());
    let mut rest = Vec::new();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        if let Some(name) = argument.strip_prefix("--target=") {
            target = Some(name.to_owned());
        } else if argument == "--target" {
            let name = arguments.next().ok_or("--target: expected the name of a profile in conformance/targets")?;
            target = Some(name);
        } else {
            rest.push(argument);
        }
    }
    Ok((target.unwrap_or_else(|| "local".to_owned()), rest))
}

fn run_tests(target: &str, arguments: Arguments) -> u8 {
    let started = SystemTime::now();
    let suite = match Suite::load(&project_root()) {
        Ok(suite) => suite,
        Err(error) => {
            output::say(&error.to_string());
            return exit::USAGE;
        }
    };
    let chosen = suite.tests.iter().any(|test| is_chosen(&arguments, &test.id()));
    if arguments.list || !chosen {
        let trials = suite.tests.iter().map(|test| Trial::test(test.id(), || Ok(()))).collect();
        let conclusion = libtest_mimic::run(&arguments, trials);
        return if conclusion.has_failed() { exit::HARNESS } else { exit::PASS };
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => Arc::new(runtime),
        Err(error) => {
            output::say(&format!("no async runtime: {error}"));
            return exit::HARNESS;
        }
    };
    let opened = Session::open(target, suite.contract).and_then(|mut session| {
        runtime.block_on(session.fill())?;
        Ok(Arc::new(session))
    });
    let session = match opened {
        Ok(session) => session,
        Err(error) => {
            output::say(&error.to_string());
            return error.exit_code();
        }
    };
    let cases = Arc::new(Mutex::new(Vec::new()));
    let trials = suite.tests.into_iter().map(|test| {
        let (runtime, session, cases) = (Arc::clone(&runtime), Arc::clone(&session), Arc::clone(&cases));
        Trial::test(test.id(), move || trial(&runtime, &session, &test, &cases))
    });
    let mut arguments = arguments;
    arguments.test_threads = Some(arguments.test_threads.unwrap_or(session.pace.concurrency()));
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    let cases = cases.lock().map(|mut cases| std::mem::take(&mut *cases)).unwrap_or_default();
    let gone = !cases.is_empty() && cases.iter().all(|(_, there)| !there);
    let found = Found { cases: cases.into_iter().map(|(case, _)| case).collect(), gone };
    let command = format!("cargo test -p conformance -- --target {target}");
    let code = runtime.block_on(run::finish(&session, found, started, command, &run::default_out()));
    // A test that broke without leaving a record must not pass.
    if code == exit::PASS && conclusion.has_failed() { exit::HARNESS } else { code }
}

fn trial(
    runtime: &tokio::runtime::Runtime,
    session: &Arc<Session>,
    test: &Test,
    cases: &Mutex<Vec<(contract_types::CaseRecord, bool)>>,
) -> Result<(), Failed> {
    let (case, there) = runtime.block_on(run::one(session, test));
    let bad = run::fails(&case) || case.outcome == CaseRecordOutcome::Error;
    let line = run::line(&case);
    if let Ok(mut cases) = cases.lock() {
        cases.push((case, there));
    }
    if bad { Err(Failed::from(line)) } else { Ok(()) }
}

/// Whether the harness will run a test of this name.
fn is_chosen(arguments: &Arguments, id: &str) -> bool {
    let fits = |text: &String| if arguments.exact { id == text } else { id.contains(text.as_str()) };
    arguments.filter.as_ref().is_none_or(fits) && !arguments.skip.iter().any(fits)
}
