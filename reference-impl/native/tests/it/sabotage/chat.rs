//! Turns, their options and their sessions.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Probes;
use super::world::{AURORA, LIMITS, MERIDIAN, World};
use crate::program::{Answer, key};

pub(super) const PROBES: Probes = &[
    ("tokens-after-done", |it| {
        let body = json!({"messages": [{"role": "user", "content": "Hello."}], "rag": false});
        let told = it.post(AURORA, "/chat", body).body;
        told.rfind("event: done").is_some_and(|done| !told[done..].contains("event: token"))
    }),
    ("disconnect-keeps-place", |it| {
        hang_up(it, &json!({"messages": [{"role": "user", "content": "Hello."}], "rag": false}));
        // The next stream gives back what the flaw kept once it is off.
        let told = plain(it, json!({"stream": true}));
        told.status == 200 && open_streams(it) == 0
    }),
    ("chat-body-lacks-citations", |it| {
        let word = it.lever(AURORA);
        !asked(it, &word, true).json()["citations"].as_array().unwrap().is_empty()
    }),
    ("chat-always-retrieves", |it| {
        let word = it.lever(AURORA);
        !asked(it, &word, false).json()["message"]["content"].as_str().unwrap().contains("37")
    }),
    ("chat-joins-the-latest-session", |it| begun(it) != begun(it)),
    ("history-reversed", |it| session(it, AURORA, &begun(it))["turns"][0]["role"] == "user"),
    ("stop-texts-ignored", |it| text(&plain(it, json!({"options": {"stop": ["only"]}}))) == "This model writes "),
    ("max-tokens-ignored", |it| plain(it, json!({"options": {"max_tokens": 2}})).json()["finish_reason"] == "length"),
    ("cut-turn-half-kept", |it| {
        let id = begun(it);
        hang_up(it, &json!({"session_id": id, "messages": [{"role": "user", "content": "And?"}], "rag": false}));
        session(it, AURORA, &id)["turns"].as_array().unwrap().len() == 2
    }),
    ("chat-cites-what-was-not-retrieved", |it| {
        let word = it.lever(AURORA);
        asked(it, &word, true).json()["citations"][0]["source"] == word.as_str()
    }),
    ("message-limit-ignored", |it| of_limits(it, &["x".repeat(81)]) == 400),
    ("message-limit-counts-bytes", |it| of_limits(it, &["ä".repeat(80)]) == 200),
    ("chat-messages-unbounded", |it| of_limits(it, &["x", "x", "x", "x", "x"].map(str::to_owned)) == 400),
    ("session-never-expires", |it| {
        let id = begun(it);
        it.advance(AURORA, 2_592_000_001);
        it.get(AURORA, &format!("/sessions/{id}")).status == 404
    }),
    ("turn-keeps-no-session-alive", |it| {
        let id = begun(it);
        it.advance(AURORA, 1_500_000_000);
        plain(it, json!({"session_id": id}));
        it.advance(AURORA, 1_500_000_000);
        it.get(AURORA, &format!("/sessions/{id}")).status == 200
    }),
    ("session-delete-forgotten", |it| {
        let id = begun(it);
        it.call(AURORA, "DELETE", &format!("/sessions/{id}"), None);
        it.get(AURORA, &format!("/sessions/{id}")).status == 404
    }),
    ("deleted-session-continues", |it| {
        let id = begun(it);
        it.call(AURORA, "DELETE", &format!("/sessions/{id}"), None);
        plain(it, json!({"session_id": id})).status == 404
    }),
    ("session-ids-counted", |it| !begun(it).contains("00000000")),
    ("foreign-session-readable", |it| it.get(MERIDIAN, &format!("/sessions/{}", begun(it))).status == 404),
    ("foreign-session-continues", |it| {
        let id = begun(it);
        let body = json!({"session_id": id, "messages": [{"role": "user", "content": "And?"}], "stream": false});
        it.post(MERIDIAN, "/chat", body).status == 404
    }),
    ("history-leaks-between-sessions", |it| {
        let (other, word) = (begun(it), it.lever(AURORA));
        asked(it, &word, true);
        let body = json!({"session_id": other, "stream": false,
            "messages": [{"role": "user", "content": "How long is it pressed?"}]});
        !it.post(AURORA, "/chat", body).json()["citations"].to_string().contains(&word)
    }),
    ("session-turns-not-serialised", |it| {
        let id = begun(it);
        it.fault("generator", json!({"kind": "slow", "delay_ms": 300, "after_pieces": 2, "tenant": AURORA}));
        thread::scope(|scope| {
            let address = it.program.address.clone();
            for _ in 0..2 {
                let (address, id) = (address.clone(), id.clone());
                scope.spawn(move || {
                    let body = json!({"session_id": id, "rag": false, "stream": false,
                        "messages": [{"role": "user", "content": "And?"}]});
                    let head = format!("authorization: Bearer {}\r\n", key(AURORA, "all"));
                    drop(crate::program::exchange(&address, "POST", "/chat", &head, Some(&body)));
                });
            }
        });
        it.mend("generator");
        let told = session(it, AURORA, &id);
        let times: Vec<&str> = told["turns"].as_array().unwrap().iter().map(|it| it["at"].as_str().unwrap()).collect();
        times.len() == 6 && times.is_sorted()
    }),
    ("session-keeps-every-turn", |it| {
        let mut id = None;
        for _ in 0..4 {
            let mut body = json!({"messages": [{"role": "user", "content": "Go on."}], "rag": false, "stream": false});
            if let Some(id) = &id {
                body["session_id"] = json!(id);
            }
            id = it.post(LIMITS, "/chat", body).json()["session_id"].as_str().map(str::to_owned);
        }
        session(it, LIMITS, &id.unwrap())["turns"].as_array().unwrap().len() == 6
    }),
    ("sessions-oldest-first", |it| {
        let (_, newer) = (begun(it), begun(it));
        it.get(AURORA, "/sessions?limit=1").json()["sessions"][0]["id"] == newer.as_str()
    }),
    ("chat-forgets-what-was-said", |it| {
        let word = it.lever(AURORA);
        let id = asked(it, &word, true).json()["session_id"].clone();
        let body = json!({"session_id": id, "stream": false,
            "messages": [{"role": "user", "content": "How is it oiled?"}]});
        it.post(AURORA, "/chat", body).json()["citations"].to_string().contains(&word)
    }),
    ("search-forgets-its-session", |it| {
        let word = it.lever(AURORA);
        let id = asked(it, &word, true).json()["session_id"].clone();
        let body = json!({"session_id": id, "query": "How is it oiled?", "cache": "bypass"});
        it.post(AURORA, "/search", body).json()["query"]["rewritten"].to_string().contains(&word)
    }),
];

/// A chat without documents, with more fields.
fn plain(it: &World, more: Value) -> Answer {
    let mut body = json!({"messages": [{"role": "user", "content": "Go on."}], "rag": false, "stream": false});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    it.post(AURORA, "/chat", body)
}

/// What an answer says.
fn text(answer: &Answer) -> String {
    answer.json()["message"]["content"].as_str().unwrap_or_default().to_owned()
}

/// The id of a new session.
fn begun(it: &World) -> String {
    plain(it, json!({})).json()["session_id"].as_str().unwrap_or_default().to_owned()
}

fn session(it: &World, tenant: &str, id: &str) -> Value {
    it.get(tenant, &format!("/sessions/{id}")).json()
}

/// A chat about what [`World::lever`] says.
fn asked(it: &World, word: &str, rag: bool) -> Answer {
    let content = format!("How long is the {word} lever pressed?");
    it.post(AURORA, "/chat", json!({"messages": [{"role": "user", "content": content}], "rag": rag, "stream": false}))
}

/// The status of a chat of these messages of the user, in the tenant of small limits.
fn of_limits(it: &World, messages: &[String]) -> u16 {
    let messages: Vec<Value> = messages.iter().map(|text| json!({"role": "user", "content": text})).collect();
    it.post(LIMITS, "/chat", json!({"messages": messages, "rag": false, "stream": false})).status
}

fn open_streams(it: &World) -> Value {
    it.program.control("GET", "/counters?tenant=aurora-bikes", None).json()["open_streams"].clone()
}

/// Leaves a chat after its first event, while its model pauses, and waits until the server has seen it.
pub(super) fn hang_up(it: &World, body: &Value) {
    it.fault("generator", json!({"kind": "slow", "delay_ms": 1500, "after_pieces": 2, "tenant": AURORA}));
    let body = body.to_string();
    let head = format!(
        "POST /chat HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        it.program.address,
        key(AURORA, "all"),
        body.len()
    );
    let mut stream = TcpStream::connect(&it.program.address).unwrap();
    stream.write_all((head + &body).as_bytes()).unwrap();
    let mut told = String::new();
    let mut bytes = [0; 1024];
    while !told.contains("event: start") {
        let count = stream.read(&mut bytes).unwrap();
        assert!(count > 0, "{told}");
        told.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
    drop(stream);
    it.mend("generator");
    let began = Instant::now();
    while open_streams(it) != 0 && began.elapsed() < Duration::from_secs(1) {}
}
