//! `observability`: writes dashboards, rules and pages from their tables, and finds stale ones.

mod cmd;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    cmd::Arguments::parse().run()
}
