//! `loadtests`: puts a stated load on a deployment and measures it.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    loadtests::cli::Arguments::parse().run()
}
