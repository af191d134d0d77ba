//! Time to the first byte of streamed speech: 4,000 characters by `espeak-ng`, over the router of a whole deployment.
//!
//! `cargo run -p reference-impl --example first_audio`; it needs the fixtures and the programs that `docs/tts.md` names.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use reference_http::{RequestRecord, Telemetry};
use reference_impl::config::{self, DemoFiles};
use reference_impl::data_folder::DataFolder;
use reference_impl::deployment::{self, Deployment};
use tower::ServiceExt as _;

const TENANT: &str = "aurora-bikes";
const CHARS: usize = 4_000;
const RUNS: usize = 5;

struct Nobody;

impl Telemetry for Nobody {
    fn request(&self, _record: RequestRecord) {}
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/tenants");
    let demo = DemoFiles::beside(&folder);
    let mut loaded = config::load(&folder, &deployment::models(), Some(&demo))?;
    for tenant in &mut loaded.tenants {
        tenant.limits.tts_sync_chars = 5_000;
    }
    let keys = std::fs::read_to_string(folder.join("../credentials/keys.yaml"))?;
    let keys: Vec<serde_json::Value> = serde_yaml::from_str(&keys)?;
    let key = keys.iter().find(|key| key["tenant"] == TENANT && key["name"] == "all");
    let key = key.and_then(|key| key["key"].as_str()).unwrap_or_default().to_owned();
    let data = DataFolder::temporary()?;
    let deployment = Deployment::assemble(loaded, &data, Arc::new(Nobody), true, false)?;
    let text: String =
        "The lamp is lit, the gate is open and the battery is full. ".chars().cycle().take(CHARS).collect();
    let mut out = std::io::stdout();
    for format in ["pcm", "mp3", "opus", "wav"] {
        let mut times = Vec::new();
        for _ in 0..RUNS {
            let body = serde_json::json!({"text": text, "format": format, "stream": true}).to_string();
            let request = Request::post("/tts")
                .header("authorization", format!("Bearer {key}"))
                .header("content-type", "application/json")
                .body(Body::from(body))?;
            let started = Instant::now();
            let answer = deployment.router.clone().oneshot(request).await?;
            anyhow::ensure!(answer.status() == 200, "{format}: status {}", answer.status());
            let mut body = answer.into_body();
            let first = body.frame().await.transpose()?;
            let to_first = started.elapsed();
            anyhow::ensure!(first.is_some(), "{format}: no sound");
            let mut bytes = first.and_then(|frame| frame.into_data().ok()).map_or(0, |data| data.len());
            while let Some(frame) = body.frame().await.transpose()? {
                bytes += frame.data_ref().map_or(0, axum::body::Bytes::len);
            }
            times.push((to_first, started.elapsed(), bytes));
        }
        times.sort();
        let (first, whole, bytes) = times[RUNS / 2];
        writeln!(
            out,
            "{format}: first byte after {} ms, last after {} ms, {bytes} bytes (median of {RUNS})",
            first.as_millis(),
            whole.as_millis()
        )?;
    }
    Ok(())
}
