//! The conformance suite under cargo: `cargo test -p conformance -- --target NAME [OPTIONS] [TEXT]`.
//!
//! The options are those of `conformance run`; `--target` stands after the `--`, before it, it is cargo's own.
//! `CONFORMANCE_TARGET` says the same and is nextest's way in: what a test runner asks for (`--list --format terse`, `--exact ID`)
//! is answered test by test.

use std::{
    process::ExitCode,
    sync::{Arc, Mutex},
};

use clap::Parser;
use conformance::{
    engine::{self, Options, fails, line},
    session::Session,
    suite::{Suite, Test},
};
use contract_types::{CaseRecord, CaseRecordOutcome};
use harness::{exit, output, project_root};
use libtest_mimic::{Arguments, Failed, Trial};

/// What a test runner says that the suite itself does not know.
const RUNNERS: [&str; 6] = ["--exact", "--format", "--ignored", "--include-ignored", "--test-threads", "--skip"];
/// What `cargo test` may pass on that means nothing here.
const IDLE: [&str; 5] = ["--quiet", "-q", "--nocapture", "--no-capture", "--show-output"];

/// Holds a deployment against the contract. `cargo run -p conformance -- run --help` says more.
#[derive(Debug, Parser)]
#[command(name = "cargo test -p conformance --")]
struct Cli {
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().filter(|argument| !IDLE.contains(&argument.as_str())).collect();
    let of_runner = |argument: &String| RUNNERS.iter().any(|known| argument.split('=').next() == Some(known));
    if arguments.iter().any(of_runner) {
        return ExitCode::from(test_by_test(arguments));
    }
    let words = arguments.iter().skip(1).map(String::as_str).collect::<Vec<_>>().join(" ");
    let cli = Cli::parse_from(&arguments);
    let (code, counts) = engine::hold(&cli.options, format!("cargo test -p conformance -- {words}").trim_end());
    if let Some(counts) = counts {
        // The line that cargo's own harness closes with, for everything that counts tests by it.
        let word = if code == exit::PASS { "ok" } else { "FAILED" };
        let (failed, ignored) = (counts.failed + counts.errored, counts.not_applicable + counts.known_failures);
        output::data(&format!("test result: {word}. {} passed; {failed} failed; {ignored} ignored", counts.passed));
    }
    ExitCode::from(code)
}

/// Runs tests one by one, as a test runner asks for them. No record is written: each may be a process of its own.
fn test_by_test(arguments: Vec<String>) -> u8 {
    let target = std::env::var("CONFORMANCE_TARGET").ok().filter(|name| !name.is_empty());
    let target = target.unwrap_or_else(|| "local".to_owned());
    let arguments = Arguments::from_iter(arguments);
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
    let examples = suite.examples();
    let opened = Session::open(&target, suite.contract).and_then(|mut session| {
        session.examples = examples.into();
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
    let ended = Arc::new(Mutex::new(Vec::new()));
    let trials = suite.tests.into_iter().map(|test| {
        let (runtime, session, ended) = (Arc::clone(&runtime), Arc::clone(&session), Arc::clone(&ended));
        Trial::test(test.id(), move || trial(&runtime, &session, &test, &ended))
    });
    let mut arguments = arguments;
    arguments.test_threads = Some(arguments.test_threads.unwrap_or(session.pace.concurrency()));
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    runtime.block_on(session.clean_up());
    let ended = ended.lock().map(|mut ended| std::mem::take(&mut *ended)).unwrap_or_default();
    match (ended.iter().any(fails), conclusion.has_failed()) {
        (true, _) => exit::FAILED,
        (false, true) => exit::HARNESS,
        (false, false) => exit::PASS,
    }
}

fn trial(
    runtime: &tokio::runtime::Runtime,
    session: &Arc<Session>,
    test: &Test,
    ended: &Mutex<Vec<CaseRecord>>,
) -> Result<(), Failed> {
    let (case, _) = runtime.block_on(engine::one(session, test));
    let bad = fails(&case) || case.outcome == CaseRecordOutcome::Error;
    let line = line(&case);
    if let Ok(mut ended) = ended.lock() {
        ended.push(case);
    }
    if bad { Err(Failed::from(line)) } else { Ok(()) }
}

/// Whether the harness will run a test of this name.
fn is_chosen(arguments: &Arguments, id: &str) -> bool {
    let fits = |text: &String| if arguments.exact { id == text } else { id.contains(text.as_str()) };
    arguments.filter.as_ref().is_none_or(fits) && !arguments.skip.iter().any(fits)
}
