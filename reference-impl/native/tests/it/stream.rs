//! A stream over a real socket: its first event comes alone, and a client that goes away leaves nothing behind.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use contract_types::{ErrorCode, LogLine, LogLineStreamOutcome};
use serde_json::{Value, json};

use crate::program::{Program, key};

pub(crate) const TENANT: &str = "tiny-limits";

pub(crate) fn open_streams(program: &Program) -> Value {
    program.control("GET", "/counters?tenant=tiny-limits", None).json()["open_streams"].clone()
}

/// Opens a stream and reads until its first event is there.
pub(crate) fn opened(program: &Program, query: &str) -> TcpStream {
    opened_at(&program.address, query)
}

/// The same at an address that may be a proxy's.
pub(crate) fn opened_at(address: &str, query: &str) -> TcpStream {
    let body = json!({"query": query, "cache": "bypass", "stream": true}).to_string();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head = format!(
        "POST /search HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        address,
        key(TENANT, "all"),
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).unwrap();
    let (mut read, mut part) = (Vec::new(), [0; 4096]);
    while !String::from_utf8_lossy(&read).contains("event: start") {
        let count = stream.read(&mut part).unwrap();
        assert!(count > 0, "closed after {:?}", String::from_utf8_lossy(&read));
        read.extend_from_slice(&part[..count]);
    }
    let read = String::from_utf8(read).unwrap();
    assert!(read.starts_with("HTTP/1.1 200") && read.contains("content-type: text/event-stream"), "{read}");
    assert!(!read.contains("event: usage"), "the first event comes before the last is made: {read}");
    stream
}

/// The fixtures' tenants under a platform that has no time to lose.
pub(crate) fn hurried(folder: &std::path::Path) -> std::path::PathBuf {
    let copied = Command::new("cp").arg("-r").arg(crate::program::fixtures()).arg(folder).status().unwrap();
    assert!(copied.success());
    let tenants = folder.join("fixtures/tenants");
    let mut platform = std::fs::read_to_string(tenants.join("platform.yaml")).unwrap();
    platform.push_str("shutdown_grace_ms: 1000\nwrite_timeout_ms: 500\n");
    std::fs::write(tenants.join("platform.yaml"), platform).unwrap();
    tenants
}

#[cfg(unix)]
#[test]
fn a_server_that_stops_tells_the_clients_of_open_streams() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start_with(&folder.path().join("data"), &hurried(folder.path()));
    let hang = json!({"kind": "hang", "tenant": TENANT});
    assert_eq!(program.control("PUT", "/faults/embedding", Some(&hang)).status, 200);
    let mut stream = opened(&program, "this one hangs");
    let reader = std::thread::spawn(move || {
        let mut rest = String::new();
        let ended = stream.read_to_string(&mut rest);
        (rest, ended.is_ok())
    });
    let (code, output) = program.stop();
    assert_eq!(code, Some(0));
    let (rest, whole) = reader.join().unwrap();
    assert!(whole && rest.contains("event: error") && rest.contains("UPSTREAM_UNAVAILABLE"), "{rest}");
    assert!(rest.contains("data: [DONE]"), "{rest}");
    let lines: Vec<LogLine> = output.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ended: Vec<_> = lines.iter().filter_map(|line| line.stream_outcome).collect();
    assert_eq!(ended, [LogLineStreamOutcome::Error]);
}

#[test]
fn a_client_that_goes_away_frees_its_place_and_the_log_says_how_streams_ended() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path());
    let all = key(TENANT, "all");
    let search = |query: &str| {
        let body = json!({"query": query, "cache": "bypass", "stream": true});
        program.call("POST", "/search", Some(&all), Some(&body))
    };
    let whole = search("nothing hangs yet");
    assert!(whole.status == 200 && whole.body.ends_with("data: [DONE]\n\n"), "{whole:?}");
    assert_eq!(open_streams(&program), 0);

    let hang = json!({"kind": "hang", "tenant": TENANT});
    assert_eq!(program.control("PUT", "/faults/embedding", Some(&hang)).status, 200);
    let streams = [opened(&program, "first one hangs"), opened(&program, "second one hangs")];
    assert_eq!(open_streams(&program), 2);
    let refused = search("third one is too many");
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (429, &json!("RATE_LIMITED")), "{refused:?}");
    assert!(refused.head.contains("retry-after: 1"), "{refused:?}");

    drop(streams);
    let began = Instant::now();
    while open_streams(&program) != 0 {
        assert!(began.elapsed() < Duration::from_secs(1), "a place is free within a second");
    }
    let overdue = search("until the deadline");
    assert!(overdue.body.contains("UPSTREAM_TIMEOUT") && overdue.body.contains(": heartbeat\n\n"), "{overdue:?}");

    #[cfg(unix)]
    {
        let (code, output) = program.stop();
        assert_eq!(code, Some(0));
        let lines: Vec<LogLine> = output.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let told = lines.iter().filter(|line| line.route == "/search");
        let mut told: Vec<_> = told.map(|line| (line.stream_outcome, line.error_code)).collect();
        told.sort_by_key(|(outcome, code)| (outcome.map(|it| it as u8), code.map(ErrorCode::status)));
        let (done, error) = (LogLineStreamOutcome::Done, LogLineStreamOutcome::Error);
        let aborted = (Some(LogLineStreamOutcome::Aborted), None);
        let wanted = [
            (None, Some(ErrorCode::RateLimited)),
            (Some(done), None),
            (Some(error), Some(ErrorCode::UpstreamTimeout)),
            aborted,
            aborted,
        ];
        assert_eq!(told, wanted);
    }
}
