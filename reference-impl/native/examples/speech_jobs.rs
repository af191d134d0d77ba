//! Fifty speech jobs of two tenants at once: each has its own audio, and neither tenant waits for the other's to end.
//!
//! `cargo run -p reference-impl --example speech_jobs`; it needs the fixtures and the programs that `docs/tts.md` names.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::http::Request;
use futures_util::future::try_join_all;
use http_body_util::BodyExt;
use reference_http::{RequestRecord, Telemetry};
use reference_impl::config::{self, DemoFiles};
use reference_impl::data_folder::DataFolder;
use reference_impl::deployment::{self, Deployment};
use serde_json::{Value, json};
use tower::ServiceExt as _;

const TENANTS: [&str; 2] = ["aurora-bikes", "meridian-lab"];
/// Jobs of both tenants together.
const JOBS: usize = 50;
/// How often a job is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

struct Nobody;

impl Telemetry for Nobody {
    fn request(&self, _record: RequestRecord) {}
}

/// What is said in a job: no two say the same, and each is told by its length.
fn text(job: usize) -> String {
    format!("Job number {job}. {}", "The lamp is lit. ".repeat(1 + job % 7))
}

async fn call(
    deployment: &Deployment,
    key: &str,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> anyhow::Result<(u16, Bytes)> {
    let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"));
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let request = request.header("content-type", "application/json").body(body)?;
    let answer = deployment.router.clone().oneshot(request).await?;
    Ok((answer.status().as_u16(), answer.into_body().collect().await?.to_bytes()))
}

/// Starts a job and waits for its audio; how long that took since `began`, and the audio.
async fn spoken(deployment: &Deployment, key: &str, job: usize, began: Instant) -> anyhow::Result<(Duration, Bytes)> {
    let body = json!({"text": text(job), "format": "wav", "async": true});
    let (status, told) = call(deployment, key, "POST", "/tts", Some(body)).await?;
    anyhow::ensure!(status == 202, "job {job}: status {status}");
    let told: Value = serde_json::from_slice(&told)?;
    let path = format!("/jobs/{}/result", told["id"].as_str().unwrap_or_default());
    loop {
        match call(deployment, key, "GET", &path, None).await? {
            (200, audio) => return Ok((began.elapsed(), audio)),
            (409, _) => tokio::time::sleep(LOOK_EVERY).await,
            (status, _) => anyhow::bail!("result of job {job}: status {status}"),
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/tenants");
    let demo = DemoFiles::beside(&folder);
    let loaded = config::load(&folder, &deployment::models(), Some(&demo))?;
    let keys = std::fs::read_to_string(folder.join("../credentials/keys.yaml"))?;
    let keys: Vec<Value> = serde_yaml::from_str(&keys)?;
    let key = |tenant: &str| {
        let found = keys.iter().find(|key| key["tenant"] == tenant && key["name"] == "all");
        found.and_then(|key| key["key"].as_str()).unwrap_or_default().to_owned()
    };
    let keys = TENANTS.map(key);
    let data = DataFolder::temporary()?;
    let deployment = Deployment::assemble(loaded, &data, Arc::new(Nobody), true, false)?;
    // What each text sounds like by itself: a job must give exactly that.
    let mut alone = Vec::new();
    for job in 0..JOBS {
        let body = json!({"text": text(job), "format": "wav"});
        let (status, audio) = call(&deployment, &keys[job % 2], "POST", "/tts", Some(body)).await?;
        anyhow::ensure!(status == 200, "text {job}: status {status}");
        alone.push(audio);
    }
    let began = Instant::now();
    let jobs = (0..JOBS).map(|job| spoken(&deployment, &keys[job % 2], job, began));
    let done = try_join_all(jobs).await?;
    for (job, (_, audio)) in done.iter().enumerate() {
        anyhow::ensure!(*audio == alone[job], "job {job} has other audio than its text alone");
    }
    let mut out = std::io::stdout();
    for (at, tenant) in TENANTS.iter().enumerate() {
        let mut times: Vec<Duration> = done.iter().skip(at).step_by(2).map(|(took, _)| *took).collect();
        times.sort();
        let (count, middle, last) = (times.len(), times[times.len() / 2], times[times.len() - 1]);
        writeln!(out, "{tenant}: {count} jobs, median {} ms, last {} ms", middle.as_millis(), last.as_millis())?;
    }
    writeln!(out, "{JOBS} jobs, each with the audio of its own text")?;
    let medians: Vec<f64> = (0..2)
        .map(|at| {
            let mut times: Vec<f64> = done.iter().skip(at).step_by(2).map(|(took, _)| took.as_secs_f64()).collect();
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        })
        .collect();
    let ratio = medians[0].max(medians[1]) / medians[0].min(medians[1]);
    anyhow::ensure!(ratio <= 2.0, "one tenant waits {ratio:.1} times as long as the other at the median");
    Ok(())
}
