//! One JSON line a request on the console, which the host collects, and a data point of Analytics Engine where its dataset is bound.

use contract_types::LogLine;
use reference_http::{RequestRecord, Telemetry};
use serde_json::json;
use worker::{AnalyticsEngineDataPointBuilder, AnalyticsEngineDataset, Env};

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
        .indexes([text("tenant").as_str()])
        .blobs(blobs.into_iter().chain([degraded]))
        .doubles(doubles)
}
