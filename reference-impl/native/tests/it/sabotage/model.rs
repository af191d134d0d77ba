//! A chat model behind a URL that asks for the tools that a probe gives it, and then says what they gave.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

#[derive(Default)]
struct State {
    tools: Vec<(String, Value)>,
    last: Value,
}

/// The model. It lives as long as the tests do.
pub(super) struct Model {
    pub(super) url: String,
    state: Arc<Mutex<State>>,
}

impl Model {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let state = Arc::<Mutex<State>>::default();
        let own = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let own = Arc::clone(&own);
                std::thread::spawn(move || serve(&stream, &own));
            }
        });
        Self { url, state }
    }

    /// What it asks for from now on.
    pub(super) fn asks(&self, tools: &[(&str, Value)]) {
        self.state.lock().unwrap().tools =
            tools.iter().map(|(name, arguments)| ((*name).to_owned(), arguments.clone())).collect();
    }

    /// Who spoke in the last conversation that it was sent.
    pub(super) fn roles(&self) -> Vec<String> {
        let state = self.state.lock().unwrap();
        let messages = state.last["messages"].as_array().into_iter().flatten();
        messages.map(|it| it["role"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

/// Answers one request after the other; `None` once the other side is gone.
fn serve(stream: &std::net::TcpStream, state: &Mutex<State>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let answer = answer(&serde_json::from_slice(&body).ok()?, state).to_string();
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", answer.len());
        let mut out = stream;
        out.write_all(head.as_bytes()).ok()?;
        out.write_all(answer.as_bytes()).ok()?;
    }
}

fn answer(body: &Value, state: &Mutex<State>) -> Value {
    let mut state = state.lock().unwrap();
    state.last = body.clone();
    let told = body["messages"].as_array().is_some_and(|all| all.iter().any(|it| !it["tool_call_id"].is_null()));
    let (message, reason) = if told || state.tools.is_empty() {
        (json!({"role": "assistant", "content": "That is all."}), "stop")
    } else {
        let calls = state.tools.iter().enumerate().map(|(at, (name, arguments))| {
            json!({"id": format!("c{at}"), "type": "function", "function": {"name": name, "arguments": arguments.to_string()}})
        });
        (json!({"role": "assistant", "content": null, "tool_calls": calls.collect::<Vec<_>>()}), "tool_calls")
    };
    json!({"choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10}})
}
