//! Everything of a tenant, out of every store.

use super::Platform;
use crate::ports::{AudioError, DatabaseError, KeyValueError};
use crate::sabotage::{self, Sabotage};
use crate::tenancy::TenantContext;

/// What was removed beside the tenant's database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Erased {
    /// Entries of the cache.
    pub cache: u64,
    /// Jobs whose audio lay in a store of its own; `None` where the host has none.
    pub audio: Option<usize>,
    /// Vectors that an index elsewhere was told to remove, counting those that it no longer had; `None` where it had none of the
    /// tenant. It may go on naming them for a while, to nobody: the store that knew them is gone.
    pub vectors: Option<u64>,
}

/// A store that was not emptied. Whoever asks again finds what is left.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// The tenant's database is still there, in part or as a whole.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Entries of the cache may be there.
    #[error(transparent)]
    Cache(#[from] KeyValueError),
    /// Audio may be there.
    #[error(transparent)]
    Audio(#[from] AudioError),
    /// The index elsewhere was not told of every vector.
    #[error("vectors are not removed: {reason}")]
    Vectors {
        /// What the index or the database said.
        reason: String,
    },
}

impl Platform {
    /// Removes everything that is kept of the tenant: what is in memory and in the cache, vectors and audio in stores elsewhere, and at
    /// last its database, which knows what lies in the others. So one that failed half-way can be asked for again.
    ///
    /// # Errors
    ///
    /// [`EraseError`], at the first store that was not emptied.
    pub async fn erase(&self, tenant: &TenantContext) -> Result<Erased, EraseError> {
        let mut erased = Erased { cache: self.ports.key_value.counted(tenant).await.entries, ..Erased::default() };
        let removed = self.retriever.erase_elsewhere(tenant, &*self.ports.databases).await;
        erased.vectors = removed.map_err(|error| EraseError::Vectors { reason: error.to_string() })?;
        if let Some(store) = &self.audio {
            erased.audio = Some(store.clear(tenant).await?);
        }
        self.forget(tenant).await?;
        if !sabotage::on(Sabotage::DeletedTenantKeepsStores) {
            self.ports.databases.destroy(tenant).await?;
        }
        Ok(erased)
    }
}
