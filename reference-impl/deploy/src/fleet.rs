//! Many deployments at once: so many at a time, some of them first, on or not after a failure.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use contract_types::{DeployOutcome, DeployOutcomeOutcome};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::apply::{Account, DeployError, Journal, chain};
use crate::stop::Stop;
use crate::wanted::Wanted;

/// How many are worked on.
#[derive(Debug, Clone)]
pub struct Order {
    /// Tenants that come first, one after another and each alone.
    pub first: Vec<String>,
    /// Most at once after those.
    pub parallel: usize,
    /// Whether others are begun after one has failed.
    pub keep_going: bool,
    /// Whether to begin nothing more.
    pub stop: Stop,
}

/// Works on all of `wanted`; `work` does one. Outcomes come in the order of the run. With a journal, what it says is done is skipped, and
/// what is done is written there at once.
///
/// Tasks stay on the calling thread, for almost all of their time is waiting: it must run inside a `LocalSet`.
///
/// # Panics
///
/// Outside of a `LocalSet`.
pub async fn run<F, W>(wanted: Vec<Wanted>, order: &Order, journal: Option<Arc<Journal>>, work: W) -> Vec<DeployOutcome>
where
    W: Fn(Wanted) -> F + Clone + 'static,
    F: Future<Output = DeployOutcome>,
{
    let (first, rest) = in_order(wanted, &order.first);
    let stopped = Arc::new(AtomicBool::new(false));
    let mut outcomes = Vec::new();
    for wanted in first {
        outcomes.push(one(wanted, order, &stopped, journal.as_deref(), &work).await);
    }
    let places = Arc::new(Semaphore::new(order.parallel.max(1)));
    let mut tasks = JoinSet::new();
    for (at, wanted) in rest.into_iter().enumerate() {
        let (places, stopped, journal, work, order) =
            (places.clone(), stopped.clone(), journal.clone(), work.clone(), order.clone());
        tasks.spawn_local(async move {
            let _place = places.acquire().await.expect("the places are never closed");
            (at, one(wanted, &order, &stopped, journal.as_deref(), &work).await)
        });
    }
    let mut found = tasks.join_all().await;
    found.sort_by_key(|(at, _)| *at);
    outcomes.extend(found.into_iter().map(|(_, outcome)| outcome));
    outcomes
}

fn in_order(wanted: Vec<Wanted>, first: &[String]) -> (VecDeque<Wanted>, Vec<Wanted>) {
    let (mut early, rest): (Vec<Wanted>, Vec<Wanted>) =
        wanted.into_iter().partition(|it| first.contains(&it.deployment.tenant));
    early.sort_by_key(|it| first.iter().position(|name| *name == it.deployment.tenant));
    (early.into(), rest)
}

async fn one<F, W>(
    mut wanted: Wanted,
    order: &Order,
    stopped: &AtomicBool,
    journal: Option<&Journal>,
    work: &W,
) -> DeployOutcome
where
    W: Fn(Wanted) -> F,
    F: Future<Output = DeployOutcome>,
{
    let deployment = wanted.deployment.clone();
    let skip = |why: &str| {
        let mut outcome = Account::new(&deployment).end(DeployOutcomeOutcome::Skipped);
        outcome.error = Some(why.to_owned());
        outcome
    };
    let empty = skip("done by the run that is taken up again");
    if journal.is_some_and(|journal| journal.has_done(&empty, &wanted.tag)) {
        return empty;
    }
    if order.stop.asked() {
        return skip("not begun, for the run was stopped");
    }
    if stopped.load(Ordering::SeqCst) {
        return skip("not begun, for another one had failed; --keep-going goes on");
    }
    let tag = wanted.tag.clone();
    if let Some(journal) = journal {
        wanted.cut_off = journal.was_cut_off(&empty, &tag);
        if let Err(error) = journal.begin(&empty, &tag) {
            return Account::new(&deployment).fail(&DeployError::Refused(chain(&error)));
        }
    }
    let outcome = work(wanted).await;
    if failed(&outcome) && !order.keep_going {
        stopped.store(true, Ordering::SeqCst);
    }
    if let Some(journal) = journal
        && let Err(error) = journal.note(&outcome, &tag)
    {
        let mut unwritten = Account::new(&deployment).fail(&DeployError::Unverified(chain(&error)));
        unwritten.steps = outcome.steps;
        return unwritten;
    }
    outcome
}

/// Whether an outcome counts as failed.
pub fn failed(outcome: &DeployOutcome) -> bool {
    match outcome.outcome {
        DeployOutcomeOutcome::Failed | DeployOutcomeOutcome::Refused => true,
        DeployOutcomeOutcome::Changed
        | DeployOutcomeOutcome::Unchanged
        | DeployOutcomeOutcome::Planned
        | DeployOutcomeOutcome::Drift
        | DeployOutcomeOutcome::Skipped => false,
    }
}
