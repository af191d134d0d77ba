//! Runs tests beside each other, as far as the profile's pace allows.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use contract_types::{CaseRecord, CaseRecordOutcome};
use tokio::sync::mpsc;

use super::{
    event::{Event, Listener},
    record::fails,
    stop::{Stop, Stops, Watchman},
};
use crate::{
    outcome::{self, Ending, Outcome},
    session::Session,
    suite::Test,
};

/// Longest time of one test, the time that the property tier is given aside.
const LONGEST_TEST: Duration = Duration::from_mins(5);
/// Tests in hand for each that may send at once: the others wait for a time to pass, or for their turn at a tenant.
const IN_HAND: usize = 32;

/// Runs one test, again where the profile lists it as flaky, and says whether the target was there.
pub async fn one(session: &Session, test: &Test) -> (CaseRecord, bool) {
    if let Some(reason) = session.comes_later(test.rule()) {
        return (outcome::record(session, test, &Outcome::of(Ending::NotApplicable(reason)), 1), true);
    }
    let id = test.id();
    let flaky = session.profile.spec.flaky.iter().flatten().find(|flaky| flaky.case == id);
    let most = flaky.map_or(1, |flaky| flaky.attempts);
    let mut attempts = 1;
    loop {
        let late = |_| Outcome::of(Ending::Error(format!("the test did not end within {LONGEST_TEST:?}")));
        let bound = LONGEST_TEST + session.property_time;
        let outcome = tokio::time::timeout(bound, test.run(session)).await.unwrap_or_else(late);
        if matches!(outcome.ending, Ending::Fail(_)) && attempts < most {
            attempts += 1;
            continue;
        }
        return (outcome::record(session, test, &outcome, attempts), !outcome.unreachable);
    }
}

/// What a run has found.
#[derive(Debug)]
pub(super) struct Found {
    /// The records of the tests that ran.
    pub(super) cases: Vec<CaseRecord>,
    /// Why it ended.
    pub(super) stop: Stop,
}

/// Runs `tests` and tells the listeners each end as it comes.
pub(super) async fn all(
    session: &Arc<Session>,
    tests: Vec<Test>,
    stops: Stops,
    listeners: &mut [Box<dyn Listener>],
    interrupts: Interrupts,
) -> Found {
    let (last, mut tests): (Vec<Test>, Vec<Test>) = tests.into_iter().partition(Test::comes_last);
    // What waits for a time to pass begins first, so that it waits beside everything else.
    tests.sort_by_key(|test| std::cmp::Reverse(test.longest()));
    let ids: Vec<String> = tests.iter().map(Test::id).collect();
    let shared = Arc::new(Shared { left: Mutex::new(tests.into()), watchman: Watchman::new(stops) });
    let (sender, mut ended) = mpsc::unbounded_channel();
    let mut workers = Vec::new();
    for _ in 0..session.pace.concurrency() * IN_HAND {
        let (session, shared, sender) = (Arc::clone(session), Arc::clone(&shared), sender.clone());
        workers.push(tokio::spawn(async move { work(&session, &shared, &sender).await }));
    }
    drop(sender);
    let mut cases: Vec<CaseRecord> = Vec::new();
    let mut interrupted = std::pin::pin!(interrupts.come());
    loop {
        tokio::select! {
            end = ended.recv() => {
                let Some((case, there)) = end else { break };
                for listener in listeners.iter_mut() {
                    listener.on(&Event::Ended { case: &case, there });
                }
                cases.push(case);
            }
            () = &mut interrupted, if !shared.watchman.is_stopped(&session.pace) => {
                shared.watchman.stop(Stop::Interrupted);
                // What is under way is given up: its answers would come from a run that nobody waits for.
                workers.iter().for_each(tokio::task::JoinHandle::abort);
            }
        }
    }
    let mut broken = Vec::new();
    for worker in workers {
        if let Err(error) = worker.await
            && !error.is_cancelled()
        {
            broken.push(error.to_string());
        }
    }
    if let Some(message) = broken.first() {
        // A worker that broke took its test with it: that test must not vanish from the record.
        let left = shared.left.lock().unwrap_or_else(PoisonError::into_inner);
        let ran = |id: &&String| !cases.iter().any(|case| case.id == **id);
        let vanished: Vec<&String> =
            ids.iter().filter(ran).filter(|id| !left.iter().any(|test| test.id() == **id)).collect();
        let vanished: Vec<CaseRecord> = vanished.into_iter().map(|id| lost(id, message)).collect();
        drop(left);
        cases.extend(vanished);
    }
    for test in last {
        if shared.watchman.is_stopped(&session.pace) {
            break;
        }
        let (case, there) = one(session, &test).await;
        shared.watchman.heard(fails(&case), there);
        for listener in listeners.iter_mut() {
            listener.on(&Event::Ended { case: &case, there });
        }
        cases.push(case);
    }
    let stop = Arc::into_inner(shared).map_or(Stop::Interrupted, |shared| shared.watchman.why());
    Found { cases, stop }
}

struct Shared {
    left: Mutex<VecDeque<Test>>,
    watchman: Watchman,
}

async fn work(session: &Session, shared: &Shared, ended: &mpsc::UnboundedSender<(CaseRecord, bool)>) {
    while !shared.watchman.is_stopped(&session.pace) {
        let Some(test) = shared.left.lock().unwrap_or_else(PoisonError::into_inner).pop_front() else { return };
        let (case, there) = one(session, &test).await;
        shared.watchman.heard(fails(&case), there);
        if ended.send((case, there)).is_err() {
            return;
        }
    }
}

/// The signals that ask the program to stop. From the moment that this is made they no longer end it at once.
pub(super) struct Interrupts {
    #[cfg(unix)]
    signals: Vec<tokio::signal::unix::Signal>,
}

impl Interrupts {
    /// Listens from now on. Must be called within a runtime.
    #[cfg(unix)]
    pub(super) fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [SignalKind::interrupt(), SignalKind::terminate()];
        Self { signals: kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect() }
    }

    /// Listens from now on.
    #[cfg(not(unix))]
    pub(super) fn listen() -> Self {
        Self {}
    }

    /// Is ready when one has come.
    #[cfg(unix)]
    async fn come(mut self) {
        use std::task::Poll;
        std::future::poll_fn(|context| {
            let came = self.signals.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
            if came { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Is ready when one has come.
    #[cfg(not(unix))]
    async fn come(self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// The record of a test that was lost with its worker.
fn lost(id: &str, message: &str) -> CaseRecord {
    CaseRecord {
        id: id.to_owned(),
        kind: "suite".to_owned(),
        operation: None,
        rule: None,
        level: contract_types::CaseRecordLevel::Must,
        outcome: CaseRecordOutcome::Error,
        duration_ms: 0.0,
        message: Some(format!("the suite broke while it ran this test: {message}")),
        curl: None,
        request: None,
        response: None,
        reason: None,
        attempts: None,
    }
}
