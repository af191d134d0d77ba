//! Strings that break parsers, through every field that takes text: no server error, a refusal is an error of the contract, and
//! what is stored comes back as it was.

use harness::{
    client::{ClientError, Exchange, Request, percent_encode},
    seed::send_patiently,
};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::{Figure, data::Line, each};
use crate::{fill::content_hash, wire::Wire};

/// Sends every line through every field.
///
/// # Errors
///
/// [`ClientError`] when the target gives no response.
pub async fn hostile(wire: &Wire<'_>, lines: &[Line], progress: &ProgressBar) -> Result<Vec<Figure>, ClientError> {
    let found = each(wire, "hostile strings", lines, progress, |line| async move {
        let (mut results, mut absent) = (Vec::new(), Vec::new());
        for (field, request) in requests(&line.text) {
            let exchange = send(wire, &request).await?;
            // What the tenant does not have reads no text; it is counted apart, so that it passes for nothing.
            if is_absent(&exchange) {
                absent.push(Ok(()));
                continue;
            }
            absent.push(Err(String::new()));
            results.push(sound(&exchange).map_err(|message| format!("{} as {field}: {message}", line.id)));
        }
        let stored = stored(wire, line).await?;
        Ok(((results, absent), stored.map_err(|message| format!("{} stored: {message}", line.id))))
    });
    let (answered, stored): (Vec<_>, Vec<_>) = found.await?.into_iter().unzip();
    let (answered, absent): (Vec<_>, Vec<_>) = answered.into_iter().unzip();
    let (answered, absent) = (answered.into_iter().flatten().collect(), absent.into_iter().flatten().collect());
    Ok(vec![
        Figure::of("hostile-strings", "sound_answers", answered).at_least(1.0),
        Figure::of("hostile-strings", "not_enabled", absent).without_misses(),
        Figure::of("hostile-strings", "stored_or_refused", stored).at_least(1.0),
    ])
}

/// One request for each field. A string that cannot stand in a header is sent in none.
fn requests(text: &str) -> Vec<(&'static str, Request)> {
    let post = |path: &str, body: Value| Request::new("POST", path).json(&body);
    let coded = percent_encode(text);
    let mut requests = vec![
        ("query of search", post("/search", json!({ "query": text, "cache": "bypass" }))),
        ("query of retrieve", post("/retrieve", json!({ "query": text }))),
        ("message of chat", post("/chat", json!({ "messages": [{ "role": "user", "content": text }] }))),
        ("text of tts", post("/tts", json!({ "text": text }))),
        ("filter value", post("/retrieve", json!({ "query": "opening hours", "filter": { "mail": text } }))),
        ("filter key", post("/retrieve", json!({ "query": "opening hours", "filter": { text: "a" } }))),
        ("session id", post("/search", json!({ "query": "opening hours", "session_id": text }))),
        ("model", post("/search", json!({ "query": "opening hours", "model": text }))),
        ("tool", post("/tools/execute", json!({ "tool": text, "arguments": {} }))),
        ("method of mcp", post("/mcp", json!({ "jsonrpc": "2.0", "id": 1, "method": text }))),
        ("cursor of documents", Request::new("GET", &format!("/documents?cursor={coded}"))),
        ("cursor of sessions", Request::new("GET", &format!("/sessions?cursor={coded}"))),
        ("id of a document", Request::new("GET", &format!("/documents/{coded}"))),
        ("id of a job", Request::new("GET", &format!("/jobs/{coded}"))),
        ("id of a session", Request::new("GET", &format!("/sessions/{coded}"))),
        ("name of a tool", Request::new("GET", &format!("/tools/{coded}"))),
    ];
    if !text.is_empty() && text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        requests.push(("request id", Request::new("GET", "/capabilities").header("x-request-id", text)));
        let unknown = json!({ "tool": "no.such-tool", "arguments": {} });
        requests.push(("idempotency key", post("/tools/execute", unknown).header("idempotency-key", text)));
    }
    requests
}

async fn send(wire: &Wire<'_>, request: &Request) -> Result<Exchange, ClientError> {
    wire.pace.request().await;
    send_patiently(wire.client, &request.clone().bearer(&wire.credential.secret)).await
}

/// Whether the tenant lacks the operation, which is a 501 of the contract and no server error.
fn is_absent(exchange: &Exchange) -> bool {
    let code = exchange.response.error_code();
    exchange.response.status == 501 && matches!(code.as_deref(), Some("CAPABILITY_NOT_ENABLED" | "TTS_NOT_ENABLED"))
}

/// Whether a refusal has a code: one of the contract, or one of JSON-RPC.
fn says_why(exchange: &Exchange) -> bool {
    let body = exchange.response.json().unwrap_or_default();
    exchange.response.error_code().is_some() || body["error"]["code"].is_i64()
}

/// Whether an answer is a success or a refusal of the contract.
fn sound(exchange: &Exchange) -> Result<(), String> {
    match exchange.response.status {
        200..=299 => Ok(()),
        400..=499 if says_why(exchange) => Ok(()),
        status => Err(format!("status {status} ({})", exchange.response.error_code().unwrap_or_default())),
    }
}

/// Stores the string as content, as metadata and as id, reads it back and removes it.
async fn stored(wire: &Wire<'_>, line: &Line) -> Result<Result<(), String>, ClientError> {
    let own = format!("safety-{}", line.id);
    let text = line.text.as_str();
    for (id, content) in [(own.as_str(), text), (text, "An ordinary sentence about opening hours.")] {
        let document = json!({
            "id": id, "content": content, "content_type": "text/plain",
            "metadata": { "title": text, "note": text },
        });
        let ingest = wire.send("POST", "/ingest", Some(json!({ "documents": [document] }))).await?;
        if let Err(message) = sound(&ingest) {
            return Ok(Err(message));
        }
        let report = ingest.response.json().unwrap_or_default();
        let refused = ingest.response.status != 200 || !report["documents"][0]["error"].is_null();
        if refused {
            continue;
        }
        let path = format!("/documents/{}", percent_encode(id));
        let read = wire.send("GET", &path, None).await?;
        wire.send("DELETE", &path, None).await?;
        let held = read.response.json().unwrap_or_default();
        if let Err(message) = same(&held, id, content, text) {
            return Ok(Err(format!("{message} (status {})", read.response.status)));
        }
    }
    Ok(Ok(()))
}

/// Whether a document is what was sent.
fn same(held: &Value, id: &str, content: &str, text: &str) -> Result<(), String> {
    let fields = [
        ("id", held["id"] == *id),
        ("content", held["content_hash"] == content_hash(content)),
        ("title", held["metadata"]["title"] == *text),
        ("note", held["metadata"]["note"] == *text),
    ];
    let changed = fields.iter().find(|(_, same)| !same);
    changed.map_or(Ok(()), |(field, _)| Err(format!("{field} did not come back as it was sent")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sends_headers_only_what_they_can_hold() {
        let fields = |text: &str| requests(text).into_iter().map(|(field, _)| field).collect::<Vec<_>>();
        assert!(fields("NULL").contains(&"request id"));
        assert!(!fields("a\nb").contains(&"request id"));
    }

    #[test]
    fn sees_what_changed_on_the_way() {
        let held = json!({ "id": "a", "content_hash": content_hash("c"), "metadata": { "title": "t", "note": "t" } });
        assert_eq!(same(&held, "a", "c", "t"), Ok(()));
        assert!(same(&held, "a", "d", "t").is_err());
        assert!(same(&held, "a", "c", "u").is_err());
    }
}
