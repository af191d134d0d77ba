//! One JSON line a request on the console, which the host collects, and a data point of Analytics Engine where its dataset is bound. And
//! the counts of the isolate, which are added to those of the others now and then.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use contract_types::LogLine;
use reference_core::{
    platform::Platform,
    ports::{Clock as _, Timer as _},
    sabotage::{self, Sabotage},
    trace::WorkTrace,
};
use reference_http::{RequestRecord, Telemetry};
use serde_json::json;
use worker::{AnalyticsEngineDataPointBuilder, AnalyticsEngineDataset, Env};

use crate::clock::JsClock;
use crate::tasks::{JsTimer, WaitUntil};

/// Name of the Analytics Engine dataset.
const DATASET: &str = "METRICS";

/// Writes to the console: lines as logs, causes of failures as errors.
pub(crate) struct Console {
    points: Option<AnalyticsEngineDataset>,
}

impl Console {
    pub(crate) fn new(env: &Env) -> Self {
        Self { points: env.analytics_engine(DATASET).ok() }
    }
}

impl Telemetry for Console {
    fn request(&self, record: RequestRecord) {
        if let Some(points) = &self.points
            && let Err(error) = point(&record.line).write_to(points)
        {
            worker::console_error!("a data point is not taken: {error}");
        }
        if let Ok(line) = serde_json::to_string(&record.line) {
            worker::console_log!("{line}");
        }
        if let Some(cause) = record.cause {
            worker::console_error!("{}", json!({"request_id": record.line.request_id, "cause": cause}));
        }
    }

    /// A job's spans, as a line that is no log line, whose schema is that of requests: a word, and JSON after it.
    fn work(&self, work: WorkTrace) {
        worker::console_debug!("work {}", spans_of(&work));
    }
}

/// Time that counts wait in the isolate for others to go with them, in milliseconds. An isolate that ends takes so much along.
const KEEP_AFTER_MS: u64 = 1_000;
/// Time after which it is not waited for any longer that counts which are on their way are kept, in milliseconds: the host may have
/// ended what was to do it.
const LOST_AFTER_MS: u64 = 15_000;

/// Has the platform's counts kept after requests.
pub(crate) struct Keeping {
    inner: Arc<dyn Telemetry>,
    platform: Arc<Platform>,
    clock: JsClock,
    /// When somebody last undertook to do so, in milliseconds of the monotonic clock; 0 where nobody is at it.
    since_ms: Arc<AtomicU64>,
}

impl Keeping {
    /// `inner` counts for `platform`.
    pub(crate) fn new(inner: Arc<dyn Telemetry>, platform: Arc<Platform>) -> Self {
        Self { inner, platform, clock: JsClock::default(), since_ms: Arc::default() }
    }
}

impl Telemetry for Keeping {
    fn request(&self, record: RequestRecord) {
        self.inner.request(record);
        let now_ms = (self.clock.monotonic_us() / 1000).max(1);
        let since_ms = self.since_ms.load(Ordering::Relaxed);
        if since_ms > 0 && now_ms.saturating_sub(since_ms) < LOST_AFTER_MS {
            return;
        }
        self.since_ms.store(now_ms, Ordering::Relaxed);
        let (platform, since_ms) = (Arc::clone(&self.platform), Arc::clone(&self.since_ms));
        WaitUntil::spawn_quietly(async move {
            JsTimer.sleep(KEEP_AFTER_MS).await;
            // What is counted from now on needs somebody else.
            since_ms.store(0, Ordering::Relaxed);
            platform.keep_metrics().await;
        });
    }
}

/// The spans of a job with the names of the log line's; its own is under that of the request that started it.
fn spans_of(work: &WorkTrace) -> serde_json::Value {
    let hex = |id: u64| format!("{id:016x}");
    #[expect(clippy::cast_precision_loss, reason = "no job takes 2^52 microseconds")]
    let milliseconds = |us: u64| us as f64 / 1000.0;
    let steps = work.steps.iter().map(|step| {
        json!({
            "name": step.name.as_str(),
            "span_id": hex(step.span_id),
            "parent_span_id": hex(step.parent.map_or(work.span_id, std::num::NonZeroU64::get)),
            "start_ms": milliseconds(step.start_us.saturating_sub(work.start_us)),
            "duration_ms": milliseconds(step.duration_us),
            "outcome": step.outcome.as_str(),
        })
    });
    json!({
        "kind": work.kind.as_str(),
        "tenant": work.tenant.as_str(),
        "job": work.job.as_str(),
        "request_id": work.origin.request_id,
        "trace_id": format!("{:032x}", work.origin.trace.trace_id),
        "span_id": hex(work.span_id),
        "parent_span_id": hex(work.origin.trace.span_id),
        "ended_at_ms": work.ended_at,
        "duration_ms": milliseconds(work.duration_us),
        "outcome": work.outcome.as_str(),
        "spans": steps.collect::<Vec<_>>(),
    })
}

/// A request as a data point, which is sampled by its index, the tenant. Blobs: operation, method, error code, cache, model, what was
/// degraded. Doubles: status, milliseconds, tokens in and out, dollars, chunks that were retrieved.
fn point(line: &LogLine) -> AnalyticsEngineDataPointBuilder {
    let line = serde_json::to_value(line).unwrap_or_default();
    let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let number = |name: &str| line[name].as_f64().unwrap_or_default();
    let degraded = line["degraded"].as_array().into_iter().flatten().filter_map(|it| it.as_str());
    let degraded = degraded.collect::<Vec<_>>().join(",");
    let blobs = ["operation", "method", "error_code", "cache", "model"].map(text);
    let doubles = ["status", "latency_ms", "tokens_in", "tokens_out", "cost_usd", "chunks_retrieved"].map(number);
    AnalyticsEngineDataPointBuilder::new()
        .indexes([if sabotage::on(Sabotage::BindingPointsOfNobody) { String::new() } else { text("tenant") }.as_str()])
        .blobs(blobs.into_iter().chain([degraded]))
        .doubles(doubles)
}
