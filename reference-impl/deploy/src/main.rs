//! `deploy` as a program; `deploy --help` says what it can do.

use std::process::ExitCode;

fn main() -> ExitCode {
    deploy::cmd::run(std::env::args_os(), &mut deploy::cmd::Output::of_process())
}
