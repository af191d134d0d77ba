//! `conformance run`.

use std::{path::PathBuf, sync::Arc, time::SystemTime};

use harness::{exit, output, project_root};

use crate::{run, session::Session, suite::Suite};

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of a profile in conformance/targets.
    #[arg(long, env = "CONFORMANCE_TARGET", default_value = "local")]
    target: String,
    /// Folder of run records; reports/out of the project when absent.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Only tests whose id holds one of these texts.
    filter: Vec<String>,
}

impl Args {
    pub(super) fn run(self) -> u8 {
        let started = SystemTime::now();
        let suite = match Suite::load(&project_root()) {
            Ok(suite) => suite,
            Err(error) => {
                output::say(&error.to_string());
                return exit::USAGE;
            }
        };
        let wanted = |id: &str| self.filter.is_empty() || self.filter.iter().any(|text| id.contains(text));
        let tests: Vec<_> = suite.tests.into_iter().filter(|test| wanted(&test.id())).collect();
        if tests.is_empty() {
            output::say("no test has such an id; see `cargo run -p conformance -- list`");
            return exit::USAGE;
        }
        let mut session = match Session::open(&self.target, suite.contract) {
            Ok(session) => session,
            Err(error) => {
                output::say(&error.to_string());
                return error.exit_code();
            }
        };
        let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                output::say(&format!("no async runtime: {error}"));
                return exit::HARNESS;
            }
        };
        runtime.block_on(async {
            if let Err(error) = session.fill().await {
                output::say(&error.to_string());
                return error.exit_code();
            }
            let session = Arc::new(session);
            let found = run::all(&session, tests).await;
            let mut command = format!("cargo run -p conformance -- run --target {}", self.target);
            for text in &self.filter {
                command = format!("{command} {text}");
            }
            run::finish(&session, found, started, command, &self.out.unwrap_or_else(run::default_out)).await
        })
    }
}
