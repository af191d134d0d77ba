//! Seeded faults of configurations: each must be found, with its file, a line and a remedy. And good ones, which must pass.

use crate::world::World;

const T: &str = "tenants/blue/tenant.yaml";
const D: &str = "deploy.yaml";
const P: &str = "tenants/platform.yaml";

/// Name, file, what is replaced by what, and a part of what must be told.
const FAULTS: &[(&str, &str, &str, &str, &str)] = &[
    // Schema.
    ("misspelt key of the tenant", T, "display_name:", "displayname:", "displayname"),
    ("misspelt key of an environment", T, "compatibility_flags:", "compatability_flags:", "compatability_flags"),
    ("misspelt key of a binding", T, "class: TenantStore", "clas: TenantStore", "clas"),
    ("unknown environment", T, "  prod:\n", "  production:\n", "production"),
    ("unknown key of deploy.yaml", D, "gate_target: staging", "gate: staging", "`gate`"),
    ("unknown key of platform.yaml", P, "audience: plumbline", "audience: plumbline\naudiences: x", "audiences"),
    ("missing worker", T, "    worker: blue-dev\n", "", "`worker`"),
    ("missing profile", T, "    profile: lower\n", "", "`profile`"),
    ("missing compatibility date", T, "    compatibility_date: \"2026-07-01\"\n", "", "`compatibility_date`"),
    (
        "no accounts",
        D,
        "accounts:\n  - {name: acme, id: 0123456789abcdef0123456789abcdef}\n  - {name: acme-prod, id: fedcba9876543210fedcba9876543210}\n",
        "accounts: []\n",
        "/accounts",
    ),
    ("account id that is none", D, "id: 0123456789abcdef0123456789abcdef", "id: 0123", "/accounts/0/id"),
    (
        "account id of a number",
        D,
        "id: 0123456789abcdef0123456789abcdef",
        "id: 12345678901234567890123456789012",
        "number out of range",
    ),
    ("bad kind", T, "kind: kv_namespace", "kind: kv", "/kind"),
    ("bad binding name", T, "name: CACHE", "name: cache", "/name"),
    ("bad worker name", T, "worker: blue-dev", "worker: Blue_Dev", "/worker"),
    ("bad date", T, "\"2026-07-01\"", "\"2026-13-01\"", "compatibility_date"),
    ("date that does not exist", T, "\"2026-07-01\"", "\"2026-02-30\"", "compatibility_date"),
    ("date in other form", T, "\"2026-07-01\"", "\"01.07.2026\"", "compatibility_date"),
    ("date in the future", T, "\"2026-07-01\"", "\"2026-12-24\"", "up to today"),
    (
        "bad route",
        T,
        "pattern: blue.dev.plumbline.example/*",
        "pattern: \"https://blue.dev.plumbline.example/*\"",
        "pattern",
    ),
    (
        "star inside a route",
        T,
        "pattern: blue.dev.plumbline.example/*",
        "pattern: \"*.dev.plumbline.example/*\"",
        "pattern",
    ),
    ("too many dimensions", T, "dimensions: 384", "dimensions: 3072", "dimensions"),
    ("flags twice", T, "[nodejs_compat]", "[nodejs_compat, nodejs_compat]", "all different"),
    ("a list where a map stands", T, "vars: {LOG_LEVEL: info}", "vars: [LOG_LEVEL]", "vars"),
    ("a number as a plain setting", T, "LOG_LEVEL: info", "LOG_LEVEL: 3", "LOG_LEVEL"),
    ("metadata index of bad type", T, "type: string}", "type: text}", "type"),
    ("key that stands twice", T, "    worker: blue-dev\n", "    worker: blue-dev\n    worker: blue-dev2\n", "once"),
    ("broken YAML", T, "features: [", "features: [[", "YAML"),
    ("a tab", T, "    worker: blue-dev", "\tworker: blue-dev", "YAML"),
    // Names.
    ("folder of another name", T, "tenant: blue", "tenant: blu", "name of the folder"),
    ("unknown profile", T, "profile: lower", "profile: lowest", "name of a profile"),
    ("unknown account", D, "account: acme,", "account: acne,", "name of an account"),
    ("account name twice", D, "name: acme-prod, id", "name: acme, id", "stands once"),
    ("account id twice", D, "fedcba9876543210fedcba9876543210", "0123456789abcdef0123456789abcdef", "stands once"),
    ("profile twice", D, "name: upper", "name: lower", "stands once"),
    ("binding twice", T, "name: JOBS", "name: CACHE", "stands once"),
    ("binding named as a secret", T, "name: JOBS", "name: CURSOR_SECRET", "no secret has"),
    ("binding named as a setting", T, "name: JOBS", "name: LOG_LEVEL", "no plain setting has"),
    ("secret named as a setting", T, "LOG_LEVEL: info", "CURSOR_SECRET: info", "no plain setting has"),
    ("setting named CONFIG", T, "LOG_LEVEL: info", "CONFIG: info", "the tool's own"),
    ("binding named CONFIG", T, "name: JOBS", "name: CONFIG", "the tool's own"),
    ("setting of a bad name", T, "LOG_LEVEL: info", "log-level: info", "capital letters"),
    (
        "credential twice",
        T,
        "credentials:\n",
        "credentials:\n  - {name: ci, key_sha256: 2e3ab33881909fa2a9a095914207c8a59dc031c0f11594d6448d6a07b7df7b04, scopes: [], state: active}\n",
        "stands once",
    ),
    ("migration twice", D, "migrations:\n", "migrations:\n  - {tag: v1, new_sqlite_classes: [Other]}\n", "stands once"),
    (
        "class made twice",
        D,
        "migrations:\n",
        "migrations:\n  - {tag: v0, new_sqlite_classes: [TenantStore]}\n",
        "no migration made before",
    ),
    // Needs.
    ("no store", T, "      - {name: TENANTS, kind: durable_object, class: TenantStore}\n", "", "`TENANTS`"),
    ("no Workers AI", T, "      - {name: AI, kind: ai}\n", "", "`AI`"),
    ("no index", T, "name: PASSAGES", "name: CHUNKS", "`PASSAGES`"),
    ("no bucket for speech", T, "      - {name: AUDIO, kind: r2_bucket, resource: blue-dev-audio}\n", "", "`AUDIO`"),
    ("no metrics", T, "      - {name: METRICS, kind: analytics, resource: blue-dev-metrics}\n", "", "`METRICS`"),
    ("need of another kind", T, "{name: AUDIO, kind: r2_bucket,", "{name: AUDIO, kind: kv_namespace,", "`AUDIO`"),
    ("no cursor secret", T, "name: CURSOR_SECRET", "name: CURSER_SECRET", "`CURSOR_SECRET`"),
    (
        "environment that lost a binding",
        T,
        "      - {name: CACHE, kind: kv_namespace, resource: blue-prod-cache}\n",
        "",
        "which stage has",
    ),
    ("environment that lost a setting", T, "    vars: {LOG_LEVEL: info}\n", "", "`LOG_LEVEL`"),
    // Kinds and their fields.
    ("namespace without a resource", T, ", resource: blue-dev-cache", "", "`resource`"),
    ("object without a class", T, ", class: TenantStore", "", "`class`"),
    ("index without dimensions", T, ", dimensions: 384", "", "`dimensions`"),
    ("AI with a resource", T, "kind: ai}", "kind: ai, resource: x}", "no field `resource`"),
    ("queue with dimensions", T, "kind: queue,", "kind: queue, dimensions: 3,", "no field `dimensions`"),
    ("bucket with a metric", T, "kind: r2_bucket,", "kind: r2_bucket, metric: cosine,", "no field `metric`"),
    ("class that no migration makes", T, "class: TenantStore", "class: Store", "that a migration makes"),
    ("dimensions of another model", T, "dimensions: 384", "dimensions: 768", "expected 384"),
    ("model of unknown dimensions", T, "@cf/baai/bge-small-en-v1.5", "@cf/none/embed", "known dimensions"),
    ("model that no Worker has", T, "@cf/baai/bge-small-en-v1.5", "all-minilm-l6-v2-int8", "that a Worker has"),
    (
        "metadata index twice",
        T,
        "[{property: source, type: string}]",
        "[{property: source, type: string}, {property: source, type: number}]",
        "stands once",
    ),
    ("bad schedule", T, "17 * * * *", "61 * * * *", "minute"),
    ("schedule of four fields", T, "17 * * * *", "17 * * *  ", "five fields"),
    // Shared.
    ("resource of another environment", T, "resource: blue-dev-cache", "resource: blue-stage-cache", "nobody else"),
    ("resource of another tenant", T, "resource: blue-dev-cache", "resource: red-dev-cache", "nobody else"),
    ("worker of another tenant", T, "worker: blue-dev", "worker: red-dev", "nobody else"),
    ("worker of another environment", T, "worker: blue-dev", "worker: blue-stage", "nobody else"),
    ("route of another environment", T, "pattern: blue.dev.", "pattern: blue.stage.", "nobody else"),
    ("host name of another tenant", T, "hostnames: [blue.dev.", "hostnames: [red.dev.", "nobody else"),
    (
        "two bindings of one resource",
        T,
        "{name: JOBS, kind: queue, resource: blue-dev-jobs}",
        "{name: JOBS, kind: kv_namespace, resource: blue-dev-cache}",
        "no other binding has",
    ),
    ("route outside its zone", T, "zone: plumbline.example", "zone: other.example", "lies in"),
    (
        "route of no host name",
        T,
        "hostnames: [blue.dev.plumbline.example]",
        "hostnames: [b.dev.plumbline.example]",
        "hostnames",
    ),
    // Secrets and keys.
    (
        "token in a missing file",
        D,
        "{name: lower, account: acme, token: {file: ../token.secret}}",
        "{name: lower, account: acme, token: {file: ../none.secret}}",
        "readable file",
    ),
    (
        "token in an unset variable",
        D,
        "{name: lower, account: acme, token: {file: ../token.secret}}",
        "{name: lower, account: acme, token: {env: PLUMBLINE_NOT_SET}}",
        "PLUMBLINE_NOT_SET",
    ),
    (
        "token of a missing program",
        D,
        "{name: lower, account: acme, token: {file: ../token.secret}}",
        "{name: lower, account: acme, token: {command: [no-such-vault]}}",
        "no-such-vault",
    ),
    (
        "token in a file for all",
        D,
        "{name: lower, account: acme, token: {file: ../token.secret}}",
        "{name: lower, account: acme, token: {file: platform.yaml}}",
        "owner alone",
    ),
    (
        "token from two places",
        D,
        "{file: ../token.secret}}\n  - {name: upper",
        "{file: ../token.secret, env: HOME}}\n  - {name: upper",
        "exactly one",
    ),
    ("token from nowhere", D, "{file: ../token.secret}}\n  - {name: upper", "{}}\n  - {name: upper", "exactly one"),
    (
        "a token that stands in the file",
        D,
        "{file: ../token.secret}}\n  - {name: upper",
        "abcdef0123456789}\n  - {name: upper",
        "token",
    ),
    ("secret in a missing file", T, "{file: ../blue-dev.secret}", "{file: ../none.secret}", "readable file"),
    ("secret of another tenant", T, "{file: ../blue-dev.secret}", "{file: ../red-dev.secret}", "nobody else"),
    ("secret of another environment", T, "{file: ../blue-dev.secret}", "{file: ../blue-prod.secret}", "nobody else"),
    ("no keys of tokens", D, "jwks: {file: jwks.json}", "jwks: {file: none.json}", "JWKS"),
    ("published keys", D, "jwks: {file: jwks.json}\n", "", "published"),
    (
        "keys at an address",
        D,
        "jwks: {file: jwks.json}",
        "jwks: {url: \"https://id.example/jwks.json\"}",
        "neither a URL",
    ),
    // Size.
    (
        "configuration that does not fit",
        T,
        "display_name: Tenant blue",
        "display_name: Tenant blue\ncors_origins: [LONG]",
        "fits into the binding CONFIG",
    ),
];

/// Where the told line is not one of those that were changed, for something is missing there, or two places contradict each other: a part of
/// the line that must be told.
const ELSEWHERE: &[(&str, &str)] = &[
    ("missing worker", "  dev:"),
    ("missing profile", "  dev:"),
    ("missing compatibility date", "  dev:"),
    ("broken YAML", "models:"),
    ("a tab", "profile: lower"),
    ("secret named as a setting", "name: CURSOR_SECRET"),
    ("credential twice", "key_sha256: 1e3ab"),
    ("migration twice", "new_sqlite_classes: [TenantStore]"),
    ("class made twice", "tag: v1"),
    ("no store", "    bindings:"),
    ("no Workers AI", "    bindings:"),
    ("no index", "    bindings:"),
    ("no bucket for speech", "    bindings:"),
    ("no metrics", "    bindings:"),
    ("need of another kind", "    bindings:"),
    ("no cursor secret", "    secrets:"),
    ("environment that lost a binding", "  prod:"),
    ("environment that lost a setting", "  dev:"),
    ("model of unknown dimensions", "name: PASSAGES"),
    ("route of no host name", "pattern: blue.dev."),
    ("published keys", "jwks: {demo: true}"),
    ("configuration that does not fit", "  dev:"),
];

/// Lines that differ, from 1, as the file now is: from the first to the last that stands in the place of others.
fn changed(text: &str, from: &str, to: &str) -> std::ops::RangeInclusive<usize> {
    let at = text.find(from).unwrap();
    let same = from.bytes().zip(to.bytes()).take_while(|(a, b)| a == b).count().min(to.len().saturating_sub(1));
    let first = text[..at].matches('\n').count() + to[..same].matches('\n').count() + 1;
    let last = text[..at].matches('\n').count() + to.trim_end_matches('\n').matches('\n').count() + 1;
    first.min(last)..=last
}

#[test]
fn finds_every_seeded_fault_with_line_and_remedy() {
    assert!(FAULTS.len() >= 60, "{} faults", FAULTS.len());
    let mut missed = Vec::new();
    for (name, file, from, to, part) in FAULTS {
        let world = World::new(&["blue", "red"]);
        let lines = changed(&std::fs::read_to_string(world.path(file)).unwrap(), from, to);
        world.replace(file, from, to);
        if to.contains("LONG") {
            let origins: Vec<String> =
                (0..64).map(|at| format!("\"https://{}{at}.example\"", "a".repeat(60))).collect();
            world.replace(file, "LONG", &origins.join(", "));
        }
        let Err(problems) = world.load() else {
            missed.push(format!("{name}: nothing was found"));
            continue;
        };
        let elsewhere = ELSEWHERE.iter().find(|(of, _)| of == name);
        let there = |it: &deploy::config::Problem| {
            if let Some((_, text)) = elsewhere {
                let now = std::fs::read_to_string(&it.file).unwrap();
                return it.line > 0 && now.lines().nth(it.line - 1).is_some_and(|line| line.contains(text));
            }
            // Of two that share something, the first is named by the second.
            let named = |line| it.expected.contains(&format!("{file}:{line}"));
            it.file.ends_with(file) && lines.contains(&it.line) || lines.clone().any(named)
        };
        let fits = problems.iter().find(|it| {
            let says = it.expected.contains(part) || it.place.contains(part);
            says && there(it) && !it.remedy.is_empty()
        });
        let other_files = *file == T && problems.iter().any(|it| it.file.contains("/red/") && !part.contains("nobody"));
        match fits {
            None => missed.push(format!("{name}: expected `{part}`, found {problems:#?}")),
            Some(_) if other_files => missed.push(format!("{name}: found something in a sound file: {problems:#?}")),
            Some(_) => {}
        }
    }
    assert!(missed.is_empty(), "{} of {} missed\n{}", missed.len(), FAULTS.len(), missed.join("\n"));
}

/// Routes of one host name that differ in their paths would each take a part of the other tenant's requests.
#[test]
fn finds_a_host_name_that_two_tenants_say_of_themselves() {
    let world = World::new(&["blue", "red"]);
    let shares = |tenant: &str, environment: &str| {
        let file = format!("tenants/{tenant}/tenant.yaml");
        let own = format!("{tenant}.{environment}.plumbline.example");
        world.replace(&file, &format!("    hostnames: [{own}]\n"), "");
        world.replace(&file, &format!("{own}/*"), &format!("shared.plumbline.example/{tenant}/{environment}/*"));
    };
    world.replace(T, "hostnames: [blue.plumbline.example]", "hostnames: [shared.plumbline.example]");
    shares("blue", "stage");
    shares("blue", "prod");
    assert!(
        world.load().is_ok(),
        "environments of one tenant may share what the tenant says: {:#?}",
        world.load().err()
    );
    world.replace(
        "tenants/red/tenant.yaml",
        "hostnames: [red.plumbline.example]",
        "hostnames: [shared.plumbline.example]",
    );
    shares("red", "prod");
    let problems = world.load().unwrap_err();
    let found = problems.iter().find(|it| it.file.ends_with("red/tenant.yaml") && it.place == "/hostnames/0");
    let found = found.unwrap_or_else(|| panic!("{problems:#?}"));
    assert!(
        found.line > 0 && found.expected.contains("it is of blue (") && found.expected.contains("blue/tenant.yaml:3")
    );
}

#[test]
fn tells_all_faults_at_once() {
    let world = World::new(&["blue", "red"]);
    world.replace(T, "kind: ai}", "kind: ai, resource: x}");
    world.replace(T, "17 * * * *", "61 * * * *");
    world.replace(D, "account: acme,", "account: acne,");
    world.replace("tenants/red/tenant.yaml", "class: TenantStore", "class: Store");
    let told: Vec<String> = world.load().unwrap_err().iter().map(ToString::to_string).collect();
    for part in ["no field `resource`", "minute", "name of an account", "that a migration makes"] {
        assert!(told.iter().any(|it| it.contains(part)), "{part}: {told:#?}");
    }
}

/// Changes that leave a configuration good: file, what is replaced by what.
const GOOD: &[(&str, &str, &str, &str)] = &[
    ("as it is", T, "tenant: blue", "tenant: blue"),
    ("a comment", T, "tenant: blue", "# a comment\ntenant: blue"),
    ("an older date", T, "\"2026-07-01\"", "\"2024-01-01\""),
    ("today's date", T, "\"2026-07-01\"", "\"2026-07-30\""),
    ("no flags", T, "    compatibility_flags: [nodejs_compat]\n", ""),
    ("no schedules", T, "    schedules: [\"17 * * * *\"]\n", ""),
    ("two schedules", T, "[\"17 * * * *\"]", "[\"17 * * * *\", \"*/5 8-18 * * MON-FRI\"]"),
    ("an address from the route", T, "    smoke_url: http://127.0.0.1:9\n", ""),
    ("a metric", T, "dimensions: 384,", "dimensions: 384, metric: euclidean,"),
    ("no metadata indexes", T, ", metadata_indexes: [{property: source, type: string}]", ""),
    (
        "two metadata indexes",
        T,
        "[{property: source, type: string}]",
        "[{property: source, type: string}, {property: year, type: number}]",
    ),
    ("origins of an environment", T, "    schedules:", "    cors_origins: [\"https://app.example\"]\n    schedules:"),
    (
        "a second route",
        T,
        "    schedules:",
        "      - {pattern: blue.dev.plumbline.example/v2/*, zone: plumbline.example}\n    schedules:",
    ),
    ("an exact route", T, "blue.dev.plumbline.example/*", "blue.dev.plumbline.example/chat"),
    (
        "a token of the environment",
        D,
        "{name: lower, account: acme, token: {file: ../token.secret}}",
        "{name: lower, account: acme, token: {env: PATH}}",
    ),
    (
        "a token of a program",
        D,
        "{name: lower, account: acme, token: {file: ../token.secret}}",
        "{name: lower, account: acme, token: {command: [cat, ../token.secret]}}",
    ),
    ("a second migration", D, "jwks:", "  - {tag: v2, new_sqlite_classes: [Queue]}\njwks:"),
    ("no target of the gate", D, "gate_target: staging\n", ""),
    (
        "another profile of the same account",
        D,
        "migrations:",
        "  - {name: spare, account: acme, token: {file: ../token.secret}}\nmigrations:",
    ),
    ("a larger model", T, "tenant: blue", "tenant: blue"),
    ("without a dev environment", T, "DEV", ""),
    ("without environments", T, "ALL", ""),
];

#[test]
fn finds_nothing_in_good_configurations() {
    assert!(GOOD.len() >= 20);
    for (name, file, from, to) in GOOD {
        let world = World::new(&["blue", "red"]);
        let text = std::fs::read_to_string(world.path(T)).unwrap();
        match *from {
            "DEV" => {
                let (head, rest) = text.split_once("  dev:\n").unwrap();
                world.write(T, &format!("{head}  stage:\n{}", rest.split_once("  stage:\n").unwrap().1));
            }
            "ALL" => world.write(T, text.split_once("environments:\n").unwrap().0),
            _ if *name == "a larger model" => {
                world.write(
                    T,
                    &text
                        .replace("bge-small-en-v1.5", "bge-base-en-v1.5")
                        .replace("dimensions: 384", "dimensions: 768"),
                );
            }
            _ => world.replace(file, from, to),
        }
        if let Err(problems) = world.load() {
            panic!("{name}: {problems:#?}");
        }
    }
}
