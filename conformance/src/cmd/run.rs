//! `conformance run`.

use crate::engine::{self, Options};

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    options: Options,
}

impl Args {
    pub(super) fn run(self) -> u8 {
        engine::main(&self.options, &super::command_line("cargo run -p conformance --"))
    }
}
