//! Databases that fail when told to.

use std::sync::Arc;

use reference_core::ports::{BoxFuture, Database, DatabaseError, Databases, Row, Scores, Statement};
use reference_core::tenancy::{TenantContext, TenantId};

use super::{Faults, Port, Strike};

/// Databases behind the faults of one port.
pub struct FaultyDatabases {
    inner: Arc<dyn Databases>,
    faults: Arc<Faults>,
    port: Port,
}

struct FaultyDatabase {
    inner: Arc<dyn Database>,
    faults: Arc<Faults>,
    port: Port,
    tenant: TenantId,
}

impl FaultyDatabases {
    /// `inner` behind the faults of `port`.
    pub fn new(inner: Arc<dyn Databases>, faults: Arc<Faults>, port: Port) -> Self {
        Self { inner, faults, port }
    }
}

impl Databases for FaultyDatabases {
    fn open<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, Result<Arc<dyn Database>, DatabaseError>> {
        Box::pin(async move {
            let inner = self.inner.open(tenant).await?;
            let (faults, tenant) = (Arc::clone(&self.faults), tenant.id().clone());
            Ok(Arc::new(FaultyDatabase { inner, faults, port: self.port, tenant }) as Arc<dyn Database>)
        })
    }

    fn destroy<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, Result<(), DatabaseError>> {
        self.inner.destroy(tenant)
    }
}

impl FaultyDatabase {
    /// `answer` where no fault strikes.
    async fn unless_struck<T>(&self, answer: BoxFuture<'_, Result<T, DatabaseError>>) -> Result<T, DatabaseError> {
        let answer = match self.faults.strike(self.port, &self.tenant).await {
            None => answer.await,
            Some(strike @ (Strike::Refused | Strike::Status(_))) => {
                Err(DatabaseError::Unavailable { reason: strike.reason() })
            }
            Some(Strike::Garbage) => Err(DatabaseError::Refused { index: 0, reason: Strike::Garbage.reason() }),
        };
        // A guard that held is an answer, not a failure of the port.
        if matches!(answer, Err(DatabaseError::Unavailable { .. } | DatabaseError::Refused { .. })) {
            self.faults.failed(self.port, &self.tenant);
        }
        answer
    }
}

impl Database for FaultyDatabase {
    fn batch(&self, statements: Vec<Statement>) -> BoxFuture<'_, Result<Vec<Vec<Row>>, DatabaseError>> {
        Box::pin(self.unless_struck(self.inner.batch(statements)))
    }

    fn batch_counts(&self, statements: Vec<Statement>) -> BoxFuture<'_, Result<Vec<Vec<Row>>, DatabaseError>> {
        Box::pin(self.unless_struck(self.inner.batch_counts(statements)))
    }

    fn read_scores(
        &self,
        scores: Statement,
        beside: Statement,
    ) -> BoxFuture<'_, Result<(Scores, Vec<Row>), DatabaseError>> {
        Box::pin(self.unless_struck(self.inner.read_scores(scores, beside)))
    }

    fn read_state(
        &self,
        statements: &'static [&'static str],
    ) -> BoxFuture<'_, Result<Arc<Vec<Vec<Row>>>, DatabaseError>> {
        Box::pin(self.unless_struck(self.inner.read_state(statements)))
    }
}
