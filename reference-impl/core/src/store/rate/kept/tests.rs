use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt;

use super::*;
use crate::ports::{DatabaseError, Row};
use crate::tenancy::RateLimits;
use crate::testkit::{MemoryDatabases, TestTenants, TestTimer};

const LIMIT: u32 = 5;

/// Work that a test does when it says so.
#[derive(Default)]
struct Later(Mutex<Vec<BoxFuture<'static, ()>>>);

impl Later {
    /// Does what can be done now, and tells how much waits.
    fn poll(&self) -> usize {
        let mut waiting = self.0.lock().unwrap();
        waiting.retain_mut(|work| work.now_or_never().is_none());
        waiting.len()
    }
}

impl Background for Later {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        self.0.lock().unwrap().push(work);
    }
}

/// Databases that take nothing while they are down, though they say that they answer.
struct Weak {
    inner: MemoryDatabases,
    down: Arc<AtomicBool>,
}

struct WeakDatabase(Arc<dyn Database>, Arc<AtomicBool>);

impl Database for WeakDatabase {
    fn batch(&self, statements: Vec<Statement>) -> BoxFuture<'_, Result<Vec<Vec<Row>>, DatabaseError>> {
        if self.1.load(Ordering::Relaxed) && !statements.is_empty() {
            return Box::pin(async { Err(DatabaseError::Unavailable { reason: "full".to_owned() }) });
        }
        self.0.batch(statements)
    }
}

impl Databases for Weak {
    fn open<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, Result<Arc<dyn Database>, DatabaseError>> {
        Box::pin(async move {
            let database = self.inner.open(tenant).await?;
            Ok(Arc::new(WeakDatabase(database, Arc::clone(&self.down))) as Arc<dyn Database>)
        })
    }

    fn destroy<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, Result<(), DatabaseError>> {
        self.inner.destroy(tenant)
    }
}

struct Host {
    tenants: TestTenants,
    databases: Arc<Weak>,
    timer: TestTimer,
    later: Arc<Later>,
}

impl Host {
    fn new() -> Self {
        let tenants = TestTenants::with(|settings| {
            settings.rate_limits = RateLimits { read_requests: LIMIT, ..RateLimits::default() };
        });
        let databases = Weak { inner: MemoryDatabases::new(), down: Arc::default() };
        Self { tenants, databases: Arc::new(databases), timer: TestTimer::default(), later: Arc::default() }
    }

    /// A limiter as a process begins with.
    fn limiter(&self) -> KeptCounts {
        let databases = Arc::clone(&self.databases) as Arc<dyn Databases>;
        let (timer, later) = (Arc::new(self.timer.clone()), Arc::clone(&self.later));
        KeptCounts::new(databases, self.tenants.clock.clone(), timer, later)
    }

    /// Rows that the database has.
    fn written(&self) -> usize {
        let owner = self.tenants.owner();
        let rows = async {
            let database = self.databases.open(&owner).await.unwrap();
            database.batch(vec![Statement::new("SELECT 1 FROM request_counts", Vec::new())]).await.unwrap()
        };
        rows.now_or_never().expect("nothing is waited for")[0].len()
    }

    /// Lets writers that are on their way wait for their moment, and then write.
    fn moment(&self) {
        self.later.poll();
        self.timer.pass(BEHIND_MS);
        assert_eq!(self.later.poll(), 0, "no writer waits longer");
    }

    /// What is left after one more request; `None` where it is refused.
    fn ask(&self, limiter: &KeptCounts) -> Result<Option<u32>, StoreError> {
        let owner = self.tenants.owner();
        let asked = limiter.admit(&owner, RouteClass::Read).now_or_never().expect("nothing is waited for");
        asked.map(|admission| match admission {
            Admission::Admitted(figures) => Some(figures.remaining),
            Admission::Refused { .. } => None,
        })
    }
}

#[test]
fn writes_all_counts_of_a_moment_at_once_and_goes_on_from_them_in_the_next_process() {
    let host = Host::new();
    let limiter = host.limiter();
    assert_eq!([host.ask(&limiter).unwrap(), host.ask(&limiter).unwrap()], [Some(4), Some(3)]);
    assert_eq!(host.later.poll(), 1, "one writer is on its way, for both");
    assert_eq!(host.written(), 0, "nothing is written yet");
    host.moment();
    assert_eq!(host.written(), 3, "a row for the tenant, its credential and the class");
    let next = host.limiter();
    let left: Vec<_> = (0..4).map(|_| host.ask(&next).unwrap()).collect();
    assert_eq!(left, [Some(2), Some(1), Some(0), None], "as if one process had counted all");
}

#[test]
fn a_flush_leaves_nothing_that_the_next_process_does_not_know() {
    let host = Host::new();
    let limiter = host.limiter();
    host.ask(&limiter).unwrap();
    limiter.flush().now_or_never().expect("nothing is waited for");
    assert_eq!(host.ask(&host.limiter()).unwrap(), Some(3));
}

#[test]
fn tells_of_a_database_that_takes_nothing_and_loses_no_count_of_it() {
    let host = Host::new();
    let limiter = host.limiter();
    host.ask(&limiter).unwrap();
    host.databases.down.store(true, Ordering::Relaxed);
    assert_eq!(host.ask(&limiter).unwrap(), Some(3), "nobody has tried to write");
    host.moment();
    host.ask(&limiter).unwrap_err();
    host.databases.down.store(false, Ordering::Relaxed);
    assert_eq!(host.ask(&limiter).unwrap(), Some(2));
    limiter.flush().now_or_never().expect("nothing is waited for");
    assert_eq!(host.ask(&host.limiter()).unwrap(), Some(1));
}

#[test]
fn writes_nothing_of_a_tenant_that_is_forgotten() {
    let host = Host::new();
    let limiter = host.limiter();
    host.ask(&limiter).unwrap();
    limiter.forget(host.tenants.owner().id()).now_or_never().expect("nothing is waited for");
    host.moment();
    assert_eq!(host.ask(&limiter).unwrap(), Some(4));
    limiter.clear().now_or_never().expect("nothing is waited for");
    assert_eq!(host.ask(&limiter).unwrap(), Some(4));
}
