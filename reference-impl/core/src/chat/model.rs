//! What goes into a turn and what comes out.

use contract_types::ErrorCode;
use serde_json::{Map, Value as Json};

use crate::answer::Citation;
use crate::audit::Outcome;
use crate::ids::SessionId;
use crate::redact::redacted;
use crate::retrieve::{Degradation, Filter};
use crate::safety::Finding;
use crate::search::Usage;
use crate::session::Speaker;

/// The next turn of a conversation.
#[derive(Clone, PartialEq)]
pub struct ChatRequest {
    /// The messages that are new, oldest first; the last one is the user's.
    pub messages: Vec<(Speaker, String)>,
    /// The session to continue.
    pub session: Option<SessionId>,
    /// The model that writes; the tenant's own where absent.
    pub model: Option<String>,
    /// Most tokens to write.
    pub max_tokens: Option<u32>,
    /// 0 to 2.
    pub temperature: Option<f64>,
    /// Texts before which the answer ends.
    pub stop: Vec<String>,
    /// Whether the answer rests on documents.
    pub rag: bool,
    /// Which documents count.
    pub filter: Filter,
    /// Names of the tools that the model may call.
    pub tools: Vec<String>,
    /// Id of the request, for the records of what it calls.
    pub request_id: String,
    /// The request's trace.
    pub trace_id: Option<String>,
}

redacted!(ChatRequest { session, model, max_tokens, temperature, rag, tools, request_id, trace_id } hides { messages, stop, filter });

impl ChatRequest {
    /// A turn that says `message`, with everything else as usual.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            messages: vec![(Speaker::User, message.into())],
            session: None,
            model: None,
            max_tokens: None,
            temperature: None,
            stop: Vec::new(),
            rag: true,
            filter: Filter::default(),
            tools: Vec::new(),
            request_id: String::new(),
            trace_id: None,
        }
    }
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// It was complete, or met a stop text.
    Stop,
    /// It had as many tokens as it may have.
    Length,
    /// It asked for more tool calls than a turn may make.
    ToolLimit,
    /// The output filter, or the model's host, withheld the rest.
    ContentFilter,
}

impl Finish {
    /// Every value.
    pub const ALL: [Self; 4] = [Self::Stop, Self::Length, Self::ToolLimit, Self::ContentFilter];

    /// The contract's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolLimit => "tool_limit",
            Self::ContentFilter => "content_filter",
        }
    }
}

/// What is known of a turn at its end.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatSummary {
    /// Why the answer ended.
    pub finish: Finish,
    /// What the model call used.
    pub usage: Usage,
    /// What was done without.
    pub degraded: Vec<Degradation>,
    /// What the safety filters found and redacted or flagged.
    pub safety: Vec<Finding>,
}

/// A call of a tool, as a model asked for it.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolUse {
    /// Name of the call, unique within the turn.
    pub id: String,
    /// The tool.
    pub tool: String,
    /// The arguments; empty where the model wrote none that can be told.
    pub arguments: Map<String, Json>,
}

/// How a call of a tool ended.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolUsed {
    /// The call.
    pub call_id: String,
    /// The tool.
    pub tool: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What the tool gave, where it succeeded.
    pub result: Option<Json>,
    /// Why it did not, in every other case.
    pub error: Option<(ErrorCode, String)>,
    /// How long it ran, in microseconds.
    pub duration_us: u64,
}

/// A step of a turn, in its order: texts with the citations after each, calls with their results, then one end.
#[derive(Debug, Clone, PartialEq)]
pub enum ChatEvent {
    /// The next part of the answer, never empty. Parts joined in order are the whole answer.
    Text(String),
    /// A citation of what has come.
    Citation(Citation),
    /// The model calls a tool.
    ToolCall(ToolUse),
    /// That call has ended.
    ToolResult(ToolUsed),
    /// The end; the turn stands in its session by now.
    End(Box<ChatSummary>),
}
