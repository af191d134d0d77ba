//! Saboteurs of event streams: everything that can be wrong about the order, the form and the end of a stream.

use super::{Row, Saboteur, fault::Fault, of_row};

/// Tests that read a whole stream.
const MEANT: &[&str] = &["search/a-stream-runs-from-start-to-done", "search/a-stream-says-what-the-answer-says"];

/// The event's name in a block of a stream.
fn name(block: &str) -> &str {
    block.lines().find_map(|line| line.strip_prefix("event:")).map_or("", str::trim)
}

/// The block, twice where it is an event called `wanted`.
fn doubled(wanted: &str, block: &str) -> String {
    if name(block) == wanted { format!("{block}\n\n{block}") } else { block.to_owned() }
}

/// Every saboteur of streams.
pub(super) fn all() -> Vec<Saboteur> {
    let rows: Vec<Row> = vec![
        (
            "start-missing",
            "search",
            "no start event",
            "STR-001",
            MEANT,
            &["begins with"],
            Fault::Stream(|_, block| (name(block) != "start").then(|| block.to_owned())),
        ),
        (
            "start-twice",
            "search",
            "two start events",
            "STR-001",
            MEANT,
            &["comes twice"],
            Fault::Stream(|_, block| Some(doubled("start", block))),
        ),
        (
            "two-ends",
            "search",
            "two end events",
            "STR-001",
            MEANT,
            &["follows the end event"],
            Fault::Stream(|_, block| Some(doubled("done", block))),
        ),
        (
            "end-missing",
            "search",
            "no end event",
            "STR-001",
            MEANT,
            &["before an end event", "no end event"],
            Fault::Stream(|_, block| (name(block) != "done").then(|| block.to_owned())),
        ),
        (
            "usage-missing",
            "search",
            "no usage event",
            "STR-001",
            MEANT,
            &["out of order"],
            Fault::Stream(|_, block| (name(block) != "usage").then(|| block.to_owned())),
        ),
        (
            "usage-twice",
            "search",
            "two usage events",
            "STR-001",
            MEANT,
            &["out of order"],
            Fault::Stream(|_, block| Some(doubled("usage", block))),
        ),
        (
            "terminator-missing",
            "search",
            "no [DONE]",
            "STR-001",
            MEANT,
            &["does not end with"],
            Fault::Stream(|_, block| (!block.contains("[DONE]")).then(|| block.to_owned())),
        ),
        (
            "terminator-twice",
            "search",
            "[DONE] comes twice",
            "STR-001",
            MEANT,
            &["follows `data"],
            Fault::Stream(|_, block| {
                Some(if block.contains("[DONE]") { format!("{block}\n\n{block}") } else { block.to_owned() })
            }),
        ),
        (
            "content-after-the-end",
            "search",
            "a token follows [DONE]",
            "STR-001",
            MEANT,
            &["follows `data"],
            Fault::StreamTail("event: token\ndata: {\"index\":99,\"text\":\"x\"}\n\n"),
        ),
        (
            "index-repeats",
            "search",
            "one index comes twice",
            "STR-002",
            MEANT,
            &["index of event"],
            Fault::Stream(|_, block| Some(block.replace("\"index\":2", "\"index\":1"))),
        ),
        (
            "index-missing",
            "search",
            "events without an index",
            "STR-002",
            MEANT,
            &["required"],
            Fault::Stream(|_, block| Some(block.replacen("\"index\":1,", "", 1))),
        ),
        (
            "unknown-event",
            "search",
            "an event that nobody documented",
            "STR-002",
            MEANT,
            &["which the contract does not have"],
            Fault::Stream(|_, block| Some(block.replace("event: token", "event: thought"))),
        ),
        (
            "data-is-no-json",
            "search",
            "data that is no JSON",
            "STR-002",
            MEANT,
            &["is not JSON"],
            Fault::Stream(|_, block| {
                Some(if name(block) == "usage" { block.replace("data: {", "data: ") } else { block.to_owned() })
            }),
        ),
        (
            "extra-field",
            "search",
            "a field of an event that nobody documented",
            "STR-002",
            MEANT,
            &["unheard_of"],
            Fault::Stream(|_, block| {
                Some(if name(block) == "start" {
                    block.replace("data: {", "data: {\"unheard_of\":1,")
                } else {
                    block.to_owned()
                })
            }),
        ),
        (
            "text-altered",
            "search",
            "tokens that are not the answer",
            "STR-004",
            MEANT,
            &["joined tokens"],
            Fault::Stream(|_, block| {
                Some(if name(block) == "token" {
                    block.replacen("\"text\":\"", "\"text\":\"~", 1)
                } else {
                    block.to_owned()
                })
            }),
        ),
        (
            "no-token",
            "search",
            "an answer without its tokens",
            "STR-004",
            MEANT,
            &["joined tokens"],
            Fault::Stream(|_, block| (name(block) != "token").then(|| block.to_owned())),
        ),
        (
            "half-an-event",
            "search",
            "the stream ends in the middle of an event",
            "STR-007",
            MEANT,
            &["middle of an event"],
            Fault::StreamTail("event: token\ndata: {\"in"),
        ),
        (
            "not-a-stream",
            "search",
            "the stream is called JSON",
            "HDR-001",
            MEANT,
            &["is not JSON", "content type", "expected an event stream"],
            Fault::ContentType("application/json"),
        ),
    ];
    rows.into_iter().map(|row| of_row("streams", row)).collect()
}
