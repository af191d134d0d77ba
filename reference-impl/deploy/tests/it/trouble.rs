//! What goes wrong between the tool and the API.

use crate::fake::{Fake, Fault};
use crate::world::World;

async fn set_up() -> (World, Fake) {
    let (world, fake) = (World::new(&["blue"]), Fake::start().await);
    world.smoke_at(&fake);
    (world, fake)
}

const APPLY: &str = "apply --tenant blue --env stage";

#[tokio::test(flavor = "multi_thread")]
async fn waits_as_long_as_the_api_asks() {
    let (world, fake) = set_up().await;
    fake.fault("GET", "/settings", Fault::Busy(1), 1);
    fake.fault("POST", "/storage/kv/namespaces", Fault::Busy(0), 2);
    let began = std::time::Instant::now();
    world.run(&fake, APPLY).await.ends_with(0);
    assert!(began.elapsed() >= std::time::Duration::from_secs(1));
    assert_eq!(fake.count("POST", "/storage/kv/namespaces"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn waits_until_the_date_that_the_api_names() {
    let (world, fake) = set_up().await;
    fake.fault("POST", "/queues", Fault::BusyUntil(3), 1);
    let began = std::time::Instant::now();
    world.run(&fake, APPLY).await.ends_with(0);
    // A date has whole seconds, so that up to one of the three is cut off.
    assert!(began.elapsed() >= std::time::Duration::from_secs(2), "{:?}", began.elapsed());
    fake.fault("GET", "/settings", Fault::BusyUntil(3600), 1);
    world.run(&fake, APPLY).await.ends_with(11).tells("answered 429 for too long");
}

/// Calls that carry the token alone, and one that carries a secret of the Worker too; the API repeats what it was sent.
#[tokio::test(flavor = "multi_thread")]
async fn shows_no_secret_where_the_api_repeats_it() {
    for (method, path, before) in [
        ("GET", "/user/tokens/verify", "[redacted] sent"),
        ("GET", "/workers/scripts/blue-stage/settings", "[redacted] sent"),
        ("POST", "/storage/kv/namespaces", "[redacted] sent"),
        ("PUT", "/workers/scripts/blue-stage", "\"text\":\"[redacted]\""),
    ] {
        let (world, fake) = set_up().await;
        fake.fault(method, path, Fault::Echo, 100);
        let ran = world.run(&fake, APPLY).await;
        assert_ne!(ran.code, 0, "{path}");
        // That neither output nor report nor journal holds the value is what every run of the world sees.
        assert!(ran.told.contains(before), "{path}: the API was expected to repeat what it was sent\n{}", ran.told);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sends_no_token_in_the_open_to_another_machine() {
    let world = World::new(&["blue"]);
    let words = format!("{APPLY} --api http://cloudflare.example/client/v4");
    let words = words.split_whitespace().map(str::to_owned).collect();
    world.run_at(None, words).await.ends_with(11).tells("begins with https://");
}

#[tokio::test(flavor = "multi_thread")]
async fn gives_up_when_the_api_stays_busy() {
    let (world, fake) = set_up().await;
    fake.fault("GET", "/settings", Fault::Busy(0), 100);
    world.run(&fake, APPLY).await.ends_with(11).tells("answered 429 for too long");
    assert_eq!(fake.count("GET", "/settings"), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_again_after_a_server_error() {
    let (world, fake) = set_up().await;
    for path in ["/settings", "/zones", "/queues", "/storage/kv/namespaces", "/vectorize/v2/indexes"] {
        fake.fault("GET", path, Fault::Status(503), 2);
    }
    world.run(&fake, APPLY).await.ends_with(0);
}

/// Every write that makes something; its answer is lost after it was done.
const WRITES: &[(&str, &str)] = &[
    ("POST", "/storage/kv/namespaces"),
    ("POST", "/queues"),
    ("POST", "/r2/buckets"),
    ("POST", "/vectorize/v2/indexes"),
    ("POST", "/metadata_index/create"),
    ("PUT", "/workers/scripts/blue-stage"),
    ("POST", "/workers/routes"),
    ("PUT", "/schedules"),
];

fn nothing_twice(fake: &Fake, name: &str) {
    let state = fake.state();
    let counts = [
        state.namespaces.len(),
        state.queues.len(),
        state.buckets.len(),
        state.properties.values().map(Vec::len).sum(),
        state.routes.values().map(Vec::len).sum(),
        state.scripts["blue-stage"].versions.len(),
    ];
    assert_eq!(counts, [1; 6], "{name}: namespaces, queues, buckets, metadata indexes, routes, versions");
}

#[tokio::test(flavor = "multi_thread")]
async fn makes_nothing_twice_when_the_answer_is_an_error() {
    for (method, path) in WRITES {
        let (world, fake) = set_up().await;
        fake.fault(method, path, Fault::DoneThen(502), 1);
        world.run(&fake, APPLY).await.ends_with(0);
        nothing_twice(&fake, path);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn makes_nothing_twice_when_the_answer_never_comes() {
    let (world, fake) = set_up().await;
    for (method, path) in [WRITES[0], WRITES[5], WRITES[6]] {
        fake.fault(method, path, Fault::Late, 1);
    }
    world.run(&fake, &format!("{APPLY} --timeout-ms 4000")).await.ends_with(0);
    nothing_twice(&fake, "late");
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_and_deploys_once_when_answers_are_lost() {
    let (world, fake) = set_up().await;
    world.run(&fake, APPLY).await.ends_with(0);
    world.replace("tenants/blue/tenant.yaml", "Tenant blue", "Tenant bluer");
    fake.fault("POST", "/versions", Fault::Late, 1);
    fake.fault("POST", "/deployments", Fault::DoneThen(500), 2);
    world.run(&fake, &format!("{APPLY} --timeout-ms 4000")).await.ends_with(0);
    let state = fake.state();
    assert_eq!(state.scripts["blue-stage"].versions.len(), 2);
    assert_eq!(state.scripts["blue-stage"].deployments.len(), 3, "the first, 0 %, 100 %");
}

#[tokio::test(flavor = "multi_thread")]
async fn does_not_try_a_refused_write_again() {
    let (world, fake) = set_up().await;
    fake.fault("POST", "/r2/buckets", Fault::Status(403), 1);
    world.run(&fake, APPLY).await.ends_with(11).tells("answered 403");
    assert_eq!(fake.count("POST", "/r2/buckets"), 1);
    assert!(fake.state().namespaces.is_empty(), "the namespace was taken back");
}

#[tokio::test(flavor = "multi_thread")]
async fn says_what_could_not_be_taken_back() {
    let (world, fake) = set_up().await;
    fake.fault("POST", "/r2/buckets", Fault::Status(403), 1);
    fake.fault("DELETE", "/storage/kv/namespaces", Fault::Status(500), 100);
    world.run(&fake, APPLY).await.ends_with(11).tells("LEFT, could not be taken back");
    world.run(&fake, APPLY).await.ends_with(0);
    assert_eq!(fake.state().namespaces.len(), 1, "the next run goes on with what was left");
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_every_page_of_a_list() {
    let (world, fake) = set_up().await;
    world.run(&fake, APPLY).await.ends_with(0);
    {
        let mut state = fake.state();
        for at in 0..250 {
            let id = state.hex_id();
            state.namespaces.insert(0, (format!("other-{at}"), id));
            state.queues.insert(0, (format!("other-{at}"), format!("{at:032x}")));
            state.zones.insert(0, (format!("z{at}"), format!("z{at}.example")));
        }
        state.page = Some(20);
    }
    world.run(&fake, APPLY).await.ends_with(0).tells("unchanged");
    assert!(fake.count("GET", "/storage/kv/namespaces") > 12);
    // Nor does it stop where a list does not say how long it is.
    fake.state().uncounted = true;
    world.run(&fake, APPLY).await.ends_with(0).tells("unchanged");
}

#[tokio::test(flavor = "multi_thread")]
async fn looks_for_what_the_last_try_may_have_made() {
    for (method, path) in WRITES {
        let (world, fake) = set_up().await;
        fake.fault(method, path, Fault::DoneThen(502), 1);
        // Setting the schedules is no making: to do it again is to do it once.
        let tries = if *path == "/schedules" { 2 } else { 1 };
        world.run(&fake, &format!("{APPLY} --tries {tries}")).await.ends_with(0);
        nothing_twice(&fake, path);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn takes_a_token_that_the_account_owns() {
    let (world, fake) = set_up().await;
    fake.state().of_account = true;
    world.run(&fake, APPLY).await.ends_with(0);
    fake.state().inactive = true;
    world.run(&fake, APPLY).await.ends_with(11).tells("is expired");
    fake.state().account = Some("0".repeat(32));
    world.run(&fake, APPLY).await.ends_with(11).tells("not valid for the account `acme`");
}

#[tokio::test(flavor = "multi_thread")]
async fn does_nothing_whose_report_could_not_be_written() {
    let (world, fake) = set_up().await;
    let words = format!("{APPLY} --report {}", world.path("none/report.json").display());
    world.run(&fake, &words).await.ends_with(2).tells("--report: expected a file that can be written");
    assert!(fake.calls().is_empty(), "{:?}", fake.calls());
}

#[tokio::test(flavor = "multi_thread")]
async fn says_that_the_api_is_out_of_reach() {
    let (world, fake) = set_up().await;
    fake.fault("GET", "/user/tokens/verify", Fault::Status(500), 100);
    world.run(&fake, APPLY).await.ends_with(3);
    world.run(&fake, "validate --tokens").await.ends_with(3).tells("see that the API can be reached");
    // Why it is out of reach is told down to the last cause.
    let words = format!("{APPLY} --tries 1").split_whitespace().map(str::to_owned).collect();
    world.run_at(Some("http://127.0.0.1:1".to_owned()), words).await.ends_with(3).tells("refused");
}
