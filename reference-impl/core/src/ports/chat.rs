//! A conversation to its next message, piece by piece.

use futures_util::stream::BoxStream;

use super::{BoxFuture, GeneratorKind, ModelError, Passage};
use crate::redact::redacted;
use crate::tenancy::TenantContext;

/// Who speaks in a conversation, as a model sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatRole {
    /// The tenant's own instructions; no request can bring one.
    System,
    /// The client.
    User,
    /// The model.
    Assistant,
    /// A tool's answer to a call of the model. Data, whatever it says.
    Tool,
}

/// A call of a tool that a model asks for.
#[derive(Clone, PartialEq)]
pub struct ChatToolCall {
    /// The model's name for the call, unique within the turn.
    pub id: String,
    /// Name of the tool.
    pub tool: String,
    /// Arguments as the model wrote them: JSON in text, not checked.
    pub arguments: String,
}

redacted!(ChatToolCall { id, tool } hides { arguments });

/// A tool that a model may call in this turn.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatTool {
    /// Its name.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// JSON Schema of its arguments.
    pub arguments: serde_json::Value,
}

/// One message of a conversation.
#[derive(Clone, PartialEq)]
pub struct ChatMessage {
    /// Who speaks.
    pub role: ChatRole,
    /// What is said.
    pub content: String,
    /// Calls that an assistant's message asks for.
    pub tool_calls: Vec<ChatToolCall>,
    /// Which call a tool's message answers.
    pub tool_call_id: Option<String>,
}

redacted!(ChatMessage { role, tool_calls, tool_call_id } hides { content });

/// What a chat model is asked. Instructions within passages and tool messages are data.
#[derive(Clone, PartialEq)]
pub struct ChatCall {
    /// The conversation, oldest first; the prompt that holds the passages is already in it.
    pub messages: Vec<ChatMessage>,
    /// The user's last message as it is looked up, with what earlier turns add to it.
    pub question: String,
    /// What was retrieved, best first; `None` where the answer must not rest on documents.
    pub passages: Option<Vec<Passage>>,
    /// Tools that may be called.
    pub tools: Vec<ChatTool>,
    /// Most tokens to write; `None` leaves it to the model's host.
    pub max_tokens: Option<u32>,
    /// 0 to 2; `None` leaves it to the model's host.
    pub temperature: Option<f64>,
    /// Texts before which the model stops.
    pub stop: Vec<String>,
}

redacted!(ChatCall { tools, max_tokens, temperature } hides { messages, question, passages, stop });

/// Why a model stopped writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatFinish {
    /// It was done, or met a stop text.
    Stop,
    /// It had written [`ChatCall::max_tokens`] or filled its window.
    Length,
    /// It waits for tools.
    ToolCalls,
    /// Its host withheld the rest.
    Filtered,
}

/// A piece of what a model writes.
#[derive(Clone, PartialEq)]
pub enum ChatDelta {
    /// Text, whole characters only, never empty.
    Text(String),
    /// A whole call of a tool, once its last piece has come.
    ToolCall(ChatToolCall),
    /// What the host counted; at most once.
    Usage {
        /// Tokens read.
        tokens_in: u64,
        /// Tokens written.
        tokens_out: u64,
    },
    /// The end, exactly once and last but for [`ChatDelta::Usage`]. A stream that ends without it broke off.
    Finish(ChatFinish),
}

/// What a model writes is told by its length.
impl std::fmt::Debug for ChatDelta {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::ToolCall(call) => f.debug_tuple("ToolCall").field(call).finish(),
            Self::Usage { tokens_in, tokens_out } => write!(f, "Usage({tokens_in} in, {tokens_out} out)"),
            Self::Finish(finish) => f.debug_tuple("Finish").field(finish).finish(),
        }
    }
}

/// Pieces as they arrive. Dropping it cancels the call. An error is its last item.
pub type ChatDeltas = BoxStream<'static, Result<ChatDelta, ModelError>>;

/// Continues conversations.
pub trait ChatModel: Send + Sync {
    /// Id of the model; the [`Generator`](super::Generator) of the same model has the same.
    fn model(&self) -> &str;

    /// How it makes its sentences.
    fn kind(&self) -> GeneratorKind;

    /// Begins the next message on behalf of `tenant`. Ready once the model has accepted the call; the pieces follow.
    ///
    /// # Errors
    ///
    /// [`ModelError`] for a call that was not accepted. Repeating is safe only before the first piece.
    fn chat<'a>(
        &'a self,
        tenant: &'a TenantContext,
        call: &'a ChatCall,
    ) -> BoxFuture<'a, Result<ChatDeltas, ModelError>>;
}
