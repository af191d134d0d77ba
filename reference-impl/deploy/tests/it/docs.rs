//! The documents say what the code does: tables are compared, commands of runbooks are executed against the fake.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use deploy::credentials::{PERMISSIONS, Verb};
use serde_json::{Value, json};

use crate::fake::Fake;
use crate::world::World;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn page(name: &str) -> String {
    std::fs::read_to_string(root().join("reference-impl/docs").join(name)).unwrap()
}

/// Rows of the table whose head begins with `head`.
fn table(text: &str, head: &str) -> Vec<Vec<String>> {
    let rows = text
        .lines()
        .skip_while(|line| !line.starts_with(&format!("| {head}")))
        .take_while(|line| line.starts_with('|'));
    rows.filter(|line| !line.starts_with("|---"))
        .map(|line| line.trim_matches('|').split('|').map(|it| it.trim().to_owned()).collect())
        .collect()
}

#[test]
fn the_table_of_permissions_is_that_of_the_code() {
    let found = table(&page("credentials.md"), "permission group");
    let mut expected = vec![
        std::iter::once("permission group".to_owned())
            .chain(Verb::ALL.iter().map(|it| it.name().to_owned()))
            .collect::<Vec<_>>(),
    ];
    for permission in &PERMISSIONS {
        let cells =
            Verb::ALL.iter().map(|verb| verb.needs(permission).map_or_else(|| "-".to_owned(), |it| format!("{it:?}")));
        expected.push(std::iter::once(permission.group.to_owned()).chain(cells).collect());
    }
    assert_eq!(found, expected);
}

fn yaml(path: &Path) -> Value {
    serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn the_tables_of_tenants_and_variables_are_those_of_the_fixtures() {
    let fixtures = root().join("fixtures");
    let deploy = yaml(&fixtures.join("deploy.yaml"));
    let mut rows = BTreeSet::new();
    let mut variables = BTreeSet::new();
    for entry in std::fs::read_dir(fixtures.join("tenants")).unwrap().flatten().filter(|it| it.path().is_dir()) {
        let tenant = yaml(&entry.path().join("tenant.yaml"));
        for (name, environment) in tenant["environments"].as_object().into_iter().flatten() {
            let profile =
                deploy["profiles"].as_array().unwrap().iter().find(|it| it["name"] == environment["profile"]).unwrap();
            let token = &profile["token"]["env"];
            rows.insert(
                [&tenant["tenant"], &json!(name), &profile["name"], &profile["account"], token]
                    .map(|it| it.as_str().unwrap().to_owned())
                    .to_vec(),
            );
            variables.insert(token.as_str().unwrap().to_owned());
            for secret in environment["secrets"].as_array().into_iter().flatten() {
                variables.insert(secret["source"]["env"].as_str().unwrap().to_owned());
            }
        }
    }
    let text = page("credentials.md");
    let found: BTreeSet<Vec<String>> = table(&text, "tenant").into_iter().skip(1).collect();
    assert_eq!(found, rows);
    let told: BTreeSet<String> = table(&text, "variable")
        .into_iter()
        .skip(1)
        .flat_map(|row| row[0].split(", ").map(str::to_owned).collect::<Vec<_>>())
        .collect();
    assert_eq!(told, variables);
}

#[test]
fn the_tenants_of_the_fixtures_are_sound() {
    use deploy::config::{Places, load};
    use deploy::credentials::Origin;
    let fixtures = root().join("fixtures");
    let places = Places { tenants: fixtures.join("tenants"), deploy: fixtures.join("deploy.yaml") };
    let found = load(&places, "2026-07-30", &Origin::new(&places.tenants, |name| Some(format!("value of {name}"))));
    let folder = found.unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert!(folder.deployments.len() >= 8, "{} deployments", folder.deployments.len());
}

/// A command of a runbook, and the exit code that it says.
fn commands(text: &str) -> Vec<(String, u8)> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            inside = line.trim() == "```sh";
        } else if inside {
            let (command, code) = line.split_once(" # exit ").unwrap_or_else(|| panic!("`{line}` says no exit code"));
            let words = command
                .strip_prefix("cargo run -p deploy -- ")
                .unwrap_or_else(|| panic!("`{command}` is no command of deploy"));
            found.push((words.to_owned(), code.parse().unwrap()));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_runbooks_does_what_they_say() {
    for (name, deployed, least) in [
        ("runbook-rollback.md", true, 3),
        ("runbook-incident.md", true, 6),
        ("runbook-rotation.md", true, 6),
        ("runbook-tenants.md", false, 8),
    ] {
        let (world, fake) = (World::new(&["aurora-bikes"]), Fake::start().await);
        world.smoke_at(&fake);
        for part in crate::promote::PARTS {
            world.record(part, "2026-07-02T12:00:00Z", |_| {});
        }
        let mut version = String::new();
        if deployed {
            for environment in ["stage", "prod"] {
                world.run(&fake, &format!("apply --tenant aurora-bikes --env {environment}")).await.ends_with(0);
            }
            version.clone_from(&fake.state().serving("aurora-bikes-prod").unwrap().id);
            world.replace("tenants/aurora-bikes/tenant.yaml", "Tenant aurora-bikes", "Aurora Bikes");
            world.run(&fake, "apply --tenant aurora-bikes --env prod").await.ends_with(0);
        }
        let commands = commands(&page(name));
        assert!(commands.len() >= least, "{name}: {commands:?}");
        for (words, code) in commands {
            let words = words.replace("VERSION", &version).replace("ROUTE", "aurora-bikes.prod.plumbline.example/*");
            let ran = world.run(&fake, &words).await;
            assert_eq!(ran.code, code, "{name}: {words}\n{}", ran.told);
        }
    }
}

/// The words of a command line, of which a quoted one may hold spaces.
fn words(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, part) in line.split('"').enumerate() {
        if at % 2 == 1 {
            found.push(part.to_owned());
        } else {
            found.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    found
}

/// What a command of the README begins with, what is done before it, and the exit code that the README says or lets expect.
type Line = (&'static str, fn(&World, &Fake), u8);

fn nothing(_: &World, _: &Fake) {}

/// Somebody takes the route away by hand.
fn without_route(_: &World, fake: &Fake) {
    fake.state().routes.get_mut("zone1").unwrap().retain(|it| it["script"] != "aurora-bikes-prod");
}

const README: [Line; 10] = [
    ("validate", nothing, 0),
    ("validate --tokens", nothing, 0),
    ("plan --tenant aurora-bikes --env stage", nothing, 0),
    ("apply --all --env stage --keep-going", nothing, 0),
    (
        "apply --tenant aurora-bikes --env stage --smoke-command",
        |world, _| world.replace("tenants/aurora-bikes/tenant.yaml", "Tenant aurora-bikes", "Aurora Bikes"),
        0,
    ),
    (
        "promote --tenant aurora-bikes --from stage --to prod",
        |world, _| {
            for part in crate::promote::PARTS {
                world.record(part, "2026-07-02T12:00:00Z", |_| {});
            }
        },
        0,
    ),
    ("drift --all --env prod", without_route, 100),
    (
        "drift --all --env prod --repair --only route",
        |_, fake| fake.state().scripts.get_mut("aurora-bikes-prod").unwrap().schedules.clear(),
        100,
    ),
    ("rollback --tenant aurora-bikes --env prod --to VERSION", nothing, 0),
    // The configuration went on, and stage did not.
    ("drift --all --env stage", nothing, 100),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_readme_does_what_it_says() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let lines = readme.lines().filter_map(|line| line.trim_start().strip_prefix("cargo run -p deploy -- "));
    let lines: Vec<&str> = lines.map(|line| line.split("  #").next().unwrap().trim()).collect();
    assert_eq!(lines.len(), README.len(), "{lines:#?}");

    let (world, fake) = (World::new(&["aurora-bikes"]), Fake::start().await);
    world.smoke_at(&fake);
    // In place of the suite, which `.ci/candidate` runs against servers.
    let suite = world.path("suite");
    world.write("suite", &format!("#!/bin/sh\nprintf %s \"$PLUMBLINE_SMOKE_OVERRIDE\" >'{}.asked'\n", suite.display()));
    std::fs::set_permissions(&suite, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut first = String::new();
    for (line, (begins, before, code)) in lines.into_iter().zip(README) {
        assert!(line.starts_with(begins), "`{line}` stands where `{begins}` was expected");
        before(&world, &fake);
        let given = line.replace("cargo run -p conformance -- run --target candidate", &suite.display().to_string());
        let ran = world.run_words(&fake, words(&given.replace("VERSION", &first))).await;
        assert_eq!(ran.code, code, "{line}\n{}", ran.told);
        if begins.starts_with("promote") {
            // What is gone back to is the first version in prod, with a second one in its place.
            first.clone_from(&fake.state().serving("aurora-bikes-prod").unwrap().id);
            world.replace("tenants/aurora-bikes/tenant.yaml", "Aurora Bikes", "Aurora Cargo Bikes");
            world.run(&fake, "apply --tenant aurora-bikes --env prod").await.ends_with(0);
        }
    }
    assert!(world.path("suite.asked").is_file(), "the suite decided about a version");
    let leads = fake.state().routes["zone1"].iter().any(|it| it["script"] == "aurora-bikes-prod");
    assert!(leads, "the route was repaired");
    assert_eq!(fake.state().serving("aurora-bikes-prod").unwrap().id, first);
}
