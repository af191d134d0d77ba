//! The table of edges in ARCHITECTURE.md, against what cargo really links.

use std::{collections::BTreeMap, process::Command};

use serde_json::Value;

/// Features for crates of others, without a line of code. Whoever is built for WebAssembly has none of it.
const FEATURES: &str = "workspace-hack";

/// Each crate with the workspace crates that it may depend on.
const EDGES: [(&str, &[&str]); 19] = [
    ("contract-types", &[]),
    ("stand-in", &[]),
    ("contracts", &[]),
    ("minilm", &[]),
    ("reference-core", &["contract-types"]),
    ("reference-http", &["contract-types", "reference-core"]),
    ("reference-providers", &["reference-core"]),
    (
        "reference-impl",
        &["contract-types", "minilm", "reference-core", "reference-http", "reference-providers", "stand-in"],
    ),
    ("reference-worker", &["contract-types", "minilm", "reference-core", "reference-http", "reference-providers"]),
    ("deploy", &["contract-types", "reports"]),
    ("observability", &[]),
    ("fixtures", &["contract-types"]),
    ("harness", &["contract-types", "contracts", "fixtures"]),
    ("conformance", &["contract-types", "contracts", "fixtures", "harness", "reports"]),
    ("suite-tests", &["contract-types", "contracts", "fixtures", "harness", "conformance", "reports"]),
    ("quality", &["contract-types", "contracts", "fixtures", "harness", "reports"]),
    ("loadtests", &["contract-types", "contracts", "fixtures", "harness", "reports", "stand-in"]),
    ("reports", &["contract-types"]),
    (FEATURES, &[]),
];

#[test]
fn what_is_built_for_webassembly_is_free_of_the_features_of_a_host() {
    let shared = EDGES.iter().filter(|(name, _)| *name == "reference-worker").flat_map(|(_, may)| may.iter());
    for name in shared.chain(&["reference-worker"]) {
        let tree = Command::new(env!("CARGO"))
            .args(["tree", "--offline", "--prefix", "none", "--edges", "normal", "--package", name])
            .current_dir(crate::root())
            .output()
            .unwrap();
        assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
        assert!(!String::from_utf8_lossy(&tree.stdout).contains(FEATURES), "`{name}` brings `{FEATURES}` along");
    }
}

#[test]
fn links_only_along_the_edges_of_the_architecture() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(crate::root())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let allowed: BTreeMap<&str, &[&str]> = EDGES.into_iter().collect();
    let packages = metadata["packages"].as_array().unwrap();
    let names: Vec<&str> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    let mut faults = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap();
        let Some(may) = allowed.get(name) else {
            faults.push(format!("`{name}` is not in the table of edges"));
            continue;
        };
        for dependency in package["dependencies"].as_array().unwrap() {
            let dependency = dependency["name"].as_str().unwrap();
            let of_ours = names.contains(&dependency) && ![name, FEATURES].contains(&dependency);
            if of_ours && !may.contains(&dependency) {
                faults.push(format!("`{name}` must not depend on `{dependency}`"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
