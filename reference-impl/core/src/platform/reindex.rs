//! New vectors for a tenant, for when its model has changed.

use super::Platform;
use crate::retrieve::{ReindexError, ReindexProgress, Reindexed, reindex};
use crate::tenancy::TenantContext;

impl Platform {
    /// Embeds all chunks of the tenant with the model that it is configured with, and switches to the new vectors at the
    /// end, at once. Until then the index is what it was. An interrupted call is taken up by the next.
    ///
    /// # Errors
    ///
    /// [`ReindexError`]; the index is then what it was.
    pub async fn reindex(
        &self,
        tenant: &TenantContext,
        progress: &mut (dyn FnMut(ReindexProgress) + Send),
    ) -> Result<Reindexed, ReindexError> {
        // Counted, and never refused half-way for want of tokens.
        let tenant = &tenant.for_upkeep();
        let embedder = self.embedder(tenant).map_err(|model| ReindexError::UnknownModel { model })?;
        let database = self.ports.databases.open(tenant).await?;
        let reindexed = reindex(tenant, &*database, &*embedder, progress).await;
        self.meter.close(tenant).await;
        reindexed
    }
}
