//! Rate limits and budgets over files: exact however many ask at once, and as they were after a restart.

use std::path::Path;
use std::sync::Arc;

use reference_core::answer::Extractive;
use reference_core::ingest::UnicodeWords;
use reference_core::platform::{INDEX_BYTES, Platform, Ports};
use reference_core::ports::{EmbedPurpose, MemoryKeyValue, ModelError, RateLimiter};
use reference_core::retrieve::HashedEmbedder;
use reference_core::store::rate::{Admission, KeptCounts, RouteClass};
use reference_core::tenancy::{BudgetSettings, RateLimits, TenantContext};
use reference_core::testkit::{TestTenants, TestTimer};
use reference_impl::sqlite::SqliteDatabases;
use reference_impl::tasks::Tasks;

const TASKS: usize = 200;
const LIMIT: u32 = 70;

fn tenants() -> TestTenants {
    TestTenants::with(|settings| {
        settings.rate_limits = RateLimits { read_requests: LIMIT, ..RateLimits::default() };
        settings.budget = Some(BudgetSettings { tokens_per_day: 40, ..BudgetSettings::default() });
    })
}

fn limiter(tenants: &TestTenants, folder: &Path) -> Arc<KeptCounts> {
    let writer = Arc::new(Tasks::new(tokio::runtime::Handle::current(), 1));
    let databases = Arc::new(SqliteDatabases::new(folder));
    Arc::new(KeptCounts::new(databases, tenants.clock.clone(), Arc::new(TestTimer::default()), writer))
}

async fn ask(limiter: &KeptCounts, caller: &TenantContext, class: RouteClass) -> Option<u32> {
    match limiter.admit(caller, class).await.unwrap() {
        Admission::Admitted(figures) => Some(figures.remaining),
        Admission::Refused { .. } => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_hundred_requests_at_once_exactly_the_limit_gets_through_also_after_a_restart() {
    let (folder, tenants) = (tempfile::tempdir().unwrap(), tenants());
    let counts = limiter(&tenants, folder.path());
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (counts, caller) = (Arc::clone(&counts), tenants.owner());
            tokio::spawn(async move { ask(&counts, &caller, RouteClass::Read).await })
        })
        .collect();
    let mut remaining = Vec::new();
    for task in tasks {
        remaining.extend(task.await.unwrap());
    }
    remaining.sort_unstable();
    assert!(remaining.into_iter().eq(0..LIMIT), "each that got through was told another number");
    // Other classes, credentials and tenants are not counted with it.
    assert!(ask(&counts, &tenants.owner(), RouteClass::Write).await.is_some());
    let other = tenants.scoped(tenants.owner().id(), "second", &[reference_core::tenancy::Scope::Admin]);
    assert_eq!(ask(&counts, &other, RouteClass::Read).await, Some(LIMIT - 1));
    assert_eq!(ask(&counts, &tenants.stranger(), RouteClass::Read).await, Some(LIMIT - 1));
    counts.flush().await;
    drop(counts);
    let counts = limiter(&tenants, folder.path());
    let Admission::Refused { figures, retry_after_s } = counts.admit(&tenants.owner(), RouteClass::Read).await.unwrap()
    else {
        panic!("the limit was forgotten with the process")
    };
    let now_s = reference_core::testkit::ManualClock::START / 1000;
    let window_s = tenants.owner().settings().times.rate_window_ms / 1000;
    assert!(figures.remaining == 0 && (window_s..=window_s + 2).contains(&retry_after_s), "{retry_after_s}");
    assert!((now_s + window_s..=now_s + window_s + 2).contains(&figures.reset_unix_s), "{figures:?}");
    tenants.clock.advance(tenants.owner().id(), u32::try_from(retry_after_s * 1000).unwrap());
    assert!(ask(&counts, &tenants.owner(), RouteClass::Read).await.is_some(), "true to the second");
}

fn platform(tenants: &TestTenants, folder: &Path) -> Arc<Platform> {
    let ports = Ports {
        databases: Arc::new(SqliteDatabases::new(folder)),
        clock: tenants.clock.clone(),
        ids: tenants.ids.clone(),
        key_value: Arc::new(MemoryKeyValue::new(1 << 20)),
        background: Arc::new(Tasks::new(tokio::runtime::Handle::current(), 1)),
        tokenizer: Arc::new(UnicodeWords),
        embedders: vec![Arc::new(HashedEmbedder)],
        generators: vec![Arc::new(Extractive)],
        rerankers: Vec::new(),
        chat_models: Vec::new(),
        timer: Arc::new(TestTimer::default()),
    };
    Arc::new(Platform::new(ports, &[0; 32], INDEX_BYTES))
}

/// A request that embeds three tokens.
async fn embed(platform: &Platform, caller: &TenantContext) -> bool {
    let embedder = platform.ports().embedder(HashedEmbedder::MODEL).unwrap();
    let embedded = embedder.embed(caller, &["one two three".to_owned()], EmbedPurpose::Query).await;
    platform.settle(caller).await;
    match embedded {
        Ok(_) => true,
        Err(ModelError::BudgetExceeded { .. }) => false,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_hundred_requests_at_once_the_last_token_is_spent_once_also_after_a_restart() {
    let (folder, tenants) = (tempfile::tempdir().unwrap(), tenants());
    let platform = platform(&tenants, folder.path());
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (platform, caller) = (Arc::clone(&platform), tenants.owner());
            tokio::spawn(async move { embed(&platform, &caller).await })
        })
        .collect();
    let mut answered = 0;
    for task in tasks {
        answered += u64::from(task.await.unwrap());
    }
    let used = platform.usage(&tenants.owner(), None, None).await.unwrap().totals;
    assert_eq!((used.tokens.read, used.requests), (3 * answered, answered));
    assert!((40..43).contains(&used.tokens.read), "{used:?}");
    drop(platform);
    let platform = self::platform(&tenants, folder.path());
    assert!(!embed(&platform, &tenants.owner()).await, "the day's use was forgotten with the process");
    assert!(embed(&platform, &tenants.stranger()).await);
    let budget = platform.usage(&tenants.owner(), None, None).await.unwrap().budget.unwrap();
    assert_eq!((budget.share.used, budget.remaining), (used.tokens.read, 0));
}
