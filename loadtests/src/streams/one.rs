//! One stream, read piece by piece and held against its order while it arrives.

use std::time::{Duration, Instant};

use harness::sse::{Item, Parser};
use serde_json::Value;

use super::Yard;

/// How a stream ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// With `done` and the terminator.
    Done,
    /// With an error event of this code.
    Error(String),
    /// Without an end.
    Cut,
    /// With another status than 200, or no answer at all, which is 0.
    Refused(u16),
}

/// What was seen of a stream.
#[derive(Debug, Clone)]
pub struct Seen {
    /// How it ended.
    pub end: End,
    /// From the start to the first event.
    pub first_event: Option<Duration>,
    /// From the start to the first piece of text.
    pub first_token: Option<Duration>,
    /// Text put together.
    pub text: String,
    /// What was wrong with the order; empty where nothing was.
    pub disorder: Vec<String>,
}

/// What to make of the events, one after the other.
#[derive(Debug)]
struct Order {
    seen: Seen,
    next: u64,
    ended: bool,
    terminated: bool,
}

impl Order {
    fn new() -> Self {
        let seen =
            Seen { end: End::Cut, first_event: None, first_token: None, text: String::new(), disorder: Vec::new() };
        Self { seen, next: 0, ended: false, terminated: false }
    }

    fn event(&mut self, name: &str, data: &str, after: Duration) {
        if data == "[DONE]" {
            if !self.ended || self.terminated {
                self.seen.disorder.push("the terminator stands in the wrong place".to_owned());
            }
            self.terminated = true;
            return;
        }
        if self.terminated || self.ended {
            self.seen.disorder.push(format!("`{name}` follows the end"));
        }
        let data: Value = serde_json::from_str(data).unwrap_or_default();
        let index = data["index"].as_u64();
        if index != Some(self.next) {
            self.seen.disorder.push(format!("`{name}`: expected index {}, found {index:?}", self.next));
        }
        self.next += 1;
        if (name == "start") == self.seen.first_event.is_some() {
            self.seen.disorder.push(format!("`{name}` is at the wrong place of the stream"));
        }
        self.seen.first_event.get_or_insert(after);
        match name {
            "token" => {
                self.seen.first_token.get_or_insert(after);
                self.seen.text.push_str(data["text"].as_str().unwrap_or_default());
            }
            "done" => (self.ended, self.seen.end) = (true, End::Done),
            "error" => {
                let code = data["error"]["code"].as_str().unwrap_or_default().to_owned();
                (self.ended, self.seen.end) = (true, End::Error(code));
            }
            _ => {}
        }
    }

    fn finish(mut self, cut: bool) -> Seen {
        if cut || !self.terminated {
            self.seen.end = End::Cut;
        }
        self.seen
    }
}

/// Opens a stream and reads it to its end. Times count from `start`.
pub(super) async fn read(yard: &Yard, client: &reqwest::Client, start: Instant) -> Seen {
    let mut order = Order::new();
    let refused = |status| {
        let mut seen = Order::new().seen;
        seen.end = End::Refused(status);
        seen
    };
    let Ok(mut answer) = yard.request(client).send().await else { return refused(0) };
    if answer.status() != 200 {
        return refused(answer.status().as_u16());
    }
    let mut parser = Parser::new();
    loop {
        match answer.chunk().await {
            Ok(Some(bytes)) => {
                let after = start.elapsed();
                for item in parser.push(&bytes) {
                    if let Item::Event(event) = item {
                        order.event(event.name.as_deref().unwrap_or("message"), &event.data, after);
                    }
                }
            }
            Ok(None) => return order.finish(parser.is_cut()),
            Err(_) => return order.finish(true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(events: &[(&str, &str)], cut: bool) -> Seen {
        let mut order = Order::new();
        for (name, data) in events {
            order.event(name, data, Duration::ZERO);
        }
        order.finish(cut)
    }

    #[test]
    fn sees_a_whole_stream_a_cut_one_and_each_disorder() {
        let start = ("start", "{\"index\":0}");
        let token = ("token", "{\"index\":1,\"text\":\"a \"}");
        let done = ("done", "{\"index\":2}");
        let end = ("message", "[DONE]");
        let whole = seen(&[start, token, done, end], false);
        assert_eq!((&whole.end, whole.text.as_str(), whole.disorder.len()), (&End::Done, "a ", 0), "{whole:?}");
        assert_eq!(seen(&[start, token], false).end, End::Cut);
        assert_eq!(seen(&[start, token, done, end], true).end, End::Cut);
        assert_eq!(seen(&[start, token, done], false).end, End::Cut);
        let error = ("error", "{\"index\":1,\"error\":{\"code\":\"UPSTREAM_TIMEOUT\"}}");
        assert_eq!(seen(&[start, error, end], false).end, End::Error("UPSTREAM_TIMEOUT".to_owned()));
        for wrong in [
            &[token, start, done, end][..],
            &[start, done, token, end],
            &[start, ("token", "{\"index\":2}"), done, end],
            &[start, token, end, done],
            &[start, token, done, end, end],
            &[start, start, done, end],
        ] {
            assert!(!seen(wrong, false).disorder.is_empty(), "{wrong:?}");
        }
    }
}
