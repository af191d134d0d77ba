//! `check`: is a tenants folder right?

use std::path::PathBuf;

use super::{Context, Failure};
use crate::config::{self, DemoFiles};
use crate::deployment;

/// Checks a tenants folder and names every problem at once.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder with platform.yaml and <tenant>/tenant.yaml.
    #[arg(long, value_name = "DIR", env = "PLUMBLINE_TENANTS")]
    tenants: PathBuf,
    /// Check as for `serve --demo`: `jwks: {demo: true}` is fine.
    #[arg(long)]
    demo: bool,
}

impl Args {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let demo = self.demo.then(|| DemoFiles::beside(&self.tenants));
        let loaded = config::load(&self.tenants, &deployment::models(), demo.as_ref())
            .map_err(|error| Failure::Usage(error.to_string()))?;
        let keys: usize = loaded.tenants.iter().map(|tenant| tenant.credentials.len()).sum();
        writeln!(context.out, "{} tenants with {keys} credentials are right", loaded.tenants.len())?;
        Ok(())
    }
}
