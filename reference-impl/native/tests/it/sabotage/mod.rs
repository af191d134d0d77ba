//! Every flaw shows over HTTP while it is on, and alone then.

mod access;
mod answers;
mod chat;
mod corpus;
mod limits;
mod mcp;
mod metrics;
mod model;
mod prompts;
mod retrieval;
mod speech;
mod tokens;
mod tools;
mod trouble;
mod usage;
mod world;

use std::collections::HashSet;

use serde_json::json;

use world::World;

/// Names of flaws, each with what is true of a deployment without it.
type Probes = &'static [(&'static str, fn(&World) -> bool)];

/// Flaws that `tokens` shows.
const OF_TOKENS: [&str; 10] = [
    "unknown-tenant-of-token-refused",
    "token-signature-ignored",
    "token-without-algorithm-accepted",
    "token-key-id-ignored",
    "token-names-its-key",
    "token-expiry-ignored",
    "token-not-before-ignored",
    "token-audience-ignored",
    "token-issuer-ignored",
    "token-lifetime-unbounded",
];

/// Turns each flaw on and off again around its probe.
fn hold(probes: Probes) {
    let world = World::start();
    let mut faults = Vec::new();
    for (name, is_right) in probes {
        if !is_right(&world) {
            faults.push(format!("{name}: wrong without it"));
        }
        let on = world.program.control("PUT", &format!("/sabotage/{name}"), None);
        assert_eq!((on.status, &on.json()["name"]), (200, &json!(name)), "{name}");
        if is_right(&world) {
            faults.push(format!("{name}: does not show"));
        }
        assert_eq!(world.program.control("DELETE", "/sabotage", None).status, 204);
        if !is_right(&world) {
            faults.push(format!("{name}: wrong after it"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn lists_every_flaw_and_the_one_that_is_on() {
    let world = World::start();
    let listed = world.program.control("GET", "/sabotage", None).json();
    let names: Vec<&str> =
        listed["switches"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert!(listed["on"].is_null() && !names.is_empty(), "{listed}");
    let tables = [
        access::PROBES,
        answers::PROBES,
        chat::PROBES,
        corpus::PROBES,
        limits::PROBES,
        mcp::PROBES,
        metrics::PROBES,
        retrieval::PROBES,
        speech::PROBES,
        tools::PROBES,
        trouble::PROBES,
        usage::PROBES,
    ];
    let probed = tables.into_iter().flatten().map(|(name, _)| *name).chain(OF_TOKENS).chain(speech::OF_PROVIDERS);
    let probed: HashSet<&str> = probed.chain([prompts::FLAW]).collect();
    for name in &names {
        assert!(probed.contains(name), "{name} has no probe");
    }
    assert_eq!(probed.len(), names.len(), "a probe is of no flaw");
    assert_eq!(world.program.control("PUT", "/sabotage/cors-wildcard", None).status, 200);
    assert_eq!(world.program.control("POST", "/reset", None).status, 200);
    assert_eq!(world.program.control("GET", "/sabotage", None).json()["on"], "cors-wildcard");
    assert_eq!(world.program.control("PUT", "/sabotage/nothing-of-the-kind", None).status, 404);
    assert_eq!(world.program.control("GET", "/sabotage", None).json()["on"], "cors-wildcard");
    assert_eq!(world.program.control("DELETE", "/sabotage", None).status, 204);
    assert!(world.program.control("GET", "/sabotage", None).json()["on"].is_null());
}

#[test]
fn shows_flaws_of_access() {
    hold(access::PROBES);
}

#[test]
fn shows_flaws_of_answers() {
    hold(answers::PROBES);
}

#[test]
fn shows_flaws_of_chats_and_sessions() {
    hold(chat::PROBES);
}

#[test]
fn shows_flaws_of_the_corpus() {
    hold(corpus::PROBES);
}

#[test]
fn shows_flaws_of_limits() {
    hold(limits::PROBES);
}

#[test]
fn shows_flaws_of_the_protocol() {
    hold(mcp::PROBES);
}

#[test]
fn shows_flaws_of_metrics() {
    hold(metrics::PROBES);
}

#[test]
fn shows_flaws_of_retrieval() {
    hold(retrieval::PROBES);
}

#[test]
fn shows_flaws_of_tools() {
    hold(tools::PROBES);
}

#[test]
fn shows_flaws_of_trouble_with_models() {
    hold(trouble::PROBES);
}

#[test]
fn shows_flaws_of_usage() {
    hold(usage::PROBES);
}
