use std::sync::Arc;

use reference_core::ports::{Database, DatabaseError, Databases, KeyValue, MemoryKeyValue, Statement, contract};
use reference_core::testkit::{MemoryDatabases, TestTenants};

use super::*;

fn spec(kind: FaultKind) -> FaultSpec {
    FaultSpec { kind, tenant: None, delay_ms: None, status: None, calls: None, after_pieces: None }
}

fn count() -> Vec<Statement> {
    vec![Statement::new("SELECT count(*) FROM meta", Vec::new())]
}

fn databases(faults: &Arc<Faults>) -> FaultyDatabases {
    FaultyDatabases::new(Arc::new(MemoryDatabases::new()), Arc::clone(faults), Port::Database)
}

async fn works(database: &dyn Database) -> bool {
    database.batch(count()).await.is_ok()
}

#[tokio::test]
async fn changes_nothing_without_a_fault() {
    let (tenants, faults) = (TestTenants::new(), Arc::new(Faults::default()));
    let databases = databases(&faults);
    contract::assert_databases_isolate_tenants(&databases, &tenants.owner(), &tenants.stranger()).await;
    contract::assert_batches_are_atomic(&databases, &tenants.owner()).await;
    contract::assert_values_survive(&databases, &tenants.owner()).await;
}

#[tokio::test]
async fn strikes_one_tenant_for_a_number_of_calls_and_counts() {
    let (tenants, faults) = (TestTenants::new(), Arc::new(Faults::default()));
    let databases = databases(&faults);
    let own = databases.open(&tenants.owner()).await.unwrap();
    let foreign = databases.open(&tenants.stranger()).await.unwrap();
    let only = Some(tenants.owner().id().as_str().into());
    faults.set(Port::Database, FaultSpec { tenant: only, calls: Some(2), ..spec(FaultKind::Refused) });
    assert!(works(&*foreign).await && !works(&*own).await && faults.list()[0].struck == 1);
    assert!(!works(&*own).await && works(&*own).await);
    assert_eq!(faults.list(), [], "the fault is used up");
    let owner = tenants.owner();
    let of = |tenant| faults.counters(tenant)[&Port::Database].clone();
    assert_eq!(of(None), PortCounters::new(4, 2));
    assert_eq!(of(Some(owner.id())), PortCounters::new(3, 2));
    assert_eq!((faults.reset(), of(None)), (0, PortCounters::new(0, 0)));
}

#[tokio::test]
async fn lets_go_of_what_hangs_when_cleared() {
    let (tenants, faults) = (TestTenants::new(), Arc::new(Faults::default()));
    let databases = databases(&faults);
    let database = databases.open(&tenants.owner()).await.unwrap();
    faults.set(Port::Database, FaultSpec { calls: Some(1), ..spec(FaultKind::Hang) });
    let hanging = tokio::spawn({
        let database = Arc::clone(&database);
        async move { database.batch(count()).await }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!hanging.is_finished());
    faults.clear(Port::Database);
    assert!(matches!(hanging.await.unwrap(), Err(DatabaseError::Unavailable { .. })));
    assert!(works(&*database).await);
}

#[tokio::test]
async fn delays_or_garbles_as_asked() {
    let (tenants, faults) = (TestTenants::new(), Arc::new(Faults::default()));
    let database = databases(&faults).open(&tenants.owner()).await.unwrap();
    faults.set(Port::Database, FaultSpec { delay_ms: Some(30), ..spec(FaultKind::Slow) });
    let started = std::time::Instant::now();
    assert!(works(&*database).await && started.elapsed() >= Duration::from_millis(30));
    faults.set(Port::Database, spec(FaultKind::Garbage));
    assert!(matches!(database.batch(count()).await, Err(DatabaseError::Refused { .. })));

    let cache = FaultyKeyValue::new(Arc::new(MemoryKeyValue::new(1024)), Arc::clone(&faults));
    faults.set(Port::Cache, spec(FaultKind::Garbage));
    let garbage = cache.get(&tenants.owner(), "key").await.unwrap().unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(&garbage).is_err());
    faults.set(Port::Cache, FaultSpec { status: Some(503), ..spec(FaultKind::Status) });
    assert!(cache.get(&tenants.owner(), "key").await.is_err());
}
