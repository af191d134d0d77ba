//! `reindex`: new vectors for one tenant.

use indicatif::{ProgressBar, ProgressStyle};
use reference_core::retrieve::ReindexError;

use super::stopped::Stopped;
use super::{Context, Failure};
use crate::config;
use crate::data_folder::DataFolder;
use crate::events;

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
    #[command(flatten)]
    stopped: Stopped,
}

impl Args {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        events::listen();
        let (loaded, data) = self.stopped.open()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let told = runtime.block_on(self.reindex(loaded, &data))?;
        writeln!(context.out, "{told}")?;
        Ok(())
    }

    async fn reindex(&self, loaded: config::Loaded, data: &DataFolder) -> Result<String, Failure> {
        let (deployment, tenant) = self.stopped.assemble(loaded, data)?;
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
        Ok(format!("{}: {} chunks{from} to {}{resumed}", self.stopped.tenant, done.chunks, done.to))
    }
}
