//! Event streams against `x-sse`: order, schemas, indexes, and the end.

use std::{collections::HashMap, sync::Arc};

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

    pub(super) fn violations(&self, response: &Response) -> Vec<Violation> {
        let mut parser = Parser::new();
        let items = parser.push(&response.body);
        let mut messages = Vec::new();
        if parser.saw_invalid_utf8() {
            messages.push("the stream is not UTF-8".to_owned());
        }
        if parser.is_cut() {
            messages.push("the stream ends in the middle of an event".to_owned());
        }
        let events: Vec<Event> = items
            .into_iter()
            .filter_map(|item| match item {
                Item::Event(event) => Some(event),
                Item::Comment(_) => None,
            })
            .collect();
        let events = match events.split_last() {
            Some((last, before)) if last.data == self.terminator && last.name.is_none() => before,
            _ => {
                messages.push(format!("the stream does not end with `data: {}`", self.terminator));
                &events
            }
        };
        for (place, event) in events.iter().enumerate() {
            messages.extend(self.event(place, event));
        }
        let names: Vec<&str> = events.iter().map(|event| event.name.as_deref().unwrap_or("message")).collect();
        messages.extend(self.order(&names));
        messages.extend(joined(events));
        messages.into_iter().map(|message| Violation::new(ViolationKind::Stream, message)).collect()
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

    /// One start, content, then each of `then`, one end. An error may take the place of all that is still to come.
    fn order(&self, names: &[&str]) -> Option<String> {
        let told = || names.join(" ");
        let (first, rest) = names.split_first()?;
        if *first != self.start {
            return Some(format!("the stream begins with `{first}`, expected `{}`", self.start));
        }
        let Some((last, rest)) = rest.split_last() else {
            return Some("the stream has no end event".to_owned());
        };
        if !self.end.iter().any(|end| end == last) {
            return Some(format!("the last event is `{last}`, expected one of {}: {}", self.end.join(", "), told()));
        }
        let content = rest.iter().take_while(|name| self.content.iter().any(|known| known == *name)).count();
        let after = &rest[content..];
        let complete = after.iter().copied().eq(self.then.iter().map(String::as_str));
        let cut_by_error =
            *last == "error" && self.then.iter().map(String::as_str).take(after.len()).eq(after.iter().copied());
        (!complete && !cut_by_error).then(|| format!("events are out of order: {}", told()))
    }
}

/// The tokens of a search are its answer: what `done` repeats of it must be what has been sent.
fn joined(events: &[Event]) -> Option<String> {
    let of = |wanted: &'static str| events.iter().filter(move |event| event.name.as_deref() == Some(wanted));
    let data = |event: &Event| serde_json::from_str::<Value>(&event.data).unwrap_or_default();
    let done = data(of("done").next()?);
    let answer = done.pointer("/answer/answer")?.as_str()?;
    let sent: String = of("token").filter_map(|event| data(event)["text"].as_str().map(str::to_owned)).collect();
    (sent != answer).then(|| "the joined tokens are not the answer of `done`".to_owned())
}
