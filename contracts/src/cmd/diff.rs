//! `contracts diff --base FILE`.

use std::{fs, path::PathBuf, process::ExitCode};

use clap::Args;
use contracts::{
    Contract,
    diff::{Weight, diff},
};

use super::{
    USAGE,
    output::{note, say},
};

/// Compares with a blessed contract.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The blessed contract: a bundled document, such as `contracts/blessed/openapi.json` or what a deployment serves at `/openapi.json`.
    #[arg(long, value_name = "FILE")]
    base: PathBuf,
    /// Accept the breaking changes and write this contract over FILE.
    #[arg(long)]
    bless: bool,
}

impl Arguments {
    pub(super) fn run(&self, contract: &Contract) -> ExitCode {
        let base = fs::read_to_string(&self.base)
            .map_err(|error| format!("cannot read `{}`: {error}", self.base.display()))
            .and_then(|text| {
                serde_json::from_str(&text)
                    .map_err(|error| format!("`{}` is not a bundled contract in JSON: {error}", self.base.display()))
            });
        let base = match base {
            Ok(base) => base,
            Err(message) => {
                note(&message);
                return ExitCode::from(USAGE);
            }
        };
        let changes = diff(&base, &contract.document);
        for change in &changes {
            let word = match change.weight {
                Weight::Breaking => "breaking     ",
                Weight::Compatible => "compatible   ",
                Weight::Documentation => "documentation",
            };
            say(&format!("{word}  {}  {}", change.pointer, change.what));
        }
        let breaking = changes.iter().filter(|change| change.weight == Weight::Breaking).count();
        say(&format!("{} changes, {breaking} of them breaking", changes.len()));
        if self.bless {
            let text = serde_json::to_string_pretty(&contract.document).unwrap_or_default() + "\n";
            let draft = self.base.with_extension("draft");
            if let Err(error) = fs::write(&draft, text).and_then(|()| fs::rename(&draft, &self.base)) {
                note(&format!("cannot write `{}`: {error}", self.base.display()));
                return ExitCode::from(USAGE);
            }
            return ExitCode::SUCCESS;
        }
        if breaking > 0 {
            note("bump the contract's major version and bless the change with `--bless`, or take it back");
            return ExitCode::from(1);
        }
        ExitCode::SUCCESS
    }
}
