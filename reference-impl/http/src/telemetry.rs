//! What the edge tells about each request. The host decides where it goes.

use std::sync::Arc;

use contract_types::{ErrorCode, LogLine, LogLineMethod, LogLineStreamOutcome};
use reference_core::{
    metrics::{Metric, Metrics},
    sabotage::{self, Sabotage},
    tenancy::TenantId,
    trace::{TraceSink, WorkTrace},
};

/// One finished request, ready to be written as a log line and counted.
#[derive(Debug, Clone)]
pub struct RequestRecord {
    /// The contract's log line.
    pub line: LogLine,
    /// The chain of causes of a failure, for operators alone.
    pub cause: Option<String>,
}

/// Receives the record of each request.
pub trait Telemetry: Send + Sync {
    /// Called once a request, after its answer's head is ready. Must not block.
    fn request(&self, record: RequestRecord);

    /// Whether anything is done with the record of a request; where nothing is, none is made.
    fn wants_records(&self) -> bool {
        true
    }

    /// Called once for each sampled piece of work that went on beside requests. A log has no line for it, so a host that
    /// exports no traces tells nothing of it. Must not block.
    fn work(&self, _work: WorkTrace) {}
}

/// Tells what a platform says of its work.
pub struct WorkTelemetry(pub Arc<dyn Telemetry>);

impl TraceSink for WorkTelemetry {
    fn work_ended(&self, work: WorkTrace) {
        self.0.work(work);
    }
}

/// Counts each request on its way to the log.
pub struct Measured {
    inner: Arc<dyn Telemetry>,
    metrics: Metrics,
}

impl Measured {
    /// Counts what goes to `inner`.
    pub fn new(inner: Arc<dyn Telemetry>, metrics: Metrics) -> Self {
        Self { inner, metrics }
    }
}

impl Telemetry for Measured {
    fn request(&self, record: RequestRecord) {
        if self.metrics.is_on() {
            count(&self.metrics, &record.line);
        }
        self.inner.request(record);
    }

    fn wants_records(&self) -> bool {
        self.metrics.is_on() || self.inner.wants_records()
    }
}

fn count(metrics: &Metrics, line: &LogLine) {
    // The id was parsed once to become a tenant's; one that is none belongs to no page.
    let tenant = line.tenant.as_ref().and_then(|id| TenantId::parse(id.as_str()).ok());
    let tenant = tenant.as_ref();
    let mut route = line.route.as_str();
    if sabotage::on(Sabotage::RequestIdsAreLabels) {
        route = line.request_id.as_str();
    }
    let times = if sabotage::on(Sabotage::RequestsCountedTwice) { 2.0 } else { 1.0 };
    metrics.add(tenant, Metric::Requests, &[route, method(line.method), status(line.status)], times);
    metrics.add(tenant, Metric::Latency, &[route], line.latency_ms);
    if let Some(code) = line.error_code {
        metrics.count(tenant, Metric::Errors, &[route, code.as_str()]);
        if code == ErrorCode::RateLimited && !sabotage::on(Sabotage::RefusalsNotCounted) {
            metrics.count(tenant, Metric::RateLimited, &[]);
        }
    }
    for reason in line.degraded.iter().flatten() {
        metrics.count(tenant, Metric::Degraded, &[reason.as_str()]);
    }
    if let Some(first) = line.time_to_first_token_ms {
        metrics.add(tenant, Metric::FirstToken, &[], first);
    }
    if line.stream_outcome == Some(LogLineStreamOutcome::Aborted) && !sabotage::on(Sabotage::AbortsNotCounted) {
        metrics.count(tenant, Metric::StreamAborts, &[]);
    }
}

fn method(method: LogLineMethod) -> &'static str {
    method.as_str()
}

/// The statuses that the contract has, as texts; any other is told by its class.
fn status(status: u64) -> &'static str {
    match status {
        200 => "200",
        201 => "201",
        202 => "202",
        204 => "204",
        304 => "304",
        400 => "400",
        401 => "401",
        403 => "403",
        404 => "404",
        405 => "405",
        406 => "406",
        409 => "409",
        413 => "413",
        415 => "415",
        422 => "422",
        429 => "429",
        499 => "499",
        500 => "500",
        501 => "501",
        502 => "502",
        503 => "503",
        504 => "504",
        other => match other / 100 {
            0 | 1 => "1xx",
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            _ => "5xx",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::status;

    #[test]
    fn tells_every_status_of_the_contract_by_itself() {
        for operation in crate::OPERATIONS {
            for response in operation.responses {
                assert_eq!(status(u64::from(response.status)), response.status.to_string());
            }
        }
        assert_eq!([status(418), status(599)], ["4xx", "5xx"]);
    }
}
