//! The command line.

mod list;
mod run;
mod saboteurs;

use clap::{Parser, Subcommand};

/// Holds a deployment against the contract.
///
/// Exit codes: 0 pass, 1 the suite broke, 2 wrong usage or a broken case, profile or fixture, 3 the target cannot be reached,
/// 100 checks failed.
#[derive(Debug, Parser)]
#[command(name = "conformance", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the suite against a target.
    Run(Box<run::Args>),
    /// Proves that the suite can fail: seeds flaws, one at a time, and sees that the checks meant for each catch it.
    Saboteurs(Box<saboteurs::Args>),
    /// Prints the ids of all tests; needs no target.
    List(list::Args),
}

impl Cli {
    /// Runs the command and gives the exit code.
    pub fn run(self) -> u8 {
        match self.command {
            Command::Run(args) => args.run(),
            Command::Saboteurs(args) => args.run(),
            Command::List(args) => args.run(),
        }
    }
}

/// The command line that repeats this run, behind `program`.
fn command_line(program: &str) -> String {
    let words = std::env::args().skip(1);
    words.fold(program.to_owned(), |line, word| {
        let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./=:,@".contains(c));
        if plain { format!("{line} {word}") } else { format!("{line} '{word}'") }
    })
}
