use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use reference_core::ports::{Database, DatabaseError, Databases, KeyValue, MemoryKeyValue, Statement, contract};
use reference_core::testkit::{MemoryDatabases, TestTenants};

use super::*;

fn spec(kind: FaultKind) -> FaultSpec {
    FaultSpec { kind, tenant: None, operation: None, delay_ms: None, status: None, calls: None, after_pieces: None }
}

fn count() -> Vec<Statement> {
    vec![Statement::new("SELECT count(*) FROM meta WHERE key = 'corpus_version'", Vec::new())]
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
    contract::assert_scores_are_read(&databases, &tenants.owner()).await;
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

/// A fault of one tenant.
fn of(tenant: &TenantId, kind: FaultKind) -> FaultSpec {
    FaultSpec { tenant: Some(tenant.as_str().into()), ..spec(kind) }
}

fn kinds(faults: &Faults) -> Vec<(Option<String>, FaultKind)> {
    let of = |fault: Fault| (fault.spec.tenant.map(|tenant| tenant.as_str().to_owned()), fault.spec.kind);
    faults.list().into_iter().map(of).collect()
}

#[tokio::test]
async fn faults_of_tenants_stand_beside_each_other_and_before_the_one_for_all() {
    let (tenants, faults) = (TestTenants::new(), Faults::default());
    let (owner, stranger) = (tenants.owner().id().clone(), tenants.stranger().id().clone());
    let third = TenantId::parse("lumen-desk").unwrap();
    faults.set(Port::Cache, of(&stranger, FaultKind::Garbage));
    faults.set(Port::Cache, spec(FaultKind::Status));
    faults.set(Port::Cache, of(&owner, FaultKind::Garbage));
    faults.set(Port::Cache, of(&owner, FaultKind::Refused));
    let own = |tenant: &TenantId, kind| (Some(tenant.as_str().to_owned()), kind);
    let all = (None, FaultKind::Status);
    assert_eq!(
        kinds(&faults),
        [all.clone(), own(&owner, FaultKind::Refused), own(&stranger, FaultKind::Garbage)],
        "a second one for the same tenant replaces that tenant's alone"
    );
    for (tenant, struck) in [(&owner, Strike::Refused), (&stranger, Strike::Garbage), (&third, Strike::Status(500))] {
        assert_eq!(faults.strike(Port::Cache, tenant).await, Some(struck), "{tenant}");
    }
    assert!(faults.clear_of(Port::Cache, &owner) && !faults.clear_of(Port::Cache, &third));
    assert_eq!(kinds(&faults), [all, own(&stranger, FaultKind::Garbage)]);
    assert_eq!(faults.strike(Port::Cache, &owner).await, Some(Strike::Status(500)), "the one for all is left");
    assert_eq!((faults.clear(Port::Cache), faults.list()), (2, Vec::new()));
}

#[tokio::test]
async fn clearing_one_tenants_fault_lets_go_of_its_calls_alone() {
    let (tenants, faults) = (TestTenants::new(), Arc::new(Faults::default()));
    let (owner, stranger) = (tenants.owner().id().clone(), tenants.stranger().id().clone());
    let hanging = |tenant: &TenantId| {
        faults.set(Port::Cache, of(tenant, FaultKind::Hang));
        let (faults, tenant) = (Arc::clone(&faults), tenant.clone());
        Box::pin(async move { faults.strike(Port::Cache, &tenant).await })
    };
    let (mut own, mut foreign) = (hanging(&owner), hanging(&stranger));
    assert!((&mut own).now_or_never().is_none() && (&mut foreign).now_or_never().is_none());
    faults.clear_of(Port::Cache, &owner);
    own.await; // or the test hangs
    assert!((&mut foreign).now_or_never().is_none());
    faults.clear(Port::Cache);
    foreign.await;
}

#[tokio::test]
async fn strikes_handlers_of_one_operation_or_of_all_with_and_without_a_tenant() {
    let (tenants, faults) = (TestTenants::new(), Faults::default());
    let owner = tenants.owner().id().clone();
    let struck =
        async |operation: &str, tenant: Option<&TenantId>| faults.strike_handler(operation, tenant).await.is_some();
    faults.set(Port::Handler, FaultSpec { operation: Some("get_health".to_owned()), ..spec(FaultKind::Refused) });
    assert!(struck("get_health", None).await && !struck("get_docs", None).await);
    faults.set(Port::Handler, spec(FaultKind::Refused));
    assert!(struck("get_docs", None).await && struck("list_jobs", Some(&owner)).await);
    faults.clear(Port::Handler);
    faults.set(Port::Handler, of(&owner, FaultKind::Refused));
    assert!(!struck("get_health", None).await && struck("list_jobs", Some(&owner)).await);
    assert_eq!(faults.counters(None)[&Port::Handler], PortCounters::new(6, 4));
    assert_eq!(faults.counters(Some(&owner))[&Port::Handler], PortCounters::new(2, 2));
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
    faults.set(Port::Database, FaultSpec { delay_ms: Some(30.0), ..spec(FaultKind::Slow) });
    let started = std::time::Instant::now();
    assert!(works(&*database).await && started.elapsed() >= Duration::from_millis(30));
    faults.set(Port::Database, spec(FaultKind::Garbage));
    assert!(matches!(database.batch(count()).await, Err(DatabaseError::Refused { .. })));

    let cache = FaultyKeyValue::new(Arc::new(MemoryKeyValue::new(1024)), Arc::clone(&faults));
    faults.set(Port::Cache, spec(FaultKind::Garbage));
    let garbage = cache.get(&tenants.owner(), "key").await.unwrap().unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(&garbage).is_err());
    faults.set(Port::Cache, FaultSpec { delay_ms: Some(0.4), ..spec(FaultKind::Slow) });
    let started = std::time::Instant::now();
    assert!(cache.get(&tenants.owner(), "key").await.is_ok() && started.elapsed() >= Duration::from_micros(400));

    faults.set(Port::Cache, FaultSpec { status: Some(503), ..spec(FaultKind::Status) });
    assert!(cache.get(&tenants.owner(), "key").await.is_err());
}
