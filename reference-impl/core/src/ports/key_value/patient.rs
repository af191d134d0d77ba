//! A cache that nobody waits for long: a request goes on without one that hangs, and still has most of its time.

use std::sync::Arc;

use futures_util::future::{Either, select};

use super::{KeyValue, KeyValueError, KeyValueFigures};
use crate::ports::{BoxFuture, Timer, UnixMillis};
use crate::tenancy::TenantContext;

/// The share of a request's time that one call may take is one in so many. A request looks once and puts away once.
const SHARE: u64 = 8;

/// A cache whose calls are given up after a share of the tenant's `times.deadline_ms`.
pub struct PatientKeyValue {
    inner: Arc<dyn KeyValue>,
    timer: Arc<dyn Timer>,
}

impl PatientKeyValue {
    /// `inner`, with time from `timer`.
    pub fn new(inner: Arc<dyn KeyValue>, timer: Arc<dyn Timer>) -> Self {
        Self { inner, timer }
    }

    async fn within<T>(
        &self,
        tenant: &TenantContext,
        call: BoxFuture<'_, Result<T, KeyValueError>>,
    ) -> Result<T, KeyValueError> {
        let deadline_ms = u64::try_from(tenant.settings().times.deadline_ms).unwrap_or_default();
        let after_ms = (deadline_ms / SHARE).max(1);
        match select(call, self.timer.sleep(after_ms)).await {
            Either::Left((answer, _)) => answer,
            Either::Right(((), _)) => {
                Err(KeyValueError::Unavailable { reason: format!("no answer within {after_ms} ms") })
            }
        }
    }
}

impl KeyValue for PatientKeyValue {
    fn get<'a>(
        &'a self,
        tenant: &'a TenantContext,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, KeyValueError>> {
        Box::pin(self.within(tenant, self.inner.get(tenant, key)))
    }

    fn put<'a>(
        &'a self,
        tenant: &'a TenantContext,
        key: &'a str,
        value: String,
        expires_at: UnixMillis,
    ) -> BoxFuture<'a, Result<(), KeyValueError>> {
        Box::pin(self.within(tenant, self.inner.put(tenant, key, value, expires_at)))
    }

    /// Waits for as long as it takes: what is left behind would be served later.
    fn clear<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, Result<(), KeyValueError>> {
        self.inner.clear(tenant)
    }

    fn figures(&self, tenant: &TenantContext) -> KeyValueFigures {
        self.inner.figures(tenant)
    }

    fn counted<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, KeyValueFigures> {
        Box::pin(async move {
            let counted = self.inner.counted(tenant);
            let counted = self.within(tenant, Box::pin(async move { Ok(counted.await) })).await;
            counted.unwrap_or_else(|_| self.inner.figures(tenant))
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::ports::MemoryKeyValue;
    use crate::testkit::{TestTenants, TestTimer};

    /// Never answers.
    struct Hanging;

    impl KeyValue for Hanging {
        fn get<'a>(&'a self, _: &'a TenantContext, _: &'a str) -> BoxFuture<'a, Result<Option<String>, KeyValueError>> {
            Box::pin(std::future::pending())
        }

        fn put<'a>(
            &'a self,
            _: &'a TenantContext,
            _: &'a str,
            _: String,
            _: UnixMillis,
        ) -> BoxFuture<'a, Result<(), KeyValueError>> {
            Box::pin(std::future::pending())
        }

        fn clear<'a>(&'a self, _: &'a TenantContext) -> BoxFuture<'a, Result<(), KeyValueError>> {
            Box::pin(std::future::pending())
        }

        fn figures(&self, _: &TenantContext) -> KeyValueFigures {
            KeyValueFigures { entries: 3, ..KeyValueFigures::default() }
        }

        fn counted<'a>(&'a self, _: &'a TenantContext) -> BoxFuture<'a, KeyValueFigures> {
            Box::pin(std::future::pending())
        }
    }

    #[tokio::test]
    async fn gives_up_a_call_that_hangs_after_its_share_of_the_deadline() {
        let (tenants, timer) = (TestTenants::new(), TestTimer::default());
        let (owner, cache) = (tenants.owner(), PatientKeyValue::new(Arc::new(Hanging), Arc::new(timer.clone())));
        let share = u64::try_from(owner.settings().times.deadline_ms).unwrap() / SHARE;
        let mut get = cache.get(&owner, "key");
        let mut put = cache.put(&owner, "key", String::new(), 0);
        let mut counted = cache.counted(&owner);
        assert!((&mut get).now_or_never().is_none() && (&mut put).now_or_never().is_none());
        assert!((&mut counted).now_or_never().is_none());
        timer.pass(share - 1);
        assert!((&mut get).now_or_never().is_none());
        timer.pass(1);
        assert!(matches!(get.await, Err(KeyValueError::Unavailable { .. })));
        assert!(matches!(put.await, Err(KeyValueError::Unavailable { .. })));
        assert_eq!(counted.await.entries, 3, "what is known at once");
        assert_eq!(timer.next(), None);
    }

    #[tokio::test]
    async fn passes_on_what_comes_in_time() {
        let tenants = TestTenants::new();
        let cache = PatientKeyValue::new(Arc::new(MemoryKeyValue::new(1024)), Arc::new(TestTimer::default()));
        cache.put(&tenants.owner(), "key", "value".to_owned(), i64::MAX).await.unwrap();
        assert_eq!(cache.get(&tenants.owner(), "key").await.unwrap().as_deref(), Some("value"));
        assert_eq!(cache.figures(&tenants.owner()).entries, 1);
        cache.clear(&tenants.owner()).await.unwrap();
        assert_eq!(cache.get(&tenants.owner(), "key").await.unwrap(), None);
    }
}
