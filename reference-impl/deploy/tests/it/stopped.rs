//! Runs that are stopped, killed, or not alone.

use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use contract_types::{DeployOutcomeOutcome as Outcome, DeployReport};
use serde_json::json;

use crate::fake::{Fake, Fault};
use crate::world::World;

const APPLY: &str = "apply --tenant blue --env stage";

async fn set_up(tenants: &[&str]) -> (World, Fake) {
    let (world, fake) = (World::new(tenants), Fake::start().await);
    world.smoke_at(&fake);
    (world, fake)
}

/// The program in a process of its own, until a call of `method` to `path` was answered; then `signal` is sent to it.
async fn cut_off(world: &World, fake: &Fake, words: &str, until: (&str, &str), signal: &str) -> (ExitStatus, String) {
    let words = words.split_whitespace().map(str::to_owned).collect();
    let words = world.words(Some(&fake.url()), words);
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_deploy"));
    command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let id = child.id().unwrap();
    let began = Instant::now();
    while fake.count(until.0, until.1) == 0 {
        assert!(began.elapsed() < Duration::from_mins(2), "it never called {until:?}: {:?}", fake.calls());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let sent = tokio::process::Command::new("kill").args([signal, &id.to_string()]).status().await.unwrap();
    assert!(sent.success());
    let ended = child.wait_with_output().await.unwrap();
    (ended.status, String::from_utf8_lossy(&ended.stderr).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn takes_back_what_is_under_way_and_begins_nothing_more_when_interrupted() {
    for signal in ["-INT", "-TERM"] {
        let (world, fake) = set_up(&["blue", "red"]).await;
        fake.latency(Duration::from_millis(100));
        let words = "apply --all --env stage --parallel 1";
        let until = ("PUT", "/workers/scripts/blue-stage");
        let (status, told) = cut_off(&world, &fake, words, until, signal).await;
        assert_eq!(status.code(), Some(10), "{signal}: {told}");
        for part in ["stopping", "taken back", "not begun, for the run was stopped", "--resume apply-"] {
            assert!(told.contains(part), "{signal}: expected `{part}` in\n{told}");
        }
        let text = std::fs::read_to_string(world.path("report.json")).unwrap();
        let report: DeployReport = serde_json::from_str(&text).unwrap();
        assert_eq!([report.outcomes[0].outcome, report.outcomes[1].outcome], [Outcome::Failed, Outcome::Skipped]);
        {
            let state = fake.state();
            let left = (state.scripts.len(), state.namespaces.len(), state.queues.len(), state.buckets.len());
            assert_eq!(left, (0, 0, 0, 0), "{signal}: nothing is left\n{told}");
        }
        fake.latency(Duration::ZERO);
        world.run(&fake, &format!("{words} --resume {}", report.run_id)).await.ends_with(0);
    }
}

/// Who sees that the wrong thing was named has a moment left.
#[tokio::test(flavor = "multi_thread")]
async fn deletes_nothing_more_when_interrupted() {
    let (world, fake) = set_up(&["blue"]).await;
    world.run(&fake, APPLY).await.ends_with(0);
    fake.forget();
    fake.latency(Duration::from_millis(500));
    let route = "blue.stage.plumbline.example/*";
    let words =
        format!("remove --tenant blue --env stage --route {route} --worker blue-stage --resource blue-stage-passages");
    let (status, told) = cut_off(&world, &fake, &words, ("DELETE", "/workers/routes"), "-INT").await;
    assert_eq!(status.code(), Some(11), "{told}");
    for part in [
        "nothing more is deleted",
        "what is planned is still there",
        "delete the Worker `blue-stage` with its Durable Objects: planned",
    ] {
        assert!(told.contains(part), "expected `{part}` in\n{told}");
    }
    let state = fake.state();
    assert!(state.scripts.contains_key("blue-stage") && state.indexes.contains_key("blue-stage-passages"), "{told}");
    assert!(state.routes["zone1"].is_empty(), "what was under way was done");
}

#[tokio::test(flavor = "multi_thread")]
async fn tries_what_a_killed_run_may_have_left_untried() {
    let (world, fake) = set_up(&["blue"]).await;
    fake.state().breaks.push("blue-stage".to_owned());
    // The version is broken, which the first question to it would tell.
    fake.fault("GET", "/health", Fault::Late, 1);
    let (status, told) = cut_off(&world, &fake, APPLY, ("GET", "/health"), "-KILL").await;
    assert_eq!(status.code(), None, "{told}");
    assert_eq!(fake.state().scripts.len(), 1, "the killed run left a Worker with all traffic");
    world.run(&fake, APPLY).await.ends_with(11).tells("the new version does not work");

    // Without the fault the next run says so too, and only then is nothing left to do.
    for version in &mut fake.state().scripts.get_mut("blue-stage").unwrap().versions {
        version.broken = false;
    }
    fake.forget();
    world.run(&fake, APPLY).await.ends_with(0);
    assert!(fake.count("GET", "/health") > 0);
    fake.forget();
    world.run(&fake, APPLY).await.ends_with(0).tells("unchanged");
    assert_eq!(fake.count("GET", "/health"), 0, "what was tried is not tried again");
}

#[tokio::test(flavor = "multi_thread")]
async fn tries_what_a_killed_promotion_may_have_left_untried() {
    let (world, fake) = set_up(&["blue"]).await;
    world.run(&fake, APPLY).await.ends_with(0);
    for part in crate::promote::PARTS {
        world.record(part, "2026-07-02T12:00:00Z", |_| {});
    }
    fake.state().breaks.push("blue-prod".to_owned());
    fake.forget();
    fake.fault("GET", "/health", Fault::Late, 1);
    let promote = "promote --tenant blue --from stage --to prod";
    let (status, told) = cut_off(&world, &fake, promote, ("GET", "/health"), "-KILL").await;
    assert_eq!(status.code(), None, "{told}");
    assert!(fake.state().scripts.contains_key("blue-prod"), "the killed run left a Worker with all traffic");
    world.run(&fake, promote).await.ends_with(11).tells("the new version does not work");
}

#[tokio::test(flavor = "multi_thread")]
async fn takes_a_run_up_again_whose_journal_was_cut_in_half() {
    let (world, fake) = set_up(&["blue", "red"]).await;
    fake.fault("PUT", "/workers/scripts/red-stage", Fault::Status(400), 2);
    let words = "apply --all --env stage --parallel 1";
    let run = world.run(&fake, words).await.ends_with(10).report.unwrap().run_id;
    let journal = world.path(&format!("state/{run}.jsonl"));
    let bytes = std::fs::read(&journal).unwrap();
    std::fs::write(&journal, &bytes[..bytes.len() - 40]).unwrap();
    // Twice, for what the first one writes stands behind what was cut off.
    for code in [10, 0] {
        let ran = world.run(&fake, &format!("{words} --resume {run}")).await.ends_with(code);
        assert_eq!(ran.report.unwrap().outcomes[0].outcome, Outcome::Skipped);
    }
    let text = std::fs::read_to_string(&journal).unwrap();
    std::fs::write(&journal, format!("nonsense\n{text}")).unwrap();
    world.run(&fake, &format!("{words} --resume {run}")).await.ends_with(1).tells("line 1").tells("take the line out");
    for strange in ["../state", "none", "/etc/passwd", "a/b"] {
        world.run(&fake, &format!("{words} --resume {strange}")).await.ends_with(2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lets_one_run_at_a_time_work_on_a_worker() {
    let (world, fake) = set_up(&["blue"]).await;
    fake.latency(Duration::from_millis(100));
    let first = async {
        let (status, told) = cut_off(&world, &fake, APPLY, ("PUT", "/schedules"), "-CONT").await;
        assert_eq!(status.code(), Some(0), "{told}");
    };
    let second = async {
        while fake.count("POST", "/storage/kv/namespaces") == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        world.run(&fake, APPLY).await.ends_with(11).tells("another run of deploy on this machine");
    };
    tokio::join!(first, second);
    assert_eq!(fake.state().scripts["blue-stage"].versions.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn leaves_the_traffic_to_somebody_else_who_deploys_meanwhile() {
    let (world, fake) = set_up(&["blue"]).await;
    world.run(&fake, APPLY).await.ends_with(0);
    world.replace("tenants/blue/tenant.yaml", "Tenant blue", "Tenant bluer");
    let theirs = |state: &mut crate::fake::State| {
        let mut metadata = state.scripts["blue-stage"].versions[0].metadata.clone();
        metadata["annotations"] = json!({"workers/tag": "theirs"});
        metadata.as_object_mut().unwrap().remove("migrations");
        let version = state.upload("blue-stage", metadata);
        state.deploy_all("blue-stage", &version.id);
    };
    // While the new version stands at 0 % and is tried for the last time.
    fake.meanwhile("/capabilities", theirs);
    world.run(&fake, &format!("{APPLY} --smoke-tries 2")).await.ends_with(11);
    let serving = fake.state().serving("blue-stage").unwrap().metadata["annotations"]["workers/tag"].clone();
    assert_eq!(serving, "theirs", "what somebody else has deployed stays");
}
