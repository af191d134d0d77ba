//! The command line, and the only place that prints: results to standard output, everything else to standard error.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the output module")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::Parser;
use contract_types::RunRecordVerdict;
use reports::{HOW_TO_RUN, ReadError, Report};

/// A run could not be completed, or a bug of ours.
const ERROR: u8 = 1;
/// A record is broken, or there is none.
const USAGE: u8 = 2;
/// A run failed.
const FAILED: u8 = 100;

/// The page, beside the records that it was drawn from.
const PAGE: &str = "index.html";

/// Draws index.html from every run record in a folder and prints one verdict.
///
/// The newest record of each suite and target counts; older ones are listed as history.
/// Exit codes: 0 every run passed, 100 a run failed, 1 a run could not be completed, 2 a record is broken or there is none.
#[derive(Debug, Parser)]
#[command(name = "reports", version)]
pub(crate) struct Arguments {
    /// Folder that holds the run records and receives the page. The default is that of the workspace this binary was built in.
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/out"))]
    out: PathBuf,
    /// Print a comment in Markdown in place of the verdict line, which then goes to standard error.
    #[arg(long)]
    markdown: bool,
}

impl Arguments {
    pub(crate) fn run(self) -> ExitCode {
        let runs = match reports::read(&self.out) {
            Ok(runs) => runs,
            Err(error) => return self.refuse(&error),
        };
        let report = Report::new(runs);
        let path = self.out.join(PAGE);
        if report.is_empty() {
            // A folder that nobody made needs no page; an old page in an emptied folder must not keep its old verdict.
            let told = if self.out.is_dir() { write(&path, &reports::page(&report)) } else { Ok(()) };
            eprintln!("{}: no run records; run one of these first:\n  {}", self.out.display(), HOW_TO_RUN.join("\n  "));
            return told.map_or_else(|error| broke(&error), |()| ExitCode::from(USAGE));
        }
        if let Err(error) = write(&path, &reports::page(&report)) {
            return broke(&error);
        }
        let line = format!("{}; page: {}", reports::verdict_line(&report), shown(&path).display());
        if self.markdown {
            print!("{}", reports::comment(&report));
            eprintln!("{line}");
        } else {
            println!("{line}");
        }
        match report.verdict() {
            RunRecordVerdict::Pass => ExitCode::SUCCESS,
            RunRecordVerdict::Fail => ExitCode::from(FAILED),
            RunRecordVerdict::Error => ExitCode::from(ERROR),
        }
    }

    /// A page drawn earlier would show a verdict that no longer holds, so it is replaced too.
    fn refuse(&self, error: &ReadError) -> ExitCode {
        eprintln!("{error}");
        match error {
            ReadError::Broken(problems) => {
                if let Err(error) = write(&self.out.join(PAGE), &reports::broken_page(problems)) {
                    return broke(&error);
                }
            }
            ReadError::Folder { source, .. } => eprintln!("  {source}"),
        }
        ExitCode::from(USAGE)
    }
}

fn broke(error: &anyhow::Error) -> ExitCode {
    eprintln!("{error:#}");
    ExitCode::from(ERROR)
}

/// Writes `text` to `path` so that a reader sees the old page or the new one, never half of one.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let fresh = path.with_extension(format!("html.{}", std::process::id()));
    fs::write(&fresh, text).with_context(|| format!("cannot write {}", fresh.display()))?;
    fs::rename(&fresh, path).with_context(|| format!("cannot write {}", path.display()))
}

/// `path` without the detour through a crate's folder and, below it, without the current directory.
fn shown(path: &Path) -> PathBuf {
    let full = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let here = std::env::current_dir().and_then(fs::canonicalize).unwrap_or_default();
    full.strip_prefix(here).map_or_else(|_| full.clone(), Path::to_path_buf)
}
