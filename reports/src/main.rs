//! `reports`: reads the run records, writes the page and prints the verdict.

mod cmd;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    cmd::Arguments::parse().run()
}
