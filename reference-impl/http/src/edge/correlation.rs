//! Request ids and W3C trace context.

use axum::http::HeaderMap;
use reference_core::{
    ids::RequestId,
    ports::{Ids, UnixMillis},
    sabotage::{self, Sabotage},
    tenancy::RequestMark,
};

/// What ties a request, its log line, its upstream calls and its answer together.
#[derive(Debug, Clone)]
#[expect(clippy::struct_field_names, reason = "each is an id, under the name that logs use")]
pub(super) struct Correlation {
    pub(super) request_id: String,
    pub(super) trace_id: String,
    pub(super) span_id: String,
    /// The caller's span, from a valid `traceparent`.
    pub(super) parent_span_id: Option<String>,
}

impl Correlation {
    /// Takes over a well-formed id and trace, and makes what is missing or malformed.
    pub(super) fn of(headers: &HeaderMap, now: UnixMillis, ids: &dyn Ids) -> Self {
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
        let caller = headers.get("traceparent").and_then(|value| value.to_str().ok()).and_then(trace_of);
        let mut bytes = [0; 24];
        ids.fill(&mut bytes);
        let hex = hex::encode(bytes);
        let (fresh, span) = hex.split_at(32);
        let (trace_id, parent_span_id) = match caller {
            Some((trace, parent)) => (trace, Some(parent)),
            None => (fresh.to_owned(), None),
        };
        Self { request_id, trace_id, span_id: span.to_owned(), parent_span_id }
    }

    /// What upstreams are told of the request, which ends at `deadline_us` of the monotonic clock.
    pub(super) fn mark(&self, deadline_us: u64) -> RequestMark {
        let traceparent = format!("00-{}-{}-01", self.trace_id, self.span_id);
        RequestMark { request_id: self.request_id.clone(), traceparent, deadline_us }
    }
}

/// Trace id and span id of a valid `traceparent`: version 00, 32 and 16 lower-case hex digits that are not all zero, two of flags.
fn trace_of(value: &str) -> Option<(String, String)> {
    let mut fields = value.split('-');
    let (version, trace, parent, flags) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let some = |text: &str| text.bytes().any(|byte| byte != b'0');
    let valid = hex(version, 2) && version != "ff" && hex(trace, 32) && hex(parent, 16) && hex(flags, 2);
    let ends = version != "00" || fields.next().is_none();
    (valid && ends && some(trace) && some(parent)).then(|| (trace.to_owned(), parent.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::trace_of;

    #[test]
    fn continues_valid_traces_and_no_others() {
        let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        let valid = trace_of(&format!("00-{trace}-{parent}-01"));
        assert_eq!(valid, Some((trace.to_owned(), parent.to_owned())));
        for bad in [
            format!("00-{}-{parent}-01", "0".repeat(32)),
            format!("00-{trace}-{}-01", "0".repeat(16)),
            format!("ff-{trace}-{parent}-01"),
            format!("00-{}-{parent}-01", trace.to_uppercase()),
            format!("00-{trace}-{parent}-01-extra"),
            "00-zz-11-01".to_owned(),
            String::new(),
        ] {
            assert_eq!(trace_of(&bad), None, "{bad}");
        }
    }
}
