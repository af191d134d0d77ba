//! Runs a scenario with goose, which keeps nothing but users and time here: no files, no listeners, no output, no metrics.

use std::{sync::Arc, time::Duration};

use goose::{config::GooseConfiguration, prelude::*};

use crate::search::{Shared, scenario};

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
pub async fn run(plan: Plan, shared: &Arc<Shared>) -> Result<(), GooseError> {
    let _ = log::set_logger(&Silence);
    let configuration = configuration(plan, &shared.base_url)?;
    let attack = GooseAttack::initialize_with_config(configuration)?.register_scenario(scenario(shared));
    Box::pin(attack.execute()).await?;
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
