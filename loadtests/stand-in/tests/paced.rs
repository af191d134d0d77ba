//! The stand-in keeps to its script.
#![expect(clippy::unwrap_used, reason = "what cannot go on here is a failed test")]

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stand_in::{Fault, Script, StandIn};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends `body` and reads to the end of the connection; `None` where there is no connection, or it breaks before its end.
async fn post(model: &StandIn, path: &str, body: &Value) -> (String, bool) {
    let address = model.url().trim_start_matches("http://").trim_end_matches("/v1").to_owned();
    let Ok(mut stream) = TcpStream::connect(&address).await else { return (String::new(), false) };
    let body = body.to_string();
    let head = format!(
        "POST /v1{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    let whole = stream.read_to_end(&mut read).await.is_ok();
    let text = String::from_utf8(read).unwrap();
    let ended = whole && (text.contains("content-length:") || text.ends_with("0\r\n\r\n"));
    (text, ended)
}

#[tokio::test]
async fn streams_at_its_pace_and_ends_with_usage() {
    let script = Script { pieces: 5, gap_ms: 20, ..Script::default() };
    let model = StandIn::start("127.0.0.1:0", script.clone()).await.unwrap();
    let began = Instant::now();
    let asked = json!({"model": "m", "stream": true, "stream_options": {"include_usage": true}, "messages": []});
    let (text, whole) = post(&model, "/chat/completions", &asked).await;
    assert!(whole && began.elapsed() >= Duration::from_millis(80), "{text}");
    let chunks = text.lines().filter_map(|line| line.strip_prefix("data: {")).map(|rest| format!("{{{rest}"));
    let chunks: Vec<Value> = chunks.map(|chunk| serde_json::from_str(&chunk).unwrap()).collect();
    let written: String = chunks.iter().filter_map(|it| it["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(written, script.whole_text());
    assert_eq!(chunks.last().unwrap()["usage"]["completion_tokens"], 5);
    assert!(text.contains("data: [DONE]"));
    assert_eq!((model.calls(), model.open_streams()), (1, 0));
}

#[tokio::test]
async fn has_each_of_its_faults() {
    let model = StandIn::start("127.0.0.1:0", Script::default()).await.unwrap();
    let asked = json!({"model": "m", "input": ["one text"]});
    assert!(post(&model, "/embeddings", &asked).await.0.contains("\"embedding\":["));
    for (fault, told, whole) in [
        (Fault::Slow(30), "HTTP/1.1 200", true),
        (Fault::Status(500), "HTTP/1.1 500", true),
        (Fault::TooMany(7), "retry-after: 7", true),
        (Fault::Garbage, "<html>", true),
        (Fault::Dies(0), "HTTP/1.1 200", false),
    ] {
        model.follow(Script { fault: Some(fault.clone()), ..Script::default() });
        let (text, ended) = post(&model, "/embeddings", &asked).await;
        assert!(text.contains(told) && ended == whole, "{fault:?}: {ended} {text}");
    }
    model.follow(Script { fault: Some(Fault::Hang), ..Script::default() });
    let hanging = tokio::time::timeout(Duration::from_millis(100), post(&model, "/embeddings", &asked)).await;
    assert!(hanging.is_err());
    model.stop();
    while TcpStream::connect(model.url().trim_start_matches("http://").trim_end_matches("/v1")).await.is_ok() {}
    assert_eq!(post(&model, "/embeddings", &asked).await, (String::new(), false));
}

#[tokio::test]
async fn dies_in_the_middle_of_a_stream() {
    let script = Script { pieces: 9, fault: Some(Fault::Dies(3)), ..Script::default() };
    let model = StandIn::start("127.0.0.1:0", script).await.unwrap();
    let (text, whole) = post(&model, "/chat/completions", &json!({"model": "m", "stream": true})).await;
    assert!(!whole && text.matches("\"content\":").count() == 4 && !text.contains("[DONE]"), "{text}");
}

#[test]
fn says_the_same_for_the_same_seed_alone() {
    let of = |seed| Script { seed, ..Script::default() };
    assert_eq!(of(3).whole_text(), of(3).whole_text());
    assert_ne!(of(3).whole_text(), of(4).whole_text());
    assert_eq!(Script { text: Some("a b".to_owned()), ..of(1) }.text_pieces(), ["a ", "b"]);
}
