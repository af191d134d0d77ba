//! A cache of text by key, a space for each tenant.

mod memory;
mod patient;

pub use memory::MemoryKeyValue;
pub use patient::PatientKeyValue;

use super::{BoxFuture, UnixMillis};
use crate::tenancy::TenantContext;

/// Why the cache gave nothing. Callers go on without it.
#[derive(Debug, thiserror::Error)]
pub enum KeyValueError {
    /// The host could not be reached in time, or is out of service.
    #[error("key-value store is unavailable: {reason}")]
    Unavailable {
        /// What the host said; goes to the log, never to a client.
        reason: String,
    },
}

/// What a cache holds, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyValueFigures {
    /// Entries held for the tenant.
    pub entries: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
    /// Entries of the tenant that were dropped for want of room since start.
    pub evictions: u64,
}

/// Texts by key. An entry of one tenant is never visible to another, whatever the key. Entries may vanish at any time.
pub trait KeyValue: Send + Sync {
    /// The text under `key`, if it is there. Expired entries may still be returned: the caller compares times itself,
    /// because a host's clock is not the tenant's.
    ///
    /// # Errors
    ///
    /// [`KeyValueError`].
    fn get<'a>(
        &'a self,
        tenant: &'a TenantContext,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, KeyValueError>>;

    /// Puts `value` under `key`; it may be dropped after `expires_at`.
    ///
    /// # Errors
    ///
    /// [`KeyValueError`]; the old entry may be there or not.
    fn put<'a>(
        &'a self,
        tenant: &'a TenantContext,
        key: &'a str,
        value: String,
        expires_at: UnixMillis,
    ) -> BoxFuture<'a, Result<(), KeyValueError>>;

    /// Removes every entry of the tenant.
    ///
    /// # Errors
    ///
    /// [`KeyValueError`]; some entries may be left.
    fn clear<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, Result<(), KeyValueError>>;

    /// What is held for the tenant; zeros where the host cannot say.
    fn figures(&self, tenant: &TenantContext) -> KeyValueFigures;

    /// The same for one who may wait: a host whose cache lies elsewhere counts there. What cannot be counted in time is told as
    /// [`KeyValue::figures`] has it.
    fn counted<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, KeyValueFigures> {
        Box::pin(std::future::ready(self.figures(tenant)))
    }
}
