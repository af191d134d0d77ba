//! What is counted and put on record for each request.

use std::sync::Arc;

use criterion::Criterion;
use reference_core::audit::{Called, Journal, Outcome};
use reference_core::ports::{Databases, RateLimiter, Statement, Value};
use reference_core::store::rate::{KeptCounts, LocalCounts, RouteClass, StoredCounts};
use reference_core::tenancy::RateLimits;
use reference_core::testkit::TestTenants;
use reference_impl::sqlite::SqliteDatabases;
use reference_impl::tasks::{Tasks, TokioTimer};
use tokio::runtime::Runtime;

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

fn tenants() -> TestTenants {
    let most = u32::MAX;
    TestTenants::with(|settings| {
        settings.rate_limits = RateLimits {
            tenant_requests: most,
            credential_requests: most,
            read_requests: most,
            ..RateLimits::default()
        };
    })
}

/// The limiter of this host, beside one in memory alone and one that writes each request down.
pub(crate) fn counts(criterion: &mut Criterion) {
    let (runtime, tenants, folder) = (runtime(), tenants(), tempfile::tempdir().expect("a folder"));
    let databases: Arc<dyn Databases> = Arc::new(SqliteDatabases::new(folder.path()));
    let owner = tenants.owner();
    let writer = Arc::new(Tasks::new(runtime.handle().clone(), 1));
    let kept = KeptCounts::new(Arc::clone(&databases), tenants.clock.clone(), Arc::new(TokioTimer), writer);
    let stored = StoredCounts::new(databases, tenants.clock.clone());
    let local = LocalCounts::default();
    let mut group = criterion.benchmark_group("limiter");
    group.bench_function("kept", |bench| bench.iter(|| runtime.block_on(kept.admit(&owner, RouteClass::Read))));
    let now = reference_core::testkit::ManualClock::START;
    group.bench_function("peer/memory", |bench| bench.iter(|| local.admit(&owner, RouteClass::Read, now)));
    group
        .bench_function("peer/stored", |bench| bench.iter(|| runtime.block_on(stored.admit(&owner, RouteClass::Read))));
    group.finish();
    runtime.block_on(kept.flush());
}

/// A call on record, with its note before, beside two commits of as many bytes.
pub(crate) fn journal(criterion: &mut Criterion) {
    const PLAIN: &str =
        "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    let (runtime, tenants, folder) = (runtime(), tenants(), tempfile::tempdir().expect("a folder"));
    let databases = SqliteDatabases::new(folder.path());
    let owner = tenants.owner();
    let database = runtime.block_on(databases.open(&owner)).expect("a database");
    let journal = Journal::default();
    let mut next = 0;
    let mut called = || {
        next += 1;
        Called {
            id: format!("call-{next}"),
            at: "2026-03-02T09:15:00.000Z".to_owned(),
            tenant: owner.id().as_str().to_owned(),
            principal: "0".repeat(64),
            tool: "summarize".to_owned(),
            arguments_hash: "0".repeat(64),
            request_id: "0197b3c2-0000-7000-8000-000000000000".to_owned(),
            trace_id: None,
        }
    };
    let mut group = criterion.benchmark_group("audit");
    group.sample_size(20);
    group.bench_function("record", |bench| {
        bench.iter(|| {
            let called = called();
            runtime.block_on(async {
                journal.open(&*database, &called).await?;
                journal.close(owner.id(), &*database, &called, Outcome::Succeeded, 1_000).await
            })
        });
    });
    group.bench_function("peer/two_commits", |bench| {
        bench.iter(|| {
            runtime.block_on(async {
                for key in ["bench-note", "bench-record"] {
                    let values = vec![Value::Text(key.to_owned()), Value::Text("0".repeat(400))];
                    database.batch(vec![Statement::new(PLAIN, values)]).await?;
                }
                Ok::<(), reference_core::ports::DatabaseError>(())
            })
        });
    });
    group.finish();
}
