//! Ten tenants at once.

use std::time::{Duration, Instant};

use contract_types::DeployOutcomeOutcome as Outcome;

use crate::fake::{Fake, Fault};
use crate::world::World;

const TEN: [&str; 10] = ["t01", "t02", "t03", "t04", "t05", "t06", "t07", "t08", "t09", "t10"];

async fn set_up() -> (World, Fake) {
    let (world, fake) = (World::new(&TEN), Fake::start().await);
    world.smoke_at(&fake);
    (world, fake)
}

fn outcomes(ran: &crate::world::Ran) -> Vec<Outcome> {
    ran.report.as_ref().unwrap().outcomes.iter().map(|it| it.outcome).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn deploys_ten_tenants_with_realistic_latency_in_less_than_five_minutes() {
    let (world, fake) = set_up().await;
    fake.latency(Duration::from_millis(150));
    let began = Instant::now();
    let ran = world.run(&fake, "apply --all --env stage --parallel 5").await.ends_with(0);
    let took = began.elapsed();
    assert_eq!(outcomes(&ran), [Outcome::Changed; 10]);
    assert!(took < Duration::from_mins(5), "{took:?}");
    println!("ten tenants, 150 ms a call, five at once: {took:?}, {} calls", fake.calls().len());
    for name in TEN {
        assert_eq!(fake.state().scripts[&format!("{name}-stage")].versions.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stops_at_the_tenant_that_fails_and_takes_the_run_up_again() {
    let (world, fake) = set_up().await;
    fake.fault("PUT", "/workers/scripts/t07-stage", Fault::Status(400), 1);
    let ran = world.run(&fake, "apply --all --env stage --parallel 1").await.ends_with(10);
    let mut expected = [Outcome::Changed; 10];
    expected[6] = Outcome::Failed;
    expected[7..].fill(Outcome::Skipped);
    assert_eq!(outcomes(&ran), expected);
    assert!(
        !fake.state().namespaces.iter().any(|(title, _)| title.starts_with("t07")),
        "the seventh took its own steps back"
    );

    let run = ran.report.unwrap().run_id;
    fake.forget();
    let ran = world.run(&fake, &format!("apply --all --env stage --resume {run}")).await.ends_with(0);
    let mut expected = [Outcome::Skipped; 10];
    expected[6..].fill(Outcome::Changed);
    assert_eq!(outcomes(&ran), expected);
    assert_eq!(fake.count("GET", "/workers/scripts/t01-stage/settings"), 0, "what is done is not even read");
    world.run(&fake, "drift --all --env stage").await.ends_with(0);
    world.run(&fake, "apply --all --env stage --resume none").await.ends_with(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn goes_on_to_the_others_when_told_to() {
    let (world, fake) = set_up().await;
    fake.fault("PUT", "/workers/scripts/t07-stage", Fault::Status(400), 1);
    let ran = world.run(&fake, "apply --all --env stage --parallel 3 --keep-going").await.ends_with(10);
    let mut expected = [Outcome::Changed; 10];
    expected[6] = Outcome::Failed;
    assert_eq!(outcomes(&ran), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn begins_with_those_that_come_first() {
    let (world, fake) = set_up().await;
    fake.fault("PUT", "/workers/scripts/t09-stage", Fault::Status(400), 1);
    let ran = world.run(&fake, "apply --all --env stage --first t09").await.ends_with(10);
    let report = ran.report.unwrap();
    assert_eq!((report.outcomes[0].tenant.0.as_str(), report.outcomes[0].outcome), ("t09", Outcome::Failed));
    assert!(report.outcomes[1..].iter().all(|it| it.outcome == Outcome::Skipped));
    assert_eq!(fake.state().scripts.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn tells_when_all_fail() {
    let (world, fake) = set_up().await;
    fake.state().breaks.push("-stage".to_owned());
    world.run(&fake, "apply --all --env stage --keep-going --parallel 5").await.ends_with(11);
    assert!(fake.state().scripts.is_empty());
}
