//! The events of one stream, held against their order while they arrive.

use std::{borrow::Cow, time::Duration};

use serde::Deserialize;

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
    /// Between each event and the next.
    pub gaps: Vec<Duration>,
    /// Text put together.
    pub text: String,
    /// What was wrong with the order; empty where nothing was.
    pub disorder: Vec<String>,
}

/// What to make of the events, one after the other.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) seen: Seen,
    next: u64,
    last: Duration,
    ended: bool,
    terminated: bool,
}

/// What of an event's data is looked at; the rest is passed over.
#[derive(Debug, Default, Deserialize)]
struct Data<'a> {
    index: Option<u64>,
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    error: Option<Error<'a>>,
}

#[derive(Debug, Default, Deserialize)]
struct Error<'a> {
    #[serde(borrow)]
    code: Cow<'a, str>,
}

impl Order {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        let seen = Seen {
            end: End::Cut,
            first_event: None,
            first_token: None,
            gaps: Vec::new(),
            text: String::new(),
            disorder: Vec::new(),
        };
        Self { seen, next: 0, last: Duration::ZERO, ended: false, terminated: false }
    }

    /// Takes the next event, which arrived `after` the start.
    pub(crate) fn event(&mut self, name: &str, data: &str, after: Duration) {
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
        let data: Data<'_> = serde_json::from_str(data).unwrap_or_default();
        let index = data.index;
        if index != Some(self.next) {
            self.seen.disorder.push(format!("`{name}`: expected index {}, found {index:?}", self.next));
        }
        self.next += 1;
        if (name == "start") == self.seen.first_event.is_some() {
            self.seen.disorder.push(format!("`{name}` is at the wrong place of the stream"));
        }
        if self.seen.first_event.is_some() {
            self.seen.gaps.push(after.saturating_sub(self.last));
        }
        self.last = after;
        self.seen.first_event.get_or_insert(after);
        match name {
            "token" => {
                self.seen.first_token.get_or_insert(after);
                self.seen.text.push_str(&data.text.unwrap_or_default());
            }
            "done" => (self.ended, self.seen.end) = (true, End::Done),
            "error" => {
                let code = data.error.unwrap_or_default().code.into_owned();
                (self.ended, self.seen.end) = (true, End::Error(code));
            }
            _ => {}
        }
    }

    /// What was seen, once nothing more comes; `cut` where the end was in the middle of something.
    pub(crate) fn finish(mut self, cut: bool) -> Seen {
        if cut || !self.terminated {
            self.seen.end = End::Cut;
        }
        self.seen
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
