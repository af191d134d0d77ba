//! The closed model: users who wait for their answers, run by goose, which keeps nothing but users and time here: no files, no listeners, no output, no metrics.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use goose::{config::GooseConfiguration, prelude::*};

use crate::{
    ask::{self, Sender, Shared, Worker},
    pacing::{Pace, Pacing},
};

/// Users and time of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Users at once.
    pub users: usize,
    /// How long all of them run.
    pub duration: Duration,
}

/// Swallows what goose logs; without a logger in its place it would write to standard output.
struct Silence;

impl log::Log for Silence {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        false
    }
    fn log(&self, _: &log::Record<'_>) {}
    fn flush(&self) {}
}

/// Puts the load of `plan` on the target; what was measured is in `shared`.
///
/// # Errors
///
/// [`GooseError`] when goose refuses the configuration or breaks.
pub async fn run(plan: Plan, pace: Pace, shared: &Arc<Shared>) -> Result<(), GooseError> {
    let _ = log::set_logger(&Silence);
    let configuration = configuration(plan, &shared.base_url)?;
    let attack = GooseAttack::initialize_with_config(configuration)?.register_scenario(scenario(pace, shared));
    Box::pin(attack.execute()).await?;
    Ok(())
}

/// What every user does.
fn scenario(pace: Pace, shared: &Arc<Shared>) -> Scenario {
    let users = Arc::new(AtomicU64::new(0));
    let pacing = Arc::new(Pacing::new(pace));
    let (beginning, asking) = (Arc::clone(shared), Arc::clone(shared));
    let begin: TransactionFunction = Arc::new(move |user| {
        let (shared, users) = (Arc::clone(&beginning), Arc::clone(&users));
        Box::pin(async move {
            user.set_session_data(Worker::new(&shared, users.fetch_add(1, Ordering::Relaxed)));
            user.set_client_builder(ask::client()).await.map_err(Box::new)
        })
    });
    let ask: TransactionFunction = Arc::new(move |user| {
        let (shared, pacing) = (Arc::clone(&asking), Arc::clone(&pacing));
        Box::pin(async move { ask(user, &shared, &pacing).await })
    });
    Scenario::new("load")
        .register_transaction(Transaction::new(begin).set_name("begin").set_on_start())
        .register_transaction(Transaction::new(ask).set_name("ask"))
}

/// Asks once. The wait for the turn and the request both await, so that goose can stop the user.
async fn ask(user: &mut GooseUser, shared: &Shared, pacing: &Pacing) -> TransactionResult {
    if !shared.may_send() {
        goose::trigger_killswitch("all requests of the run are sent");
        tokio::time::sleep(Duration::from_millis(100)).await;
        return Ok(());
    }
    let start = pacing.turn().await;
    let worker = user.get_session_data_unchecked_mut::<Worker>();
    let turn = worker.turn(0, start);
    let mut stream = worker.stream.clone();
    shared.ask(Sender::Goose(&mut *user), &mut stream, turn).await;
    user.get_session_data_unchecked_mut::<Worker>().stream = stream;
    Ok(())
}

/// All users start within a second. A run of less than a second lasts one: goose counts whole seconds.
fn configuration(plan: Plan, base_url: &str) -> Result<GooseConfiguration, GooseError> {
    let (users, seconds) = (plan.users.to_string(), plan.duration.as_secs().max(1).to_string());
    GooseConfiguration::parse_args_default(&[
        "--host",
        base_url,
        "--users",
        &users,
        "--increase-rate",
        &users,
        "--run-time",
        &seconds,
        "--quiet",
        "--no-telnet",
        "--no-metrics",
        "--no-print-metrics",
        "--no-error-summary",
        "--no-gzip",
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_no_listener_and_writes_no_file() {
        let plan = Plan { users: 8, duration: Duration::from_millis(200) };
        let configuration = configuration(plan, "http://127.0.0.1:9").expect("goose takes it");
        assert!(configuration.no_telnet && !configuration.websocket);
        assert!(configuration.report_file.is_empty() && configuration.goose_log.is_none());
        assert_eq!((configuration.users, configuration.run_time.as_deref()), (Some(8), Some("1")));
    }
}
