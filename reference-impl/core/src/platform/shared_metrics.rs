//! Where several processes keep together what each of them counts: with the tenants whose it is.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::auth::Authenticator;
use crate::metrics::{Change, Metrics};
use crate::ports::{Database, DatabaseError, Databases};
use crate::sabotage::{self, Sabotage};
use crate::store::metrics;
use crate::tenancy::{TenantContext, TenantId};

/// The databases of tenants as a store of counts.
pub struct SharedMetrics {
    databases: Arc<dyn Databases>,
    authenticator: Arc<Authenticator>,
    nobody: TenantContext,
    /// Tenants that are known to stand in the list.
    noted: Mutex<HashSet<TenantId>>,
}

impl SharedMetrics {
    /// - `authenticator`: gives the contexts under which each tenant's own counts are kept with it.
    /// - `nobody`: under which those are kept that belong to no tenant, and the list of tenants that have some.
    pub fn new(databases: Arc<dyn Databases>, authenticator: Arc<Authenticator>, nobody: TenantContext) -> Self {
        Self { databases, authenticator, nobody, noted: Mutex::default() }
    }

    async fn open(&self, tenant: Option<&TenantId>) -> Result<Option<Arc<dyn Database>>, DatabaseError> {
        let context = match tenant {
            Some(id) => self.authenticator.maintenance(id),
            None => Some(self.nobody.clone()),
        };
        let Some(context) = context else { return Ok(None) };
        self.databases.open(&context).await.map(Some)
    }

    /// Adds what this process has counted of a tenant since it last did.
    pub(super) async fn keep(
        &self,
        counts: &Metrics,
        tenant: Option<&TenantId>,
        now_us: u64,
    ) -> Result<(), DatabaseError> {
        self.kept(counts, (tenant, now_us), false).await.map(drop)
    }

    /// The same, and returns all that is kept of it; `None` for a tenant that is gone.
    pub(super) async fn keep_and_read(
        &self,
        counts: &Metrics,
        tenant: Option<&TenantId>,
        now_us: u64,
    ) -> Result<Option<Vec<Change>>, DatabaseError> {
        self.kept(counts, (tenant, now_us), true).await
    }

    async fn kept(
        &self,
        counts: &Metrics,
        (tenant, now_us): (Option<&TenantId>, u64),
        reads: bool,
    ) -> Result<Option<Vec<Change>>, DatabaseError> {
        let Some(database) = self.open(tenant).await? else {
            // Nobody asks for the counts of a tenant that is gone.
            if let Some(id) = tenant {
                counts.forget(id);
            }
            return Ok(None);
        };
        let taken = counts.take(tenant, now_us);
        let changes = match &taken {
            Some(leaving) if !sabotage::on(Sabotage::WorkerCountsLost) => leaving.changes(),
            Some(_) | None => &[],
        };
        let kept = if reads {
            metrics::add_and_read(&*database, changes).await?
        } else {
            metrics::add(&*database, changes).await?;
            Vec::new()
        };
        if let Some(leaving) = taken {
            leaving.kept();
        }
        if let Some(id) = tenant.filter(|id| !self.noted().contains(*id)) {
            if let Some(list) = self.open(None).await? {
                metrics::note(&*list, id).await?;
            }
            self.noted().insert(id.clone());
        }
        Ok(Some(kept))
    }

    /// Tenants of which something is kept and who are there still.
    pub(super) async fn tenants(&self) -> Result<Vec<TenantId>, DatabaseError> {
        let Some(list) = self.open(None).await? else { return Ok(Vec::new()) };
        let noted = metrics::noted(&*list).await?;
        Ok(noted.into_iter().filter(|id| self.authenticator.maintenance(id).is_some()).collect())
    }

    fn noted(&self) -> std::sync::MutexGuard<'_, HashSet<TenantId>> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
