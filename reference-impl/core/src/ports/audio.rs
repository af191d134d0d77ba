//! A place for audio that need not lie in a tenant's database.

use super::{BoxFuture, UnixMillis};
use crate::tenancy::TenantContext;

/// Most bytes of audio that are kept for a tenant, in its database or in a store beside it.
pub const MOST_AUDIO_BYTES: u64 = 256 << 20;

/// Why audio could not be kept, read or removed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AudioError {
    /// The store does not answer, or refuses.
    #[error("the store of audio is not available: {reason}")]
    Unavailable {
        /// What it said.
        reason: String,
    },
    /// The tenant has as much in it as it may.
    #[error("as much audio of the tenant is kept as may be")]
    Full,
}

/// The audio of jobs, beside the database that knows the jobs: nothing is read here whose job is not there any more.
pub trait AudioStore: Send + Sync {
    /// Keeps the audio of a job of the tenant, in the place of what it had. It may be dropped from `expires_at` on, and must be
    /// some time after.
    ///
    /// # Errors
    ///
    /// [`AudioError::Full`] where the tenant would have more bytes in the store than [`MOST_AUDIO_BYTES`], or than the store's own
    /// lower bound; what is kept at the same moment may not be counted yet. [`AudioError::Unavailable`].
    fn put<'a>(
        &'a self,
        tenant: &'a TenantContext,
        job: &'a str,
        audio: &'a [u8],
        expires_at: UnixMillis,
    ) -> BoxFuture<'a, Result<(), AudioError>>;

    /// The audio of a job of the tenant; `None` where there is none.
    ///
    /// # Errors
    ///
    /// [`AudioError::Unavailable`].
    fn get<'a>(&'a self, tenant: &'a TenantContext, job: &'a str)
    -> BoxFuture<'a, Result<Option<Vec<u8>>, AudioError>>;

    /// Removes the audio of a job of the tenant; none is no error.
    ///
    /// # Errors
    ///
    /// [`AudioError::Unavailable`].
    fn remove<'a>(&'a self, tenant: &'a TenantContext, job: &'a str) -> BoxFuture<'a, Result<(), AudioError>>;

    /// Removes all audio of the tenant, and returns of how many jobs there was some.
    ///
    /// # Errors
    ///
    /// [`AudioError::Unavailable`]; some may be removed.
    fn clear<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, Result<usize, AudioError>>;
}
