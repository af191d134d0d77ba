//! Two tenants that are deployed at the fake of the API, for a program that is to find what was changed there by hand.
//!
//! It prints a line of JSON with the variables that lead `deploy` there. Then each line of its input changes something by hand: `schedule`
//! empties the schedules of one Worker, `back` puts them back; each is answered by a line. It ends with its input.

#![expect(dead_code, reason = "what it shares with the tests is made for them")]
#![expect(clippy::unwrap_used, reason = "it is a test that needs a program of its own")]

#[path = "../tests/fake/mod.rs"]
mod fake;
#[path = "../tests/it/world.rs"]
mod world;

use std::io::{BufRead, Write};
use std::process::ExitCode;

use fake::Fake;
use serde_json::json;
use world::World;

const WORKER: &str = "blue-stage";

#[tokio::main]
async fn main() -> ExitCode {
    let (world, fake) = (World::new(&["blue", "red"]), Fake::start().await);
    world.smoke_at(&fake);
    let ran = world.run(&fake, "apply --all --env stage").await;
    let mut out = std::io::stdout();
    if ran.code != 0 {
        writeln!(out, "{}", ran.told).unwrap();
        return ExitCode::from(ran.code);
    }
    let text = |path: &str| world.path(path).display().to_string();
    let variables = json!({
        "CLOUDFLARE_API_BASE_URL": fake.url(),
        "PLUMBLINE_TENANTS": text("tenants"),
        "PLUMBLINE_ARTEFACT": text("build"),
    });
    writeln!(out, "{variables}").unwrap();
    let before = fake.state().scripts[WORKER].schedules.clone();
    for line in std::io::stdin().lock().lines() {
        let schedules = match line.unwrap().as_str() {
            "schedule" => Vec::new(),
            _ => before.clone(),
        };
        fake.state().scripts.get_mut(WORKER).unwrap().schedules = schedules;
        writeln!(out, "done").unwrap();
    }
    ExitCode::SUCCESS
}
