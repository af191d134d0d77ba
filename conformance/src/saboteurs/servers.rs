//! The servers that switches are tried on: several at once, each begun with what the first one had stored, and left for a new one
//! when a flaw has spoilt what it stores.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use harness::{exit, output};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::{
    Options,
    drive::{self, Tried},
    switches::{self, Attempt, Switch},
};
use crate::{
    session::Session,
    suite::{Suite, Test},
};

/// Why the switches cannot be tried: what to say, and the exit code.
type Problem = (String, u8);

/// Where servers come from: a session whose server was stopped when the documents were in, and what it had stored.
struct Spring {
    session: Session,
    data: Option<TempDir>,
}

impl Spring {
    /// Another server. Blocks until it is ready.
    fn server(&self) -> Result<Arc<Session>, Problem> {
        let data = self.data.as_ref().ok_or_else(|| {
            ("the target with switches runs already; expected a profile that starts one".to_owned(), exit::USAGE)
        })?;
        let another = self.session.another(data.path());
        another.map(Arc::new).map_err(|error| (error.to_string(), error.exit_code()))
    }
}

/// A switch, and the tests that are meant to catch it.
struct Task<'a> {
    switch: Switch,
    meant: &'a [Test],
}

impl Task<'_> {
    /// How long it may keep a server, roughly, in milliseconds.
    fn patience(&self) -> u64 {
        self.meant.iter().map(Test::longest).max().unwrap_or(0)
    }
}

/// Tries the switches that are wanted, on several servers at once.
pub(super) fn all(
    options: &Options,
    suite: &Suite,
    runtime: &Runtime,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<Vec<Tried>, Problem> {
    let mut session =
        drive::open(&options.switches, suite, runtime).map_err(|error| (error.to_string(), error.exit_code()))?;
    let listed = runtime.block_on(switches::list(&session)).map_err(|message| (message, exit::HARNESS))?;
    let rules = switches::by_rule(&suite.tests);
    let meant = |switch: &Switch| rules.get(&switch.rule).map(Vec::as_slice).unwrap_or_default();
    let listed = listed.into_iter().filter(|switch| wanted(&switch.id()));
    let mut tasks: Vec<Task<'_>> = listed.map(|switch| Task { meant: meant(&switch), switch }).collect();
    // What waits for long begins first: it would hold up the end, when the other servers have nothing left to do.
    tasks.sort_by_key(|task| std::cmp::Reverse(task.patience()));
    let data = session.stop();
    let spring = Spring { session, data };
    let progress = drive::bar(tasks.len(), "switches");
    let (next, all) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || -> Result<(), Problem> {
        let mut server = None;
        while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
            let tried = attempt(&spring, runtime, &mut server, task)?;
            if let Err(message) = &tried.verdict {
                let Switch { name, rule, .. } = &task.switch;
                progress.suspend(|| output::say(&format!("ESCAPED {name} [{rule}]: {message}")));
            }
            all.lock().unwrap_or_else(PoisonError::into_inner).push(tried);
            progress.inc(1);
        }
        Ok(())
    };
    let ends: Vec<Result<(), Problem>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..options.servers).map(|_| scope.spawn(work)).collect();
        let broke = |_| Err(("a worker broke".to_owned(), exit::HARNESS));
        workers.into_iter().map(|worker| worker.join().unwrap_or_else(broke)).collect()
    });
    progress.finish_and_clear();
    ends.into_iter().collect::<Result<(), _>>()?;
    Ok(all.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Tries one switch on `server`, or on a new one where there is none, and takes the server away when it cannot go on.
fn attempt(
    spring: &Spring,
    runtime: &Runtime,
    server: &mut Option<Arc<Session>>,
    task: &Task<'_>,
) -> Result<Tried, Problem> {
    let mut session = match server.take() {
        Some(session) => session,
        None => spring.server()?,
    };
    let Attempt { mut tried, doubt, sound } =
        runtime.block_on(switches::attempt(&mut session, &task.switch, task.meant));
    // What was written while the switch was on stays wrong: go on with a server that never saw it.
    let session = if sound {
        session
    } else {
        drop(session);
        spring.server()?
    };
    // A test that fails without the flaw too catches nothing.
    if let Some(test) = doubt.filter(|test| !runtime.block_on(switches::passes(&session, test))) {
        tried.verdict = Err(format!("{} fails without the flaw too", test.id()));
    }
    *server = Some(session);
    Ok(tried)
}
