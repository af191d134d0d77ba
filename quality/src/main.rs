//! `quality`: scores a deployment's retrieval and holds it to floors.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    quality::cli::Arguments::parse().run()
}
