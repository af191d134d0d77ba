//! A cache that confuses its entries, for the flaw of that name; in a build with the feature `sabotage` alone.

use std::sync::{Arc, Mutex, PoisonError};

use reference_core::{
    ports::{BoxFuture, KeyValue, KeyValueError, KeyValueFigures, UnixMillis},
    sabotage::{self, Sabotage},
    tenancy::TenantContext,
};

/// The cache behind it, and what was put last.
pub(crate) struct Confused {
    inner: Arc<dyn KeyValue>,
    last: Mutex<Option<String>>,
}

impl Confused {
    pub(crate) fn new(inner: Arc<dyn KeyValue>) -> Self {
        Self { inner, last: Mutex::default() }
    }
}

impl KeyValue for Confused {
    fn get<'a>(
        &'a self,
        tenant: &'a TenantContext,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, KeyValueError>> {
        if sabotage::on(Sabotage::WorkerCacheConfused) {
            let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
            return Box::pin(async move { Ok(last) });
        }
        self.inner.get(tenant, key)
    }

    fn put<'a>(
        &'a self,
        tenant: &'a TenantContext,
        key: &'a str,
        value: String,
        expires_at: UnixMillis,
    ) -> BoxFuture<'a, Result<(), KeyValueError>> {
        if sabotage::on(Sabotage::WorkerCacheConfused) {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(value.clone());
        }
        self.inner.put(tenant, key, value, expires_at)
    }

    fn clear<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, Result<(), KeyValueError>> {
        self.inner.clear(tenant)
    }

    fn figures(&self, tenant: &TenantContext) -> KeyValueFigures {
        self.inner.figures(tenant)
    }

    fn counted<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, KeyValueFigures> {
        self.inner.counted(tenant)
    }
}
