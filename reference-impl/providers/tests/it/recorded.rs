//! The adapter against what a client of someone else's sends and understands (`tests/recorded/record.py`).

use std::path::Path;

use reference_core::answer::Prompt;
use reference_core::ports::{ChatTool, ChatToolCall, EmbedPurpose, Embedder, GenerationRequest, Generator};
use reference_providers::ProviderEmbedder;
use serde_json::{Value as Json, json};

use super::*;

/// A recorded exchange.
fn recorded(name: &str) -> Json {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded").join(format!("{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// What answers as it was recorded, in pieces of so many bytes.
fn upstream(record: &Json, pieces: usize) -> Arc<Upstream> {
    let content_type = match record["response"]["content_type"].as_str().unwrap() {
        "text/event-stream" => "text/event-stream",
        _ => "application/json",
    };
    let body = record["response"]["body"].as_str().unwrap();
    Arc::new(Upstream { pieces, ..Upstream::new(content_type, body) })
}

/// Our request is the client's.
fn same(upstream: &Upstream, record: &Json) {
    let (ours, theirs) = (upstream.asked(), &record["request"]);
    assert_eq!(serde_json::from_str::<Json>(&ours.body).unwrap(), theirs["body"]);
    assert!(ours.url.ends_with(theirs["path"].as_str().unwrap()), "{}", ours.url);
    for name in ["authorization", "content-type"] {
        assert_eq!(header(&ours, name), theirs["headers"][name].as_str(), "{name}");
    }
}

/// What the client understood, as pieces come: text joined, calls, the end, the count.
fn told(deltas: &[ChatDelta]) -> Json {
    let mut told = json!({"text": "", "tools": [], "finish": null, "tokens": null});
    for delta in deltas {
        match delta {
            ChatDelta::Text(text) => told["text"] = json!(told["text"].as_str().unwrap().to_owned() + text),
            ChatDelta::ToolCall(call) => {
                let call = json!({"id": call.id, "tool": call.tool, "arguments": call.arguments});
                told["tools"].as_array_mut().unwrap().push(call);
            }
            ChatDelta::Usage { tokens_in, tokens_out } => told["tokens"] = json!([tokens_in, tokens_out]),
            ChatDelta::Finish(finish) => {
                told["finish"] = json!(match finish {
                    ChatFinish::Stop => "stop",
                    ChatFinish::Length => "length",
                    ChatFinish::ToolCalls => "tool_calls",
                    ChatFinish::Filtered => "content_filter",
                });
            }
        }
    }
    told
}

fn opening() -> Vec<ChatMessage> {
    vec![
        message(ChatRole::System, "Answer briefly."),
        message(ChatRole::User, "Grüße from Ålesund: how is the weather?"),
    ]
}

fn tool() -> ChatTool {
    ChatTool {
        name: "weather".to_owned(),
        description: "Tells the weather of a place.".to_owned(),
        arguments: json!({"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]}),
    }
}

#[test]
fn sends_and_understands_conversations_as_the_client_does() {
    let plain = ChatCall {
        max_tokens: Some(9),
        temperature: Some(0.5),
        stop: vec!["END".to_owned()],
        ..conversation(opening())
    };
    let tools = ChatCall { tools: vec![tool()], ..conversation(opening()) };
    let mut turns = opening();
    let (id, arguments) = ("call_9".to_owned(), "{\"place\":\"Ålesund\"}".to_owned());
    let called = ChatToolCall { id: id.clone(), tool: "weather".to_owned(), arguments };
    turns.push(ChatMessage { tool_calls: vec![called], ..message(ChatRole::Assistant, "") });
    turns.push(ChatMessage { tool_call_id: Some(id), ..message(ChatRole::Tool, "rain") });
    let after = ChatCall { tools: vec![tool()], ..conversation(turns) };
    for (name, call) in [("chat-stream", plain), ("chat-stream-tools", tools), ("chat-stream-after-tools", after)] {
        let record = recorded(name);
        for pieces in [usize::MAX, 1, 7, 100] {
            let upstream = upstream(&record, pieces);
            let deltas = well(&upstream, Api::OpenAi, &call);
            assert_eq!(told(&deltas), record["understood"], "{name} in pieces of {pieces}");
            same(&upstream, &record);
        }
    }
}

#[test]
fn sends_and_understands_whole_answers_as_the_client_does() {
    let record = recorded("chat-whole");
    let upstream = upstream(&record, usize::MAX);
    let model = ProviderModel::new(endpoint(&upstream, provider(ProviderKind::Generation, Api::OpenAi))).unwrap();
    let [system, user] = opening().try_into().unwrap();
    let request = GenerationRequest {
        question: String::new(),
        terms: Vec::new(),
        passages: Vec::new(),
        prompt: Prompt { system: system.content, user: user.content },
        max_sentences: 3,
    };
    let found = model.generate(&tenant(), &request).now_or_never().unwrap().unwrap();
    let understood = &record["understood"];
    assert_eq!(found.written.as_deref(), understood["text"].as_str());
    assert_eq!(json!([found.tokens_in, found.tokens_out]), understood["tokens"]);
    same(&upstream, &record);
}

#[test]
fn sends_and_understands_embeddings_as_the_client_does() {
    let record = recorded("embeddings");
    let upstream = upstream(&record, 5);
    let kind = ProviderKind::Embedding { dimensions: 2 };
    let embedder = ProviderEmbedder::new(endpoint(&upstream, provider(kind, Api::OpenAi))).unwrap();
    let texts = ["one".to_owned(), "two".to_owned()];
    let tenant = tenant();
    let found = embedder.embed(&tenant, &texts, EmbedPurpose::Query).now_or_never().unwrap().unwrap();
    assert_eq!(found.vectors, [vec![0.6, 0.8], vec![1.0, 0.0]]);
    assert_eq!(json!(found.tokens_in), record["understood"]["tokens_in"]);
    same(&upstream, &record);
}
