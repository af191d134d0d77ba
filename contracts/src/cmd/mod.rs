//! The command line: one variant a command, one function that runs it.

mod diff;
mod output;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use contracts::{Contract, Sources, generate, lint, requirements::Requirements};

use output::{note, say};

/// Bad input: a broken contract file or argument.
const USAGE: u8 = 2;
/// Generated files are stale.
const STALE: u8 = 4;

/// Works on the contract of this workspace.
///
/// Exit codes: 0 done, 1 breaking changes or a bug of ours, 2 the contract or an argument is wrong, 4 generated files are stale.
#[derive(Debug, Parser)]
#[command(name = "contracts", version)]
pub(crate) struct Arguments {
    /// The workspace's root, which holds `contracts/`. The default is the workspace that this binary was built in.
    #[arg(long, value_name = "DIR", global = true, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/.."))]
    root: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Refuse keywords outside the profile, examples that do not fit, rules that bind nothing: each with its JSON pointer.
    Lint,
    /// Write the checked-in code that grows out of the contract.
    Generate,
    /// Fail with exit code 4 when anything generated is stale, and name the command that mends it.
    Check,
    /// List breaking, compatible and documentation changes since a blessed contract; exit 1 on an unblessed breaking one.
    Diff(diff::Arguments),
    /// Freeze the rules of the present contract version: from then on new ones need a later version.
    Freeze,
}

impl Arguments {
    pub(crate) fn run(self) -> ExitCode {
        let (sources, contract) = match self.read() {
            Ok(read) => read,
            Err(error) => {
                note(&output::chain(&error));
                return ExitCode::from(USAGE);
            }
        };
        match &self.command {
            Command::Lint => report(&lint::lint(&sources, &contract), &contract),
            Command::Generate => self.generate(&sources, &contract),
            Command::Check => self.check(&contract),
            Command::Diff(arguments) => arguments.run(&contract),
            Command::Freeze => self.freeze(&contract),
        }
    }

    fn read(&self) -> Result<(Sources, Contract), contracts::SourceError> {
        let sources = Sources::read(&self.root.join("contracts"))?;
        let contract = Contract::from_sources(&sources)?;
        Ok((sources, contract))
    }

    fn generate(&self, sources: &Sources, contract: &Contract) -> ExitCode {
        let findings = lint::lint(sources, contract);
        if !findings.is_empty() {
            return report(&findings, contract);
        }
        match generate::generate(contract).and_then(|files| generate::write(&self.root, &files)) {
            Ok(written) if written.is_empty() => say("every generated file is fresh"),
            Ok(written) => written.iter().for_each(|path| say(&format!("wrote {}", path.display()))),
            Err(error) => {
                note(&output::chain(&error));
                return ExitCode::from(1);
            }
        }
        ExitCode::SUCCESS
    }

    fn freeze(&self, contract: &Contract) -> ExitCode {
        match Requirements::of(contract, contract.version()).freeze(&self.root) {
            Ok(path) => {
                say(&format!("{} holds {} rules", path.display(), contract.rules.len()));
                ExitCode::SUCCESS
            }
            Err(error) => {
                note(&output::chain(&error));
                ExitCode::from(USAGE)
            }
        }
    }

    fn check(&self, contract: &Contract) -> ExitCode {
        match Requirements::frozen(&self.root) {
            Ok(sets) => {
                let departures: Vec<String> = sets.iter().flat_map(|set| set.departures(contract)).collect();
                if !departures.is_empty() {
                    for line in &departures {
                        note(&format!("rules.yaml: {line}"));
                    }
                    return ExitCode::from(USAGE);
                }
            }
            Err(error) => {
                note(&output::chain(&error));
                return ExitCode::from(USAGE);
            }
        }
        match generate::generate(contract) {
            Ok(files) => {
                let stale = generate::stale(&self.root, &files);
                if stale.is_empty() {
                    say(&format!("{} generated files are fresh", files.len()));
                    return ExitCode::SUCCESS;
                }
                for path in &stale {
                    note(&format!("stale: {}", path.display()));
                }
                note("run `cargo run -p contracts -- generate` and commit what it writes");
                ExitCode::from(STALE)
            }
            Err(error) => {
                note(&output::chain(&error));
                ExitCode::from(1)
            }
        }
    }
}

fn report(findings: &[lint::Finding], contract: &Contract) -> ExitCode {
    if findings.is_empty() {
        say(&format!(
            "the contract is clean: {} operations, {} schemas, {} rules",
            contract.operations.len(),
            contract.schemas.len(),
            contract.rules.len()
        ));
        return ExitCode::SUCCESS;
    }
    for finding in findings {
        note(&finding.to_string());
    }
    note(&format!("{} findings", findings.len()));
    ExitCode::from(USAGE)
}
