//! Stores whose calls are steps. Work that is not sampled gets the store itself.

use std::sync::Arc;

use super::{StepName, StepOutcome};
use crate::ports::{
    BoxFuture, Database, DatabaseError, Databases, KeyValue, KeyValueError, KeyValueFigures, Row, Scores, Statement,
    UnixMillis,
};
use crate::tenancy::TenantContext;

/// `inner` with a step for each batch.
pub(crate) fn traced_databases(inner: Arc<dyn Databases>) -> Arc<dyn Databases> {
    Arc::new(TracedDatabases(inner))
}

/// `inner` with a step for each call that goes to the host.
pub(crate) fn traced_key_value(inner: Arc<dyn KeyValue>) -> Arc<dyn KeyValue> {
    Arc::new(TracedKeyValue(inner))
}

struct TracedDatabases(Arc<dyn Databases>);

impl Databases for TracedDatabases {
    fn open<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, Result<Arc<dyn Database>, DatabaseError>> {
        if !tenant.is_traced() {
            return self.0.open(tenant);
        }
        Box::pin(async move {
            let inner = self.0.open(tenant).await?;
            Ok(Arc::new(TracedDatabase { inner, tenant: tenant.clone() }) as Arc<dyn Database>)
        })
    }

    fn destroy<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, Result<(), DatabaseError>> {
        self.0.destroy(tenant)
    }
}

/// A tenant's database as one piece of work sees it.
struct TracedDatabase {
    inner: Arc<dyn Database>,
    tenant: TenantContext,
}

type Rows = Result<Vec<Vec<Row>>, DatabaseError>;

impl TracedDatabase {
    async fn told<T>(&self, batch: BoxFuture<'_, Result<T, DatabaseError>>) -> Result<T, DatabaseError> {
        let (_, step) = self.tenant.step(StepName::Database);
        let rows = batch.await;
        let outcome = match &rows {
            // A guard that holds is an answer and no failure.
            Ok(_) | Err(DatabaseError::GuardFailed { .. }) => StepOutcome::Ok,
            Err(DatabaseError::Unavailable { .. } | DatabaseError::Refused { .. }) => StepOutcome::Error,
        };
        step.end(outcome);
        rows
    }
}

impl Database for TracedDatabase {
    fn batch(&self, statements: Vec<Statement>) -> BoxFuture<'_, Rows> {
        Box::pin(self.told(self.inner.batch(statements)))
    }

    fn batch_counts(&self, statements: Vec<Statement>) -> BoxFuture<'_, Rows> {
        Box::pin(self.told(self.inner.batch_counts(statements)))
    }

    fn read_scores(
        &self,
        scores: Statement,
        beside: Statement,
    ) -> BoxFuture<'_, Result<(Scores, Vec<Row>), DatabaseError>> {
        Box::pin(self.told(self.inner.read_scores(scores, beside)))
    }

    fn read_state(
        &self,
        statements: &'static [&'static str],
    ) -> BoxFuture<'_, Result<Arc<Vec<Vec<Row>>>, DatabaseError>> {
        Box::pin(self.told(self.inner.read_state(statements)))
    }
}

struct TracedKeyValue(Arc<dyn KeyValue>);

/// `call` as a step.
async fn told<T>(tenant: &TenantContext, call: BoxFuture<'_, Result<T, KeyValueError>>) -> Result<T, KeyValueError> {
    let (_, step) = tenant.step(StepName::Cache);
    let given = call.await;
    step.end(StepOutcome::of(&given));
    given
}

impl KeyValue for TracedKeyValue {
    fn get<'a>(
        &'a self,
        tenant: &'a TenantContext,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, KeyValueError>> {
        let call = self.0.get(tenant, key);
        if tenant.is_traced() { Box::pin(told(tenant, call)) } else { call }
    }

    fn put<'a>(
        &'a self,
        tenant: &'a TenantContext,
        key: &'a str,
        value: String,
        expires_at: UnixMillis,
    ) -> BoxFuture<'a, Result<(), KeyValueError>> {
        let call = self.0.put(tenant, key, value, expires_at);
        if tenant.is_traced() { Box::pin(told(tenant, call)) } else { call }
    }

    fn clear<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, Result<(), KeyValueError>> {
        let call = self.0.clear(tenant);
        if tenant.is_traced() { Box::pin(told(tenant, call)) } else { call }
    }

    fn figures(&self, tenant: &TenantContext) -> KeyValueFigures {
        self.0.figures(tenant)
    }

    fn counted<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, KeyValueFigures> {
        self.0.counted(tenant)
    }
}
