//! The tenant's audit log, in pages.

use serde_json::Value as Json;

use super::{ListError, Page, Platform};
use crate::audit::Journal;
use crate::ingest::IngestError;
use crate::sabotage::{self, Sabotage};
use crate::tenancy::TenantContext;

const LIST: &str = "list_audit";

impl Platform {
    /// One page of the tenant's audit records, the latest first, each as the wire has it.
    ///
    /// # Errors
    ///
    /// [`ListError`].
    pub async fn list_audit(
        &self,
        tenant: &TenantContext,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<Json>, ListError> {
        let before = cursor.map(|cursor| self.cursors.open(tenant, LIST, cursor)).transpose()?;
        let before = before.and_then(|position| position.parse().ok());
        let database = self.ports().databases.open(tenant).await.map_err(IngestError::from)?;
        let found = Journal::list(&*database, before, limit + 1).await?;
        #[cfg(feature = "sabotage")]
        let found = self.audit_of_all(tenant, found).await?;
        let page = self.page(tenant, LIST, found, limit, |(sequence, _)| sequence.to_string());
        let items = page.items.into_iter().map(|(_, record)| {
            let mut record = record;
            if sabotage::on(Sabotage::AuditOutcomeAlwaysSucceeded) {
                record["outcome"] = "succeeded".into();
            }
            record
        });
        Ok(Page { items: items.collect(), next_cursor: page.next_cursor })
    }
}
