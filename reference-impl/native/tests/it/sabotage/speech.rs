//! Speech.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::Probes;
use super::world::{AURORA, LIMITS, MERIDIAN, World};
use crate::program::{Program, fixtures};
use crate::speech::{Heard, hear, of_job, say};

const FAR: &str = "far-reach";
const LONG: &str =
    "Bring the ladder. The red lamp over the northern gate, which was painted twice in nineteen years, is lit.";

/// Flaws that [`shows_to_whom_texts_go`] shows: they need a provider that listens.
pub(super) const OF_PROVIDERS: [&str; 2] = ["speech-refusal-retried", "speech-reaches-others"];

pub(super) const PROBES: Probes = &[
    ("speech-rate-misstated", |it| spoken(it, json!({})).body.get(24..28) == Some(22_050_u32.to_le_bytes().as_slice())),
    ("speech-length-misstated", |it| {
        let heard = spoken(it, json!({}));
        heard.body[40..44] == u32::try_from(heard.body.len() - 44).unwrap().to_le_bytes()
    }),
    ("speech-format-mislabelled", |it| spoken(it, json!({})).header("content-type") == Some("audio/wav")),
    ("speech-provider-misnamed", |it| spoken(it, json!({})).header("x-tts-provider") == Some("espeak-ng")),
    ("speech-never-waits", |it| spoken(it, json!({"async": true})).status == 202),
    ("speech-is-silence", |it| spoken(it, json!({})).body[44..].iter().any(|byte| *byte != 0)),
    ("speech-text-truncated", |it| {
        spoken(it, json!({"text": LONG})).seconds() > spoken(it, json!({"text": "Bring the ladder."})).seconds() * 2.0
    }),
    ("speech-order-swapped", |it| {
        let first = spoken(it, json!({"text": "Bring the ladder."}));
        spoken(it, json!({"text": LONG})).body.get(44..first.body.len()) == first.body.get(44..)
    }),
    ("speech-voice-ignored", |it| spoken(it, json!({"voice": "nobody"})).status == 400),
    ("speech-language-ignored", |it| {
        spoken(it, json!({"text": "17 Amsterdam", "language": "de"})).body
            != spoken(it, json!({"text": "17 Amsterdam", "language": "en"})).body
    }),
    // Nobody listens at the address of the first provider.
    ("speech-fallback-not-taken", |it| {
        say(&it.program, FAR, &json!({"text": "Good morning.", "language": "en"})).status == 200
    }),
    ("speech-speed-ignored", |it| spoken(it, json!({"speed": 2})).body.len() < spoken(it, json!({})).body.len()),
    ("speech-stream-differs", |it| {
        spoken(it, json!({"text": LONG, "stream": true})).body == spoken(it, json!({"text": LONG})).body
    }),
    ("speech-of-another-tenant", |it| {
        let own = job(it, AURORA, "The gate is open.");
        let first = of_job(&it.program, AURORA, &own).body;
        let other = job(it, MERIDIAN, "Quite another text.");
        of_job(&it.program, MERIDIAN, &other);
        of_job(&it.program, AURORA, &own).body == first
    }),
    ("speech-limit-ignored", |it| say(&it.program, LIMITS, &json!({"text": "a b ".repeat(31)})).status == 413),
    ("speech-jobs-unbounded", |it| {
        let tenant = "proving-ground";
        let text = "The battery is full and the lamp is lit. ".repeat(110);
        let ids: Vec<Value> = (0..103)
            .map(|_| {
                let started = say(&it.program, tenant, &json!({"text": text, "format": "wav", "async": true}));
                if started.status == 202 { serde_json::from_slice(&started.body).unwrap() } else { Value::Null }
            })
            .collect();
        for id in ids.iter().filter_map(|job| job["id"].as_str()) {
            hear(&it.program, tenant, "DELETE", &format!("/jobs/{id}"), None);
        }
        ids.iter().any(Value::is_null)
    }),
    ("cancelled-speech-goes-on", |it| {
        let tenant = MERIDIAN;
        let busy = job(it, tenant, &"The battery is full and the lamp is lit. ".repeat(110));
        let last = job(it, tenant, "The gate is open.");
        hear(&it.program, tenant, "DELETE", &format!("/jobs/{last}"), None);
        of_job(&it.program, tenant, &busy);
        of_job(&it.program, tenant, &last).status == 404
    }),
];

#[test]
fn speech_flaws_show() {
    super::hold(PROBES);
}

/// A sentence by the tenant that most probes use, with changes.
fn spoken(it: &World, changes: Value) -> Heard {
    let mut body = json!({"text": "Your bike is ready."});
    body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    say(&it.program, AURORA, &body)
}

fn job(it: &World, tenant: &str, text: &str) -> String {
    let started = say(&it.program, tenant, &json!({"text": text, "async": true}));
    assert_eq!(started.status, 202, "{}", started.head);
    let job: Value = serde_json::from_slice(&started.body).unwrap();
    job["id"].as_str().unwrap().to_owned()
}

/// A provider that refuses every text, at an address of its own; remembers what it was sent.
fn refusing() -> (String, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/v1", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(String::new()));
    let remembers = Arc::clone(&seen);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut bytes) = (stream.unwrap(), vec![0; 65_536]);
            let read = stream.read(&mut bytes).unwrap_or(0);
            remembers.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..read]));
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
    });
    (address, seen)
}

#[test]
fn shows_to_whom_texts_go() {
    let (folder, (address, seen)) = (tempfile::tempdir().unwrap(), refusing());
    let (program, _) = Program::start_as(folder.path(), &fixtures().join("tenants"), |command| {
        command.arg(format!("--provider-url=far-speak={address}"));
    });
    let speaks = |tenant: &str, text: &str| say(&program, tenant, &json!({"text": text, "language": "en"})).status;
    let reached = |text: &str| seen.lock().unwrap().contains(text);
    let flaw = |name: &str| assert_eq!(program.control("PUT", &format!("/sabotage/{name}"), None).status, 200);
    assert_eq!((speaks(FAR, "Gate one."), speaks(AURORA, "Gate two.")), (503, 200));
    assert!(reached("Gate one.") && !reached("Gate two."));
    flaw("speech-refusal-retried");
    assert_eq!(speaks(FAR, "Gate three."), 200);
    flaw("speech-reaches-others");
    speaks(AURORA, "Gate four.");
    assert!(reached("Gate four."));
    assert_eq!(program.control("DELETE", "/sabotage", None).status, 204);
    assert_eq!((speaks(FAR, "Gate five."), speaks(AURORA, "Gate six.")), (503, 200));
    assert!(reached("Gate five.") && !reached("Gate six."));
}
