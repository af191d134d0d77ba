//! `audit verify`: does a tenant's audit log hold?

use reference_core::audit::{Broken, verify};
use reference_core::ports::Databases as _;
use reference_core::tenancy::TenantId;

use super::stopped::Stopped;
use super::{Context, Failure};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    Verify(Verify),
}

/// Walks the chain of a tenant's audit log from its first record to its last.
///
/// Each record must say what its hash was made of, follow the one before it without a gap, and name that one's hash. The
/// first record that does not is named, and the exit code is 1. Keep the printed head elsewhere: a log whose end was cut off
/// holds by itself, but its head is another one.
///
/// Stop the server first: it holds the data folder.
///
/// Example: reference-impl audit verify --data /var/lib/plumbline --tenants tenants --tenant aurora-bikes
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Verify {
    #[command(flatten)]
    stopped: Stopped,
    /// Head that an earlier look told; the log must still hold that record.
    #[arg(long, value_name = "HASH")]
    head: Option<String>,
}

impl Command {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let Self::Verify(asked) = self;
        let (loaded, data) = asked.stopped.open()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let verified = runtime.block_on(async {
            let (deployment, tenant) = asked.stopped.assemble(loaded, &data)?;
            if !deployment.databases.holds(tenant.id()) {
                return Err(Failure::Usage(format!("tenant `{}` has stored nothing in this folder", tenant.id())));
            }
            let database = deployment.databases.open(&tenant).await.map_err(anyhow::Error::new)?;
            let verified = verify(&*database, tenant.id().as_str(), asked.head.as_deref()).await;
            verified.map_err(|broken| Failure::Fault(told(tenant.id(), broken)))
        })?;
        writeln!(context.out, "{}: {} records hold, head {}", asked.stopped.tenant, verified.records, verified.head)?;
        Ok(())
    }
}

fn told(tenant: &TenantId, broken: Broken) -> anyhow::Error {
    anyhow::Error::new(broken).context(format!("the audit log of {tenant} does not hold"))
}
