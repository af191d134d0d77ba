//! Several processes that serve one deployment and tell one page of metrics.

use super::*;
use crate::metrics::Metric;
use crate::ports::Databases;
use crate::tenancy::Scope;

/// Two platforms over the same databases, as two isolates are.
struct Pair {
    one: Arc<Platform>,
    two: Arc<Platform>,
    tenants: TestTenants,
}

fn pair() -> Pair {
    let House { platform, tenants, .. } = house();
    let ports = platform.ports().clone();
    let isolate = || {
        let databases = Arc::clone(&ports.databases);
        let shared = SharedMetrics::new(databases, Arc::clone(&tenants.authenticator), tenants.nobody());
        let key_value = Arc::new(MemoryKeyValue::new(1 << 20));
        let ports = Ports { key_value, ..ports.clone() };
        Arc::new(Platform::new(ports, &[7; 32], INDEX_BYTES).without_joining().with_shared_metrics(shared))
    };
    Pair { one: isolate(), two: isolate(), tenants }
}

fn figure(page: &str, start: &str) -> Option<f64> {
    let line = page.lines().find(|line| line.starts_with(start))?;
    line.rsplit(' ').next()?.parse().ok()
}

const QUERY: &str = "How long does the warranty last?";

#[tokio::test]
async fn what_each_has_counted_is_told_by_all() {
    let Pair { one, two, tenants } = pair();
    let owner = tenants.owner();
    one.ingest(&owner, &corpus(), ChunkOptions::default()).await.unwrap();
    for platform in [&one, &one, &two] {
        platform.search(&owner, &SearchRequest::new(QUERY)).await.unwrap();
        platform.metrics().add(Some(owner.id()), Metric::Latency, &["/search"], 30.0);
    }
    one.keep_metrics().await;
    two.keep_metrics().await;
    // The first is asked for no page before the second is.
    let pages = [two.metrics_page(&owner).await.unwrap(), one.metrics_page(&owner).await.unwrap()];
    for page in &pages {
        let of = |name: &str| figure(page, &format!("{name}{{tenant=\"{}\"", owner.id().as_str()));
        assert_eq!(of("vectorize_queries_total"), Some(2.0), "a search of the cache looks up no vector: {page}");
        assert_eq!(figure(page, "latency_ms_histogram_count{"), Some(3.0));
        assert_eq!(figure(page, "latency_ms_histogram_sum{"), Some(90.0));
        assert_eq!(of("rate_limited_total"), Some(0.0), "what has not happened is there");
    }
    let last = &pages[0];
    let results = ["hit", "miss", "bypass"];
    let told = |result: &str| {
        let start = format!("cache_requests_total{{tenant=\"{}\",result=\"{result}\"}}", owner.id().as_str());
        figure(last, &start)
    };
    assert_eq!(results.map(told), [Some(1.0), Some(2.0), Some(0.0)]);
    assert!(figure(last, "cache_hit_rate{").is_some_and(|rate| (rate - 1.0 / 3.0).abs() < 1e-9), "{last}");
    // Asking again counts nothing twice.
    assert_eq!(figure(&one.metrics_page(&owner).await.unwrap(), "latency_ms_histogram_count{"), Some(3.0));
}

#[tokio::test]
async fn a_page_is_told_of_its_own_tenant_alone_and_an_operator_of_all() {
    let Pair { one, two, tenants } = pair();
    let (owner, stranger) = (tenants.owner(), tenants.stranger());
    one.metrics().count(Some(owner.id()), Metric::StreamAborts, &[]);
    two.metrics().count(Some(stranger.id()), Metric::StreamAborts, &[]);
    two.metrics().count(None, Metric::Requests, &["unmatched", "GET", "404"]);
    two.keep_metrics().await;
    let own = one.metrics_page(&owner).await.unwrap();
    assert!(!own.contains(stranger.id().as_str()) && !own.contains("unmatched"), "{own}");
    let operator = tenants.scoped(owner.id(), "operator", &[Scope::Operator]);
    let all = one.metrics_page(&operator).await.unwrap();
    let of = |tenant: &TenantContext| format!("stream_aborts_total{{tenant=\"{}\"}}", tenant.id().as_str());
    assert_eq!((figure(&all, &of(&owner)), figure(&all, &of(&stranger))), (Some(1.0), Some(1.0)), "{all}");
    assert_eq!(figure(&all, "requests_total{route=\"unmatched\""), Some(1.0));
}

#[tokio::test]
async fn what_cannot_be_kept_now_is_kept_later_and_once() {
    let House { platform, tenants, .. } = house();
    let databases = Arc::new(Switch::new(Arc::clone(&platform.ports().databases)));
    let shared = SharedMetrics::new(Arc::clone(&databases) as _, Arc::clone(&tenants.authenticator), tenants.nobody());
    let platform = Platform::new(platform.ports().clone(), &[7; 32], INDEX_BYTES).with_shared_metrics(shared);
    let owner = tenants.owner();
    platform.metrics().count(Some(owner.id()), Metric::StreamAborts, &[]);
    databases.down.store(true, Relaxed);
    platform.keep_metrics().await;
    let refused = platform.metrics_page(&owner).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::UpstreamUnavailable);
    platform.metrics().count(Some(owner.id()), Metric::StreamAborts, &[]);
    databases.down.store(false, Relaxed);
    for _ in 0..2 {
        platform.keep_metrics().await;
        assert_eq!(figure(&platform.metrics_page(&owner).await.unwrap(), "stream_aborts_total{"), Some(2.0));
    }
}

#[tokio::test]
async fn nothing_is_told_of_a_tenant_that_is_gone() {
    let Pair { one, two, tenants } = pair();
    let (owner, stranger) = (tenants.owner(), tenants.stranger());
    for tenant in [&owner, &stranger] {
        one.metrics().count(Some(tenant.id()), Metric::StreamAborts, &[]);
    }
    one.keep_metrics().await;
    tenants.registry.remove(stranger.id()).unwrap();
    // An isolate that has not heard of it counts on.
    two.metrics().count(Some(stranger.id()), Metric::StreamAborts, &[]);
    let all = two.metrics_page(&tenants.scoped(owner.id(), "operator", &[Scope::Operator])).await.unwrap();
    assert!(!all.contains(stranger.id().as_str()), "{all}");
}

/// Databases with a switch.
struct Switch {
    inner: Arc<dyn Databases>,
    down: AtomicBool,
}

impl Switch {
    fn new(inner: Arc<dyn Databases>) -> Self {
        Self { inner, down: AtomicBool::new(false) }
    }
}

impl Databases for Switch {
    fn open<'a>(
        &'a self,
        tenant: &'a TenantContext,
    ) -> BoxFuture<'a, Result<Arc<dyn Database>, crate::ports::DatabaseError>> {
        if self.down.load(Relaxed) {
            let error = crate::ports::DatabaseError::Unavailable { reason: "down".to_owned() };
            return Box::pin(std::future::ready(Err(error)));
        }
        self.inner.open(tenant)
    }

    fn destroy<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, Result<(), crate::ports::DatabaseError>> {
        self.inner.destroy(tenant)
    }
}
