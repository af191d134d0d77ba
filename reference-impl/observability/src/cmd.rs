//! The command line, and the only place that prints: results to standard output, everything else to standard error.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the output module")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use observability::{Tables, files, queries};

/// A file could not be written or read.
const ERROR: u8 = 1;
/// A table is wrong.
const USAGE: u8 = 2;
/// What is committed is not what the tables give.
const STALE: u8 = 4;

/// Makes dashboards, alert rules, their unit tests and the pages about them of the tables in reference-impl/observability/tables.
///
/// Exit codes: 0 all is well, 1 a file could not be read or written, 2 a table is wrong, 4 a generated file is stale.
#[derive(Debug, Parser)]
#[command(name = "observability", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Writes every generated file.
    Generate {
        /// The folder reference-impl; the default is that of the workspace this binary was built in.
        #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/.."))]
        into: PathBuf,
    },
    /// Names every generated file that is not what the tables give.
    Check {
        /// The folder reference-impl; the default is that of the workspace this binary was built in.
        #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/.."))]
        into: PathBuf,
    },
    /// Prints every query of every panel as JSON, its variables filled in, for whoever runs them against a Prometheus.
    Queries {
        /// What the variables of Grafana for times become, as Prometheus writes a time.
        #[arg(long, value_name = "TIME", default_value = "1m")]
        window: String,
    },
}

impl Arguments {
    /// Runs the command.
    pub(crate) fn run(self) -> ExitCode {
        let tables = match Tables::read() {
            Ok(tables) => tables,
            Err(error) => return refused(&error.to_string(), USAGE),
        };
        match self.command {
            Command::Generate { into } => generate(&tables, &into),
            Command::Check { into } => check(&tables, &into),
            Command::Queries { window } => {
                println!("{}", serde_json::json!(queries::all(&tables, &window)));
                ExitCode::SUCCESS
            }
        }
    }
}

fn generate(tables: &Tables, into: &Path) -> ExitCode {
    for (name, content) in files::all(tables) {
        if let Err(error) = std::fs::write(into.join(&name), content) {
            return refused(&format!("{name} could not be written: {error}"), ERROR);
        }
        println!("wrote {name}");
    }
    ExitCode::SUCCESS
}

fn check(tables: &Tables, into: &Path) -> ExitCode {
    let stale = files::stale(tables, into);
    if stale.is_empty() {
        println!("every generated file is what the tables give");
        return ExitCode::SUCCESS;
    }
    refused(&format!("{}\n{}", stale.join("\n"), files::REMEDY), STALE)
}

fn refused(message: &str, code: u8) -> ExitCode {
    eprintln!("{message}");
    ExitCode::from(code)
}
