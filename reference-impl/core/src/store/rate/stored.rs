//! Request counts in the tenants' own databases: the limiter of hosts whose databases are exact under concurrency.

use std::sync::Arc;

use super::{Admission, RouteClass, admit};
use crate::ports::{BoxFuture, Clock, Databases, RateLimiter};
use crate::store::StoreError;
use crate::tenancy::TenantContext;

/// Counts each request in the database of its tenant, in one batch.
#[derive(Clone)]
pub struct StoredCounts {
    databases: Arc<dyn Databases>,
    clock: Arc<dyn Clock>,
}

impl StoredCounts {
    /// Counts in `databases`, by the tenants' time.
    pub fn new(databases: Arc<dyn Databases>, clock: Arc<dyn Clock>) -> Self {
        Self { databases, clock }
    }
}

impl RateLimiter for StoredCounts {
    fn admit<'a>(
        &'a self,
        tenant: &'a TenantContext,
        class: RouteClass,
    ) -> BoxFuture<'a, Result<Admission, StoreError>> {
        Box::pin(async move {
            let database = self.databases.open(tenant).await?;
            admit(&*database, tenant, class, self.clock.now(tenant.id())).await
        })
    }
}
