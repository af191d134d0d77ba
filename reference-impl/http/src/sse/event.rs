//! What a stream says, and how an event is written down.

use std::pin::Pin;

use bytes::Bytes;
use contract_types as wire;
use futures_util::Stream;
use serde::Serialize;

use crate::{Problem, reply::Failed};

/// What the work behind a stream hands over, in its order. It ends with one [`Step::End`] or with a problem.
pub(crate) type Script = Pin<Box<dyn Stream<Item = Result<Step, Problem>> + Send>>;

/// What is known when a stream begins.
#[derive(Debug, Clone, Default)]
pub(crate) struct Start {
    /// The session that the turn belongs to, in a chat.
    pub(crate) session_id: Option<wire::SessionId>,
    /// The model that will write; `None` when none is needed.
    pub(crate) model: Option<wire::ModelId>,
}

/// One step of a stream.
#[derive(Debug)]
pub(crate) enum Step {
    /// A content event.
    Content(Content),
    /// The end in good order.
    End {
        /// What the stream's model calls consumed.
        usage: wire::Usage,
        /// The last event.
        done: Done,
    },
}

/// A content event.
#[derive(Debug)]
pub(crate) enum Content {
    /// A piece of the answer, 1 to 16,384 characters.
    Token(String),
    /// A citation of what has been sent.
    Citation(Box<wire::Citation>),
    /// A tool is called.
    ToolCall(Box<wire::ToolCall>),
    /// That call has ended.
    ToolResult(Box<wire::ToolCallResult>),
}

/// The end of an operation's stream in good order.
#[derive(Debug)]
pub(crate) enum Done {
    /// Of a search.
    Search(Box<wire::SearchAnswer>),
    /// Of a chat.
    Chat {
        /// Why the answer ended.
        finish_reason: wire::FinishReason,
        /// What was done without.
        degraded: Option<Vec<wire::Degradation>>,
        /// What the safety filters found.
        safety: Option<Vec<wire::SafetyFinding>>,
    },
}

/// Writes events, each with the next index.
#[derive(Debug)]
pub(crate) struct Writer {
    request_id: String,
    next: u64,
}

/// The comment that says that the stream is alive.
pub(super) const HEARTBEAT: Bytes = Bytes::from_static(b": heartbeat\n\n");
/// What follows the last event.
pub(super) const TERMINATOR: Bytes = Bytes::from_static(b"data: [DONE]\n\n");

impl Writer {
    pub(crate) fn new(request_id: String) -> Self {
        Self { request_id, next: 0 }
    }

    pub(super) fn start(&mut self, start: Start) -> Bytes {
        let mut event = wire::StreamStart::new(self.index(), self.request_id.as_str().into());
        event.session_id = start.session_id;
        event.model = start.model;
        written("start", &event)
    }

    pub(crate) fn content(&mut self, content: Content) -> Bytes {
        let index = self.index();
        match content {
            Content::Token(text) => written("token", &wire::StreamToken::new(index, text)),
            Content::Citation(citation) => written("citation", &wire::StreamCitation::new(index, *citation)),
            Content::ToolCall(call) => written("tool_call", &wire::StreamToolCall::new(index, *call)),
            Content::ToolResult(result) => written("tool_result", &wire::StreamToolResult::new(index, *result)),
        }
    }

    pub(super) fn usage(&mut self, usage: wire::Usage) -> Bytes {
        written("usage", &wire::StreamUsage::new(self.index(), usage))
    }

    pub(super) fn done(&mut self, done: Done) -> Bytes {
        let index = self.index();
        match done {
            Done::Search(answer) => written("done", &wire::SearchStreamDone::new(index, *answer)),
            Done::Chat { finish_reason, degraded, safety } => {
                let mut event = wire::StreamDone::new(index, self.request_id.as_str().into(), finish_reason);
                event.degraded = degraded;
                event.safety = safety;
                written("done", &event)
            }
        }
    }

    pub(super) fn error(&mut self, failed: &Failed) -> Bytes {
        let error = failed.body(&self.request_id).error;
        written("error", &wire::StreamError::new(self.index(), error))
    }

    fn index(&mut self) -> u64 {
        let index = self.next;
        self.next += 1;
        index
    }
}

/// An event in the stream's form. JSON on one line needs no further escaping.
fn written(name: &str, event: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(event).expect("wire types are plain JSON with text for keys");
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}
