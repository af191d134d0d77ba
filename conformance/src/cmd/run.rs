//! `conformance run`.

use crate::{
    engine::{self, Options},
    foreign::{self, Against},
};

/// Runs the suite against a target, or any OpenAPI document against any server.
///
/// With --contract the cases are made from that document alone and judged by it: its examples, missing fields, wrong types,
/// bounds, unknown fields where it forbids them, broken JSON, media types and methods. Any documented refusal will do; a status
/// that is not documented fails. It sends requests that create, change and delete: give it a server that may be written to.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conformance run --target staging --operation search
  conformance run --contract petshop.yaml --url http://127.0.0.1:4010 --header 'authorization: Bearer ...'")]
pub(super) struct Args {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    against: Against,
}

impl Args {
    pub(super) fn run(self) -> u8 {
        let command = super::command_line();
        if self.against.contract.is_some() {
            return foreign::main(&self.options, &self.against, &command);
        }
        engine::main(&self.options, &command)
    }
}
