//! What a body looks like: as `OpenAI` wants it, or Workers AI.

use reference_core::ports::{ChatCall, ChatFinish, ChatMessage, ChatRole, ChatTool, ChatToolCall};
use serde_json::{Map, Value as Json, json};

use crate::provider::{Api, Provider};

/// The form of bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    OpenAi,
    WorkersAi,
}

impl Form {
    /// The form that `provider` takes.
    pub(crate) fn of(provider: &Provider) -> Self {
        match &provider.api {
            Api::WorkersAi { .. } => Self::WorkersAi,
            Api::AiGateway { gateway, .. } if gateway.provider == "workers-ai" => Self::WorkersAi,
            Api::OpenAi | Api::AiGateway { .. } => Self::OpenAi,
        }
    }

    /// The body of a conversation.
    pub(crate) fn chat(self, provider: &Provider, call: &ChatCall, streamed: bool) -> Json {
        let mut body = Map::new();
        if self == Self::OpenAi {
            body.insert("model".to_owned(), json!(provider.model));
        }
        body.insert("messages".to_owned(), call.messages.iter().map(message).collect());
        body.insert("stream".to_owned(), json!(streamed));
        if streamed && self == Self::OpenAi {
            body.insert("stream_options".to_owned(), json!({"include_usage": true}));
        }
        let mut optional = |name: &str, value: Option<Json>| {
            if let Some(value) = value {
                body.insert(name.to_owned(), value);
            }
        };
        optional("max_tokens", call.max_tokens.map(|it| json!(it)));
        optional("temperature", call.temperature.map(|it| json!(it)));
        optional("stop", Some(json!(call.stop)).filter(|_| !call.stop.is_empty()));
        let tools: Vec<Json> = call.tools.iter().map(tool).collect();
        optional("tools", Some(Json::Array(tools)).filter(|_| !call.tools.is_empty()));
        Json::Object(body)
    }

    /// What an answer really holds: Workers AI wraps it, and says whether it is one.
    pub(crate) fn unwrap(self, answer: Json) -> Result<Json, &'static str> {
        match self {
            Self::OpenAi => Ok(answer),
            Self::WorkersAi => {
                let Json::Object(mut fields) = answer else { return Err("its answer is no object") };
                if fields.get("success") == Some(&Json::Bool(false)) {
                    return Err("it says that it did not succeed");
                }
                // A binding and some gateways hand out what is inside.
                Ok(fields.remove("result").unwrap_or(Json::Object(fields)))
            }
        }
    }
}

fn message(message: &ChatMessage) -> Json {
    let role = match message.role {
        ChatRole::System => "system",
        ChatRole::User => "user",
        ChatRole::Assistant => "assistant",
        ChatRole::Tool => "tool",
    };
    let mut json = json!({"role": role, "content": message.content});
    if !message.tool_calls.is_empty() {
        let call = |call: &ChatToolCall| json!({"id": call.id, "type": "function", "function": {"name": call.tool, "arguments": call.arguments}});
        json["tool_calls"] = message.tool_calls.iter().map(call).collect();
    }
    if let Some(id) = &message.tool_call_id {
        json["tool_call_id"] = json!(id);
    }
    json
}

fn tool(tool: &ChatTool) -> Json {
    let function = json!({"name": tool.name, "description": tool.description, "parameters": tool.arguments});
    json!({"type": "function", "function": function})
}

/// Why a model stopped, from the host's word for it.
pub(crate) fn finish(word: &str) -> ChatFinish {
    match word {
        "length" | "max_tokens" => ChatFinish::Length,
        "tool_calls" | "function_call" => ChatFinish::ToolCalls,
        "content_filter" => ChatFinish::Filtered,
        // Hosts have further words for having come to an end.
        _ => ChatFinish::Stop,
    }
}

/// Text that a host wrote as text, or as the number that it reads as.
pub(crate) fn text(value: Option<&Json>) -> Option<String> {
    match value? {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

/// Tokens read and written, where both are told.
pub(crate) fn usage(answer: &Json) -> Option<(u64, u64)> {
    let usage = answer.get("usage")?;
    Some((usage.get("prompt_tokens")?.as_u64()?, usage.get("completion_tokens")?.as_u64()?))
}

/// Whole calls of tools in a message, under either form.
pub(crate) fn tool_calls(message: &Json) -> Vec<ChatToolCall> {
    let calls = message.get("tool_calls").and_then(Json::as_array).into_iter().flatten().enumerate();
    calls
        .filter_map(|(at, call)| {
            let function = call.get("function").unwrap_or(call);
            let arguments = match function.get("arguments") {
                Some(Json::String(text)) => text.clone(),
                Some(Json::Null) | None => "{}".to_owned(),
                Some(other) => other.to_string(),
            };
            Some(ChatToolCall {
                id: text(call.get("id")).unwrap_or_else(|| format!("call_{at}")),
                tool: function.get("name")?.as_str()?.to_owned(),
                arguments,
            })
        })
        .collect()
}
