//! One JSON line a request on the console, which the host collects.

use reference_http::{RequestRecord, Telemetry};
use serde_json::json;

/// Writes to the console: lines as logs, causes of failures as errors.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Console;

impl Telemetry for Console {
    fn request(&self, record: RequestRecord) {
        if let Ok(line) = serde_json::to_string(&record.line) {
            worker::console_log!("{line}");
        }
        if let Some(cause) = record.cause {
            worker::console_error!("{}", json!({"request_id": record.line.request_id, "cause": cause}));
        }
    }
}
