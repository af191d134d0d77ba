//! Work that goes on when its request has been answered: where it came from, and what is told of it at its end.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::{StepOutcome, Taken, TracePoint, Trail};
use crate::ids::JobId;
use crate::ports::{Clock, Ids, UnixMillis};
use crate::store::jobs::JobKind;
use crate::tenancy::{RequestMark, TenantContext, TenantId};

/// Field of a job's work that holds where it came from.
const ORIGIN: &str = "origin";

/// The request that started a piece of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkOrigin {
    /// Its id.
    pub request_id: String,
    /// Its place in its trace.
    pub trace: TracePoint,
    /// Its `tracestate`.
    pub state: Option<String>,
}

impl WorkOrigin {
    /// `work` with the request of `tenant` written into it, where it acts in one.
    pub(crate) fn stamp(tenant: &TenantContext, mut work: Json) -> Json {
        if let (Some(request), Some(fields)) = (tenant.request(), work.as_object_mut()) {
            let trace = request.trace.to_string();
            let origin = json!({"request_id": request.request_id, "traceparent": trace, "tracestate": request.state});
            fields.insert(ORIGIN.to_owned(), origin);
        }
        work
    }

    /// What [`WorkOrigin::stamp`] wrote; `None` for work that an earlier version stored, or that no request started.
    pub(crate) fn read(work: &Json) -> Option<Self> {
        let origin = work.get(ORIGIN)?;
        Some(Self {
            request_id: origin["request_id"].as_str()?.to_owned(),
            trace: TracePoint::parse(origin["traceparent"].as_str()?)?,
            state: origin["tracestate"].as_str().map(str::to_owned),
        })
    }
}

/// A piece of work that has ended. Its span is part of the request's trace, under the request's own span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkTrace {
    /// Whose it was.
    pub tenant: TenantId,
    /// The job.
    pub job: JobId,
    /// What kind of job it was.
    pub kind: JobKind,
    /// The request that started it.
    pub origin: WorkOrigin,
    /// Its span.
    pub span_id: u64,
    /// When it ended, by the platform's own clock.
    pub ended_at: UnixMillis,
    /// When it began, in microseconds of the monotonic clock that its steps are told by.
    pub start_us: u64,
    /// How long it took, in microseconds.
    pub duration_us: u64,
    /// How it ended.
    pub outcome: StepOutcome,
    /// Its steps, in the order of their starts.
    pub steps: Vec<Taken>,
}

/// Takes what is told of work beside requests.
pub trait TraceSink: Send + Sync {
    /// Called once for each sampled piece of work. Must not block.
    fn work_ended(&self, work: WorkTrace);
}

/// Follows one job from its claim to its end.
pub(crate) struct Followed {
    origin: WorkOrigin,
    job: (JobId, JobKind),
    span_id: u64,
    start_us: u64,
    trail: Option<Arc<Trail>>,
    clock: Arc<dyn Clock>,
}

impl Followed {
    /// `tenant` within the trace of the request that started the job, and what tells of it when it has ended. A job that no
    /// request is known of runs outside of traces.
    pub(crate) fn begin(
        tenant: &TenantContext,
        job: (JobId, JobKind),
        work: &Json,
        clock: &Arc<dyn Clock>,
        ids: &dyn Ids,
    ) -> (TenantContext, Option<Self>) {
        let Some(origin) = WorkOrigin::read(work) else { return (tenant.clone(), None) };
        let mut bytes = [0; 8];
        ids.fill(&mut bytes);
        let span_id = u64::from_be_bytes(bytes).max(1);
        let trail = origin.trace.sampled.then(|| Trail::new(span_id, Arc::clone(clock)));
        let mark = RequestMark {
            request_id: origin.request_id.clone(),
            trace: origin.trace.at(span_id),
            state: origin.state.clone(),
            deadline_us: None,
            trail: trail.clone(),
        };
        let followed = Self { origin, job, span_id, start_us: clock.monotonic_us(), trail, clock: Arc::clone(clock) };
        (tenant.for_request(mark), Some(followed))
    }

    /// Tells `sink` of the job's end, where it is sampled.
    pub(crate) fn end(self, tenant: &TenantId, outcome: StepOutcome, sink: Option<&Arc<dyn TraceSink>>) {
        let (Some(trail), Some(sink)) = (self.trail, sink) else { return };
        sink.work_ended(WorkTrace {
            tenant: tenant.clone(),
            job: self.job.0,
            kind: self.job.1,
            origin: self.origin,
            span_id: self.span_id,
            ended_at: self.clock.system(),
            start_us: self.start_us,
            duration_us: self.clock.monotonic_us().saturating_sub(self.start_us),
            outcome,
            steps: trail.taken(),
        });
    }
}
