//! The command line.

mod args;
mod export;
mod output;
mod validate;
mod verbs;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Folder, Problem};

pub use output::Output;

/// Nothing was to be done, or everything was done.
pub const OK: u8 = 0;
/// A fault of this program or of this machine.
pub const FAULT: u8 = 1;
/// Wrong arguments or a wrong configuration.
pub const USAGE: u8 = 2;
/// The API is out of reach.
pub const UNREACHABLE: u8 = 3;
/// Some tenants failed.
pub const SOME_FAILED: u8 = 10;
/// All tenants failed.
pub const ALL_FAILED: u8 = 11;
/// Drift was found.
pub const DRIFT: u8 = 100;

/// What `--help` ends with.
const EXAMPLES: &str = "\
Examples:
  Is the configuration sound, and may the tokens do what is needed?
    deploy validate --tokens
  What would be done on stage, and then do it:
    deploy plan --tenant aurora-bikes --env stage
    deploy apply --tenant aurora-bikes --env stage
  The same artefact to prod, once the gate on stage has opened:
    deploy promote --tenant aurora-bikes --from stage --to prod
  Was something changed by hand?
    deploy drift --all --env prod
  Back to an earlier version; `apply --report FILE` tells the ids:
    deploy rollback --tenant aurora-bikes --env prod --to VERSION

A Worker is built by reference-impl/worker/build.sh. What a token must be allowed is in reference-impl/docs/credentials.md, and what to do
in an incident, for a rotation, and when a tenant comes or goes in the runbooks beside it.";

/// Brings tenants onto Cloudflare.
///
/// A flag wins over its environment variable, which wins over the default. Exit codes: 0 done or nothing to do, 1 a fault of this program,
/// 2 wrong arguments or a wrong configuration, 3 the API is out of reach, 10 some tenants failed, 11 all tenants failed, 100 drift was found.
/// Nothing is deleted unless `deploy remove` is told to by name.
#[derive(Debug, Parser)]
#[command(name = "deploy", version, max_term_width = 100, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Validate(validate::Args),
    Plan(verbs::Plan),
    Apply(verbs::Apply),
    Promote(verbs::Promote),
    Drift(verbs::Drift),
    Rollback(verbs::Rollback),
    Remove(verbs::Remove),
    Export(export::Args),
}

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Wrong arguments.
    Usage(String),
    /// A wrong configuration.
    Config(Vec<Problem>),
    /// The API is out of reach.
    Unreachable(String),
    /// A fault of ours.
    Fault(String),
}

/// Runs the command that `args` ask for, the program's name first.
pub fn run(args: impl IntoIterator<Item = OsString>, output: &mut Output) -> ExitCode {
    ExitCode::from(code(args, output))
}

/// The same, with the exit code as a number.
pub fn code(args: impl IntoIterator<Item = OsString>, output: &mut Output) -> u8 {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(help) if !help.use_stderr() => {
            output.result(&help.render().to_string());
            return OK;
        }
        Err(error) => {
            output.note(error.render().to_string().trim_end());
            return USAGE;
        }
    };
    let done = match cli.command {
        Command::Validate(args) => args.run(output),
        Command::Plan(args) => args.run(output),
        Command::Apply(args) => args.run(output),
        Command::Promote(args) => args.run(output),
        Command::Drift(args) => args.run(output),
        Command::Rollback(args) => args.run(output),
        Command::Remove(args) => args.run(output),
        Command::Export(args) => args.run(output),
    };
    match done {
        Ok(code) => code,
        Err(Failure::Usage(message)) => {
            output.note(&format!("error: {message}"));
            USAGE
        }
        Err(Failure::Config(problems)) => {
            for problem in &problems {
                output.note(&problem.to_string());
            }
            output.note(&format!("error: {} problems; nothing was done", problems.len()));
            USAGE
        }
        Err(Failure::Unreachable(message)) => {
            output.note(&format!("error: {message}"));
            UNREACHABLE
        }
        Err(Failure::Fault(message)) => {
            output.note(&format!("error: {message}"));
            FAULT
        }
    }
}

/// Runs a future on a runtime of its own.
pub(crate) fn block<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Fault(format!("expected a runtime: {error}")))?;
    Ok(tokio::task::LocalSet::new().block_on(&runtime, future))
}

/// Today's date.
pub(crate) fn today() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
}

/// Names every tenant that `folder` has, for a message.
pub(crate) fn known(folder: &Folder) -> String {
    let mut names: Vec<String> = folder.deployments.iter().map(crate::config::Deployment::label).collect();
    names.dedup();
    names.join(", ")
}
