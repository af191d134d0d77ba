//! A place for audio that need not lie in a tenant's database.

use super::{BoxFuture, UnixMillis};
use crate::tenancy::TenantContext;

/// Why audio could not be kept or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AudioError {
    /// The store does not answer, or refuses.
    #[error("the store of audio is not available: {reason}")]
    Unavailable {
        /// What it said.
        reason: String,
    },
}

/// The audio of jobs, beside the database that knows the jobs: nothing is read here whose job is not there any more.
pub trait AudioStore: Send + Sync {
    /// Keeps the audio of a job of the tenant, in the place of what it had. It may be dropped from `expires_at` on, and must be
    /// some time after.
    fn put<'a>(
        &'a self,
        tenant: &'a TenantContext,
        job: &'a str,
        audio: &'a [u8],
        expires_at: UnixMillis,
    ) -> BoxFuture<'a, Result<(), AudioError>>;

    /// The audio of a job of the tenant; `None` where there is none.
    fn get<'a>(&'a self, tenant: &'a TenantContext, job: &'a str)
    -> BoxFuture<'a, Result<Option<Vec<u8>>, AudioError>>;
}
