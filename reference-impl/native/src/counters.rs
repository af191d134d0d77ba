//! Counts of requests, for the control API.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use contract_types::ErrorCode;
use reference_http::{RequestRecord, Telemetry};

/// Requests of one tenant, or of none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestCounts {
    /// Answers, refusals among them.
    pub requests: u64,
    /// Requests that are known to have reached their handler. Not counted are refusals that a check as well as a handler may
    /// have given: not found, invalid, upstream unavailable.
    pub handlers: u64,
}

/// Counts requests on their way to the log.
pub struct Counters {
    inner: Arc<dyn Telemetry>,
    tenants: Mutex<BTreeMap<Option<String>, RequestCounts>>,
}

impl Counters {
    /// Counts what goes to `inner`.
    pub fn new(inner: Arc<dyn Telemetry>) -> Self {
        Self { inner, tenants: Mutex::default() }
    }

    /// Counts since the last reset, of one tenant or of all together.
    pub fn read(&self, tenant: Option<&str>) -> RequestCounts {
        let tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        let of = tenants.iter().filter(|(id, _)| tenant.is_none() || id.as_deref() == tenant);
        of.fold(RequestCounts::default(), |sum, (_, counts)| RequestCounts {
            requests: sum.requests + counts.requests,
            handlers: sum.handlers + counts.handlers,
        })
    }

    /// Counts from nothing.
    pub fn reset(&self) {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Telemetry for Counters {
    fn request(&self, record: RequestRecord) {
        {
            let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
            let counts = tenants.entry(record.line.tenant.as_ref().map(ToString::to_string)).or_default();
            counts.requests += 1;
            let streamed = record.line.stream_outcome.is_some(); // whatever it ended with, a handler began it
            counts.handlers += u64::from(streamed || record.line.error_code.is_none_or(given_by_handlers));
        }
        self.inner.request(record);
    }
}

/// Whether only a handler answers with this code.
fn given_by_handlers(code: ErrorCode) -> bool {
    match code {
        ErrorCode::ToolNotAllowed
        | ErrorCode::JobNotReady
        | ErrorCode::ContentBlocked
        | ErrorCode::InternalError
        | ErrorCode::TtsNotEnabled
        | ErrorCode::CapabilityNotEnabled
        | ErrorCode::ToolFailed
        | ErrorCode::ToolTimeout
        | ErrorCode::IndexMismatch
        | ErrorCode::UpstreamTimeout => true,
        ErrorCode::MalformedJson
        | ErrorCode::ValidationError
        | ErrorCode::TenantNotFound
        | ErrorCode::Unauthorized
        | ErrorCode::Forbidden
        | ErrorCode::TenantMismatch
        | ErrorCode::NotFound
        | ErrorCode::MethodNotAllowed
        | ErrorCode::NotAcceptable
        | ErrorCode::IdempotencyConflict
        | ErrorCode::PayloadTooLarge
        | ErrorCode::UnsupportedMediaType
        | ErrorCode::RateLimited
        | ErrorCode::BudgetExceeded
        | ErrorCode::UpstreamUnavailable => false,
    }
}
