//! What `deploy` uploads equals what real wrangler uploads for the same configuration: a new Worker with its migration, and a version of
//! one that exists. Both speak to the same fake of the API. Then `deploy validate --wrangler` holds wrangler's own dry run. `PLUMBLINE_WRANGLER` names wrangler; `.ci/wrangler/run` installs and runs it.

#![expect(dead_code, reason = "what it shares with the tests is made for them")]
#![expect(clippy::unwrap_used, reason = "it is a test that needs a program of its own")]

#[path = "../tests/fake/mod.rs"]
mod fake;
#[path = "../tests/it/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;

use deploy::wanted::wrangler_config;
use fake::Fake;
use serde_json::Value;
use world::World;

const APPLY: &str = "apply --tenant blue --env stage";

/// The last upload, without the secrets that it carries: wrangler uploads those by a command of its own.
fn last(fake: &Fake) -> Value {
    let mut metadata = fake.state().uploads.last().unwrap().1.clone();
    metadata["bindings"].as_array_mut().unwrap().retain(|it| it["type"] != "secret_text");
    metadata
}

/// Deploys by wrangler what was deployed last, under the same tag.
async fn by_wrangler(program: &str, world: &World, fake: &Fake, ours: &Value) -> Result<Value, String> {
    let folder = world.load().unwrap();
    let deployment = folder.deployments.iter().find(|it| it.settings.worker == "blue-stage").unwrap();
    let namespaces: BTreeMap<String, String> = fake.state().namespaces.iter().cloned().collect();
    let config = wrangler_config(deployment, &world.path("build").display().to_string(), &namespaces);
    world.write("wrangler.json", &config.to_string());
    let before = fake.state().uploads.len();
    let notes = &ours["annotations"];
    let mut command = tokio::process::Command::new(program);
    command.args(["deploy", "--config", "wrangler.json"]).current_dir(world.dir.path());
    command.args([
        "--tag",
        notes["workers/tag"].as_str().unwrap(),
        "--message",
        notes["workers/message"].as_str().unwrap(),
    ]);
    command
        .env("CLOUDFLARE_API_BASE_URL", fake.url())
        .env("CLOUDFLARE_API_TOKEN", "token")
        .env("WRANGLER_SEND_METRICS", "false")
        .env("CI", "1");
    let ran = command.output().await.map_err(|error| format!("{program}: {error}"))?;
    if fake.state().uploads.len() != before + 1 || !ran.status.success() {
        let calls = fake.calls().join("\n");
        return Err(format!(
            "wrangler did not deploy: {}\n{}\n{}\n{calls}",
            ran.status,
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr)
        ));
    }
    // Wrangler lets a version inherit a queue that the one before it had, which is to name it again.
    let mut theirs = last(fake);
    for binding in theirs["bindings"].as_array_mut().unwrap().iter_mut().filter(|it| it["type"] == "inherit") {
        let inherited = fake.state().uploads[..before].iter().rev().find_map(|(_, upload)| {
            upload["bindings"]
                .as_array()?
                .iter()
                .find(|it| it["name"] == binding["name"] && it["type"] == "queue")
                .cloned()
        });
        *binding = inherited.unwrap_or_default();
    }
    Ok(theirs)
}

async fn compare(program: &str) -> Result<usize, String> {
    let (world, fake) = (World::new(&["blue"]), Fake::start().await);
    world.smoke_at(&fake);
    let mut compared = 0;
    for what in ["a new Worker", "a version"] {
        if compared > 0 {
            world.replace("tenants/blue/tenant.yaml", "Tenant blue", "Tenant bluer");
        }
        let ran = world.run(&fake, APPLY).await;
        if ran.code != 0 {
            return Err(ran.told);
        }
        let ours = last(&fake);
        if compared == 0 {
            fake.state().scripts.clear();
        }
        let theirs = by_wrangler(program, &world, &fake, &ours).await?;
        if ours != theirs {
            return Err(format!("{what} differs\nours:   {ours}\ntheirs: {theirs}"));
        }
        compared += 1;
    }
    let uploads =
        (fake.count("PUT", "/workers/scripts/blue-stage"), fake.count("POST", "/workers/scripts/blue-stage/versions"));
    if uploads.0 < 2 || uploads.1 != 2 {
        return Err(format!(
            "expected both to upload the new Worker and the version in the same way, found {uploads:?}"
        ));
    }
    Ok(compared)
}

/// Wrangler's own dry run by `deploy validate --wrangler`: it passes for every environment, and a Worker that is not there is told.
async fn dry_runs(program: &str) -> Result<usize, String> {
    let (world, fake) = (World::new(&["blue"]), Fake::start().await);
    let validate = format!("validate --wrangler {program}");
    let ran = world.run(&fake, &validate).await;
    if ran.code != 0 || ran.told.contains("was not held") {
        return Err(format!("wrangler's dry run was expected to pass, exit {}\n{}", ran.code, ran.told));
    }
    std::fs::remove_file(world.path("build/index.js")).map_err(|error| error.to_string())?;
    let broken = world.run(&fake, &validate).await;
    let told = broken.told.matches("expected wrangler's dry run to pass").count();
    if broken.code != 2 || told != 3 {
        return Err(format!(
            "a Worker that is not there was expected to be told 3 times, exit {}\n{}",
            broken.code, broken.told
        ));
    }
    Ok(told)
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut out = std::io::stdout();
    let done = match std::env::var("PLUMBLINE_WRANGLER") {
        Ok(program) => match compare(&program).await {
            Ok(compared) => dry_runs(&program).await.map(|dry| (compared, dry)),
            Err(error) => Err(error),
        },
        Err(_) => Err("expected wrangler's program in PLUMBLINE_WRANGLER".to_owned()),
    };
    let (text, code) = match done {
        Ok((compared, dry)) => (
            format!("{compared} uploads equal wrangler's; {dry} dry runs pass, and as many fail without a Worker"),
            ExitCode::SUCCESS,
        ),
        Err(error) => (error, ExitCode::FAILURE),
    };
    let _ = writeln!(out, "{text}");
    code
}
