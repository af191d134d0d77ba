//! A cache of text by key, a space for each tenant.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{BoxFuture, UnixMillis};
use crate::tenancy::{TenantContext, TenantId};

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
}

/// The in-memory adapter: the least recently used entries of a tenant make room for its new ones, and no tenant can
/// push out another's.
#[derive(Debug)]
pub struct MemoryKeyValue {
    bytes_per_tenant: usize,
    spaces: Mutex<HashMap<TenantId, Space>>,
}

#[derive(Debug, Default)]
struct Space {
    entries: HashMap<String, Entry>,
    bytes: usize,
    uses: u64,
    evictions: u64,
}

#[derive(Debug)]
struct Entry {
    value: String,
    used: u64,
}

impl Space {
    fn remove(&mut self, key: &str) {
        if let Some(entry) = self.entries.remove(key) {
            self.bytes -= key.len() + entry.value.len();
        }
    }
}

impl MemoryKeyValue {
    /// An empty cache that holds at most `bytes_per_tenant` bytes of keys and values for each tenant.
    pub fn new(bytes_per_tenant: usize) -> Self {
        Self { bytes_per_tenant, spaces: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, Space>> {
        self.spaces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert(&self, tenant: &TenantId, key: &str, value: String) {
        let mut spaces = self.lock();
        let space = spaces.entry(tenant.clone()).or_default();
        space.remove(key);
        let size = key.len() + value.len();
        if size > self.bytes_per_tenant {
            return;
        }
        while space.bytes + size > self.bytes_per_tenant {
            let Some(oldest) = space.entries.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone())
            else {
                break;
            };
            space.remove(&oldest);
            space.evictions += 1;
        }
        space.uses += 1;
        space.bytes += size;
        let used = space.uses;
        space.entries.insert(key.to_owned(), Entry { value, used });
    }
}

impl KeyValue for MemoryKeyValue {
    fn get<'a>(
        &'a self,
        tenant: &'a TenantContext,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, KeyValueError>> {
        Box::pin(async move {
            let mut spaces = self.lock();
            let Some(space) = spaces.get_mut(tenant.id()) else { return Ok(None) };
            space.uses += 1;
            let used = space.uses;
            Ok(space.entries.get_mut(key).map(|entry| {
                entry.used = used;
                entry.value.clone()
            }))
        })
    }

    fn put<'a>(
        &'a self,
        tenant: &'a TenantContext,
        key: &'a str,
        value: String,
        _expires_at: UnixMillis,
    ) -> BoxFuture<'a, Result<(), KeyValueError>> {
        Box::pin(async move {
            self.insert(tenant.id(), key, value);
            Ok(())
        })
    }

    fn clear<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, Result<(), KeyValueError>> {
        Box::pin(async move {
            if let Some(space) = self.lock().get_mut(tenant.id()) {
                space.entries.clear();
                space.bytes = 0;
            }
            Ok(())
        })
    }

    fn figures(&self, tenant: &TenantContext) -> KeyValueFigures {
        self.lock().get(tenant.id()).map_or_else(KeyValueFigures::default, |space| KeyValueFigures {
            entries: space.entries.len() as u64,
            evictions: space.evictions,
        })
    }
}
