//! Streams as hosts really write them, and how they end badly.

use reference_core::ports::ChatToolCall;
use serde_json::json;

use super::*;

fn stream(events: &[&str]) -> Arc<Upstream> {
    let body = events.iter().flat_map(|event| ["data: ", event, "\n\n"]).collect::<String>();
    Arc::new(Upstream::new("text/event-stream; charset=utf-8", body))
}

const HI: &str = r#"{"choices":[{"delta":{"content":"Hi"}}]}"#;
const END: &str = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;

#[test]
fn reads_what_hosts_leave_out_or_write_in_their_own_way() {
    let usage = ChatDelta::Usage { tokens_in: 3, tokens_out: 1 };
    let call = |id: &str| {
        let (tool, arguments) = ("t".to_owned(), "{\"a\":1}".to_owned());
        ChatDelta::ToolCall(ChatToolCall { id: id.to_owned(), tool, arguments })
    };
    let calls = ChatDelta::Finish(ChatFinish::ToolCalls);
    for (name, events, expected) in [
        ("no usage", vec![HI, END, "[DONE]"], vec![text("Hi"), STOP]),
        ("no reason", vec![HI, "[DONE]"], vec![text("Hi"), STOP]),
        ("no last word", vec![HI, END], vec![text("Hi"), STOP]),
        (
            "usage beside the last piece",
            vec![
                HI,
                r#"{"choices":[{"delta":{},"finish_reason":"length"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}"#,
                "[DONE]",
            ],
            vec![text("Hi"), ChatDelta::Finish(ChatFinish::Length), usage.clone()],
        ),
        (
            "usage in every event",
            vec![
                r#"{"choices":[{"delta":{"content":"Hi"}}],"usage":{"prompt_tokens":3,"completion_tokens":0}}"#,
                r#"{"choices":[{"delta":{"content":""},"finish_reason":"content_filter"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}"#,
                "[DONE]",
            ],
            vec![text("Hi"), ChatDelta::Finish(ChatFinish::Filtered), usage],
        ),
        ("a number for a text", vec![r#"{"choices":[{"delta":{"content":1}}]}"#, END, "[DONE]"], vec![text("1"), STOP]),
        (
            "a whole call without index, under `stop`",
            vec![
                r#"{"choices":[{"delta":{"tool_calls":[{"id":"c","function":{"name":"t","arguments":{"a":1}}}]}}]}"#,
                END,
                "[DONE]",
            ],
            vec![call("c"), calls.clone()],
        ),
        (
            "calls of Workers AI",
            vec![r#"{"response":"","tool_calls":[{"name":"t","arguments":{"a":1}}]}"#, "[DONE]"],
            vec![call("call_0"), calls],
        ),
    ] {
        assert_eq!(well(&stream(&events), Api::OpenAi, &conversation(Vec::new())), expected, "{name}");
    }
}

#[test]
fn reads_a_whole_answer_of_a_host_that_does_not_stream() {
    let message = json!({"content": "Hi", "tool_calls": null});
    let usage = json!({"prompt_tokens": 3, "completion_tokens": 1});
    let whole = Upstream::json(&json!({"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}));
    let found = well(&whole, Api::OpenAi, &conversation(Vec::new()));
    assert_eq!(found, [text("Hi"), STOP, ChatDelta::Usage { tokens_in: 3, tokens_out: 1 }]);
    let none = deltas(&Upstream::json(&json!({"choices": []})), Api::OpenAi, &conversation(Vec::new()));
    assert!(matches!(none, Err(ModelError::Unusable { .. })));
}

#[test]
fn ends_in_one_error_when_a_stream_ends_badly() {
    let unavailable = |reason: &str| format!("model `acme/m` is unavailable: {reason}");
    let unusable = |reason: &str| format!("model `acme/m` answered with something unusable: {reason}");
    let part = r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{"}}]}}]}"#;
    let skipped = r#"{"choices":[{"delta":{"tool_calls":[{"index":5,"function":{"name":"t"}}]}}]}"#;
    for (events, expected) in [
        (vec![HI], unavailable("its stream broke off")),
        (vec![], unavailable("its stream broke off")),
        (vec![HI, "{\"choices\":", "[DONE]"], unusable("an event of its stream is no JSON")),
        (vec![HI, r#"{"error":{"message":"recorded-key"}}"#, HI], unavailable("it told an error in its stream")),
        (vec![part, END, "[DONE]"], unusable("a call of a tool without a name")),
        (vec![skipped, END, "[DONE]"], unusable("a call of a tool out of order")),
    ] {
        let found = deltas(&stream(&events), Api::OpenAi, &conversation(Vec::new())).unwrap();
        let errors: Vec<String> = found.iter().filter_map(|it| it.as_ref().err().map(ToString::to_string)).collect();
        assert_eq!((errors, found.last().unwrap().is_err()), (vec![expected], true), "{events:?}");
    }
    let broken = |events: &[&str]| {
        let upstream = Upstream { breaks: true, ..Arc::into_inner(stream(events)).unwrap() };
        deltas(&Arc::new(upstream), Api::OpenAi, &conversation(Vec::new())).unwrap()
    };
    assert!(broken(&[HI]).last().unwrap().is_err(), "cut in the middle");
    assert!(broken(&[HI, END]).last().unwrap().is_ok(), "cut after the end of the text");
    let endless = Arc::new(Upstream::new("text/event-stream", format!("data: {}", "x".repeat(2 << 20))));
    let found = deltas(&endless, Api::OpenAi, &conversation(Vec::new())).unwrap();
    assert!(matches!(found.as_slice(), [Err(ModelError::Unusable { .. })]));
}

#[test]
fn tells_what_can_be_asked_again_from_what_cannot() {
    for (status, retry_after, expected) in [
        (429, Some("7"), "refused 7000"),
        (503, Some("999999999"), "refused 3600000"),
        (500, Some("1"), "unavailable"),
        (502, None, "unavailable"),
        (408, None, "unavailable"),
        (400, None, "rejected"),
        (401, None, "rejected"),
        (404, None, "rejected"),
        (302, None, "unusable"),
    ] {
        let upstream = Upstream { status, retry_after, ..Upstream::new("application/json", SECRET) };
        let error = deltas(&Arc::new(upstream), Api::OpenAi, &conversation(Vec::new())).unwrap_err();
        let word = match &error {
            ModelError::Refused { retry_after_ms: Some(ms), .. } => format!("refused {ms}"),
            ModelError::Refused { retry_after_ms: None, .. } => "refused".to_owned(),
            ModelError::Unavailable { .. } => "unavailable".to_owned(),
            ModelError::Rejected { .. } => "rejected".to_owned(),
            ModelError::Unusable { .. } => "unusable".to_owned(),
            ModelError::TimedOut { .. } => "timed out".to_owned(),
            ModelError::BudgetExceeded { .. } => "over budget".to_owned(),
        };
        assert_eq!(word, expected, "{status} {retry_after:?}");
        assert!(!format!("{error} {error:?}").contains(SECRET));
    }
}

#[test]
fn a_date_to_come_back_at_counts_from_the_upstreams_own() {
    const NOW: &str = "Wed, 21 Oct 2026 07:28:00 GMT";
    for (retry_after, date, expected) in [
        ("Wed, 21 Oct 2026 07:28:30 GMT", Some(NOW), Some(30_000)),
        ("Wednesday, 21-Oct-26 07:28:30 GMT", Some(NOW), Some(30_000)),
        ("Wed, 21 Oct 2026 07:27:00 GMT", Some(NOW), Some(0)),
        ("Thu, 21 Oct 2027 07:28:00 GMT", Some(NOW), Some(3_600_000)),
        ("Wed, 21 Oct 2026 07:28:30 GMT", None, None),
        ("Wed, 21 Oct 2026 07:28:30 GMT", Some("today"), None),
        ("tomorrow", Some(NOW), None),
    ] {
        let (retry_after, status) = (Some(retry_after), 503);
        let upstream = Upstream { status, retry_after, date, ..Upstream::new("application/json", SECRET) };
        let error = deltas(&Arc::new(upstream), Api::OpenAi, &conversation(Vec::new())).unwrap_err();
        let ModelError::Refused { retry_after_ms, .. } = error else { panic!("{error}") };
        assert_eq!(retry_after_ms, expected, "{retry_after:?} at {date:?}");
    }
}
