//! `conformance doctor`.

use std::path::PathBuf;

use fixtures::Fixtures;
use harness::{
    client::{Bounds, Client},
    doctor::{self, Finding, Grade},
    exit, output,
    profile::{self, Resolved},
    root,
    target::Target,
};

/// Says what is wrong with a profile or its target before a run.
///
/// One line a check, grouped as ok, warning and error, each with what to do about it. A target that the profile starts is
/// started; nothing is written to it. Exit codes: 0 fine or warnings alone, 2 the profile or the environment is wrong, 3 the
/// target cannot be reached, 100 something of a run would fail.
///
/// Example: `conformance doctor --target staging`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of a profile.
    #[arg(long, env = "CONFORMANCE_TARGET", default_value = "local")]
    target: String,
    /// Look at the profile and the environment alone; ask and start nothing.
    #[arg(long)]
    offline: bool,
    /// Folder of run records that a run would write to.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Args {
    pub(super) fn run(self) -> u8 {
        let fixtures = match Fixtures::load(&root::fixtures_root()) {
            Ok(fixtures) => fixtures,
            Err(error) => {
                output::say(&error.to_string());
                return exit::USAGE;
            }
        };
        let variable = |name: &str| std::env::var(name).ok();
        let mut found = vec![doctor::output_folder(&self.out.clone().unwrap_or_else(root::default_out))];
        match profile::find(&self.target) {
            Ok(read) => {
                let (examined, resolved) = doctor::examine(&read, &fixtures, &variable);
                found.extend(examined);
                if let Some(resolved) = resolved.filter(|_| !self.offline) {
                    found.extend(asked(&resolved, &read));
                }
            }
            Err(error) => {
                found.push(finding(Grade::Profile, error.to_string(), "`conformance init` writes a first profile"));
            }
        }
        let lines = doctor::lines(&found);
        for line in &lines {
            output::data(line);
        }
        let count = |word: &str| lines.iter().filter(|line| line.starts_with(word)).count();
        output::say(&format!("{} ok, {} warnings, {} errors", count("ok"), count("warning"), count("error")));
        doctor::exit_code(&found)
    }
}

fn finding(grade: Grade, what: String, remedy: &str) -> Finding {
    Finding { grade, what, remedy: remedy.to_owned() }
}

/// Starts or reaches the target and asks it.
fn asked(resolved: &Resolved, read: &profile::Profile) -> Vec<Finding> {
    let variable = |name: &str| std::env::var(name).ok();
    let target = match Target::open(resolved, &read.base()) {
        Ok(target) => target,
        Err(error) => {
            let remedy = "mend `start` of the profile, or start the deployment yourself and give its `base_url`";
            return vec![finding(Grade::Unreachable, error.to_string(), remedy)];
        }
    };
    let bounds = match Bounds::of_run(variable) {
        Ok(bounds) => bounds,
        Err(error) => return vec![finding(Grade::Profile, error.to_string(), "set it to such a number, or unset it")],
    };
    let client = |base: &str| {
        let made = Client::new(base, bounds).and_then(|client| client.carrying(resolved.headers()));
        made.map_err(|error| vec![finding(Grade::Profile, error.to_string(), "mend the address or the headers")])
    };
    let (client, control) = match (client(&target.base_url), target.control.as_deref().map(client).transpose()) {
        (Ok(client), Ok(control)) => (client, control),
        (Err(wrong), _) | (_, Err(wrong)) => return wrong,
    };
    let mut found = Vec::new();
    let code = super::block_on(async {
        found = doctor::visit(&client, resolved, &our_version()).await;
        if let Some(control) = control {
            found.push(doctor::visit_control(&control).await);
        }
        exit::PASS
    });
    if code != exit::PASS {
        found.push(finding(Grade::Profile, "the target was not asked".to_owned(), "see the message above"));
    }
    found
}

/// The version of the contract that the suite was made from.
fn our_version() -> String {
    let document: serde_json::Value = serde_json::from_str(contract_types::OPENAPI).unwrap_or_default();
    document["info"]["version"].as_str().unwrap_or_default().to_owned()
}
