//! `deploy export`: the same deployment as a configuration of wrangler.

use std::collections::BTreeMap;

use super::args::Files;
use super::{Failure, OK, Output};
use crate::cmd::known;
use crate::config::Environment;
use crate::wanted::wrangler_config;

/// Prints a wrangler.json for a tenant and environment, for `wrangler dev` and to compare.
///
/// KV namespaces have their title in place of an id, which `wrangler dev` takes and a deployment by wrangler does not.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    files: Files,
    /// The tenant.
    #[arg(long, value_name = "NAME")]
    tenant: String,
    /// The environment: dev, stage or prod.
    #[arg(long, value_name = "ENV")]
    env: Environment,
    /// Folder of the built Worker, as wrangler is to find it.
    #[arg(long, default_value = "reference-impl/worker/build", value_name = "DIR")]
    artefact: String,
}

impl Args {
    pub(super) fn run(self, output: &Output) -> Result<u8, Failure> {
        let folder = self.files.read()?;
        let found = folder.deployments.iter().find(|it| it.tenant == self.tenant && it.environment == self.env);
        let Some(deployment) = found else {
            return Err(Failure::Usage(format!("no {} in {}; there are {}", self.tenant, self.env, known(&folder))));
        };
        let config = wrangler_config(deployment, &self.artefact, &BTreeMap::new());
        output.result(&serde_json::to_string_pretty(&config).expect("a configuration is JSON"));
        Ok(OK)
    }
}
