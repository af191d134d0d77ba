//! Equal searches at the same time.

use std::sync::atomic::AtomicUsize;

use futures_util::future::join_all;
use tokio::sync::Semaphore;

use super::*;
use crate::ports::{KeyValue, KeyValueError, KeyValueFigures, UnixMillis};

/// The extractive generator behind a gate that counts who comes.
struct Gate {
    calls: AtomicUsize,
    open: Semaphore,
    fails: AtomicBool,
}

impl Gate {
    fn new() -> Arc<Self> {
        Arc::new(Self { calls: AtomicUsize::new(0), open: Semaphore::new(0), fails: AtomicBool::new(false) })
    }

    fn calls(&self) -> usize {
        self.calls.load(Relaxed)
    }

    /// Lets the others run until `calls` of them stand at the gate.
    async fn reached(&self, calls: usize) {
        while self.calls() < calls {
            tokio::task::yield_now().await;
        }
        // Whoever would come too has had the time to.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(self.calls(), calls);
    }
}

impl Generator for Gate {
    fn model(&self) -> &str {
        Extractive::MODEL
    }

    fn kind(&self) -> GeneratorKind {
        GeneratorKind::Extractive
    }

    fn generate<'a>(
        &'a self,
        tenant: &'a TenantContext,
        request: &'a GenerationRequest,
    ) -> BoxFuture<'a, Result<Generation, ModelError>> {
        Box::pin(async move {
            self.calls.fetch_add(1, Relaxed);
            self.open.acquire().await.unwrap().forget();
            if self.fails.load(Relaxed) {
                return Err(ModelError::TimedOut { model: "extractive-v1".to_owned(), after_ms: 1 });
            }
            Extractive.generate(tenant, request).await
        })
    }
}

/// A cache that is out of reach.
struct Gone;

impl KeyValue for Gone {
    fn get<'a>(&'a self, _: &'a TenantContext, _: &'a str) -> BoxFuture<'a, Result<Option<String>, KeyValueError>> {
        Box::pin(async { Err(KeyValueError::Unavailable { reason: "gone".to_owned() }) })
    }

    fn put<'a>(
        &'a self,
        _: &'a TenantContext,
        _: &'a str,
        _: String,
        _: UnixMillis,
    ) -> BoxFuture<'a, Result<(), KeyValueError>> {
        Box::pin(async { Err(KeyValueError::Unavailable { reason: "gone".to_owned() }) })
    }

    fn clear<'a>(&'a self, _: &'a TenantContext) -> BoxFuture<'a, Result<(), KeyValueError>> {
        Box::pin(async { Ok(()) })
    }

    fn figures(&self, _: &TenantContext) -> KeyValueFigures {
        KeyValueFigures::default()
    }
}

const QUERY: &str = "How long does the warranty last?";

async fn gated(cache: Option<Arc<dyn KeyValue>>) -> (Arc<Platform>, TestTenants, Arc<Gate>) {
    let (house, owner) = filled().await;
    let gate = Gate::new();
    let mut ports = house.platform.ports().clone();
    ports.generators = vec![gate.clone()];
    ports.key_value = cache.unwrap_or(ports.key_value);
    let platform = Arc::new(Platform::new(ports, &[7; 32], INDEX_BYTES));
    let stranger = house.tenants.stranger();
    platform.ingest(&stranger, &corpus(), ChunkOptions::default()).await.unwrap();
    assert_ne!(owner.id(), stranger.id());
    (platform, house.tenants, gate)
}

fn start(
    platform: &Arc<Platform>,
    tenant: &TenantContext,
    request: SearchRequest,
) -> tokio::task::JoinHandle<SearchAnswer> {
    let (platform, tenant) = (Arc::clone(platform), tenant.clone());
    tokio::spawn(async move { platform.search(&tenant, &request).await.unwrap() })
}

#[tokio::test]
async fn computes_equal_searches_once() {
    let (platform, tenants, gate) = gated(None).await;
    let owner = tenants.owner();
    let mut searches = vec![start(&platform, &owner, SearchRequest::new(QUERY))];
    gate.reached(1).await;
    searches.extend((0..7).map(|_| start(&platform, &owner, SearchRequest::new("how long does  the WARRANTY last?"))));
    gate.reached(1).await;
    gate.open.add_permits(1);
    let answers: Vec<SearchAnswer> = join_all(searches).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(gate.calls(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.cache.hit).count(), 7);
    assert_eq!(answers.iter().filter(|answer| !answer.usage.model.is_empty()).count(), 1, "one pays");
    for answer in &answers {
        assert_eq!((&answer.answer, &answer.citations), (&answers[0].answer, &answers[0].citations));
    }
    assert_eq!(answers[1].query.original, "how long does  the WARRANTY last?");
    let figures = platform.cache_figures(&owner);
    assert_eq!((figures.hits, figures.misses, figures.joined, figures.stored), (7, 1, 7, 1));
    assert!(platform.search(&owner, &SearchRequest::new(QUERY)).await.unwrap().cache.hit);
    assert_eq!(platform.cache_figures(&owner).hits, 8);
}

#[tokio::test]
async fn strands_nobody_when_the_first_one_goes_away() {
    let (platform, tenants, gate) = gated(None).await;
    let owner = tenants.owner();
    let first = start(&platform, &owner, SearchRequest::new(QUERY));
    gate.reached(1).await;
    let others: Vec<_> = (0..3).map(|_| start(&platform, &owner, SearchRequest::new(QUERY))).collect();
    gate.reached(1).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    gate.reached(2).await;
    gate.open.add_permits(1);
    for other in others {
        assert!(other.await.unwrap().answer.contains("2 years"));
    }
    assert_eq!(gate.calls(), 2, "one of them took over for all");
}

#[tokio::test]
async fn shares_a_degraded_answer_and_keeps_none() {
    let (platform, tenants, gate) = gated(None).await;
    let owner = tenants.owner();
    gate.fails.store(true, Relaxed);
    let searches: Vec<_> = (0..3).map(|_| start(&platform, &owner, SearchRequest::new(QUERY))).collect();
    gate.reached(1).await;
    gate.open.add_permits(1);
    for search in searches {
        let answer = search.await.unwrap();
        assert_eq!((answer.degraded, answer.cache.hit), (vec![Degradation::GeneratorUnavailable], false));
    }
    gate.fails.store(false, Relaxed);
    gate.open.add_permits(1);
    let whole = platform.search(&owner, &SearchRequest::new(QUERY)).await.unwrap();
    assert!(whole.degraded.is_empty() && !whole.cache.hit);
}

#[tokio::test]
async fn computes_once_without_a_cache_too() {
    let (platform, tenants, gate) = gated(Some(Arc::new(Gone))).await;
    let owner = tenants.owner();
    let searches: Vec<_> = (0..3).map(|_| start(&platform, &owner, SearchRequest::new(QUERY))).collect();
    gate.reached(1).await;
    gate.open.add_permits(1);
    for search in searches {
        let answer = search.await.unwrap();
        assert_eq!(answer.degraded, [Degradation::CacheUnavailable]);
        assert!(!answer.cache.hit && answer.cache.ttl_ms == 0 && answer.answer.contains("2 years"));
    }
    assert_eq!((gate.calls(), platform.cache_figures(&owner).hits), (1, 0));
}

#[tokio::test]
async fn shares_nothing_between_tenants_options_or_cache_modes() {
    let (platform, tenants, gate) = gated(None).await;
    let (owner, stranger) = (tenants.owner(), tenants.stranger());
    let plain = SearchRequest::new(QUERY);
    let searches = [
        start(&platform, &owner, plain.clone()),
        start(&platform, &stranger, plain.clone()),
        start(&platform, &owner, SearchRequest { top_k: Some(2), ..plain.clone() }),
        start(&platform, &owner, SearchRequest { cache: CacheMode::Bypass, ..plain.clone() }),
        start(&platform, &owner, SearchRequest { cache: CacheMode::Refresh, ..plain }),
    ];
    gate.reached(searches.len()).await;
    gate.open.add_permits(searches.len());
    for search in searches {
        assert!(!search.await.unwrap().cache.hit);
    }
    let figures = platform.cache_figures(&owner);
    assert_eq!((figures.misses, figures.bypassed, figures.refreshed, figures.joined), (2, 1, 1, 0));
    assert_eq!(platform.cache_figures(&stranger).misses, 1);
}
