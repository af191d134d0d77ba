//! Readers that are slow or stop, and proxies that cut: each ends its own stream at most.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::program::{Program, key};
use crate::speech::say;
use crate::stream::{TENANT, hurried, open_streams, opened_at};

const SPEAKER: &str = "aurora-bikes";

/// Some minutes of speech: more than the system keeps for a client that takes nothing.
fn long_text() -> String {
    "The ladder stands beside the gate, and the gate is open. ".repeat(68)
}

/// The fixtures' tenants, who may hear long texts at once.
fn patient(folder: &std::path::Path, write_timeout_ms: u32) -> std::path::PathBuf {
    let tenants = hurried(folder);
    let file = tenants.join("platform.yaml");
    let settings = std::fs::read_to_string(&file).unwrap();
    let patient = settings.replace("tts_sync_chars: 1000", "tts_sync_chars: 4000");
    assert_ne!(settings, patient, "the default limits say how long a text is spoken at once");
    let timed = patient.replace("write_timeout_ms: 500", &format!("write_timeout_ms: {write_timeout_ms}"));
    std::fs::write(&file, timed).unwrap();
    tenants
}

/// Asks for speech as it is made, and reads the first of its bytes.
fn listening(program: &Program) -> (TcpStream, Vec<u8>) {
    let body = json!({"text": long_text(), "language": "en", "format": "pcm", "stream": true}).to_string();
    let mut stream = TcpStream::connect(&program.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let head = format!(
        "POST /tts HTTP/1.0\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        program.address,
        key(SPEAKER, "all"),
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).unwrap();
    let mut read = vec![0; 4096];
    let count = stream.read(&mut read).unwrap();
    read.truncate(count);
    assert!(read.starts_with(b"HTTP/1.0 200"), "{}", String::from_utf8_lossy(&read));
    (stream, read)
}

fn spoken(answer: &[u8]) -> &[u8] {
    let end = answer.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
    &answer[end + 4..]
}

#[cfg(target_os = "linux")]
/// Waits until a program that the server started for somebody's speech has ended.
fn until_nobody_speaks(program: &Program, what: &str) {
    let began = Instant::now();
    while program.children() > 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_client_that_stops_reading_is_left_and_others_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start_with(&folder.path().join("data"), &patient(folder.path(), 500));
    let (mut stopped, _) = listening(&program);
    assert!(program.children() > 0, "it waits for its client");
    let other = say(&program, SPEAKER, &json!({"text": "Good morning.", "language": "en"}));
    assert!(other.status == 200 && other.seconds() > 0.5);
    until_nobody_speaks(&program, "what speaks for a client that takes nothing has ended");
    // What the system kept is still there; the end is not.
    let mut rest = Vec::new();
    let _ = stopped.read_to_end(&mut rest);
    let whole =
        say(&program, SPEAKER, &json!({"text": long_text(), "language": "en", "format": "pcm", "stream": true}));
    assert!(rest.len() < whole.body.len(), "{} of {} bytes", rest.len(), whole.body.len());
}

#[test]
fn a_slow_reader_gets_all_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start_with(&folder.path().join("data"), &patient(folder.path(), 20_000));
    let (mut slow, mut read) = listening(&program);
    let mut part = vec![0; 64 << 10];
    loop {
        // As long as another request takes.
        assert_eq!(program.call("GET", "/health", None, None).status, 200);
        match slow.read(&mut part).unwrap() {
            0 => break,
            count => read.extend_from_slice(&part[..count]),
        }
    }
    let whole =
        say(&program, SPEAKER, &json!({"text": long_text(), "language": "en", "format": "pcm", "stream": true}));
    assert!(whole.body.len() > 4 << 20, "{} bytes are no more than the system keeps", whole.body.len());
    assert!(spoken(&read) == whole.body, "{} of {} bytes, or others", spoken(&read).len(), whole.body.len());
}

/// A proxy that lets connections through until it is told to cut them.
struct Proxy {
    address: String,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    fn start(upstream: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let open = Arc::<Mutex<Vec<TcpStream>>>::default();
        let held = Arc::clone(&open);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(&upstream).unwrap());
                held.lock().unwrap().extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    std::thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Write);
                    });
                }
            }
        });
        Self { address, open }
    }

    fn cut(&self) {
        for end in self.open.lock().unwrap().drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}

#[test]
fn a_stream_that_a_proxy_cut_frees_its_place_and_the_next_one_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path());
    let hang = json!({"kind": "hang", "tenant": TENANT});
    assert_eq!(program.control("PUT", "/faults/embedding", Some(&hang)).status, 200);
    let proxy = Proxy::start(program.address.clone());
    let mut stream = opened_at(&proxy.address, "this one is cut by its proxy");
    assert_eq!(open_streams(&program), 1);
    proxy.cut();
    let mut rest = String::new();
    let _ = stream.read_to_string(&mut rest);
    assert!(!rest.contains("[DONE]"), "{rest}");
    let began = Instant::now();
    while open_streams(&program) != 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "the place of a stream that was cut is free again");
    }
    assert_eq!(program.control("DELETE", "/faults/embedding", None).status, 204);
    let mut again = String::new();
    let mut next = opened_at(&proxy.address, "this one is whole");
    let _ = next.set_read_timeout(Some(Duration::from_secs(20)));
    while !again.contains("data: [DONE]") {
        let mut part = [0; 4096];
        let count = next.read(&mut part).unwrap();
        assert!(count > 0, "ended after {again}");
        again.push_str(&String::from_utf8_lossy(&part[..count]));
    }
    assert!(again.contains("event: usage") && !again.contains("event: error"), "{again}");
}
