//! `audit verify`: does a tenant's audit log hold?

use std::path::PathBuf;

use reference_core::audit::{Broken, verify};
use reference_core::tenancy::TenantId;

use super::{Context, Failure, serve};
use crate::data_folder::DataFolder;
use crate::sqlite::SqliteDatabases;

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
/// Example: reference-impl audit verify --data /var/lib/plumbline --tenant aurora-bikes
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Verify {
    /// Folder that the server stores everything in.
    #[arg(long, value_name = "DIR", env = "PLUMBLINE_DATA")]
    data: PathBuf,
    /// Tenant whose log is looked at.
    #[arg(long, value_parser = |text: &str| TenantId::parse(text))]
    tenant: TenantId,
    /// Head that an earlier look told; the log must still hold that record.
    #[arg(long, value_name = "HASH")]
    head: Option<String>,
}

impl Command {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let Self::Verify(asked) = self;
        if !asked.data.is_dir() {
            let expected = "expected the folder that the server was started with";
            return Err(Failure::Usage(format!("no data folder `{}`: {expected} by --data", asked.data.display())));
        }
        let data = DataFolder::open(&asked.data).map_err(|error| serve::usage(&error))?;
        let databases = SqliteDatabases::new(data.path());
        if !databases.holds(&asked.tenant) {
            return Err(Failure::Usage(format!("tenant `{}` has stored nothing in this folder", asked.tenant)));
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let verified = runtime.block_on(async {
            let database = databases.open_stored(&asked.tenant).await?;
            Ok::<_, anyhow::Error>(verify(&*database, asked.tenant.as_str(), asked.head.as_deref()).await)
        })?;
        let verified = verified.map_err(|broken| Failure::Fault(told(&asked.tenant, broken)))?;
        writeln!(context.out, "{}: {} records hold, head {}", asked.tenant, verified.records, verified.head)?;
        Ok(())
    }
}

fn told(tenant: &TenantId, broken: Broken) -> anyhow::Error {
    anyhow::Error::new(broken).context(format!("the audit log of {tenant} does not hold"))
}
