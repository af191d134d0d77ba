//! Media types: what a request may send, and what its caller will take.

use axum::http::{HeaderMap, header};
use contract_types::ErrorCode;

use crate::{operation::Operation, reply::Problem};

/// Refuses a body in another media type than the operation's.
pub(super) fn content_type(operation: &Operation, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(wanted) = operation.request.map(|body| body.media_type) else { return Ok(()) };
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
    if ranges.peek().is_none() {
        return Ok(());
    }
    let ranges: Vec<&str> =
        ranges.flat_map(|value| value.split(',')).map(str::trim).filter(|range| !range.is_empty()).collect();
    let mut media_types = operation.answer_media_types();
    if ranges.is_empty() || media_types.any(|media_type| ranges.iter().any(|range| takes(range, media_type))) {
        return Ok(());
    }
    let offered: Vec<&str> = operation.answer_media_types().collect();
    Err(Problem::new(ErrorCode::NotAcceptable, format!("this operation answers `{}`", offered.join("`, `"))))
}

/// Whether a range of an `accept` header takes a media type; a quality of zero refuses it.
fn takes(range: &str, media_type: &str) -> bool {
    let mut fields = range.split(';').map(str::trim);
    let essence = fields.next().unwrap_or_default().to_ascii_lowercase();
    let refused = fields.any(|field| {
        field.strip_prefix("q=").and_then(|quality| quality.parse::<f32>().ok()).is_some_and(|quality| quality <= 0.0)
    });
    let fits = match essence.split_once('/') {
        Some(("*", "*")) => true,
        Some((kind, "*")) => media_type.split('/').next() == Some(kind),
        Some(_) => essence.eq_ignore_ascii_case(media_type),
        None => essence == "*",
    };
    fits && !refused
}

#[cfg(test)]
mod tests {
    use super::takes;

    #[test]
    fn reads_ranges_and_qualities() {
        for (range, media_type, wanted) in [
            ("*/*", "application/json", true),
            ("application/*;q=0.5", "application/json", true),
            ("application/json;q=0", "application/json", false),
            ("text/html", "application/json", false),
            ("Application/JSON", "application/json", true),
            ("text/event-stream", "text/event-stream", true),
        ] {
            assert_eq!(takes(range, media_type), wanted, "{range}");
        }
    }
}
