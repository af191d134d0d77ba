//! Media types: what a request may send, and what its caller will take.

use axum::http::{HeaderMap, header};
use contract_types::ErrorCode;
use reference_core::sabotage::{self, Sabotage};

use crate::{operation::Operation, reply::Problem};

/// Refuses a body in another media type than the operation's.
pub(super) fn content_type(operation: &Operation, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(wanted) = operation.request.map(|body| body.media_type) else { return Ok(()) };
    if sabotage::on(Sabotage::ContentTypeIgnored) {
        return Ok(());
    }
    let sent = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (essence, parameters) = sent.split_once(';').unwrap_or((sent, ""));
    let charset = parameters.trim().to_ascii_lowercase();
    let utf8 = charset.is_empty() || charset == "charset=utf-8" || charset == "charset=\"utf-8\"";
    if essence.trim().eq_ignore_ascii_case(wanted) && utf8 {
        return Ok(());
    }
    Err(Problem::new(ErrorCode::UnsupportedMediaType, format!("send the body as `{wanted}` in UTF-8")))
}

/// Refuses a caller who takes none of the operation's media types. Errors are JSON whatever is asked for.
pub(super) fn accept(operation: &Operation, headers: &HeaderMap) -> Result<(), Problem> {
    let mut ranges = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).peekable();
    if ranges.peek().is_none() || sabotage::on(Sabotage::AcceptIgnored) {
        return Ok(());
    }
    let ranges: Vec<&str> =
        ranges.flat_map(|value| value.split(',')).map(str::trim).filter(|range| !range.is_empty()).collect();
    if ranges.is_empty() || operation.answer_media_types().any(|media_type| takes(&ranges, media_type)) {
        return Ok(());
    }
    let offered: Vec<&str> = operation.answer_media_types().collect();
    Err(Problem::new(ErrorCode::NotAcceptable, format!("this operation answers `{}`", offered.join("`, `"))))
}

/// Whether the ranges of an `accept` header take a media type: the most specific range that fits it decides, and a quality of
/// zero refuses.
fn takes(ranges: &[&str], media_type: &str) -> bool {
    let fitting = ranges.iter().filter_map(|range| {
        let mut fields = range.split(';').map(str::trim);
        let essence = fields.next().unwrap_or_default().to_ascii_lowercase();
        let specific = match essence.split_once('/') {
            Some(("*", "*")) => 0,
            Some((kind, "*")) if media_type.split('/').next() == Some(kind) => 1,
            Some(_) if essence.eq_ignore_ascii_case(media_type) => 2,
            None if essence == "*" => 0,
            Some(_) | None => return None,
        };
        let quality = fields.find_map(|field| field.strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
        Some((specific, quality > 0.0))
    });
    fitting.max_by_key(|(specific, _)| *specific).is_some_and(|(_, taken)| taken)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;
    use crate::generated::table::INGEST;

    #[test]
    fn refuses_bodies_in_encodings_that_it_does_not_read() {
        for (sent, taken) in [
            ("application/json", true),
            ("application/json; charset=utf-8", true),
            ("Application/JSON;charset=\"UTF-8\"", true),
            ("application/json; charset=utf-16", false),
            ("application/json; charset=iso-8859-1", false),
            ("application/json; charset=x-nobody-knows", false),
            ("text/plain; charset=utf-8", false),
            ("", false),
        ] {
            let headers: HeaderMap = [(header::CONTENT_TYPE, HeaderValue::from_static(sent))].into_iter().collect();
            let refused = content_type(&INGEST, &headers).err().map(|problem| problem.code);
            assert_eq!(refused, (!taken).then_some(ErrorCode::UnsupportedMediaType), "{sent}");
        }
    }

    #[test]
    fn lets_the_most_specific_range_decide() {
        for (ranges, media_type, wanted) in [
            (&["*/*"][..], "application/json", true),
            (&["application/*;q=0.5"], "application/json", true),
            (&["application/json;q=0"], "application/json", false),
            (&["application/json;q=0", "*/*"], "application/json", false),
            (&["text/html"], "application/json", false),
            (&["Application/JSON"], "application/json", true),
            (&["text/event-stream"], "text/event-stream", true),
        ] {
            assert_eq!(takes(ranges, media_type), wanted, "{ranges:?}");
        }
    }
}
