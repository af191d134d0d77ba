//! A call that has begun and whose record is still to be written.

use std::sync::Arc;

use super::ToolError;
use crate::audit::{Called, Outcome};
use crate::platform::Platform;
use crate::ports::Database;
use crate::sabotage::{self, Sabotage};
use crate::tenancy::TenantContext;

/// A call whose record is not written yet. Dropped, it writes itself as cancelled: whoever had asked no longer waits.
pub(super) struct Pending {
    pub(super) platform: Arc<Platform>,
    pub(super) tenant: TenantContext,
    pub(super) called: Option<Called>,
    pub(super) since_us: u64,
}

impl Pending {
    pub(super) async fn end(mut self, database: &dyn Database, outcome: Outcome) -> Result<(), ToolError> {
        let took = self.platform.ports().clock.monotonic_us().saturating_sub(self.since_us);
        if let Some(called) = &self.called {
            let skip = match outcome {
                Outcome::Denied | Outcome::Invalid => sabotage::on(Sabotage::RefusedCallsNotRecorded),
                Outcome::TimedOut | Outcome::Failed => sabotage::on(Sabotage::FailedCallsNotRecorded),
                Outcome::Succeeded | Outcome::Cancelled | Outcome::Unknown => false,
            };
            if !skip {
                let closed =
                    self.platform.toolbox().journal.close(self.tenant.id(), database, called, outcome, took).await;
                self.platform.count_call(&self.tenant, called, outcome, closed.is_ok());
                closed?;
            }
        }
        self.called = None;
        Ok(())
    }

    /// Leaves the record to someone else.
    pub(super) fn hand_over(mut self) -> Option<Called> {
        self.called.take()
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let Some(called) = self.called.take() else { return };
        let (platform, tenant) = (Arc::clone(&self.platform), self.tenant.clone());
        let took = platform.ports().clock.monotonic_us().saturating_sub(self.since_us);
        let work = Arc::clone(&platform);
        platform.ports().background.spawn(Box::pin(async move {
            if let Ok(database) = work.ports().databases.open(&tenant).await {
                let toolbox = work.toolbox();
                // A store that fails leaves the note of a call that writes; the next start finds it as unknown.
                let closed = toolbox.journal.close(tenant.id(), &*database, &called, Outcome::Cancelled, took).await;
                work.count_call(&tenant, &called, Outcome::Cancelled, closed.is_ok());
            }
        }));
    }
}
