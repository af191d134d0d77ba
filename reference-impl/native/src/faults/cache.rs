//! An answer cache that fails when told to.

use std::sync::Arc;

use reference_core::ports::{BoxFuture, KeyValue, KeyValueError, KeyValueFigures, UnixMillis};
use reference_core::tenancy::TenantContext;

use super::{Faults, Port, Strike};

/// A cache behind the faults of [`Port::Cache`].
pub struct FaultyKeyValue {
    inner: Arc<dyn KeyValue>,
    faults: Arc<Faults>,
}

impl FaultyKeyValue {
    /// `inner` behind `faults`.
    pub fn new(inner: Arc<dyn KeyValue>, faults: Arc<Faults>) -> Self {
        Self { inner, faults }
    }

    /// `Ok(true)` when the call is to be answered with garbage.
    async fn strike(&self, tenant: &TenantContext) -> Result<bool, KeyValueError> {
        match self.faults.strike(Port::Cache, tenant.id()).await {
            None => Ok(false),
            Some(Strike::Garbage) => Ok(true),
            Some(strike @ (Strike::Refused | Strike::Status(_))) => {
                self.faults.failed(Port::Cache, tenant.id());
                Err(KeyValueError::Unavailable { reason: strike.reason() })
            }
        }
    }
}

impl KeyValue for FaultyKeyValue {
    fn get<'a>(
        &'a self,
        tenant: &'a TenantContext,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, KeyValueError>> {
        Box::pin(async move {
            if self.strike(tenant).await? {
                return Ok(Some("\u{0}not what was put here".to_owned()));
            }
            self.inner.get(tenant, key).await
        })
    }

    fn put<'a>(
        &'a self,
        tenant: &'a TenantContext,
        key: &'a str,
        value: String,
        expires_at: UnixMillis,
    ) -> BoxFuture<'a, Result<(), KeyValueError>> {
        Box::pin(async move {
            let _garbage = self.strike(tenant).await?;
            self.inner.put(tenant, key, value, expires_at).await
        })
    }

    fn clear<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, Result<(), KeyValueError>> {
        Box::pin(async move {
            let _garbage = self.strike(tenant).await?;
            self.inner.clear(tenant).await
        })
    }

    fn figures(&self, tenant: &TenantContext) -> KeyValueFigures {
        self.inner.figures(tenant)
    }

    fn counted<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, KeyValueFigures> {
        self.inner.counted(tenant)
    }
}
