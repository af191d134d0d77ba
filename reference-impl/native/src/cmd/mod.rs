//! The command line.

mod audit;
mod check;
mod keys;
mod reindex;
mod serve;
mod stopped;
mod workerd;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Variable that names the environment; `prod` refuses everything that is for tests and demonstrations.
pub const ENVIRONMENT: &str = "PLUMBLINE_ENV";

/// Reference deployment of the Plumbline contract.
///
/// A flag wins over its environment variable, which wins over the default. Exit codes: 0 done, 1 a fault of this program,
/// 2 usage or a bad input file.
#[derive(Debug, Parser)]
#[command(name = "reference-impl", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Args),
    Check(check::Args),
    Reindex(reindex::Args),
    /// Makes credentials.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Looks at audit logs.
    #[command(subcommand)]
    Audit(audit::Command),
}

/// What a command takes from the process.
pub struct Context {
    /// Value of [`ENVIRONMENT`].
    pub environment: Option<String>,
    /// Results.
    pub out: Box<dyn Write>,
    /// All else.
    pub err: Box<dyn Write>,
}

impl Context {
    /// The context of this process.
    pub fn of_process() -> Self {
        let environment = std::env::var(ENVIRONMENT).ok();
        Self { environment, out: Box::new(io::stdout()), err: Box::new(io::stderr()) }
    }

    fn is_production(&self) -> bool {
        self.environment.as_deref() == Some("prod")
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
enum Failure {
    /// It was asked wrongly, or an input file is wrong: exit 2.
    Usage(String),
    /// A fault of ours: exit 1.
    Fault(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

/// Runs the command that `args` ask for, the program's name first.
pub fn run(args: impl IntoIterator<Item = OsString>, context: &mut Context) -> ExitCode {
    let done = match Cli::try_parse_from(args) {
        Ok(cli) => match cli.command {
            Command::Serve(args) => args.run(context),
            Command::Check(args) => args.run(context),
            Command::Reindex(args) => args.run(context),
            Command::Keys(command) => command.run(context),
            Command::Audit(command) => command.run(context),
        },
        Err(help) if !help.use_stderr() => write!(context.out, "{}", help.render().ansi()).map_err(Failure::from),
        Err(error) => {
            Err(Failure::Usage(error.render().to_string().trim_start_matches("error: ").trim_end().to_owned()))
        }
    };
    // Nobody is left to tell when these cannot be written.
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => {
            let _ = writeln!(context.err, "error: {message}");
            ExitCode::from(2)
        }
        Err(Failure::Fault(error)) => {
            let _ = writeln!(context.err, "error: {error:#}");
            ExitCode::from(1)
        }
    }
}

#[cfg(test)]
mod tests;
