//! Speech by `espeak-ng` over the whole program: real sound, its own for each tenant, and fair turns.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::{Program, key};

const AURORA: &str = "aurora-bikes";
const MERIDIAN: &str = "meridian-lab";

/// An answer whose body is no text.
pub(crate) struct Heard {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Heard {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.head.lines().find_map(|line| line.split_once(": ").filter(|(found, _)| *found == name));
        found.map(|(_, value)| value)
    }

    /// Length of a WAV file in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        assert_eq!(self.body.get(..4), Some(b"RIFF".as_slice()), "{}", self.head);
        let number = |at: usize| u32::from_le_bytes(self.body[at..at + 4].try_into().unwrap());
        assert_eq!(number(40) as usize + 44, self.body.len());
        f64::from(number(40)) / f64::from(number(24)) / 2.0
    }
}

/// One request whose answer may be audio.
pub(crate) fn hear(program: &Program, tenant: &str, method: &str, path: &str, body: Option<&Value>) -> Heard {
    let mut stream = TcpStream::connect(&program.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let body = body.map(Value::to_string).unwrap_or_default();
    let key = key(tenant, "all");
    let content = if body.is_empty() {
        String::new()
    } else {
        format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len())
    };
    let host = &program.address;
    let head =
        format!("{method} {path} HTTP/1.0\r\nhost: {host}\r\nauthorization: Bearer {key}\r\n{content}\r\n{body}");
    stream.write_all(head.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Heard { status, head, body: bytes[end + 4..].to_vec() }
}

pub(crate) fn say(program: &Program, tenant: &str, body: &Value) -> Heard {
    hear(program, tenant, "POST", "/tts", Some(body))
}

/// Waits for a job's end and gives its audio.
pub(crate) fn of_job(program: &Program, tenant: &str, job: &str) -> Heard {
    let until = Instant::now() + Duration::from_mins(2);
    loop {
        let heard = hear(program, tenant, "GET", &format!("/jobs/{job}/result"), None);
        if heard.status != 409 || Instant::now() > until {
            return heard;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn lasts_as_long_as_its_sounds_and_is_the_same_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path());
    // Phonemes of each text, counted with `espeak-ng -x`: a text lasts 0.072 s for each and 0.49 s, pauses aside.
    for (text, phonemes) in
        [("Good morning.", 9.0), ("The battery is full.", 15.0), ("Bring the ladder to the gate.", 20.0)]
    {
        let usual = say(&program, AURORA, &json!({"text": text, "language": "en"}));
        let (found, expected) = (usual.seconds(), 0.072 * phonemes + 0.49);
        assert!((expected * 0.6..expected * 1.6).contains(&found), "{text}: {found} s instead of {expected} s");
        assert_eq!(say(&program, AURORA, &json!({"text": text, "language": "en"})).body, usual.body);
        let share = |speed: f64| say(&program, AURORA, &json!({"text": text, "speed": speed})).seconds() / found;
        let (fast, slow) = (share(2.0), share(0.5));
        assert!((0.3..0.8).contains(&fast) && (1.4..2.6).contains(&slow), "{text}: {fast} and {slow}");
    }
    for text in ["-f/etc/hostname", "-w/tmp/x.wav", "--stdin", "[[h@l'oU]]", "<break time=\"3600s\"/> lamp"] {
        let heard = say(&program, AURORA, &json!({"text": text, "language": "en"}));
        let found = heard.seconds();
        assert!((0.5..12.0).contains(&found), "{text}: {found} s");
    }
}

#[test]
fn gives_fifty_jobs_of_two_tenants_their_own_audio_and_fair_turns() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path());
    let text = |tenant: &str, number: usize| {
        format!("{tenant} has gate number {number}. {}", "It is open. ".repeat(number % 7))
    };
    // All of one tenant's jobs are there before the first of the other's.
    let mut jobs = Vec::new();
    for tenant in [AURORA, MERIDIAN] {
        for number in 0..25 {
            let body = json!({"text": text(tenant, number), "language": "en", "async": true});
            let started = say(&program, tenant, &body);
            assert_eq!(started.status, 202, "{}", started.head);
            let job: Value = serde_json::from_slice(&started.body).unwrap();
            jobs.push((tenant, number, job["id"].as_str().unwrap().to_owned()));
        }
    }
    for (tenant, number, job) in &jobs {
        let made = of_job(&program, tenant, job);
        assert_eq!((made.status, made.header("x-tts-provider")), (200, Some("espeak-ng")));
        let own = say(&program, tenant, &json!({"text": text(tenant, *number), "language": "en"}));
        assert!(made.body == own.body, "the audio of {tenant} {number} is another's");
        let other = if *tenant == AURORA { MERIDIAN } else { AURORA };
        assert_eq!(hear(&program, other, "GET", &format!("/jobs/{job}/result"), None).status, 404);
    }
    let ended = |tenant: &str| {
        let listed = hear(&program, tenant, "GET", "/jobs?limit=100", None);
        let listed: Value = serde_json::from_slice(&listed.body).unwrap();
        let mut times: Vec<String> = listed["jobs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|job| job["updated_at"].as_str().unwrap().to_owned())
            .collect();
        times.sort();
        times
    };
    let (first, second) = (ended(AURORA), ended(MERIDIAN));
    assert_eq!((first.len(), second.len()), (25, 25));
    assert!(second[0] < first[24], "the second tenant waited for all of the first: {} and {}", second[0], first[24]);
}

#[test]
fn starts_without_the_program_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (program, told) = Program::start_in(folder.path(), "/nowhere");
    assert!(told.iter().any(|line| line.contains("espeak-ng is not found") && line.contains(AURORA)), "{told:?}");
    let health = program.call("GET", "/health", None, None);
    let speech = health.json()["dependencies"].as_array().unwrap().iter().find(|it| it["name"] == "speech").cloned();
    assert_eq!((health.status, &speech.unwrap()["state"]), (200, &json!("degraded")));
    let failed = say(&program, AURORA, &json!({"text": "Good morning."}));
    assert_eq!(failed.status, 503, "{}", failed.head);
    assert_eq!(say(&program, "lumen-desk", &json!({"text": "Good morning."})).status, 501);
    let voices = hear(&program, AURORA, "GET", "/tts/voices", None);
    assert_eq!((voices.status, voices.body), (200, b"{\"voices\":[]}".to_vec()));
}
