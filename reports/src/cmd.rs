//! The command line, and the only place that prints: results to standard output, everything else to standard error.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the output module")]

mod gate;
mod suites;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::{Args, Parser, Subcommand, ValueEnum};
use contract_types::RunRecordVerdict;
use reports::{HOW_TO_RUN, ReadError, Report, Run};

/// A run could not be completed, or a bug of ours.
const ERROR: u8 = 1;
/// A record is broken, or there is none.
const USAGE: u8 = 2;
/// A run failed.
const FAILED: u8 = 100;

/// The page, beside the records that it was drawn from.
const PAGE: &str = "index.html";

/// What `--help` ends with.
const EXAMPLES: &str = "\
Examples:
  Draw reports/out/index.html and print one verdict line:
    reports
  The same for records elsewhere, with a comment for a pull request on standard output:
    reports --out /tmp/records --markdown > comment.md
  One record as JUnit XML for a CI server, or as SARIF for a code scanner:
    reports --format junit --run reports/out/conformance-local-….json --output junit.xml
    reports --format sarif --run reports/out/conformance-local-….json --output plumbline.sarif
  Load runs of several machines as one, their histograms added:
    reports merge one.json two.json --output reports/out/load-merged.json
  One verdict on a target by its newest records, with a comment for a pull request:
    reports gate --target local --comment comment.md
  One record as a comment that says what changed since another:
    reports --format markdown --run new.json --previous old.json

Exit codes: 0 every run passed, 100 a run failed, 1 a run could not be completed, 2 a record is broken or there is none.";

/// Draws index.html from every run record in a folder and prints one verdict, or writes one record in another form.
///
/// The newest record of each suite and target counts, for quality and load also of each command and scenario of the day; the record of a
/// part of a suite only where there is none of the whole. The others are listed as history, and what changed is measured against the newest
/// of them that did the same. With --format and --run nothing is drawn: one record is written in one form, to standard output or to --output.
#[derive(Debug, Parser)]
#[command(name = "reports", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    /// Folder that holds the run records and receives the page. The default is that of the workspace this binary was built in.
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/out"))]
    out: PathBuf,
    /// Print a comment in Markdown in place of the verdict line, which then goes to standard error.
    #[arg(long, conflicts_with = "format")]
    markdown: bool,
    /// Write the record of --run in this form, and draw no page.
    #[arg(long, value_enum, value_name = "FORM", requires = "run", conflicts_with = "out")]
    format: Option<Form>,
    /// The record to write.
    #[arg(long, value_name = "FILE", requires = "format")]
    run: Option<PathBuf>,
    /// An earlier record of the same suite and target, which the Markdown form compares with.
    #[arg(long, value_name = "FILE", requires = "run")]
    previous: Option<PathBuf>,
    /// Where to write it; standard output without this.
    #[arg(long, value_name = "FILE", requires = "run")]
    output: Option<PathBuf>,
    /// Something else than drawing.
    #[command(subcommand)]
    other: Option<Other>,
}

/// What the program does beside drawing.
#[derive(Debug, Subcommand)]
enum Other {
    /// Makes one record of load runs that several machines made at once.
    Merge(MergeArguments),
    Gate(Box<gate::GateArguments>),
}

/// The records to merge. Requests and histograms are added, and percentiles are read from the sum; gates take their worst outcome.
#[derive(Debug, Args)]
struct MergeArguments {
    /// The records, of one target and one contract.
    #[arg(value_name = "FILE", required = true, num_args = 2..)]
    records: Vec<PathBuf>,
    /// Where to write the merged record; standard output without this.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl MergeArguments {
    fn run(&self) -> ExitCode {
        let runs: Result<Vec<Run>, _> = self.records.iter().map(|file| read_one(file)).collect();
        let runs = match runs {
            Ok(runs) => runs,
            Err(problem) => return refused(&problem.to_string()),
        };
        let record = match reports::merge(&runs, &uuid::Uuid::now_v7().to_string()) {
            Ok(record) => record,
            Err(error) => return refused(&error.to_string()),
        };
        let text = match serde_json::to_string_pretty(&record).context("the merged record") {
            Ok(text) => text + "\n",
            Err(error) => return broke(&error),
        };
        let Some(path) = &self.output else {
            print!("{text}");
            return code(record.verdict);
        };
        write(path, &text).map_or_else(|error| broke(&error), |()| code(record.verdict))
    }
}

/// A form of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// JUnit XML, for CI servers.
    Junit,
    /// SARIF 2.1.0, for code scanners.
    Sarif,
    /// A comment for a pull request.
    Markdown,
    /// Prometheus text, for a collector of text files.
    Prometheus,
}

impl Arguments {
    pub(crate) fn run(self) -> ExitCode {
        match &self.other {
            Some(Other::Merge(arguments)) => return arguments.run(),
            Some(Other::Gate(arguments)) => return arguments.run(),
            None => {}
        }
        match (self.format, &self.run) {
            (Some(form), Some(file)) => {
                self.write_one(form, file).unwrap_or_else(|problem| refused(&problem.to_string()))
            }
            (Some(_) | None, _) => self.draw(),
        }
    }

    fn write_one(&self, form: Form, file: &Path) -> Result<ExitCode, reports::Problem> {
        let run = read_one(file)?;
        let verdict = run.record.verdict;
        let text = match form {
            Form::Junit => reports::junit(&run),
            Form::Sarif => reports::sarif(&run, reports::contract_places()),
            Form::Prometheus => reports::prometheus(&run),
            Form::Markdown => {
                let before = self.previous.as_deref().map(read_one).transpose()?;
                if let Some(fault) = before.as_ref().and_then(|before| incomparable(&run, before)) {
                    return Ok(refused(&fault));
                }
                reports::comment(&Report::new(before.into_iter().chain([run]).collect()))
            }
        };
        let Some(path) = &self.output else {
            print!("{text}");
            return Ok(code(verdict));
        };
        Ok(write(path, &text).map_or_else(|error| broke(&error), |()| code(verdict)))
    }

    fn draw(&self) -> ExitCode {
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
        code(report.verdict())
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

fn code(verdict: RunRecordVerdict) -> ExitCode {
    match verdict {
        RunRecordVerdict::Pass => ExitCode::SUCCESS,
        RunRecordVerdict::Fail => ExitCode::from(FAILED),
        RunRecordVerdict::Error => ExitCode::from(ERROR),
    }
}

fn read_one(file: &Path) -> Result<Run, reports::Problem> {
    let name = file.display().to_string();
    let unreadable = |error: std::io::Error| reports::Problem {
        file: name.clone(),
        place: String::new(),
        message: format!("cannot be read: {error}"),
    };
    reports::parse(&name, &fs::read(file).map_err(unreadable)?)
}

/// Why `before` says nothing about what changed in `run`.
fn incomparable(run: &Run, before: &Run) -> Option<String> {
    let (new, old) = ((run.record.kind, &run.record.target.name), (before.record.kind, &before.record.target.name));
    if new != old {
        let (file, kind, target) = (&before.file, old.0, old.1);
        return Some(format!("{file}: is {kind} on {target}; --previous wants {} on {}", new.0, new.1));
    }
    (before.started >= run.started).then(|| format!("{}: is not earlier than {}", before.file, run.file))
}

fn refused(problem: &str) -> ExitCode {
    eprintln!("{problem}");
    ExitCode::from(USAGE)
}

fn broke(error: &anyhow::Error) -> ExitCode {
    eprintln!("{error:#}");
    ExitCode::from(ERROR)
}

/// Writes `text` to `path` so that a reader sees the old file or the new one, never half of one.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}", std::process::id()));
    let fresh = path.with_file_name(name);
    fs::write(&fresh, text).with_context(|| format!("cannot write {}", fresh.display()))?;
    fs::rename(&fresh, path).with_context(|| format!("cannot write {}", path.display()))
}

/// `path` without the detour through a crate's folder and, below it, without the current directory.
fn shown(path: &Path) -> PathBuf {
    let full = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let here = std::env::current_dir().and_then(fs::canonicalize).unwrap_or_default();
    full.strip_prefix(here).map_or_else(|_| full.clone(), Path::to_path_buf)
}
