//! `contracts`: lints the contract, writes the code that grows out of it, finds stale code, and weighs changes.

mod cmd;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    cmd::Arguments::parse().run()
}
