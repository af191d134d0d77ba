//! From stage to prod: what opens the way, and all that must not.

use contract_types::GatePartPart;
use serde_json::{Value, json};

use crate::fake::Fake;
use crate::world::World;

const PROMOTE: &str = "promote --tenant blue --from stage --to prod";

/// The fake says that versions are of 2026-07-01, noon.
const BEFORE: &str = "2026-06-30T12:00:00Z";
const AFTER: &str = "2026-07-02T12:00:00Z";

/// The record of a part that passes on staging.
pub(crate) fn record(part: GatePartPart, started: &str) -> Value {
    let document: Value = serde_json::from_str(contract_types::OPENAPI).unwrap();
    let (kind, command) = match part {
        GatePartPart::Conformance => ("conformance", "cargo test -p conformance -- --target staging"),
        GatePartPart::Saboteurs => ("conformance", "cargo run -p conformance -- saboteurs"),
        GatePartPart::Quality => ("quality", "cargo run -p quality -- smoke --target staging"),
        GatePartPart::Load => ("load", "cargo run -p loadtests -- --target staging --scenario search"),
    };
    let mut record = json!({
        "schema_version": 1, "run_id": format!("0195f2b0-6d0a-7c3e-9b1f-2a4c6e8d0f{:02x}", part as u8),
        "kind": kind, "tool_version": "0.1.0", "contract_version": document["info"]["version"],
        "target": {"name": "staging", "base_url": "https://staging.example", "implementation": "plumbline-reference", "version": "0.1.0"},
        "started_at": started, "finished_at": started, "seed": 1, "command": command, "verdict": "pass",
        "counts": {"passed": 0, "failed": 0, "errored": 0, "not_applicable": 0, "known_failures": 0}, "cases": [], "notes": [],
    });
    match part {
        GatePartPart::Conformance | GatePartPart::Saboteurs => {
            let id = if part == GatePartPart::Saboteurs { "saboteurs/scope-skipped" } else { "health/answers" };
            let kind = if part == GatePartPart::Saboteurs { "saboteur" } else { "rule" };
            record["counts"]["passed"] = json!(1);
            record["cases"] = json!([{"id": id, "kind": kind, "level": "MUST", "outcome": "pass", "duration_ms": 1}]);
        }
        GatePartPart::Quality => {
            record["scores"] = json!([{"tenant": "aurora-bikes", "collection": "handbook", "metric": "mrr", "value": 0.9, "queries": 9, "floor": 0.6}]);
        }
        GatePartPart::Load => {
            record["load"] = json!([{"scenario": "search", "operation": "all", "requests": 9, "errors": 0, "rate_per_s": 9.0, "p50_ms": 1.0, "p95_ms": 2.0, "p99_ms": 3.0, "max_ms": 4.0}]);
        }
    }
    record
}

pub(crate) const PARTS: [GatePartPart; 3] = [GatePartPart::Conformance, GatePartPart::Quality, GatePartPart::Load];

impl World {
    /// Puts a record where `promote` looks for it.
    pub(crate) fn record(&self, part: GatePartPart, started: &str, change: fn(&mut Value)) {
        let mut record = record(part, started);
        change(&mut record);
        std::fs::create_dir_all(self.path("records")).unwrap();
        self.write(&format!("records/{}.json", part.as_str()), &record.to_string());
    }
}

async fn staged() -> (World, Fake) {
    let (world, fake) = (World::new(&["blue"]), Fake::start().await);
    world.smoke_at(&fake);
    world.run(&fake, "apply --tenant blue --env stage").await.ends_with(0);
    (world, fake)
}

/// Records that must not open the way, by what is wrong with one of them.
type Shut = (&'static str, GatePartPart, &'static str, fn(&mut Value), &'static str);
const SHUT: &[Shut] = &[
    ("older than the version", GatePartPart::Conformance, BEFORE, |_| {}, "older than the version"),
    ("older quality", GatePartPart::Quality, BEFORE, |_| {}, "older than the version"),
    (
        "of another target",
        GatePartPart::Conformance,
        AFTER,
        |it| it["target"]["name"] = json!("local"),
        "there is no record of conformance",
    ),
    (
        "of a part of the suite",
        GatePartPart::Conformance,
        AFTER,
        |it| it["notes"] = json!(["part of the suite: --filter health"]),
        "part of the suite",
    ),
    (
        "of saboteurs",
        GatePartPart::Conformance,
        AFTER,
        |it| *it = record(GatePartPart::Saboteurs, AFTER),
        "no record of conformance",
    ),
    (
        "of nothing",
        GatePartPart::Conformance,
        AFTER,
        |it| {
            it["cases"] = json!([]);
            it["counts"]["passed"] = json!(0);
        },
        "looked at nothing",
    ),
    (
        "of another contract",
        GatePartPart::Load,
        AFTER,
        |it| it["contract_version"] = json!("0.0.1"),
        "of the contract 0.0.1",
    ),
    (
        "that fails",
        GatePartPart::Conformance,
        AFTER,
        |it| {
            it["verdict"] = json!("fail");
            it["cases"][0]["outcome"] = json!("fail");
            it["cases"][0]["message"] = json!("seeded");
            it["counts"] = json!({"passed": 0, "failed": 1, "errored": 0, "not_applicable": 0, "known_failures": 0});
        },
        "health/answers",
    ),
    (
        "that contradicts itself",
        GatePartPart::Conformance,
        AFTER,
        |it| {
            it["cases"][0]["outcome"] = json!("fail");
            it["counts"] = json!({"passed": 0, "failed": 1, "errored": 0, "not_applicable": 0, "known_failures": 0});
        },
        "says pass, although",
    ),
    (
        "of worse answers",
        GatePartPart::Quality,
        AFTER,
        |it| {
            it["verdict"] = json!("fail");
            it["scores"][0]["value"] = json!(0.1);
        },
        "quality",
    ),
    (
        "of too slow answers",
        GatePartPart::Load,
        AFTER,
        |it| {
            it["verdict"] = json!("fail");
            it["load"][0]["budget_p95_ms"] = json!(1.0);
        },
        "load",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn promotes_nothing_while_the_gate_is_shut() {
    let (world, fake) = staged().await;
    std::fs::create_dir_all(world.path("records")).unwrap();
    world.run(&fake, PROMOTE).await.ends_with(11).tells("there is no record").tells("gate --target staging --run");
    for (name, part, started, change, told) in SHUT {
        for whole in PARTS {
            world.record(whole, AFTER, |_| {});
        }
        world.record(*part, started, *change);
        let ran = world.run(&fake, PROMOTE).await;
        assert!(
            ran.code == 11 && ran.told.contains(told),
            "{name}: exit {}, expected `{told}` in\n{}",
            ran.code,
            ran.told
        );
    }
    for missing in PARTS {
        for whole in PARTS {
            world.record(whole, AFTER, |_| {});
        }
        std::fs::remove_file(world.path(&format!("records/{}.json", missing.as_str()))).unwrap();
        world.run(&fake, PROMOTE).await.ends_with(11).tells("there is no record");
    }
    assert!(!fake.state().scripts.contains_key("blue-prod"));
}

#[tokio::test(flavor = "multi_thread")]
async fn promotes_the_same_artefact_after_the_gate_alone() {
    let (world, fake) = staged().await;
    for part in PARTS {
        world.record(part, AFTER, |_| {});
    }
    fake.state().scripts.get_mut("blue-stage").unwrap().schedules.clear();
    world.run(&fake, PROMOTE).await.ends_with(11).tells("has drifted");
    world.run(&fake, "drift --repair --tenant blue --env stage").await.ends_with(0);
    world.run(&fake, PROMOTE).await.ends_with(0);
    let message = |name: &str| fake.state().serving(name).unwrap().metadata["annotations"]["workers/message"].clone();
    assert_eq!(message("blue-stage"), message("blue-prod"));

    world.write("build/index.js", "export default {}; export class TenantStore {}");
    world.run(&fake, PROMOTE).await.ends_with(11).tells("take the folder that was deployed there");
}
