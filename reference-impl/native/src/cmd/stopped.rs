//! One tenant of a server that is stopped: what commands share that work on its folders.

use std::path::PathBuf;
use std::sync::Arc;

use reference_core::tenancy::{TenantContext, TenantId};

use super::{Failure, serve};
use crate::config::{self, DemoFiles};
use crate::data_folder::DataFolder;
use crate::deployment::{self, Deployment};
use crate::telemetry::JsonLines;

#[derive(Debug, clap::Args)]
pub(super) struct Stopped {
    /// Tenant that is meant.
    #[arg(long, value_parser = |text: &str| TenantId::parse(text))]
    pub(super) tenant: TenantId,
    /// Folder that the server stores everything in.
    #[arg(long, value_name = "DIR", env = "PLUMBLINE_DATA")]
    data: PathBuf,
    /// Folder with platform.yaml and <tenant>/tenant.yaml.
    #[arg(long, value_name = "DIR", env = "PLUMBLINE_TENANTS")]
    tenants: PathBuf,
    /// The folder is served with --demo: `jwks: {demo: true}` is fine.
    #[arg(long)]
    demo: bool,
}

impl Stopped {
    /// Reads the configuration and takes hold of the data folder.
    pub(super) fn open(&self) -> Result<(config::Loaded, DataFolder), Failure> {
        let demo = self.demo.then(|| DemoFiles::beside(&self.tenants));
        let loaded = config::load(&self.tenants, &deployment::models(), demo.as_ref())
            .map_err(|error| Failure::Usage(error.to_string()))?;
        if !loaded.tenants.iter().any(|it| it.tenant == self.tenant) {
            let expected = "expected one with a tenant.yaml in this folder";
            return Err(Failure::Usage(format!("no tenant `{}`: {expected}: {}", self.tenant, self.tenants.display())));
        }
        if !self.data.is_dir() {
            let expected = "expected the folder that the server was started with";
            return Err(Failure::Usage(format!("no data folder `{}`: {expected} by --data", self.data.display())));
        }
        let data = DataFolder::open(&self.data).map_err(|error| serve::usage(&error))?;
        Ok((loaded, data))
    }

    /// The deployment over both, and the tenant's context for its upkeep; within a runtime.
    pub(super) fn assemble(
        &self,
        loaded: config::Loaded,
        data: &DataFolder,
    ) -> Result<(Deployment, TenantContext), Failure> {
        let telemetry = Arc::new(JsonLines::new(Box::new(std::io::sink()), Box::new(std::io::stderr())));
        let deployment = Deployment::assemble(loaded, data, telemetry, self.demo, false)?;
        let tenant = deployment.authenticator.maintenance(&self.tenant);
        let tenant = tenant.ok_or_else(|| Failure::Usage(format!("no tenant `{}`", self.tenant)))?;
        Ok((deployment, tenant))
    }
}
