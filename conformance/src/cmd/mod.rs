//! The command line.

mod clean;
mod differential;
mod doctor;
mod init;
mod list;
mod run;
mod saboteurs;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use harness::{exit, output, profile, root};

use crate::embedded;

/// Holds a deployment against the contract.
///
/// Begin with `conformance init --url https://api.example.com --tenant acme --key-env ACME_KEY`, go on with
/// `conformance doctor --target NAME`, then `conformance run --target NAME`.
///
/// Exit codes: 0 pass, 1 the suite broke, 2 wrong usage or a broken case, profile or fixture, 3 the target cannot be reached,
/// 100 checks failed.
#[derive(Debug, Parser)]
#[command(name = "conformance", version)]
pub struct Cli {
    /// Folder of target profiles that is looked in first; then come conformance/targets and targets here, then the project's own.
    #[arg(long, global = true, value_name = "DIR", env = "PLUMBLINE_TARGETS")]
    targets: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    // Each says what it is for at its own arguments.
    Init(init::Args),
    Doctor(doctor::Args),
    Run(Box<run::Args>),
    /// Proves that the suite can fail: seeds flaws, one at a time, and sees that the checks meant for each catch it.
    Saboteurs(Box<saboteurs::Args>),
    Differential(differential::Args),
    Clean(clean::Args),
    List(list::Args),
}

impl Cli {
    /// Runs the command and gives the exit code.
    pub fn run(self) -> u8 {
        if let Err(error) = root::settle(embedded::files) {
            output::say(&error.to_string());
            return exit::HARNESS;
        }
        if let Some(folder) = self.targets {
            profile::look_first_in(folder);
        }
        match self.command {
            Command::Init(args) => args.run(),
            Command::Doctor(args) => args.run(),
            Command::Run(args) => args.run(),
            Command::Saboteurs(args) => args.run(),
            Command::Differential(args) => args.run(),
            Command::Clean(args) => args.run(),
            Command::List(args) => args.run(),
        }
    }
}

/// The command line that repeats this run.
fn command_line() -> String {
    let program = if root::is_carried() { "conformance" } else { "cargo run -p conformance --" };
    let words = std::env::args().skip(1);
    words.fold(program.to_owned(), |line, word| {
        let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./=:,@".contains(c));
        if plain { format!("{line} {word}") } else { format!("{line} '{word}'") }
    })
}

/// Runs an asynchronous command to its end; 1 where there is no runtime.
fn block_on(command: impl Future<Output = u8>) -> u8 {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(command),
        Err(error) => {
            output::say(&format!("no async runtime: {error}"));
            exit::HARNESS
        }
    }
}
