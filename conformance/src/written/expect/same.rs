//! Whether two answers are the same to a caller.

use harness::client::Response;

/// Headers that name the request, the moment or the rate limits, and so differ between any two answers; and how a body
/// travels.
const OWN: [&str; 9] = [
    "x-request-id",
    "traceparent",
    "date",
    "server-timing",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "content-length",
    "transfer-encoding",
];

/// What tells `found` from `wanted`, beyond request ids, dates and rate limits; `None` when nothing does.
pub fn difference(wanted: &Response, found: &Response) -> Option<String> {
    if wanted.status != found.status {
        return Some(format!("status {} instead of {}", found.status, wanted.status));
    }
    let headers = |response: &Response| {
        let own = |name: &String| OWN.contains(&name.as_str());
        let mut headers: Vec<(String, String)> =
            response.headers.iter().filter(|(name, _)| !own(name)).cloned().collect();
        headers.sort();
        headers
    };
    let (known, seen) = (headers(wanted), headers(found));
    if let Some((name, value)) = seen.iter().find(|header| !known.contains(header)) {
        return Some(format!("header `{name}: {value}`"));
    }
    if let Some((name, value)) = known.iter().find(|header| !seen.contains(header)) {
        return Some(format!("without header `{name}: {value}`"));
    }
    let body = |response: &Response| {
        let text = String::from_utf8_lossy(&response.body).into_owned();
        response.header("x-request-id").map_or(text.clone(), |id| text.replace(id, "[request id]"))
    };
    (body(wanted) != body(found)).then(|| "another body".to_owned())
}
