//! The cache in memory: bounded for each tenant and over all of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{KeyValue, KeyValueError, KeyValueFigures};
use crate::ports::{BoxFuture, UnixMillis};
use crate::tenancy::{TenantContext, TenantId};

/// What an entry takes beside its key and value: places in two tables. Without it, many tiny entries would go beyond the
/// bound by far.
const ENTRY_BYTES: usize = 96;
/// Tenants that may fill their share at the same time before the least used entries of the fullest give way.
const FULL_TENANTS: usize = 16;

/// The in-memory adapter: the least recently used entries of a tenant make room for its new ones. Where all tenants together
/// hold too much, the tenant that holds most gives way, so that a busy one cannot push out a small one's.
#[derive(Debug)]
pub struct MemoryKeyValue {
    bytes_per_tenant: usize,
    bytes: usize,
    spaces: Mutex<Spaces>,
}

#[derive(Debug, Default)]
struct Spaces {
    by_tenant: HashMap<TenantId, Space>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Space {
    entries: HashMap<String, Entry>,
    /// Keys by when they were last used: the first is the next to go.
    order: BTreeMap<u64, String>,
    bytes: usize,
    uses: u64,
    evictions: u64,
}

#[derive(Debug)]
struct Entry {
    value: String,
    used: u64,
}

fn size(key: &str, value: &str) -> usize {
    // The key stands in both tables.
    2 * key.len() + value.len() + ENTRY_BYTES
}

impl Space {
    /// Takes an entry out; returns the bytes that it held.
    fn remove(&mut self, key: &str) -> usize {
        let Some(entry) = self.entries.remove(key) else { return 0 };
        self.order.remove(&entry.used);
        let freed = size(key, &entry.value);
        self.bytes -= freed;
        freed
    }

    /// Takes the least recently used entry out; returns the bytes that it held, 0 where there is none.
    fn evict(&mut self) -> usize {
        let Some((_, oldest)) = self.order.pop_first() else { return 0 };
        self.evictions += 1;
        let Some(entry) = self.entries.remove(&oldest) else { return 0 };
        let freed = size(&oldest, &entry.value);
        self.bytes -= freed;
        freed
    }

    fn get(&mut self, key: &str) -> Option<String> {
        self.uses += 1;
        let entry = self.entries.get_mut(key)?;
        if let Some(name) = self.order.remove(&entry.used) {
            self.order.insert(self.uses, name);
        }
        entry.used = self.uses;
        Some(entry.value.clone())
    }
}

impl MemoryKeyValue {
    /// An empty cache that holds at most `bytes_per_tenant` bytes for each tenant, and sixteen times as much in all.
    pub fn new(bytes_per_tenant: usize) -> Self {
        Self::bounded(bytes_per_tenant, bytes_per_tenant.saturating_mul(FULL_TENANTS))
    }

    /// An empty cache that holds at most `bytes_per_tenant` bytes of keys, values and their places for each tenant, and at
    /// most `bytes` for all together.
    pub fn bounded(bytes_per_tenant: usize, bytes: usize) -> Self {
        Self { bytes_per_tenant: bytes_per_tenant.min(bytes), bytes, spaces: Mutex::default() }
    }

    /// Bytes that all tenants hold together.
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }

    fn lock(&self) -> MutexGuard<'_, Spaces> {
        self.spaces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert(&self, tenant: &TenantId, key: &str, value: String) {
        let mut spaces = self.lock();
        let spaces = &mut *spaces;
        let space = spaces.by_tenant.entry(tenant.clone()).or_default();
        spaces.bytes -= space.remove(key);
        let size = size(key, &value);
        if size > self.bytes_per_tenant {
            return;
        }
        while space.bytes + size > self.bytes_per_tenant {
            spaces.bytes -= space.evict();
        }
        space.uses += 1;
        space.bytes += size;
        spaces.bytes += size;
        let used = space.uses;
        space.order.insert(used, key.to_owned());
        space.entries.insert(key.to_owned(), Entry { value, used });
        while spaces.bytes > self.bytes {
            let fullest = spaces.by_tenant.values_mut().max_by_key(|space| space.bytes);
            let Some(freed) = fullest.map(Space::evict).filter(|freed| *freed > 0) else { break };
            spaces.bytes -= freed;
        }
    }
}

impl KeyValue for MemoryKeyValue {
    fn get<'a>(
        &'a self,
        tenant: &'a TenantContext,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, KeyValueError>> {
        Box::pin(async move { Ok(self.lock().by_tenant.get_mut(tenant.id()).and_then(|space| space.get(key))) })
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
            let mut spaces = self.lock();
            let spaces = &mut *spaces;
            if let Some(space) = spaces.by_tenant.get_mut(tenant.id()) {
                spaces.bytes -= space.bytes;
                // The counter of evictions stays: it never falls.
                *space = Space { evictions: space.evictions, ..Space::default() };
            }
            Ok(())
        })
    }

    fn figures(&self, tenant: &TenantContext) -> KeyValueFigures {
        self.lock().by_tenant.get(tenant.id()).map_or_else(KeyValueFigures::default, |space| KeyValueFigures {
            entries: space.entries.len() as u64,
            bytes: space.bytes as u64,
            evictions: space.evictions,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::TestTenants;

    /// Bytes of an entry with a key of one letter and a value of `value` bytes.
    fn of(value: usize) -> usize {
        size("k", &"x".repeat(value))
    }

    async fn put(cache: &MemoryKeyValue, tenant: &TenantContext, key: &str, bytes: usize) {
        cache.put(tenant, key, "x".repeat(bytes), 0).await.unwrap();
    }

    async fn has(cache: &MemoryKeyValue, tenant: &TenantContext, key: &str) -> bool {
        cache.get(tenant, key).await.unwrap().is_some()
    }

    #[tokio::test]
    async fn keeps_the_contract_of_the_port() {
        let tenants = TestTenants::new();
        let cache = MemoryKeyValue::new(1 << 20);
        let (owner, stranger) = (tenants.owner(), tenants.stranger());
        crate::ports::contract::assert_key_values_isolate_tenants(&cache, &owner, &stranger, i64::MAX).await;
    }

    #[tokio::test]
    async fn drops_the_least_recently_used_of_a_tenant() {
        let tenants = TestTenants::new();
        let (owner, stranger) = (tenants.owner(), tenants.stranger());
        let cache = MemoryKeyValue::bounded(3 * of(100), 100 * of(100));
        put(&cache, &stranger, "s", 100).await;
        for key in ["a", "b", "c"] {
            put(&cache, &owner, key, 100).await;
        }
        assert!(has(&cache, &owner, "a").await);
        put(&cache, &owner, "d", 100).await;
        assert!(!has(&cache, &owner, "b").await, "longest unused");
        for key in ["a", "c", "d"] {
            assert!(has(&cache, &owner, key).await, "{key}");
        }
        assert!(has(&cache, &stranger, "s").await);
        let figures = cache.figures(&owner);
        assert_eq!((figures.entries, figures.evictions, figures.bytes), (3, 1, 3 * of(100) as u64));
        put(&cache, &owner, "a", 3 * of(100)).await;
        assert!(!has(&cache, &owner, "a").await, "what fits nowhere is not kept, nor what it replaces");
        assert_eq!(cache.figures(&owner).entries, 2);
    }

    #[tokio::test]
    async fn bounds_all_tenants_together_at_the_cost_of_the_fullest() {
        let tenants = TestTenants::new();
        let (owner, stranger) = (tenants.owner(), tenants.stranger());
        let cache = MemoryKeyValue::bounded(10 * of(100), 5 * of(100));
        put(&cache, &stranger, "s", 100).await;
        for key in ["a", "b", "c", "d", "e", "f"] {
            put(&cache, &owner, key, 100).await;
        }
        assert!(cache.bytes() <= 5 * of(100));
        assert!(has(&cache, &stranger, "s").await, "a small tenant keeps what it has");
        assert_eq!((cache.figures(&owner).entries, cache.figures(&owner).evictions), (4, 2));
    }

    #[tokio::test]
    async fn keeps_count_of_bytes_through_everything() {
        let tenants = TestTenants::new();
        let (owner, stranger) = (tenants.owner(), tenants.stranger());
        let cache = MemoryKeyValue::bounded(5 * of(40), 8 * of(40));
        for round in 0..200_usize {
            let tenant = if round % 3 == 0 { &stranger } else { &owner };
            put(&cache, tenant, &(round % 11).to_string(), round * 7 % 90).await;
            has(&cache, tenant, &(round % 5).to_string()).await;
            if round % 50 == 49 {
                cache.clear(tenant).await.unwrap();
            }
            let (one, other) = (cache.figures(&owner).bytes, cache.figures(&stranger).bytes);
            assert_eq!(cache.bytes() as u64, one + other);
            assert!(cache.bytes() <= 8 * of(40) && one.max(other) <= 5 * of(40) as u64);
        }
        for tenant in [&owner, &stranger] {
            cache.clear(tenant).await.unwrap();
        }
        assert_eq!(cache.bytes(), 0);
    }
}
