//! Plan, apply, drift, rollback, promotion and removal, on a tenant with every kind of binding.

use contract_types::{DeployOutcomeOutcome as Outcome, DeployStepState};
use serde_json::json;

use crate::fake::Fake;
use crate::world::World;

async fn set_up() -> (World, Fake) {
    let (world, fake) = (World::new(&["blue"]), Fake::start().await);
    world.smoke_at(&fake);
    (world, fake)
}

async fn applied() -> (World, Fake) {
    let (world, fake) = set_up().await;
    world.run(&fake, "apply --tenant blue --env stage").await.ends_with(0);
    fake.forget();
    (world, fake)
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_everything_and_changes_nothing() {
    let (world, fake) = set_up().await;
    let ran = world.run(&fake, "plan --tenant blue --env stage").await.ends_with(0);
    let outcome = &ran.report.unwrap().outcomes[0];
    assert_eq!(outcome.outcome, Outcome::Planned);
    let steps: Vec<&str> = outcome.steps.iter().map(|it| it.step.as_str()).collect();
    assert_eq!(
        steps,
        [
            "create the KV namespace `blue-stage-cache`",
            "create the queue `blue-stage-jobs`",
            "create the R2 bucket `blue-stage-audio`",
            "create the Vectorize index `blue-stage-passages` (384 dimensions, cosine)",
            "create the metadata index `source` (string) of `blue-stage-passages`",
            "upload the Worker with the migration to `v1`; it has all traffic at once",
            "create the route `blue.stage.plumbline.example/*`",
            "try the version",
            "set the schedules 17 * * * *",
            "verify",
        ]
    );
    let writes: Vec<String> = fake.calls().into_iter().filter(|call| !call.starts_with("GET")).collect();
    assert!(writes.is_empty(), "{writes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn applies_once_and_then_finds_nothing_to_do() {
    let (world, fake) = set_up().await;
    let ran = world.run(&fake, "apply --tenant blue --env stage").await.ends_with(0);
    assert_eq!(ran.report.unwrap().outcomes[0].outcome, Outcome::Changed);
    fake.forget();
    let ran = world.run(&fake, "apply --tenant blue --env stage").await.ends_with(0);
    assert_eq!(ran.report.unwrap().outcomes[0].outcome, Outcome::Unchanged);
    assert!(fake.calls().iter().all(|call| call.starts_with("GET")), "{:?}", fake.calls());
    world.run(&fake, "drift --tenant blue --env stage").await.ends_with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn moves_traffic_only_after_the_version_was_tried() {
    let (world, fake) = applied().await;
    world.replace("tenants/blue/tenant.yaml", "Tenant blue", "Tenant bluer");
    world.run(&fake, "apply --tenant blue --env stage").await.ends_with(0);
    let calls = fake.calls();
    let at = |part: &str| {
        calls.iter().position(|call| call.contains(part)).unwrap_or_else(|| panic!("no {part} in {calls:?}"))
    };
    let upload = at("POST /accounts/0123456789abcdef0123456789abcdef/workers/scripts/blue-stage/versions");
    assert!(upload < at("GET /health"));
    assert_eq!(fake.count("POST", "/deployments"), 2, "0 % and 100 %");
    assert_eq!(fake.count("PUT", "/workers/scripts/blue-stage"), 0, "an existing Worker is never overwritten");
    let state = fake.state();
    let shares: Vec<String> =
        state.scripts["blue-stage"].deployments.iter().map(|it| it["versions"].to_string()).collect();
    assert!(shares[1].contains("\"percentage\":0.0") && shares[1].contains("\"percentage\":100"), "{shares:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn takes_back_what_it_did_when_the_version_does_not_work() {
    let (world, fake) = set_up().await;
    fake.state().breaks.push("blue-stage".to_owned());
    let ran =
        world.run(&fake, "apply --tenant blue --env stage").await.ends_with(11).tells("the new version does not work");
    let outcome = &ran.report.unwrap().outcomes[0];
    assert_eq!(outcome.outcome, Outcome::Failed);
    assert_eq!(outcome.steps.iter().filter(|it| it.state == DeployStepState::Undone).count(), 7);
    let state = fake.state();
    assert!(
        state.scripts.is_empty() && state.namespaces.is_empty() && state.buckets.is_empty() && state.queues.is_empty()
    );
    assert!(state.indexes.is_empty() && state.routes.values().all(Vec::is_empty));
}

#[tokio::test(flavor = "multi_thread")]
async fn gives_the_traffic_back_when_a_later_version_does_not_work() {
    let (world, fake) = applied().await;
    let before = fake.state().serving("blue-stage").unwrap().id.clone();
    fake.state().breaks.push("blue-stage".to_owned());
    world.replace("tenants/blue/tenant.yaml", "Tenant blue", "Tenant bluer");
    world.run(&fake, "apply --tenant blue --env stage").await.ends_with(11).tells("taken back");
    let state = fake.state();
    assert_eq!(
        state.scripts["blue-stage"].deployments[0]["versions"],
        json!([{"version_id": before, "percentage": 100.0}])
    );
    assert_eq!(state.namespaces.len(), 1, "what was there before stays");
}

/// What is done by hand to the live state, and a part of what must be told.
type Hand = (&'static str, fn(&mut crate::fake::State), &'static str);

/// Half of the traffic for a version that was uploaded by hand.
fn share(it: &mut crate::fake::State) {
    let before = it.scripts["blue-stage"].versions[0].clone();
    let mut metadata = before.metadata.clone();
    metadata["annotations"] = json!({"workers/tag": "by-hand"});
    metadata.as_object_mut().unwrap().remove("migrations");
    let version = it.upload("blue-stage", metadata);
    let shares = json!([{"version_id": before.id, "percentage": 50.0}, {"version_id": version.id, "percentage": 50.0}]);
    it.deploy_all("blue-stage", &version.id);
    it.scripts.get_mut("blue-stage").unwrap().deployments[0]["versions"] = shares;
}

const HANDS: &[Hand] = &[
    ("traffic shared out", |it| share(it), "version traffic"),
    (
        "binding changed",
        |it| {
            let script = it.scripts.get_mut("blue-stage").unwrap();
            script.versions[0].bindings.iter_mut().find(|it| it["name"] == "LOG_LEVEL").unwrap()["text"] =
                json!("debug");
        },
        "binding LOG_LEVEL",
    ),
    (
        "binding added",
        |it| {
            it.scripts.get_mut("blue-stage").unwrap().versions[0]
                .bindings
                .push(json!({"type": "plain_text", "name": "EXTRA", "text": "x"}));
        },
        "binding EXTRA",
    ),
    (
        "binding removed",
        |it| it.scripts.get_mut("blue-stage").unwrap().versions[0].bindings.retain(|it| it["name"] != "CACHE"),
        "binding CACHE",
    ),
    (
        "secret removed",
        |it| it.scripts.get_mut("blue-stage").unwrap().versions[0].bindings.retain(|it| it["name"] != "CURSOR_SECRET"),
        "secret CURSOR_SECRET",
    ),
    ("route removed", |it| it.routes.values_mut().for_each(Vec::clear), "route blue.stage.plumbline.example/*"),
    ("route led away", |it| it.routes.get_mut("zone1").unwrap()[0]["script"] = json!("other"), "live other"),
    (
        "schedule changed",
        |it| it.scripts.get_mut("blue-stage").unwrap().schedules = vec!["0 0 * * *".to_owned()],
        "schedule",
    ),
    (
        "compatibility date changed",
        |it| it.scripts.get_mut("blue-stage").unwrap().versions[0].metadata["compatibility_date"] = json!("2025-01-01"),
        "compatibility date",
    ),
    (
        "flags changed",
        |it| it.scripts.get_mut("blue-stage").unwrap().versions[0].metadata["compatibility_flags"] = json!([]),
        "compatibility flags",
    ),
    (
        "version uploaded by hand",
        |it| {
            let mut metadata = it.scripts["blue-stage"].versions[0].metadata.clone();
            metadata.as_object_mut().unwrap().remove("annotations");
            metadata.as_object_mut().unwrap().remove("migrations");
            let version = it.upload("blue-stage", metadata);
            it.deploy_all("blue-stage", &version.id);
        },
        "not uploaded by deploy",
    ),
    ("metadata index removed", |it| it.properties.clear(), "index blue-stage-passages/source"),
    ("namespace removed", |it| it.namespaces.clear(), "resource blue-stage-cache"),
    ("queue removed", |it| it.queues.clear(), "resource blue-stage-jobs"),
    ("bucket removed", |it| it.buckets.clear(), "resource blue-stage-audio"),
];

#[tokio::test(flavor = "multi_thread")]
async fn finds_and_repairs_every_hand_edit() {
    for (name, hand, part) in HANDS {
        let (world, fake) = applied().await;
        hand(&mut fake.state());
        world.run(&fake, "drift --tenant blue --env stage").await.ends_with(100).tells(part);
        assert!(fake.calls().iter().all(|call| call.starts_with("GET")), "{name}: drift only reads");
        world.run(&fake, "drift --repair --tenant blue --env stage").await.ends_with(0);
        world.run(&fake, "drift --tenant blue --env stage").await.ends_with(0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn repairs_only_what_is_asked() {
    let (world, fake) = applied().await;
    fake.state().routes.values_mut().for_each(Vec::clear);
    fake.state().scripts.get_mut("blue-stage").unwrap().schedules.clear();
    // What was not asked for is left, and told.
    world.run(&fake, "drift --repair --only route --tenant blue --env stage").await.ends_with(100).tells("schedule");
    assert_eq!(fake.state().routes["zone1"].len(), 1);
    assert!(fake.state().scripts["blue-stage"].schedules.is_empty());
    world.run(&fake, "drift --repair --only schedule --tenant blue --env stage").await.ends_with(0);
}

/// Two kinds of drift at once: what is asked for and how it came about, what must be left, and what may not be called.
type Pair = (&'static str, fn(&mut crate::fake::State), &'static str, &'static str);

const SOME: &[Pair] = &[
    ("resource", |it| it.buckets.clear(), "schedule ", "/schedules"),
    ("resource", |it| it.queues.clear(), "schedule ", "/schedules"),
    ("index", |it| it.properties.clear(), "schedule ", "/schedules"),
    (
        "compatibility",
        |it| it.scripts.get_mut("blue-stage").unwrap().versions[0].metadata["compatibility_date"] = json!("2025-01-01"),
        "schedule ",
        "/schedules",
    ),
    (
        "secret",
        |it| it.scripts.get_mut("blue-stage").unwrap().versions[0].bindings.retain(|it| it["name"] != "CURSOR_SECRET"),
        "schedule ",
        "/schedules",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn repairs_each_kind_without_the_others() {
    for (what, hand, left, untouched) in SOME {
        let (world, fake) = applied().await;
        hand(&mut fake.state());
        fake.state().scripts.get_mut("blue-stage").unwrap().schedules.clear();
        let words = format!("drift --repair --only {what} --tenant blue --env stage");
        let ran = world.run(&fake, &words).await.ends_with(100).tells(left);
        let findings = &ran.report.as_ref().unwrap().outcomes[0].findings;
        assert!(!findings.iter().any(|it| it.what == *what), "{what}: {}", ran.told);
        assert_eq!(fake.count("PUT", untouched), 0, "{what}");
    }
    let (world, fake) = applied().await;
    {
        let mut state = fake.state();
        let version = &mut state.scripts.get_mut("blue-stage").unwrap().versions[0];
        version.metadata["compatibility_date"] = json!("2025-01-01");
        version.bindings.retain(|it| it["name"] != "LOG_LEVEL");
    }
    let words = "drift --repair --only binding --tenant blue --env stage";
    world.run(&fake, words).await.ends_with(1).tells("compatibility differ too");
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_a_third_version_beside_two_of_a_stranger() {
    let (world, fake) = applied().await;
    let first = fake.state().serving("blue-stage").unwrap().id.clone();
    share(&mut fake.state());
    fake.state().scripts.get_mut("blue-stage").unwrap().versions[1].metadata["annotations"]["workers/tag"] =
        json!("old");
    fake.forget();
    world.run(&fake, "apply --tenant blue --env stage").await.ends_with(11).tells("no third version");
    assert!(fake.calls().iter().all(|call| call.starts_with("GET")));
    world.run(&fake, &format!("rollback --tenant blue --env stage --to {first}")).await.ends_with(0);
    world.run(&fake, "apply --tenant blue --env stage").await.ends_with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn tells_what_is_too_much_and_deletes_it_by_name_alone() {
    let (world, fake) = applied().await;
    let extra = json!({"id": "r9", "pattern": "old.plumbline.example/*", "script": "blue-stage"});
    fake.state().routes.get_mut("zone1").unwrap().push(extra);
    world.run(&fake, "drift --repair --tenant blue --env stage").await.ends_with(100).tells("old.plumbline.example/*");
    assert_eq!(fake.state().routes["zone1"].len(), 2);
    world
        .run(&fake, "remove --tenant blue --env stage --route other.example/*")
        .await
        .ends_with(11)
        .tells("nothing was removed");
    world.run(&fake, "remove --tenant blue --env stage --route old.plumbline.example/*").await.ends_with(0);
    world.run(&fake, "drift --tenant blue --env stage").await.ends_with(0);
    world.run(&fake, "remove --tenant blue --env stage").await.ends_with(2);
}

/// A route that leaves the configuration, and with it the last word of its zone, still leads to the Worker.
#[tokio::test(flavor = "multi_thread")]
async fn sees_a_route_that_the_configuration_no_longer_names() {
    let (world, fake) = applied().await;
    let pattern = "blue.stage.plumbline.example/*";
    let routes = format!("    routes:\n      - {{pattern: {pattern}, zone: plumbline.example}}\n");
    world.replace("tenants/blue/tenant.yaml", &routes, "");
    let told = format!("remove --tenant blue --env stage --route {pattern}");
    world.run(&fake, "drift --tenant blue --env stage").await.ends_with(100).tells(&told);
    // A token that need not see routes, for none are wanted, is no reason to fail.
    fake.state().forbidden.push("zones".to_owned());
    world.run(&fake, "drift --tenant blue --env stage").await.ends_with(0);
    fake.state().forbidden = vec!["zones/zone1".to_owned()];
    world.run(&fake, "drift --tenant blue --env stage").await.ends_with(0);
    fake.state().forbidden.clear();
    world.run(&fake, &told).await.ends_with(0);
    assert!(fake.state().routes["zone1"].is_empty());
    world.run(&fake, "drift --tenant blue --env stage").await.ends_with(0);
}

/// In an incident there may be no other token at hand than one that may do what a rollback needs.
#[tokio::test(flavor = "multi_thread")]
async fn rolls_back_with_no_more_than_it_needs() {
    let (world, fake) = applied().await;
    let first = fake.state().serving("blue-stage").unwrap().id.clone();
    world.replace("tenants/blue/tenant.yaml", "Tenant blue", "Tenant bluer");
    world.run(&fake, "apply --tenant blue --env stage").await.ends_with(0);
    fake.state().groups = Some(vec!["Workers Scripts Write".to_owned()]);
    fake.state().forbidden.push("zones".to_owned());
    // It is from before the contract of today, which a new version must serve and an earlier one cannot.
    fake.state().scripts.get_mut("blue-stage").unwrap().versions.last_mut().unwrap().contract =
        Some("0.9.0".to_owned());
    // Nor is there time to build a Worker that nobody uploads.
    std::fs::remove_dir_all(world.path("build")).unwrap();
    world.run(&fake, &format!("rollback --tenant blue --env stage --to {first}")).await.ends_with(0);
    assert_eq!(fake.state().serving("blue-stage").unwrap().id, first);
    fake.state().groups = None;
    fake.state().forbidden.clear();
    let route = "blue.stage.plumbline.example/*";
    world.run(&fake, &format!("remove --tenant blue --env stage --route {route}")).await.ends_with(0);
    world.run(&fake, "plan --tenant blue --env stage").await.ends_with(2).tells("reference-impl/worker/build.sh");
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_an_index_of_other_dimensions() {
    let (world, fake) = applied().await;
    fake.state().indexes.get_mut("blue-stage-passages").unwrap()["config"]["dimensions"] = json!(768);
    world.run(&fake, "drift --tenant blue --env stage").await.ends_with(100).tells("768 dimensions");
    world.run(&fake, "apply --tenant blue --env stage").await.ends_with(11).tells("neither can be changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn rolls_back_and_refuses_what_cannot_be() {
    let (world, fake) = applied().await;
    let first = fake.state().serving("blue-stage").unwrap().id.clone();
    world.replace("tenants/blue/tenant.yaml", "Tenant blue", "Tenant bluer");
    world.run(&fake, "apply --tenant blue --env stage").await.ends_with(0);
    world
        .run(&fake, "rollback --tenant blue --env stage --to none")
        .await
        .ends_with(11)
        .tells("there is no version none");
    world.run(&fake, &format!("rollback --tenant blue --env stage --to {first}")).await.ends_with(0);
    assert_eq!(fake.state().serving("blue-stage").unwrap().id, first);

    let cache = fake.state().namespaces.pop().unwrap();
    let second = fake.state().scripts["blue-stage"].versions[0].id.clone();
    world
        .run(&fake, &format!("rollback --tenant blue --env stage --to {second}"))
        .await
        .ends_with(11)
        .tells("deleted since");
    fake.state().namespaces.push(cache);

    world.replace("deploy.yaml", "jwks:", "  - {tag: v2, new_sqlite_classes: [Extra]}\njwks:");
    world.run(&fake, "apply --tenant blue --env stage").await.ends_with(0);
    world
        .run(&fake, &format!("rollback --tenant blue --env stage --to {first}"))
        .await
        .ends_with(11)
        .tells("a migration is not taken back");
}

#[tokio::test(flavor = "multi_thread")]
async fn rotates_a_secret_by_a_version_of_its_own() {
    let (world, fake) = applied().await;
    let before = fake.state().uploads.len();
    world.run(&fake, "apply --tenant blue --env stage --rotate-secret CURSOR_SECRET").await.ends_with(0);
    let uploads = fake.state().uploads.clone();
    assert_eq!(uploads.len(), before + 1);
    let bindings = uploads[before].1["bindings"].as_array().unwrap();
    assert!(bindings.iter().any(|it| it["name"] == "CURSOR_SECRET" && it["type"] == "secret_text"));
    world.run(&fake, "apply --tenant blue --env stage --rotate-secret NONE").await.ends_with(2).tells("has no secret");
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_the_token_before_it_begins() {
    let (world, fake) = set_up().await;
    fake.state().groups =
        Some(vec!["Workers Scripts Write".to_owned(), "Workers Routes Write".to_owned(), "Queues Read".to_owned()]);
    let ran = world.run(&fake, "apply --tenant blue --env stage").await.ends_with(11);
    ran.tells("`Workers KV Storage Write`").tells("`Queues Write`").tells("`Vectorize Write`");
    fake.state().groups = None;
    fake.state().forbidden.push("r2/buckets".to_owned());
    world.run(&fake, "plan --tenant blue --env stage").await.ends_with(11).tells("`Workers R2 Storage Read`");
    fake.state().forbidden.clear();
    fake.state().inactive = true;
    world.run(&fake, "plan --tenant blue --env stage").await.ends_with(11).tells("is expired");
    assert!(fake.calls().iter().all(|call| call.starts_with("GET")));
}

#[tokio::test(flavor = "multi_thread")]
async fn needs_the_secrets_of_its_own_environment_alone() {
    let (world, fake) = applied().await;
    world.replace(
        "deploy.yaml",
        "account: acme-prod, token: {file: ../token.secret}",
        "account: acme-prod, token: {env: PLUMBLINE_NOT_SET}",
    );
    let text = std::fs::read_to_string(world.path("tenants/blue/tenant.yaml")).unwrap();
    let (lower, prod) = text.split_once("  prod:\n").unwrap();
    let prod = prod.replace("{file: ../blue-prod.secret}", "{env: PLUMBLINE_NO_SECRET}");
    world.write("tenants/blue/tenant.yaml", &format!("{lower}  prod:\n{prod}"));
    world.run(&fake, "validate").await.ends_with(2).tells("PLUMBLINE_NOT_SET").tells("PLUMBLINE_NO_SECRET");
    world.run(&fake, "drift --tenant blue --env stage").await.ends_with(0);
    world.run(&fake, "apply --tenant blue --env stage").await.ends_with(0);
    world.run(&fake, "apply --tenant blue --env prod").await.ends_with(2).tells("PLUMBLINE_NO_SECRET");
    world.run(&fake, "drift --tenant blue --env prod").await.tells("PLUMBLINE_NOT_SET");
}

#[tokio::test(flavor = "multi_thread")]
async fn explains_itself() {
    let (world, fake) = (World::new(&["blue"]), Fake::start().await);
    world.run(&fake, "--help").await.ends_with(0).tells("deploy rollback --tenant").tells("credentials.md");
    for verb in ["validate", "plan", "apply", "promote", "drift", "rollback", "remove", "export"] {
        world.run(&fake, &format!("{verb} --help")).await.ends_with(0).tells("Usage:");
    }
    world.run(&fake, "plan --tenant green --env stage").await.ends_with(2).tells("blue in stage");
    world.run(&fake, "plan --tenant blue --env staging").await.ends_with(2).tells("dev, stage or prod");
    world.run(&fake, "validate --json").await.ends_with(0);
    world.replace("tenants/blue/tenant.yaml", "kind: ai}", "kind: ai, resource: x}");
    world.run(&fake, "apply --all --env stage").await.ends_with(2).tells("to do:").tells("nothing was done");
}
