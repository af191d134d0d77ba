//! The events of a stream to pieces of a conversation.

use std::collections::VecDeque;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use reference_core::ports::{ChatDelta, ChatDeltas, ChatFinish, ChatToolCall, ModelError};
use serde_json::Value as Json;

use crate::endpoint::Endpoint;
use crate::fetch::FetchError;
use crate::form;
use crate::sse::Events;

/// Most calls of tools in one message; a host that counts further is not believed.
const MOST_CALLS: usize = 128;

/// The end of the events, in the words of every host.
const DONE: &str = "[DONE]";

/// A whole answer as pieces; `None` where it holds nothing.
pub(super) fn whole(answer: &Json) -> Option<ChatDeltas> {
    let empty = Json::Null;
    let message = answer.pointer("/choices/0/message").unwrap_or(answer);
    let text = super::written(answer).filter(|text| !text.is_empty());
    let calls = form::tool_calls(message);
    let word = answer.pointer("/choices/0/finish_reason").unwrap_or(&empty).as_str();
    if text.is_none() && calls.is_empty() && word.is_none() {
        return None;
    }
    let finish = word.map_or_else(|| unspoken(&calls), form::finish);
    let mut pieces: Vec<Result<ChatDelta, ModelError>> = text.map(ChatDelta::Text).map(Ok).into_iter().collect();
    pieces.extend(calls.into_iter().map(|call| Ok(ChatDelta::ToolCall(call))));
    pieces.push(Ok(ChatDelta::Finish(finish)));
    pieces.extend(form::usage(answer).map(|counted| Ok(counted_piece(counted))));
    Some(stream::iter(pieces).boxed())
}

/// Why a model stopped whose host does not say.
fn unspoken(calls: &[ChatToolCall]) -> ChatFinish {
    if calls.is_empty() { ChatFinish::Stop } else { ChatFinish::ToolCalls }
}

fn counted_piece((tokens_in, tokens_out): (u64, u64)) -> ChatDelta {
    ChatDelta::Usage { tokens_in, tokens_out }
}

/// A stream that is read.
pub(super) struct Pieces {
    endpoint: Endpoint,
    body: BoxStream<'static, Result<Bytes, FetchError>>,
    events: Events,
    ready: VecDeque<Result<ChatDelta, ModelError>>,
    /// Calls of tools so far; hosts send the name once and the arguments in parts.
    calls: Vec<ChatToolCall>,
    finished: bool,
    counted: Option<(u64, u64)>,
    /// Nothing more is read.
    over: bool,
}

impl Pieces {
    pub(super) fn new(endpoint: Endpoint, body: BoxStream<'static, Result<Bytes, FetchError>>) -> Self {
        Self {
            endpoint,
            body,
            events: Events::default(),
            ready: VecDeque::new(),
            calls: Vec::new(),
            finished: false,
            counted: None,
            over: false,
        }
    }

    pub(super) fn deltas(self) -> ChatDeltas {
        stream::unfold(self, |mut pieces| async move { pieces.next().await.map(|piece| (piece, pieces)) }).boxed()
    }

    async fn next(&mut self) -> Option<Result<ChatDelta, ModelError>> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                self.over |= piece.is_err();
                return Some(piece);
            }
            if self.over {
                return None;
            }
            match self.body.next().await {
                Some(Ok(bytes)) => match self.events.read(&bytes) {
                    Ok(events) => events.iter().for_each(|data| self.take(data)),
                    Err(_) => self.fail(self.endpoint.unusable("an event of its stream has no end")),
                },
                Some(Err(_)) => self.broken(),
                None => {
                    if let Some(data) = self.events.end() {
                        self.take(&data);
                    }
                    if !self.over {
                        if self.finished { self.end() } else { self.broken() }
                    }
                }
            }
        }
    }

    /// One event's data.
    fn take(&mut self, data: &str) {
        if self.over {
            return;
        }
        if data.trim() == DONE {
            self.end();
            return;
        }
        let Ok(event) = serde_json::from_str::<Json>(data) else {
            self.fail(self.endpoint.unusable("an event of its stream is no JSON"));
            return;
        };
        if event.get("error").is_some_and(|error| !error.is_null()) {
            self.fail(self.endpoint.unavailable("it told an error in its stream"));
            return;
        }
        let choice = event.pointer("/choices/0");
        // Workers AI sends its own form, without choices.
        let delta = choice.and_then(|choice| choice.get("delta")).unwrap_or(&event);
        let text = form::text(delta.get("content")).or_else(|| form::text(event.get("response")));
        if let Some(text) = text.filter(|text| !text.is_empty() && !self.finished) {
            self.ready.push_back(Ok(ChatDelta::Text(text)));
        }
        self.join_calls(delta);
        self.counted = form::usage(&event).or(self.counted);
        if let Some(word) = choice.and_then(|choice| choice.get("finish_reason")).and_then(Json::as_str) {
            self.finish(form::finish(word));
        }
    }

    /// Joins parts of calls to the calls that they belong to.
    fn join_calls(&mut self, delta: &Json) {
        for part in delta.get("tool_calls").and_then(Json::as_array).into_iter().flatten() {
            let index = part.get("index").and_then(Json::as_u64).and_then(|index| usize::try_from(index).ok());
            let index = index.unwrap_or(self.calls.len());
            if index >= MOST_CALLS || index > self.calls.len() {
                self.fail(self.endpoint.unusable("a call of a tool out of order"));
                return;
            }
            if index == self.calls.len() {
                let id = format!("call_{index}");
                self.calls.push(ChatToolCall { id, tool: String::new(), arguments: String::new() });
            }
            let Some(call) = self.calls.get_mut(index) else { continue };
            let function = part.get("function").unwrap_or(part);
            if let Some(id) = form::text(part.get("id")).filter(|id| !id.is_empty()) {
                call.id = id;
            }
            if let Some(name) = function.get("name").and_then(Json::as_str) {
                call.tool.push_str(name);
            }
            match function.get("arguments") {
                Some(Json::String(text)) => call.arguments.push_str(text),
                Some(Json::Null) | None => {}
                Some(other) => call.arguments.push_str(&other.to_string()),
            }
        }
    }

    fn finish(&mut self, finish: ChatFinish) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        let calls = std::mem::take(&mut self.calls);
        if calls.iter().any(|call| call.tool.is_empty()) {
            self.fail(self.endpoint.unusable("a call of a tool without a name"));
            return;
        }
        // Some hosts say `stop` where they call tools.
        let finish = if calls.is_empty() { finish } else { ChatFinish::ToolCalls };
        self.ready.extend(calls.into_iter().map(|mut call| {
            if call.arguments.is_empty() {
                "{}".clone_into(&mut call.arguments);
            }
            Ok(ChatDelta::ToolCall(call))
        }));
        self.ready.push_back(Ok(ChatDelta::Finish(finish)));
    }

    /// The host says that all has been said.
    fn end(&mut self) {
        if !self.finished {
            self.finish(unspoken(&self.calls));
        }
        if !self.over {
            self.ready.extend(self.counted.take().map(|counted| Ok(counted_piece(counted))));
        }
        self.over = true;
    }

    /// The bytes have ended before the host said so. Where the text was whole, only a count of tokens is missing.
    fn broken(&mut self) {
        if self.finished {
            self.end();
        } else {
            self.fail(self.endpoint.unavailable("its stream broke off"));
        }
    }

    fn fail(&mut self, error: ModelError) {
        self.ready.push_back(Err(error));
        self.over = true;
    }
}
