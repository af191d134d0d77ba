//! The conformance suite as a program.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    ExitCode::from(conformance::cmd::Cli::parse().run())
}
