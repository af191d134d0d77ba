//! Flaws of the edge that mix tenants' stores.

use std::sync::Arc;

use reference_core::{
    ports::Database,
    sabotage::{self, Sabotage},
    store::rate,
    tenancy::TenantContext,
};

use super::{Edge, unavailable};
use crate::reply::Problem;

impl Edge {
    /// Counts a request against every other tenant's limits too.
    pub(super) async fn count_elsewhere(&self, tenant: &TenantContext, class: rate::RouteClass) {
        if !sabotage::on(Sabotage::RateSharedByTenants) {
            return;
        }
        for other in sabotage::others(tenant) {
            let _ = self.parts.limiter.admit(&other, class).await;
        }
    }

    /// The store of idempotency keys: the tenant's own, or that of the first of all tenants.
    pub(super) async fn idempotency_store(
        &self,
        tenant: &TenantContext,
        own: Arc<dyn Database>,
    ) -> Result<Arc<dyn Database>, Problem> {
        let first = sabotage::others(tenant).into_iter().next().filter(|first| first.id() < tenant.id());
        match first.filter(|_| sabotage::on(Sabotage::IdempotencySharedByTenants)) {
            Some(first) => self.parts.databases.open(&first).await.map_err(|error| unavailable(&error)),
            None => Ok(own),
        }
    }
}
