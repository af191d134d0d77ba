//! The conformance suite decides about a version before it has traffic: `deploy apply --smoke-command` against the fake of the API and two
//! servers, of which one is sound and one has a flaw. An edge in front of them leads each request to the version that its header asks for,
//! and without one to the version in traffic.
//!
//! Variables: `PLUMBLINE_SOUND` and `PLUMBLINE_FLAWED`, addresses as `127.0.0.1:8787`; `PLUMBLINE_SUITE`, the command.

#![expect(dead_code, reason = "what it shares with the tests is made for them")]
#![expect(clippy::unwrap_used, reason = "it is a test that needs a program of its own")]

#[path = "../tests/fake/mod.rs"]
mod fake;
#[path = "../tests/it/world.rs"]
mod world;

use std::io::Write;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use contract_types::DeployStepState;
use fake::Fake;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use world::World;

const WORKER: &str = "aurora-bikes-stage";
const APPLY: &str = "apply --tenant aurora-bikes --env stage";
/// Longest head of a request that the edge reads.
const HEAD: usize = 64 << 10;
/// How long what a client still sends is taken after its answer.
const LINGER: Duration = Duration::from_secs(5);

/// What the edge saw of requests for the flawed version.
#[derive(Debug, Default)]
struct Seen {
    asked_for: usize,
    by_traffic: usize,
}

/// The platform's edge, as far as versions go.
struct Edge {
    fake: Fake,
    sound: String,
    flawed: String,
    seen: Mutex<Seen>,
}

impl Edge {
    /// Where a request goes: the oldest version is the sound one.
    fn upstream(&self, head: &str) -> String {
        let asked = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let value = value.trim().strip_prefix(&format!("{WORKER}="))?;
            name.eq_ignore_ascii_case("cloudflare-workers-version-overrides")
                .then(|| value.trim_matches('"').to_owned())
        });
        let state = self.fake.state();
        let version = asked.clone().or_else(|| Some(state.serving(WORKER)?.id.clone())).unwrap_or_default();
        let oldest = state.scripts.get(WORKER).and_then(|script| script.versions.last());
        if oldest.is_none_or(|oldest| oldest.id == version) {
            return self.sound.clone();
        }
        let mut seen = self.seen.lock().unwrap();
        if asked.is_some() {
            seen.asked_for += 1;
        } else {
            seen.by_traffic += 1;
        }
        self.flawed.clone()
    }

    /// Passes one connection on, by the head of its first request. Who asks here opens one for each.
    async fn pass(self: Arc<Self>, mut client: TcpStream) -> std::io::Result<()> {
        let mut read = Vec::new();
        while !read.windows(4).any(|it| it == b"\r\n\r\n") && read.len() < HEAD {
            let mut part = [0; 4096];
            let count = client.read(&mut part).await?;
            if count == 0 {
                break;
            }
            read.extend_from_slice(&part[..count]);
        }
        let upstream = self.upstream(&String::from_utf8_lossy(&read));
        let mut server = TcpStream::connect(upstream).await?;
        server.write_all(&read).await?;
        let (mut client_reads, mut client_writes) = client.split();
        let (mut server_reads, mut server_writes) = server.split();
        let up = async {
            // A server that has answered may close before it has read everything; the rest is taken, so that the client reads its answer.
            let (mut part, mut open) = ([0; 16 << 10], true);
            while let Ok(count @ 1..) = client_reads.read(&mut part).await {
                open = open && server_writes.write_all(&part[..count]).await.is_ok();
            }
            let _ = server_writes.shutdown().await;
            std::future::pending::<()>().await;
        };
        let down = async {
            let _ = tokio::io::copy(&mut server_reads, &mut client_writes).await;
            let _ = client_writes.shutdown().await;
            tokio::time::sleep(LINGER).await;
        };
        tokio::select! { () = up => {}, () = down => {} }
        Ok(())
    }
}

async fn decide(suite: &str, sound: String, flawed: String) -> Result<String, String> {
    let world = World::new(&["aurora-bikes"]);
    let edge = Arc::new(Edge { fake: Fake::start().await, sound, flawed, seen: Mutex::default() });
    world.smoke_at(&edge.fake);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let file = world.path("tenants/aurora-bikes/tenant.yaml");
    let text = std::fs::read_to_string(&file).unwrap().replace(&edge.fake.url(), &address);
    std::fs::write(file, text).unwrap();
    let passing = Arc::clone(&edge);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(Arc::clone(&passing).pass(client));
        }
    });
    // A command is cut at spaces, and its world's arguments too: the suite stands in a script.
    let script = world.path("suite.sh");
    std::fs::write(&script, format!("#!/bin/sh\nexec {suite}\n")).unwrap();
    let apply = [APPLY, "--timeout-ms", "600000", "--smoke-command"].map(str::to_owned);
    let mut apply: Vec<String> = apply.iter().flat_map(|it| it.split(' ').map(str::to_owned)).collect();
    apply.push(format!("sh {}", script.display()));

    let first = world.run_words(&edge.fake, apply.clone()).await;
    if first.code != 0 {
        return Err(format!("the sound version was refused\n{}", first.told));
    }
    let before = edge.fake.state().serving(WORKER).unwrap().id.clone();
    world.replace("tenants/aurora-bikes/tenant.yaml", "Tenant aurora-bikes", "Aurora Bikes");
    let second = world.run_words(&edge.fake, apply).await;
    let steps = second.report.as_ref().map(|report| report.outcomes[0].steps.clone()).unwrap_or_default();
    let failed: Vec<&str> =
        steps.iter().filter(|it| it.state == DeployStepState::Failed).map(|it| it.step.as_str()).collect();
    let serving = edge.fake.state().serving(WORKER).unwrap().id.clone();
    let (asked_for, by_traffic) = {
        let seen = edge.seen.lock().unwrap();
        (seen.asked_for, seen.by_traffic)
    };
    if second.code != 11 || failed != ["try the version"] || serving != before || asked_for < 4 || by_traffic != 0 {
        return Err(format!(
            "the flawed version: exit {}, failed {failed:?}, in traffic {serving}, before {before}, asked for {asked_for} times, by traffic {by_traffic}\n{}",
            second.code, second.told
        ));
    }
    // Without the suite the same version passes: it is the suite that saw the flaw.
    let third = world.run(&edge.fake, &format!("{APPLY} --timeout-ms 600000")).await;
    if third.code != 0 || edge.fake.state().serving(WORKER).unwrap().id == before {
        return Err(format!("without the suite the version was expected to pass, exit {}\n{}", third.code, third.told));
    }
    Ok(format!(
        "the sound version has traffic; the flawed one was asked for {asked_for} times by its id, had no traffic and was taken back; without the suite it would have had all"
    ))
}

#[tokio::main]
async fn main() -> ExitCode {
    let variable = |name: &str| std::env::var(name).map_err(|_| format!("expected {name}"));
    let done = match (variable("PLUMBLINE_SUITE"), variable("PLUMBLINE_SOUND"), variable("PLUMBLINE_FLAWED")) {
        (Ok(suite), Ok(sound), Ok(flawed)) => decide(&suite, sound, flawed).await,
        (Err(error), ..) | (_, Err(error), _) | (.., Err(error)) => Err(error),
    };
    let (text, code) = match done {
        Ok(text) => (text, ExitCode::SUCCESS),
        Err(error) => (error, ExitCode::FAILURE),
    };
    let _ = writeln!(std::io::stdout(), "{text}");
    code
}
