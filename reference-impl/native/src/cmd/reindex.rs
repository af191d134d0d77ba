//! `reindex`: new vectors for one tenant.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};
use reference_core::retrieve::ReindexError;
use reference_core::tenancy::TenantId;

use super::{Context, Failure, serve};
use crate::config::{self, DemoFiles};
use crate::data_folder::DataFolder;
use crate::deployment::{self, Deployment};
use crate::events;
use crate::telemetry::JsonLines;

/// Embeds all chunks of one tenant anew, with the model that its tenant.yaml names now.
///
/// When to use it: after `models.embedding` of a tenant has changed, or the model itself. Vectors of two models cannot be
/// compared, so until then requests are answered with `INDEX_MISMATCH`.
///
/// New vectors are put beside the old ones and take their place at the end, all at once. Whenever it ends before, by
/// Ctrl-C or a power cut, the index is what it was, and the next call goes on where this one stopped.
///
/// Stop the server first: it holds the data folder. Documents, chunk ids and metadata stay as they are.
///
/// Example: reference-impl reindex --tenant aurora-bikes --data /var/lib/plumbline --tenants /etc/plumbline/tenants
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Args {
    /// Tenant to embed anew.
    #[arg(long, value_parser = |text: &str| TenantId::parse(text))]
    tenant: TenantId,
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

impl Args {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        events::listen();
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
        let data = open(&self.data)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let told = runtime.block_on(self.reindex(loaded, &data))?;
        writeln!(context.out, "{told}")?;
        Ok(())
    }

    async fn reindex(&self, loaded: config::Loaded, data: &DataFolder) -> Result<String, Failure> {
        let telemetry = Arc::new(JsonLines::new(Box::new(std::io::sink()), Box::new(std::io::stderr())));
        let deployment = Deployment::assemble(loaded, data, telemetry, self.demo, false)?;
        let tenant = deployment.authenticator.maintenance(&self.tenant);
        let tenant = tenant.ok_or_else(|| Failure::Usage(format!("no tenant `{}`", self.tenant)))?;
        // Drawn on standard error where that is a terminal, and nowhere else.
        let bar = ProgressBar::new(0);
        let style = "{msg} [{wide_bar}] {pos}/{len} chunks, {per_sec}, {eta} left";
        bar.set_style(ProgressStyle::with_template(style)?.progress_chars("=> "));
        bar.set_message(tenant.settings().models.embedding.clone());
        let done = deployment
            .platform
            .reindex(&tenant, &mut |progress| {
                bar.set_length(progress.total);
                bar.set_position(progress.done);
            })
            .await;
        bar.finish_and_clear();
        let done = done.map_err(|error| match error {
            ReindexError::UnknownModel { .. } => Failure::Usage(error.to_string()),
            ReindexError::Disturbed | ReindexError::Model(_) | ReindexError::Database(_) => {
                Failure::Fault(error.into())
            }
        })?;
        let from = done.from.map_or_else(String::new, |from| format!(" from {from}"));
        let resumed = match done.resumed {
            0 => String::new(),
            resumed => format!("; {resumed} of them were done before"),
        };
        Ok(format!("{}: {} chunks{from} to {}{resumed}", self.tenant, done.chunks, done.to))
    }
}

fn open(path: &Path) -> Result<DataFolder, Failure> {
    DataFolder::open(path).map_err(|error| serve::usage(&error))
}
