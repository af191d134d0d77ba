//! Request ids and W3C trace context.

use axum::http::HeaderMap;
use reference_core::{
    ids::RequestId,
    ports::{Ids, UnixMillis},
    sabotage::{self, Sabotage},
    tenancy::RequestMark,
    trace::{TracePoint, Trail},
};
use std::sync::Arc;

/// Longest `tracestate` that goes on, in characters, and most members of it: the least that W3C has everybody pass on.
const STATE: (usize, usize) = (512, 32);

/// What ties a request, its log line, its upstream calls and its answer together.
#[derive(Debug, Clone)]
pub(super) struct Correlation {
    pub(super) request_id: String,
    /// The request's own span, and whether its steps are recorded.
    pub(super) trace: TracePoint,
    /// The caller's span, from a valid `traceparent`.
    pub(super) parent: Option<u64>,
    /// The caller's `tracestate`, which belongs to that.
    state: Option<String>,
}

impl Correlation {
    /// Takes over a well-formed id and trace, and makes what is missing or malformed. A caller says itself whether its trace is
    /// recorded; of fresh traces a share is.
    pub(super) fn of(headers: &HeaderMap, now: UnixMillis, ids: &dyn Ids, ratio: f64) -> Self {
        let value = headers.get("x-request-id").and_then(|value| value.to_str().ok());
        let sent = value.and_then(RequestId::parse).filter(|_| !sabotage::on(Sabotage::RequestIdNotEchoed));
        let mut request_id = sent.clone().unwrap_or_else(|| RequestId::random(now, ids)).as_str().to_owned();
        if sabotage::on(Sabotage::RequestIdNotVersion7) && sent.is_none() {
            request_id.replace_range(14..15, "4");
        }
        if sabotage::on(Sabotage::MalformedRequestIdEchoed)
            && let Some(value) = value
        {
            value.clone_into(&mut request_id);
        }
        // Drawn at once, since each draw costs the same whatever its length.
        let mut drawn = [0; 24];
        ids.fill(&mut drawn);
        let (trace_id, span_id) = split(drawn);
        let state = state_of(headers);
        let caller = headers.get("traceparent").and_then(|value| value.to_str().ok()).and_then(TracePoint::parse);
        // An overlong `tracestate` is malformed, and so is the trace that it belongs to.
        if let (Some(caller), Ok(state)) = (caller, &state) {
            let state = state.clone();
            return Self { request_id, trace: caller.at(span_id), parent: Some(caller.span_id), state };
        }
        let fresh = TracePoint { trace_id, span_id, sampled: false };
        let trace = TracePoint { sampled: fresh.falls_within(ratio), ..fresh };
        Self { request_id, trace, parent: None, state: None }
    }

    /// The trace's id, as logs write it.
    pub(super) fn trace_id(&self) -> String {
        format!("{:032x}", self.trace.trace_id)
    }

    /// What upstreams are told of the request, which ends at `deadline_us` of the monotonic clock.
    pub(super) fn mark(&self, deadline_us: u64, trail: Option<Arc<Trail>>) -> RequestMark {
        let (request_id, state) = (self.request_id.clone(), self.state.clone());
        RequestMark { request_id, trace: self.trace, state, deadline_us: Some(deadline_us), trail }
    }
}

/// Ids of a trace and of a span; neither may be zero.
fn split(drawn: [u8; 24]) -> (u128, u64) {
    let trace_id = u128::from_be_bytes(std::array::from_fn(|at| drawn[at]));
    let span_id = u64::from_be_bytes(std::array::from_fn(|at| drawn[16 + at]));
    (trace_id.max(1), span_id.max(1))
}

/// The caller's `tracestate`, its fields joined; `Ok(None)` where there is none that can go on.
fn state_of(headers: &HeaderMap) -> Result<Option<String>, TooLong> {
    let values: Vec<&str> =
        headers.get_all("tracestate").iter().filter_map(|value| value.to_str().ok()).map(str::trim).collect();
    let state = values.join(",");
    if state.len() > STATE.0 || state.split(',').count() > STATE.1 {
        return Err(TooLong);
    }
    Ok(Some(state).filter(|state| !state.is_empty()))
}

/// A `tracestate` beyond what is passed on.
#[derive(Debug, PartialEq, Eq)]
struct TooLong;

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use reference_core::testkit::SeededIds;

    use super::*;

    const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";

    fn correlation(fields: &[(&'static str, &str)], ratio: f64) -> Correlation {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        Correlation::of(&headers, 0, &SeededIds::new(7), ratio)
    }

    #[test]
    fn continues_a_trace_and_does_as_its_caller_says_about_recording() {
        for (flags, sampled) in [("00", false), ("01", true), ("03", true), ("02", false)] {
            for ratio in [0.0, 1.0] {
                let found = correlation(&[("traceparent", &format!("{CALLER}-{flags}")), ("tracestate", "a=1")], ratio);
                assert_eq!((found.parent, found.trace.sampled), (Some(0x00f0_67aa_0ba9_02b7), sampled), "{flags}");
                assert_eq!(found.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
                let mark = found.mark(9, None);
                assert_eq!((mark.state.as_deref(), mark.deadline_us), (Some("a=1"), Some(9)));
                assert_eq!(mark.trace.span_id, found.trace.span_id);
            }
        }
    }

    #[test]
    fn a_fresh_trace_is_recorded_by_its_share_and_takes_no_state_along() {
        assert!(correlation(&[], 1.0).trace.sampled && !correlation(&[], 0.0).trace.sampled);
        let (many, long) = (["a=1"; 33].join(","), format!("a={}", "x".repeat(511)));
        for fields in [
            &[("tracestate", "a=1")][..],
            &[("traceparent", "00-zz-11-01"), ("tracestate", "a=1")],
            &[("traceparent", &format!("{CALLER}-01")), ("tracestate", &many)],
            &[("traceparent", &format!("{CALLER}-01")), ("tracestate", &long)],
        ] {
            let found = correlation(fields, 0.0);
            assert_eq!((found.parent, &found.state, found.trace.sampled), (None, &None, false), "{fields:?}");
            assert_ne!(found.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        }
    }

    #[test]
    fn joins_the_fields_of_a_state() {
        let fields = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];
        let found = correlation(&[fields[0], ("tracestate", "a=1"), ("tracestate", "b=2")], 0.0);
        assert_eq!(found.state.as_deref(), Some("a=1,b=2"));
    }
}
