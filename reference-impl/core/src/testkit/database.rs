//! Tenant databases in memory, over bundled SQLite.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, params_from_iter};

use crate::ports::{BoxFuture, Database, DatabaseError, Databases, Row, Statement, Value};
use crate::store::MIGRATIONS;
use crate::tenancy::{TenantContext, TenantId};

/// One in-memory SQLite database for each tenant, migrated when opened.
#[derive(Default)]
pub struct MemoryDatabases {
    tenants: Mutex<BTreeMap<TenantId, Arc<MemoryDatabase>>>,
    host: Arc<Host>,
}

/// What all databases of one host share.
#[derive(Default)]
struct Host {
    down: AtomicBool,
    batches: AtomicU64,
}

struct MemoryDatabase {
    connection: Mutex<Connection>,
    host: Arc<Host>,
}

impl MemoryDatabases {
    /// No databases yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// While `down`, every call answers [`DatabaseError::Unavailable`]; what is stored stays.
    pub fn set_down(&self, down: bool) {
        self.host.down.store(down, Ordering::SeqCst);
    }

    /// Number of batches run so far over all tenants, failed ones included.
    pub fn batches(&self) -> u64 {
        self.host.batches.load(Ordering::SeqCst)
    }
}

impl Host {
    fn check(&self) -> Result<(), DatabaseError> {
        if self.down.load(Ordering::SeqCst) { Err(unavailable("switched off by the test")) } else { Ok(()) }
    }
}

impl Databases for MemoryDatabases {
    fn open<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, Result<Arc<dyn Database>, DatabaseError>> {
        Box::pin(async move {
            self.host.check()?;
            let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(database) = tenants.get(tenant.id()) {
                return Ok(Arc::clone(database) as Arc<dyn Database>);
            }
            let connection = migrated().map_err(|error| unavailable(&error.to_string()))?;
            let database =
                Arc::new(MemoryDatabase { connection: Mutex::new(connection), host: Arc::clone(&self.host) });
            tenants.insert(tenant.id().clone(), Arc::clone(&database));
            Ok(database as Arc<dyn Database>)
        })
    }

    fn destroy<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, Result<(), DatabaseError>> {
        Box::pin(async move {
            self.host.check()?;
            self.tenants.lock().unwrap_or_else(PoisonError::into_inner).remove(tenant.id());
            Ok(())
        })
    }
}

impl Database for MemoryDatabase {
    fn batch(&self, statements: Vec<Statement>) -> BoxFuture<'_, Result<Vec<Vec<Row>>, DatabaseError>> {
        Box::pin(async move {
            self.host.batches.fetch_add(1, Ordering::SeqCst);
            self.host.check()?;
            let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
            let transaction = connection.transaction().map_err(|error| unavailable(&error.to_string()))?;
            let mut answers = Vec::with_capacity(statements.len());
            for (index, statement) in statements.into_iter().enumerate() {
                let rows = rows(&transaction, &statement)
                    .map_err(|error| DatabaseError::Refused { index, reason: error.to_string() })?;
                if statement.guard && rows.is_empty() {
                    return Err(DatabaseError::GuardFailed { index }); // dropping the transaction rolls it back
                }
                answers.push(rows);
            }
            transaction.commit().map_err(|error| unavailable(&error.to_string()))?;
            Ok(answers)
        })
    }
}

fn migrated() -> rusqlite::Result<Connection> {
    let connection = Connection::open_in_memory()?;
    connection.pragma_update(None, "foreign_keys", true)?;
    for migration in MIGRATIONS {
        connection.execute_batch(migration.sql)?;
        connection.pragma_update(None, "user_version", migration.number)?;
    }
    Ok(connection)
}

fn rows(connection: &Connection, statement: &Statement) -> rusqlite::Result<Vec<Row>> {
    let mut prepared = connection.prepare_cached(statement.sql)?;
    let columns = prepared.column_count();
    let params = params_from_iter(statement.params.iter().map(|value| match value {
        Value::Null => rusqlite::types::Value::Null,
        Value::Integer(it) => rusqlite::types::Value::Integer(*it),
        Value::Real(it) => rusqlite::types::Value::Real(*it),
        Value::Text(it) => rusqlite::types::Value::Text(it.clone()),
        Value::Blob(it) => rusqlite::types::Value::Blob(it.clone()),
    }));
    let mut rows = prepared.query(params)?;
    let mut read = Vec::new();
    while let Some(row) = rows.next()? {
        read.push((0..columns).map(|at| row.get_ref(at).map(value)).collect::<rusqlite::Result<Row>>()?);
    }
    Ok(read)
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(it) => Value::Integer(it),
        ValueRef::Real(it) => Value::Real(it),
        ValueRef::Text(it) => Value::Text(String::from_utf8_lossy(it).into_owned()),
        ValueRef::Blob(it) => Value::Blob(it.to_vec()),
    }
}

fn unavailable(reason: &str) -> DatabaseError {
    DatabaseError::Unavailable { reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::contract;
    use crate::testkit::TestTenants;

    #[tokio::test]
    async fn meets_the_contract_of_its_port() {
        let tenants = TestTenants::new();
        let databases = MemoryDatabases::new();
        contract::assert_databases_isolate_tenants(&databases, &tenants.owner(), &tenants.stranger()).await;
        contract::assert_batches_are_atomic(&databases, &tenants.owner()).await;
        contract::assert_values_survive(&databases, &tenants.owner()).await;
        contract::assert_scores_are_read(&databases, &tenants.owner()).await;
    }

    #[tokio::test]
    async fn answers_unavailable_while_down_and_keeps_what_it_had() {
        let tenants = TestTenants::new();
        let databases = MemoryDatabases::new();
        let database = databases.open(&tenants.owner()).await.unwrap();
        databases.set_down(true);
        let count = || vec![Statement::new("SELECT count(*) FROM meta WHERE key = 'corpus_version'", Vec::new())];
        assert!(matches!(database.batch(count()).await, Err(DatabaseError::Unavailable { .. })));
        assert!(matches!(databases.open(&tenants.owner()).await, Err(DatabaseError::Unavailable { .. })));
        databases.set_down(false);
        assert_eq!(database.batch(count()).await.unwrap(), [[[Value::Integer(1)]]]);
    }
}
