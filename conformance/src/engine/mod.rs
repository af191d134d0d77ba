//! The engine: which tests run, in what order, when a run stops, and what is told of it.
//!
//! It tells events; the terminal, the run record and every other form listen, so that they cannot disagree.

mod event;
mod listeners;
mod options;
mod plan;
mod record;
mod schedule;
mod stop;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use contract_types::{CaseRecord, CaseRecordOutcome, RunCounts, RunRecord};
use harness::{exit, output, project_root};

pub use event::{Event, Listener};
pub use options::Options;
pub(crate) use record::Frame;
pub use record::{fails, line};
pub use schedule::one;
pub use stop::Stop;

use crate::{
    explain,
    session::Session,
    suite::{Suite, Test, Tier},
};
use listeners::{Forms, Progress, Snapshots};

/// Where run records lie unless it is said otherwise: `reports/out` of a checkout, `plumbline-out` here without one.
pub fn default_out() -> PathBuf {
    harness::root::default_out()
}

/// Runs what `options` choose and gives the exit code. `command` repeats the run.
pub fn main(options: &Options, command: &str) -> u8 {
    hold(options, command).0
}

/// As [`main`], with the counts of the cases where a run began.
pub fn hold(options: &Options, command: &str) -> (u8, Option<RunCounts>) {
    match prepare(options) {
        Ok((session, tests, runtime, started)) => {
            let (code, counts) = runtime.block_on(run(options, session, tests, started, command));
            (code, Some(counts))
        }
        Err(code) => (code, None),
    }
}

/// What a run needs.
type Prepared = (Arc<Session>, Vec<Test>, tokio::runtime::Runtime, SystemTime);

/// A session that is ready, the chosen tests, and what runs them; or the exit code where there is nothing to run.
fn prepare(options: &Options) -> Result<Prepared, u8> {
    let started = SystemTime::now();
    let told = |message: &dyn std::fmt::Display, code: u8| {
        output::say(&message.to_string());
        code
    };
    let suite = Suite::load(&project_root()).map_err(|error| told(&error, exit::USAGE))?;
    if let Some(rule) = &options.explain {
        return Err(explain::rule(&suite, rule));
    }
    let tests = plan::choose(options, &suite).map_err(|message| told(&message, exit::USAGE))?;
    if options.list {
        for test in &tests {
            output::data(&test.id());
        }
        return Err(exit::PASS);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| told(&format!("no async runtime: {error}"), exit::HARNESS))?;
    let examples = suite.examples();
    let session = Session::open(&options.target, suite.contract).and_then(|mut session| {
        session.examples = examples.into();
        session.planned = tests.len().into();
        let properties = tests.iter().filter(|test| test.tier() == Tier::Property).count();
        session.property_time = share(options.property_time, properties, session.pace.concurrency());
        session.seed = options.seed;
        if let Some(most) = options.max_requests {
            session.pace.stop_after(most);
        }
        runtime.block_on(session.fill())?;
        Ok(Arc::new(session))
    });
    let session = session.map_err(|error| told(&error, error.exit_code()))?;
    Ok((session, tests, runtime, started))
}

/// The time of one of so many properties, of which so many run at once.
fn share(time: Duration, properties: usize, at_once: usize) -> Duration {
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).max(1);
    (time * count(at_once) / count(properties)).min(time)
}

/// Tells the end of a run that was made elsewhere, from its record alone: the summary, the record on disk and the other forms.
/// Gives the exit code.
pub(crate) fn tell(options: &Options, record: &RunRecord) -> u8 {
    let stop = Stop::Complete;
    let broken = |case: &&CaseRecord| matches!(case.outcome, CaseRecordOutcome::Fail | CaseRecordOutcome::Error);
    record.cases.iter().filter(broken).for_each(|case| output::say(&line(case)));
    let out = options.out.clone().unwrap_or_else(default_out);
    let mut progress = Progress::new(0);
    progress.on(&Event::Finished { record, stop: &stop });
    let mut code = record::exit_code(record, &stop);
    let mut forms = Forms::new(options.forms());
    forms.on(&Event::Finished { record, stop: &stop });
    let written = harness::record::write(record, &out);
    match &written {
        Ok(path) => output::say(&format!("run record: {}", path.display())),
        Err(error) => output::say(&format!("the run record cannot be written to {}: {error}", out.display())),
    }
    if let Some(problem) = forms.problem() {
        output::say(&problem);
    }
    if code == exit::PASS && (written.is_err() || forms.problem().is_some()) {
        code = exit::HARNESS;
    }
    code
}

async fn run(
    options: &Options,
    session: Arc<Session>,
    tests: Vec<Test>,
    started: SystemTime,
    command: &str,
) -> (u8, RunCounts) {
    let out = options.out.clone().unwrap_or_else(default_out);
    // Before the first record is written: whoever sees one may interrupt the run.
    let interrupts = schedule::Interrupts::listen();
    let frame = record::Frame::new(&session, started, command);
    let mut listeners: Vec<Box<dyn Listener>> = vec![
        Box::new(Progress::new(tests.len())),
        Box::new(Snapshots::new(frame.clone(), out.clone())),
        Box::new(Forms::new(options.forms())),
    ];
    let found = schedule::all(&session, tests, options.stops(), &mut listeners, interrupts).await;
    session.clean_up().await;
    let mut record = record::finished(&session, &frame, found.cases, &found.stop);
    record.notes.extend(options.part());
    for listener in &mut listeners {
        listener.on(&Event::Finished { record: &record, stop: &found.stop });
    }
    let mut code = record::exit_code(&record, &found.stop);
    for listener in &listeners {
        if let Some(problem) = listener.problem() {
            output::say(&problem);
            code = if code == exit::PASS { exit::HARNESS } else { code };
        }
    }
    if matches!(found.stop, Stop::Gone) {
        let base = &session.target.base_url;
        output::say(&format!("the target at {base} went out of reach; the rest was not run"));
    }
    (code, record.counts)
}
