//! Event streams against `x-sse`, judged while they arrive: order, schemas, indexes, and the end.

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde_json::Value;

use super::{
    Violation, ViolationKind,
    validators::{Check, Validators},
};
use crate::{
    client::Response,
    sse::{Event, Item, Parser},
};

/// What the contract says of an operation's stream.
#[derive(Debug)]
pub(super) struct StreamRule {
    start: String,
    content: Vec<String>,
    then: Vec<String>,
    end: Vec<String>,
    terminator: String,
    events: HashMap<String, Arc<Check>>,
}

impl StreamRule {
    pub(super) fn new(stream: &Value, validators: &mut Validators) -> Self {
        let text = |key: &str| stream[key].as_str().unwrap_or_default().to_owned();
        let list = |key: &str| {
            let items = stream[key].as_array().into_iter().flatten().filter_map(Value::as_str);
            items.map(str::to_owned).collect::<Vec<_>>()
        };
        let events = stream["events"].as_object().into_iter().flatten();
        let events = events.filter_map(|(name, schema)| Some((name.clone(), validators.named(schema.as_str()?))));
        Self {
            start: text("start"),
            content: list("content"),
            then: list("then"),
            end: list("end"),
            terminator: text("terminator"),
            events: events.collect(),
        }
    }

    /// Every departure of a stream that was read, piece by piece as it arrived.
    pub(super) fn violations(&self, response: &Response) -> Vec<Violation> {
        let mut watch = self.watch();
        let mut from = 0;
        for (at, to) in &response.arrivals {
            watch.push(*at, response.body.get(from..*to).unwrap_or_default());
            from = *to;
        }
        watch.push(response.headers_after, response.body.get(from..).unwrap_or_default());
        let messages = if response.stopped { watch.messages } else { watch.end().messages };
        messages.into_iter().map(|message| Violation::new(ViolationKind::Stream, message)).collect()
    }

    /// Begins to watch a stream.
    pub(super) fn watch(&self) -> Watch<'_> {
        Watch { rule: self, parser: Parser::new(), phase: Phase::Before, seen: Seen::default(), messages: Vec::new() }
    }

    fn event(&self, place: usize, event: &Event) -> Vec<String> {
        let name = event.name.as_deref().unwrap_or("message");
        let Some(check) = self.events.get(name) else {
            return vec![format!("event {place} is called `{name}`, which the contract does not have")];
        };
        let Ok(data) = serde_json::from_str::<Value>(&event.data) else {
            return vec![format!("data of event {place} `{name}` is not JSON")];
        };
        let mut found: Vec<String> =
            check.problems(&data).into_iter().map(|problem| format!("event {place} `{name}`{problem}")).collect();
        if data["index"].as_u64() != u64::try_from(place).ok() {
            found.push(format!("index of event {place} `{name}`: expected {place}, found {}", data["index"]));
        }
        found
    }
}

/// How far a stream has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing has come.
    Before,
    /// The start has come; content may follow.
    Content,
    /// So many of `then` have come.
    Then(usize),
    /// The end event has come.
    Ended,
    /// The terminator has come.
    Done,
}

/// An event as it was seen.
#[derive(Debug, Clone)]
pub struct SeenEvent {
    /// Its name, `message` where it had none.
    pub name: String,
    /// Its data as JSON; null where it is none.
    pub data: Value,
    /// Time since the request was sent.
    pub at: Duration,
}

/// What a stream held, the terminator aside.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The events in order.
    pub events: Vec<SeenEvent>,
    /// Comments, such as heartbeats.
    pub comments: u64,
    /// Longest time in which nothing arrived, from the request on.
    pub silence: Duration,
    last: Duration,
}

/// Holds a stream against its rule while it arrives: what is wrong is known as soon as it is read.
#[derive(Debug)]
pub struct Watch<'a> {
    rule: &'a StreamRule,
    parser: Parser,
    phase: Phase,
    seen: Seen,
    messages: Vec<String>,
}

impl Watch<'_> {
    /// Takes what arrived at `at`, counted from the request.
    pub fn push(&mut self, at: Duration, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.seen.silence = self.seen.silence.max(at.saturating_sub(self.seen.last));
        self.seen.last = self.seen.last.max(at);
        for item in self.parser.push(bytes) {
            match item {
                Item::Comment(_) => {
                    self.seen.comments += 1;
                    if self.phase == Phase::Done {
                        self.messages.push(format!("a comment follows `data: {}`", self.rule.terminator));
                    }
                }
                Item::Event(event) => self.event(at, &event),
            }
        }
    }

    /// Whether the terminator has come, after which nothing may follow.
    pub fn is_done(&self) -> bool {
        self.phase == Phase::Done
    }

    /// What is wrong so far.
    pub fn messages(&self) -> &[String] {
        &self.messages
    }

    /// What has come so far.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// The stream is over.
    #[must_use]
    pub fn end(mut self) -> Self {
        if self.parser.saw_invalid_utf8() {
            self.messages.push("the stream is not UTF-8".to_owned());
        }
        if self.parser.is_cut() {
            self.messages.push("the stream ends in the middle of an event".to_owned());
        }
        match self.phase {
            Phase::Done => {}
            Phase::Ended => {
                self.messages.push(format!("the stream does not end with `data: {}`", self.rule.terminator));
            }
            Phase::Before | Phase::Content | Phase::Then(_) => {
                let told = self.told();
                self.messages.push(format!("the stream has no end event ({}): {told}", self.rule.end.join(", ")));
            }
        }
        self
    }

    fn event(&mut self, at: Duration, event: &Event) {
        let name = event.name.as_deref().unwrap_or("message");
        if self.phase == Phase::Done {
            self.messages.push(format!("event `{name}` follows `data: {}`", self.rule.terminator));
            return;
        }
        if event.name.is_none() && event.data == self.rule.terminator {
            if self.phase != Phase::Ended {
                let told = self.told();
                self.messages.push(format!("`data: {}` comes before an end event: {told}", self.rule.terminator));
            }
            self.phase = Phase::Done;
            return;
        }
        self.messages.extend(self.rule.event(self.seen.events.len(), event));
        let data = serde_json::from_str(&event.data).unwrap_or_default();
        self.seen.events.push(SeenEvent { name: name.to_owned(), data, at });
        self.messages.extend(unjoined(&self.seen.events));
        match self.rule.after(self.phase, name) {
            Ok(phase) => self.phase = phase,
            Err(message) => {
                let told = self.told();
                self.messages.push(format!("{message}: {told}"));
            }
        }
    }

    fn told(&self) -> String {
        let names: Vec<&str> = self.seen.events.iter().map(|event| event.name.as_str()).collect();
        let left = names.len().saturating_sub(40);
        let text = names[..names.len() - left].join(" ");
        if left > 0 { format!("{text} and {left} more") } else { text }
    }
}

impl StreamRule {
    /// The phase after an event called `name`: one start, content, then each of `then`, one end.
    fn after(&self, phase: Phase, name: &str) -> Result<Phase, String> {
        let is = |list: &[String]| list.iter().any(|known| known == name);
        match phase {
            Phase::Before if name == self.start => Ok(Phase::Content),
            Phase::Before => Err(format!("the stream begins with `{name}`, expected `{}`", self.start)),
            Phase::Ended | Phase::Done => Err(format!("`{name}` follows the end event")),
            Phase::Content | Phase::Then(_) if name == self.start => Err(format!("`{name}` comes twice")),
            Phase::Content if is(&self.content) => Ok(Phase::Content),
            Phase::Content | Phase::Then(_) => {
                let had = if let Phase::Then(had) = phase { had } else { 0 };
                match self.then.get(had) {
                    Some(next) if next == name => Ok(Phase::Then(had + 1)),
                    Some(next) => Err(format!("events are out of order at `{name}`, expected `{next}`")),
                    None if is(&self.end) => Ok(Phase::Ended),
                    None => Err(format!("events are out of order at `{name}`, expected {}", self.end.join(" or "))),
                }
            }
        }
    }
}

/// The tokens of a search are its answer: what `done` repeats of it must be what has been sent.
fn unjoined(events: &[SeenEvent]) -> Option<String> {
    let (done, before) = events.split_last()?;
    let answer = done.data.pointer("/answer/answer").filter(|_| done.name == "done")?.as_str()?;
    let tokens = before.iter().filter(|event| event.name == "token");
    let sent: String = tokens.filter_map(|event| event.data["text"].as_str()).collect();
    (sent != answer).then(|| "the joined tokens are not the answer of `done`".to_owned())
}
