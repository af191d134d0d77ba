//! `conformance differential`.

use crate::differential::{self, Options};

/// Sends the same requests to two deployments and tells where their answers differ.
///
/// Status, media type and body are compared, save the fields that the run record lists with the reason why they may differ.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  conformance differential --target local --other worker")]
pub(super) struct Args {
    #[command(flatten)]
    options: Options,
}

impl Args {
    pub(super) fn run(self) -> u8 {
        differential::main(&self.options, &super::command_line())
    }
}
