//! The answers of the stand-in: deterministic, so that a case can say what must come of them.

use std::{collections::BTreeSet, fmt::Write as _};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wiremock::ResponseTemplate;

use super::{Operation, ToolAsked};

/// Numbers in a vector where the request asks for no other length.
const DIMENSIONS: usize = 64;
/// Words that a sentence must share with the question to be an answer.
const LEAST_SHARED: usize = 2;

/// The right answer; `content` is what a chat model writes instead of its own.
pub(super) fn right(operation: Operation, body: &Value, content: Option<&str>) -> ResponseTemplate {
    let answer = match operation {
        Operation::Embeddings => embeddings(body, dimensions(body)),
        Operation::Rerank => rerank(body, 0),
        Operation::Chat => {
            let text = content.map_or_else(|| written(body), str::to_owned);
            if body["stream"] == true {
                return events(&stream(body, &text), true);
            }
            completion(body, &text)
        }
        Operation::Speech => return sound(speech(body)),
    };
    ResponseTemplate::new(200).set_body_json(answer)
}

/// Whether the conversation ends with what a tool gave.
pub(super) fn told(body: &Value) -> bool {
    let last = body["messages"].as_array().and_then(|messages| messages.last());
    last.is_some_and(|message| message["role"] == "tool")
}

/// A chat model asks for `tools`, the arguments of each in two pieces where it streams.
pub(super) fn asking(operation: Operation, body: &Value, tools: &[ToolAsked]) -> ResponseTemplate {
    if operation != Operation::Chat {
        return right(operation, body, None);
    }
    let arguments =
        |tool: &ToolAsked| tool.arguments.as_str().map_or_else(|| tool.arguments.to_string(), str::to_owned);
    let call = |(index, tool): (usize, &ToolAsked)| {
        json!({ "index": index, "id": format!("host-{index}"), "type": "function",
                "function": { "name": tool.name, "arguments": arguments(tool) } })
    };
    let calls: Vec<Value> = tools.iter().enumerate().map(call).collect();
    if body["stream"] != true {
        let mut answer = completion(body, "");
        answer["choices"][0]["message"]["tool_calls"] = Value::Array(calls);
        answer["choices"][0]["finish_reason"] = json!("tool_calls");
        return ResponseTemplate::new(200).set_body_json(answer);
    }
    let mut chunks = stream(body, "");
    let last = chunks.iter().position(|chunk| chunk["choices"][0]["finish_reason"] == "stop").unwrap_or(chunks.len());
    chunks[last]["choices"][0]["finish_reason"] = json!("tool_calls");
    let mut pieces = Vec::new();
    for mut call in calls {
        let text = call["function"]["arguments"].as_str().unwrap_or_default().to_owned();
        let half = (0..=text.len() / 2).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let mut rest = json!({ "index": call["index"], "function": { "arguments": text[half..] } });
        call["function"]["arguments"] = json!(text[..half]);
        for part in [&mut call, &mut rest] {
            let mut chunk = chunks[0].clone();
            chunk["choices"][0]["delta"] = json!({ "tool_calls": [part.take()] });
            pieces.push(chunk);
        }
    }
    chunks.splice(last..last, pieces);
    events(&chunks, true)
}

/// An answer of the right form that does not fit the request.
pub(super) fn misfit(operation: Operation, body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(match operation {
        Operation::Embeddings => embeddings(body, dimensions(body) + 1),
        Operation::Rerank => rerank(body, 1000),
        Operation::Chat => json!({ "object": "chat.completion", "choices": [], "usage": null }),
        Operation::Speech => return ResponseTemplate::new(200).set_body_raw(MISFIT_WAV, "audio/wav"),
    })
}

/// The first half of the right answer.
pub(super) fn cut(operation: Operation, body: &Value) -> ResponseTemplate {
    let answer = match operation {
        Operation::Embeddings => embeddings(body, dimensions(body)),
        Operation::Rerank => rerank(body, 0),
        Operation::Chat if body["stream"] == true => {
            let mut chunks = stream(body, &written(body));
            chunks.truncate(chunks.len().div_ceil(2));
            return events(&chunks, false);
        }
        Operation::Chat => completion(body, &written(body)),
        Operation::Speech => {
            let mut whole = speech(body);
            whole.truncate(whole.len() / 4 * 2 + 1);
            return sound(whole);
        }
    };
    let text = answer.to_string();
    let half: String = text.chars().take(text.chars().count() / 2).collect();
    ResponseTemplate::new(200).set_body_raw(half, "application/json")
}

/// Eight samples at 8,000 a second, which nobody has asked for.
const MISFIT_WAV: &[u8] = b"RIFF\x34\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x10\0\0\0\0\x10\0\x20\0\x10\0\0\0\x10\0\x20\0\x10\0\0";
/// Samples of sound in a second.
const SPEECH_HZ: u16 = 24_000;
/// Samples for a character at the usual speed.
const SAMPLES_A_CHAR: f64 = 1_440.0;

/// Sound that changes with every character: letters hum, each at its own height, and all else is a pause. 16-bit PCM.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few thousand samples of 16 bits")]
fn speech(body: &Value) -> Vec<u8> {
    let speed = body["speed"].as_f64().unwrap_or(1.0).clamp(0.25, 4.0);
    let length = (SAMPLES_A_CHAR / speed) as u32;
    let mut pcm = Vec::new();
    for letter in body["input"].as_str().unwrap_or_default().chars() {
        let height = f64::from(u32::from(letter) % 29) * 210.0 + 120.0;
        let loud = if letter.is_alphanumeric() { 9_000.0 } else { 0.0 };
        for at in 0..length {
            let phase = f64::from(at) * height / f64::from(SPEECH_HZ);
            let sample = (phase * std::f64::consts::TAU).sin() * loud;
            pcm.extend_from_slice(&(sample as i16).to_le_bytes());
        }
    }
    pcm
}

fn sound(pcm: Vec<u8>) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(pcm, "audio/pcm")
}

fn dimensions(body: &Value) -> usize {
    body["dimensions"].as_u64().and_then(|wanted| usize::try_from(wanted).ok()).unwrap_or(DIMENSIONS)
}

fn embeddings(body: &Value, dimensions: usize) -> Value {
    let texts = texts(&body["input"]);
    let data: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| json!({ "object": "embedding", "index": index, "embedding": vector(text, dimensions) }))
        .collect();
    let tokens = count(&texts.join(" "));
    let usage = json!({ "prompt_tokens": tokens, "total_tokens": tokens });
    json!({ "object": "list", "data": data, "model": body["model"], "usage": usage })
}

/// Each word adds one in a direction that its hash decides: texts that share words lie near each other.
fn vector(text: &str, dimensions: usize) -> Vec<f32> {
    let mut vector = vec![0.0_f32; dimensions.max(1)];
    for word in words(text) {
        let hash = Sha256::digest(word.as_bytes());
        let place = usize::from(u16::from_be_bytes([hash[0], hash[1]])) % vector.len();
        vector[place] += if hash[2] & 1 == 0 { 1.0 } else { -1.0 };
    }
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 {
        for value in &mut vector {
            *value /= length;
        }
    } else {
        vector[0] = 1.0;
    }
    vector
}

fn rerank(body: &Value, shift: usize) -> Value {
    let documents = texts(&body["documents"]);
    let query = body["query"].as_str().unwrap_or_default();
    let asked: BTreeSet<String> = words(query).collect();
    #[expect(clippy::cast_precision_loss, reason = "a few words")]
    let score = |text: &String| {
        let held: BTreeSet<String> = words(text).collect();
        asked.intersection(&held).count() as f64 / asked.len().max(1) as f64
    };
    let results: Vec<Value> = documents
        .iter()
        .enumerate()
        .map(|(index, text)| json!({ "index": index + shift, "relevance_score": score(text) }))
        .collect();
    let tokens = count(query) + count(&documents.join(" "));
    json!({ "model": body["model"], "results": results, "usage": { "total_tokens": tokens } })
}

/// What a chat model writes: of what the last message says before its last line, the sentence that shares most words with that
/// line. Where nothing does, it says what it was asked.
fn written(body: &Value) -> String {
    let last = body["messages"].as_array().and_then(|messages| messages.last());
    let last = last.and_then(|message| message["content"].as_str()).unwrap_or_default().trim();
    let (before, question) = last.rsplit_once('\n').unwrap_or(("", last));
    let asked: BTreeSet<String> = words(question).filter(|word| word.chars().count() > 3).collect();
    let shared = |sentence: &str| words(sentence).filter(|word| asked.contains(word)).collect::<BTreeSet<_>>().len();
    let sentences = before.lines().filter(|line| !line.starts_with("==")).flat_map(|line| line.split_inclusive(". "));
    // The first of several that share as much.
    let best = sentences
        .map(|sentence| (shared(sentence), sentence.trim()))
        .fold((0, ""), |best, found| if found.0 > best.0 { found } else { best });
    if best.0 >= LEAST_SHARED { best.1.to_owned() } else { format!("I was asked this: {question}") }
}

fn completion(body: &Value, text: &str) -> Value {
    let message = json!({ "role": "assistant", "content": text });
    json!({
        "id": "chatcmpl-stand-in",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [{ "index": 0, "message": message, "finish_reason": "stop" }],
        "usage": usage(body, text),
    })
}

fn usage(body: &Value, text: &str) -> Value {
    let messages = body["messages"].as_array().into_iter().flatten();
    let prompt: u64 = messages.filter_map(|message| message["content"].as_str()).map(count).sum();
    let written = count(text);
    json!({ "prompt_tokens": prompt, "completion_tokens": written, "total_tokens": prompt + written })
}

/// The chunks of a streamed answer: a word each, the reason of the end, and the usage where it is asked for.
fn stream(body: &Value, text: &str) -> Vec<Value> {
    let chunk = |choices: Value, usage: Value| {
        json!({ "id": "chatcmpl-stand-in", "object": "chat.completion.chunk", "created": 0, "model": body["model"],
                "choices": choices, "usage": usage })
    };
    let piece = |delta: Value, reason: Value| {
        chunk(json!([{ "index": 0, "delta": delta, "finish_reason": reason }]), Value::Null)
    };
    let mut chunks = vec![piece(json!({ "role": "assistant", "content": "" }), Value::Null)];
    chunks.extend(text.split_inclusive(' ').map(|word| piece(json!({ "content": word }), Value::Null)));
    chunks.push(piece(json!({}), json!("stop")));
    if body.pointer("/stream_options/include_usage") == Some(&Value::Bool(true)) {
        chunks.push(chunk(json!([]), usage(body, text)));
    }
    chunks
}

/// Chunks as an event stream; one that does not end well breaks off within an event.
fn events(chunks: &[Value], whole: bool) -> ResponseTemplate {
    let mut text = String::new();
    for chunk in chunks {
        let _ = write!(text, "data: {chunk}\n\n");
    }
    text.push_str(if whole { "data: [DONE]\n\n" } else { "data: {\"id\":\"chatcmpl-sta" });
    ResponseTemplate::new(200).set_body_raw(text, "text/event-stream")
}

/// The texts of a list, or the one text.
fn texts(value: &Value) -> Vec<String> {
    let one = value.as_str().map(str::to_owned).into_iter();
    one.chain(value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned)).collect()
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// Tokens of a text: its words.
fn count(text: &str) -> u64 {
    u64::try_from(words(text).count()).unwrap_or(u64::MAX)
}
