//! `conformance saboteurs`.

use crate::saboteurs::{self, Options};

/// Arguments of `saboteurs`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    options: Options,
}

impl Args {
    pub(super) fn run(self) -> u8 {
        saboteurs::main(&self.options, &super::command_line())
    }
}
