//! Bodies in the form that OpenAI-compatible servers send.

use serde_json::{Value, json};

use crate::script::{Draw, Script};

/// The answer of `POST /embeddings`: a bag of words for each text, so that texts that share words lie near each other.
pub(crate) fn embeddings(script: &Script, body: &Value) -> Value {
    let texts: Vec<&str> = match &body["input"] {
        Value::String(text) => vec![text],
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    };
    let tokens: usize = texts.iter().map(|text| text.split_whitespace().count()).sum();
    let data = texts.iter().enumerate().map(
        |(index, text)| json!({"object": "embedding", "index": index, "embedding": vector(text, script.dimensions)}),
    );
    json!({
        "object": "list",
        "data": data.collect::<Vec<_>>(),
        "model": body["model"],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    })
}

fn vector(text: &str, dimensions: usize) -> Vec<f32> {
    let mut vector = vec![0.0_f32; dimensions.max(1)];
    for word in words(text) {
        let place = usize::try_from(hash(&word) % vector.len() as u64).unwrap_or(0);
        vector[place] += 1.0;
    }
    if vector.iter().all(|part| *part == 0.0) {
        vector[0] = 1.0;
    }
    vector
}

/// The answer of `POST /rerank`: the share of the query's words that each text holds.
pub(crate) fn rerank(body: &Value) -> Value {
    let query: Vec<String> = words(body["query"].as_str().unwrap_or_default()).collect();
    let score = |text: &str| {
        let held: Vec<String> = words(text).collect();
        let shared = query.iter().filter(|word| held.contains(word)).count();
        #[expect(clippy::cast_precision_loss, reason = "counts of words are small")]
        let share = shared as f64 / query.len().max(1) as f64;
        share
    };
    let documents = body["documents"].as_array().map(Vec::as_slice).unwrap_or_default();
    let results = documents
        .iter()
        .enumerate()
        .map(|(index, text)| json!({"index": index, "relevance_score": score(text.as_str().unwrap_or_default())}));
    json!({"model": body["model"], "results": results.collect::<Vec<_>>(), "usage": {"total_tokens": query.len()}})
}

/// The whole answer of `POST /chat/completions`.
pub(crate) fn completion(script: &Script, body: &Value) -> Value {
    json!({
        "id": id(script),
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": script.whole_text()},
            "finish_reason": "stop",
        }],
        "usage": usage(script, body),
    })
}

/// One event of a streamed answer; `delta` is what it adds, `finish` why the answer ended.
pub(crate) fn chunk(script: &Script, body: &Value, delta: &Value, finish: Option<&str>) -> String {
    let data = json!({
        "id": id(script),
        "object": "chat.completion.chunk",
        "created": 1,
        "model": body["model"],
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    });
    format!("data: {data}\n\n")
}

/// The event that tells what the host counted.
pub(crate) fn usage_chunk(script: &Script, body: &Value) -> String {
    let data = json!({
        "id": id(script),
        "object": "chat.completion.chunk",
        "created": 1,
        "model": body["model"],
        "choices": [],
        "usage": usage(script, body),
    });
    format!("data: {data}\n\n")
}

fn usage(script: &Script, body: &Value) -> Value {
    let messages = body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let read: usize = messages.iter().filter_map(|it| it["content"].as_str()).map(|it| words(it).count()).sum();
    let written = script.text_pieces().len();
    json!({"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written})
}

fn id(script: &Script) -> String {
    format!("chatcmpl-{:016x}", Draw::new(script.seed).next_u64())
}

fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// FNV-1a.
fn hash(word: &str) -> u64 {
    word.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}
