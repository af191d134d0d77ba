//! The command line.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::commands::{Bless, Faults, Nightly, Safety, Score, Smoke, Tools};

/// Scores the retrieval and the answers of a deployment, and holds them to baselines and floors.
///
/// Exit codes: 0 every gate passed, 1 a bug of ours, 2 an argument or file cannot be used, 3 the target cannot be
/// reached, 100 a gate failed or an answer was wrong.
#[derive(Debug, Parser)]
#[command(name = "quality", version)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Smoke(Smoke),
    Score(Score),
    Bless(Bless),
    Faults(Faults),
    Nightly(Nightly),
    Safety(Safety),
    Tools(Tools),
}

impl Arguments {
    /// Runs the command; the exit code says how it went.
    pub fn run(self) -> ExitCode {
        ExitCode::from(match self.command {
            Command::Smoke(smoke) => smoke.run(),
            Command::Score(score) => score.run(),
            Command::Bless(bless) => bless.run(),
            Command::Faults(faults) => faults.run(),
            Command::Nightly(nightly) => nightly.run(),
            Command::Safety(safety) => safety.run(),
            Command::Tools(tools) => tools.run(),
        })
    }
}
