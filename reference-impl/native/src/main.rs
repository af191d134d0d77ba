//! The reference deployment as a program; `reference-impl --help` says what it can do.

use std::process::ExitCode;

use reference_impl::cmd;

fn main() -> ExitCode {
    cmd::run(std::env::args_os(), &mut cmd::Context::of_process())
}
