//! What a tenant used of its models.

use super::Platform;
use crate::tenancy::TenantContext;
use crate::usage::{UsageError, UsageReport, report};

impl Platform {
    /// Use by day and model, and the budget of today. Without `from` and `to` it covers the thirty days that end today.
    ///
    /// - `from`, `to`: days in UTC such as `2026-11-22`, both included, at most [`MOST_DAYS`](crate::usage::MOST_DAYS).
    ///
    /// # Errors
    ///
    /// [`UsageError`].
    pub async fn usage(
        &self,
        tenant: &TenantContext,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<UsageReport, UsageError> {
        let database = self.ports.databases.open(tenant).await?;
        report(tenant, &*database, (from, to), self.ports.clock.now(tenant.id())).await
    }

    /// Writes down what the request has used and gives back what it holds of the budget. Each operation of the platform does so
    /// at its end; for whoever calls models through [`Platform::ports`] by itself.
    pub async fn settle(&self, tenant: &TenantContext) {
        self.meter.close(tenant).await;
    }
}
