use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::ports::Databases as _;
use crate::tenancy::{RateLimits, Scope};
use crate::testkit::{MemoryDatabases, TestTenants};

const NOW: UnixMillis = 1_767_225_600_123;
const MANY: u32 = 1_000;

fn limits() -> RateLimits {
    let (read_requests, write_requests, model_requests) = (MANY, MANY, MANY);
    RateLimits { tenant_requests: MANY, credential_requests: MANY, read_requests, write_requests, model_requests }
}

async fn open(limits: RateLimits, window_ms: i64) -> (TestTenants, Arc<dyn Database>) {
    let tenants = TestTenants::with(|settings| {
        settings.rate_limits = limits;
        settings.times.rate_window_ms = window_ms;
    });
    let database = MemoryDatabases::new().open(&tenants.owner()).await.unwrap();
    (tenants, database)
}

async fn read(database: &dyn Database, tenant: &TenantContext, now: UnixMillis) -> Admission {
    admit(database, tenant, RouteClass::Read, now).await.unwrap()
}

fn is_admitted(admission: Admission) -> bool {
    matches!(admission, Admission::Admitted(_))
}

#[tokio::test]
async fn counts_down_and_then_says_truly_when_to_come_back() {
    let (tenants, database) = open(RateLimits { read_requests: 3, ..limits() }, 3_000).await;
    let owner = tenants.owner();
    for remaining in [2, 1, 0] {
        match read(&*database, &owner, NOW).await {
            Admission::Admitted(figures) => assert_eq!((figures.limit, figures.remaining), (3, remaining)),
            refused @ Admission::Refused { .. } => panic!("{refused:?}"),
        }
    }
    let Admission::Refused { figures, retry_after_s } = read(&*database, &owner, NOW + 1_000).await else {
        panic!("the fourth request was admitted");
    };
    assert_eq!((figures.limit, figures.remaining), (3, 0));
    assert!((2..=3).contains(&retry_after_s), "{retry_after_s}");
    let before = NOW + 1_000 + (retry_after_s - 1) * 1_000;
    assert!(!is_admitted(read(&*database, &owner, before).await), "a whole second earlier it is too early");
    assert!(is_admitted(read(&*database, &owner, NOW + 1_000 + retry_after_s * 1_000).await));
    assert!(figures.reset_unix_s * 1_000 >= before && figures.reset_unix_s * 1_000 <= before + 2_000);
}

#[tokio::test]
async fn says_when_the_whole_limit_is_left_again() {
    for limit in [5, 2] {
        let (tenants, database) = open(RateLimits { read_requests: limit, ..limits() }, 3_000).await;
        let owner = tenants.owner();
        let mut reset = 0;
        for at in [NOW, NOW + 700, NOW + 1_400] {
            let (Admission::Admitted(figures) | Admission::Refused { figures, .. }) =
                read(&*database, &owner, at).await;
            reset = figures.reset_unix_s * 1_000;
            // The last request that was admitted decides, also for one that is refused.
            let last = if limit == 2 { at.min(NOW + 700) } else { at };
            assert!((last + 3_000..=last + 4_100).contains(&reset), "{reset} after {last}");
        }
        let Admission::Admitted(figures) = read(&*database, &owner, reset).await else {
            panic!("refused at the reset")
        };
        assert_eq!(figures.remaining, limit - 1, "a request at the reset is the first one");
    }
}

#[tokio::test]
async fn does_not_count_what_it_refuses() {
    let (tenants, database) = open(RateLimits { read_requests: 1, ..limits() }, 3_000).await;
    let owner = tenants.owner();
    assert!(is_admitted(read(&*database, &owner, NOW).await));
    for at in 0..10 {
        assert!(!is_admitted(read(&*database, &owner, NOW + at).await));
    }
    assert!(is_admitted(read(&*database, &owner, NOW + 3_100).await));
}

#[tokio::test]
async fn limits_tenant_credential_and_class_each_by_itself() {
    let (tenants, database) =
        open(RateLimits { write_requests: 1, credential_requests: 2, tenant_requests: 3, ..limits() }, 3_000).await;
    let first = tenants.owner();
    let second = tenants.scoped(first.id(), "second", &[Scope::Admin]);
    let mut outcomes = Vec::new();
    for (context, class) in [
        (&first, RouteClass::Write),
        (&first, RouteClass::Write),  // its class is used up
        (&first, RouteClass::Read),   // another class is not
        (&first, RouteClass::Model),  // the credential is used up
        (&second, RouteClass::Write), // another credential is not
        (&second, RouteClass::Read),  // the tenant is used up
    ] {
        outcomes.push(is_admitted(admit(&*database, context, class, NOW).await.unwrap()));
    }
    assert_eq!(outcomes, [true, false, true, false, true, false]);
}

#[tokio::test]
async fn forgets_what_another_window_length_counted() {
    let (tenants, database) = open(RateLimits { read_requests: 1, ..limits() }, 3_000).await;
    assert!(is_admitted(read(&*database, &tenants.owner(), NOW).await));
    for window_ms in [60_000, 300] {
        let mut settings = tenants.owner().settings().clone();
        settings.times.rate_window_ms = window_ms;
        tenants.registry.replace(settings).unwrap();
        let outcome = read(&*database, &tenants.owner(), NOW).await;
        assert!(is_admitted(outcome), "window of {window_ms} ms: {outcome:?}");
    }
}

#[tokio::test]
async fn keeps_no_count_beyond_its_window() {
    let (tenants, database) = open(limits(), 3_000).await;
    for at in 0..20 {
        read(&*database, &tenants.owner(), NOW + at * 1_000).await;
    }
    let rows = database.batch(vec![Statement::new("SELECT count(*) FROM request_counts", Vec::new())]).await.unwrap();
    assert!(matches!(rows[0][0][0], Value::Integer(rows) if rows <= 3 * 4), "{rows:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn admits_no_more_than_the_limit_in_any_window(gaps in proptest::collection::vec(0_i64..900, 1..60), limit in 1_u32..6) {
        let window_ms = 2_000;
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let times = runtime.block_on(async {
            let (tenants, database) = open(RateLimits { read_requests: limit, ..limits() }, window_ms).await;
            let (mut now, mut times) = (NOW, Vec::new());
            for gap in gaps {
                now += gap;
                if is_admitted(read(&*database, &tenants.owner(), now).await) {
                    times.push(now);
                }
            }
            times
        });
        for start in &times {
            let within = times.iter().filter(|at| (*start..*start + window_ms).contains(at)).count();
            prop_assert!(within <= usize::try_from(limit).unwrap(), "{within} in the window from {start}");
        }
    }
}

#[test]
fn counts_in_memory_are_as_wide_as_in_the_store_and_slide_too() {
    let tenants = TestTenants::with(|settings| {
        settings.rate_limits = RateLimits { read_requests: 3, tenant_requests: 4, ..limits() };
        settings.times.rate_window_ms = 3_000;
    });
    let (owner, stranger, counts) = (tenants.owner(), tenants.stranger(), LocalCounts::default());
    let read = |tenant: &TenantContext, now| counts.admit(tenant, RouteClass::Read, now);
    for remaining in [2, 1, 0] {
        match read(&owner, NOW) {
            Admission::Admitted(figures) => assert_eq!((figures.limit, figures.remaining), (3, remaining)),
            refused @ Admission::Refused { .. } => panic!("{refused:?}"),
        }
    }
    let Admission::Refused { figures, retry_after_s } = read(&owner, NOW + 1_000) else {
        panic!("the fourth read was admitted");
    };
    assert_eq!((figures.limit, figures.remaining), (3, 0));
    assert!(is_admitted(counts.admit(&owner, RouteClass::Model, NOW)), "another class has a limit of its own");
    assert!(!is_admitted(counts.admit(&owner, RouteClass::Model, NOW)), "the tenant as a whole has four");
    assert!(is_admitted(read(&stranger, NOW)), "another tenant has its own counts");
    assert!(!is_admitted(read(&owner, NOW + 1_000 + (retry_after_s - 1) * 1_000)));
    assert!(is_admitted(read(&owner, NOW + 1_000 + retry_after_s * 1_000)));
    for forget in [LocalCounts::clear, |counts: &LocalCounts| counts.forget(TestTenants::new().owner().id())] {
        while is_admitted(read(&owner, NOW + 9_000)) {}
        forget(&counts);
        assert!(is_admitted(read(&owner, NOW + 9_000)));
    }
}
