//! Records as spans of `OpenTelemetry`, with the names of its conventions where there are some.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use contract_types::{LogLine, LogSpan, LogSpanOutcome};
use jiff::Timestamp;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use reference_core::trace::{StepOutcome, WorkTrace};

/// What all spans of one tree share.
struct Tree {
    trace: TraceId,
    start: SystemTime,
}

impl Tree {
    /// A span that begins so long after the tree and takes so long.
    fn span(
        &self,
        (id, parent): (SpanId, SpanId),
        name: Cow<'static, str>,
        after: Duration,
        took: Duration,
    ) -> SpanData {
        let start_time = self.start + after;
        SpanData {
            span_context: SpanContext::new(self.trace, id, TraceFlags::SAMPLED, false, TraceState::NONE),
            parent_span_id: parent,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name,
            start_time,
            end_time: start_time + took,
            attributes: Vec::new(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: InstrumentationScope::builder("plumbline").build(),
        }
    }
}

/// The spans of a request: its own, and one for each step.
pub(super) fn of_request(line: &LogLine) -> Vec<SpanData> {
    let took = milliseconds(line.latency_ms);
    let end = moment(line.timestamp.parse::<Timestamp>().map_or(0, Timestamp::as_millisecond));
    let trace = TraceId::from_hex(&line.trace_id).unwrap_or(TraceId::INVALID);
    let tree = Tree { trace, start: end.checked_sub(took).unwrap_or(end) };
    let (own, parent) = (span_id(&line.span_id), line.parent_span_id.as_deref().map_or(SpanId::INVALID, span_id));
    let name = format!("{} {}", line.method.as_str(), line.route);
    let mut root = tree.span((own, parent), name.into(), Duration::ZERO, took);
    root.span_kind = SpanKind::Server;
    root.parent_span_is_remote = line.parent_span_id.is_some();
    root.attributes = attributes(line);
    if line.status >= 500 || line.error_code.is_some_and(|_| line.stream_outcome.is_some()) {
        root.status = Status::error("");
    }
    let steps = line.spans.iter().flatten().map(|span| step(&tree, own, span));
    let steps: Vec<SpanData> = steps.collect();
    std::iter::once(root).chain(steps).collect()
}

/// What a request's span says: ids, templates and numbers, all of which the log line holds too.
fn attributes(line: &LogLine) -> Vec<KeyValue> {
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let mut all = vec![
        KeyValue::new("http.request.method", line.method.as_str()),
        KeyValue::new("http.route", line.route.clone()),
        KeyValue::new("http.response.status_code", number(line.status)),
        KeyValue::new("plumbline.request_id", line.request_id.as_str().to_owned()),
    ];
    let texts = [
        ("plumbline.operation", line.operation.clone()),
        ("plumbline.tenant", line.tenant.as_ref().map(|it| it.as_str().to_owned())),
        ("error.type", line.error_code.map(|code| code.as_str().to_owned())),
        ("gen_ai.request.model", line.model.as_ref().map(|it| it.as_str().to_owned())),
        ("plumbline.stream_outcome", line.stream_outcome.map(|it| it.as_str().to_owned())),
    ];
    all.extend(texts.into_iter().filter_map(|(key, value)| Some(KeyValue::new(key, value?))));
    let numbers = [("gen_ai.usage.input_tokens", line.tokens_in), ("gen_ai.usage.output_tokens", line.tokens_out)];
    all.extend(numbers.into_iter().filter_map(|(key, value)| Some(KeyValue::new(key, number(value?)))));
    all
}

fn step(tree: &Tree, root: SpanId, span: &LogSpan) -> SpanData {
    let parent = span.parent_span_id.as_deref().map_or(root, span_id);
    let ids = (span_id(&span.span_id), parent);
    let (after, took) = (milliseconds(span.start_ms), milliseconds(span.duration_ms));
    let mut told = tree.span(ids, span.name.clone().into(), after, took);
    told.span_kind = kind(&span.name);
    told.attributes = vec![KeyValue::new("plumbline.outcome", span.outcome.as_str())];
    if span.outcome != LogSpanOutcome::Ok {
        told.status = Status::error("");
    }
    told
}

/// The spans of a job: its own, under the request that started it, and one for each step.
pub(super) fn of_work(work: &WorkTrace) -> Vec<SpanData> {
    let took = Duration::from_micros(work.duration_us);
    let end = moment(work.ended_at);
    let tree = Tree { trace: work.origin.trace.trace_id.into(), start: end.checked_sub(took).unwrap_or(end) };
    let id = |id: u64| SpanId::from(id);
    let name = format!("job {}", work.kind.as_str());
    let mut root = tree.span((id(work.span_id), id(work.origin.trace.span_id)), name.into(), Duration::ZERO, took);
    root.span_kind = SpanKind::Consumer;
    let texts = [
        ("plumbline.tenant", work.tenant.as_str()),
        ("plumbline.job_id", work.job.as_str()),
        ("plumbline.request_id", &work.origin.request_id),
        ("plumbline.outcome", work.outcome.as_str()),
    ];
    root.attributes = texts.into_iter().map(|(key, value)| KeyValue::new(key, value.to_owned())).collect();
    if work.outcome == StepOutcome::Error {
        root.status = Status::error("");
    }
    let steps = work.steps.iter().map(|step| {
        let parent = step.parent.map_or(work.span_id, std::num::NonZeroU64::get);
        let after = Duration::from_micros(step.start_us.saturating_sub(work.start_us));
        let took = Duration::from_micros(step.duration_us);
        let mut told = tree.span((id(step.span_id), id(parent)), step.name.as_str().into(), after, took);
        told.span_kind = kind(step.name.as_str());
        told.attributes = vec![KeyValue::new("plumbline.outcome", step.outcome.as_str())];
        if step.outcome != StepOutcome::Ok {
            told.status = Status::error("");
        }
        told
    });
    let steps: Vec<SpanData> = steps.collect();
    std::iter::once(root).chain(steps).collect()
}

/// What leaves the process is a client's span.
fn kind(name: &str) -> SpanKind {
    if name == "attempt" { SpanKind::Client } else { SpanKind::Internal }
}

fn span_id(hex: &str) -> SpanId {
    SpanId::from_hex(hex).unwrap_or(SpanId::INVALID)
}

fn moment(unix_ms: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(unix_ms).unwrap_or_default())
}

fn milliseconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value / 1000.0).unwrap_or_default()
}
