//! Servers on loopback that misbehave by script, from the first request on or only once a run has begun.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
};

use serde_json::{Value, json};

/// What a server does instead of answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Closes the connection at once.
    HangsUp,
    /// Keeps the connection and never answers.
    Silent,
    /// Answers a page with status 200.
    Page,
    /// Begins a body that never ends.
    EndlessBody,
    /// Sends header fields without end.
    EndlessHeaders,
    /// Says that JSON comes and sends bytes that are no UTF-8.
    NoText,
    /// Sends a body of a gigabyte.
    Gigabyte,
    /// Sends a status line that is none.
    Garbage,
    /// Says that the body is longer than it is and closes.
    CutShort,
}

/// Whether a server is well-behaved until the run has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// It misbehaves from the first request on.
    TheStart,
    /// Health, capabilities, ingest and delete are answered.
    TheFirstCase,
}

/// Serves on a free port until the test process ends. Gives `127.0.0.1:<port>`.
pub(crate) fn serve(manner: Manner, since: Since) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let capabilities = Arc::new(capabilities());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let capabilities = Arc::clone(&capabilities);
            // The peer may close at any moment: that ends the script and is no failure of it.
            std::thread::spawn(move || drop(converse(stream, manner, since, &capabilities)));
        }
    });
    address
}

/// What a deployment without any optional feature declares.
fn capabilities() -> Value {
    let mut example = contract_types::examples("Capabilities")[0].clone();
    example["features"] = json!([]);
    example["tools"] = json!([]);
    example
}

fn converse(mut stream: TcpStream, manner: Manner, since: Since, capabilities: &Value) -> io::Result<()> {
    if since == Since::TheStart && manner == Manner::HangsUp {
        return Ok(());
    }
    let (line, body) = read(&stream)?;
    if since == Since::TheFirstCase {
        let answer = match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["GET", "/health", ..] => Some(json!({ "status": "ok" })),
            ["GET", "/capabilities", ..] => Some(capabilities.clone()),
            ["POST", "/ingest", ..] => Some(report(&body)),
            ["DELETE", ..] => Some(json!({})),
            _ => None,
        };
        if let Some(answer) = answer {
            return send(&mut stream, "application/json", answer.to_string().as_bytes());
        }
    }
    misbehave(&mut stream, manner)
}

/// The first line of a request, and its body.
fn read(stream: &TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first)?;
    loop {
        let mut field = String::new();
        if reader.read_line(&mut field)? == 0 || field.trim().is_empty() {
            break;
        }
        if let Some(value) = field.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok((first, body))
}

fn report(body: &[u8]) -> Value {
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    let outcome = |document: &Value| json!({ "id": document["id"], "status": "created", "chunks": 1, "content_hash": format!("sha256:{:064}", 0) });
    json!({ "documents": asked["documents"].as_array().into_iter().flatten().map(outcome).collect::<Vec<_>>(), "corpus_version": 1 })
}

fn send(stream: &mut TcpStream, kind: &str, body: &[u8]) -> io::Result<()> {
    write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", body.len())?;
    stream.write_all(body)
}

fn misbehave(stream: &mut TcpStream, manner: Manner) -> io::Result<()> {
    const JSON: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    match manner {
        Manner::HangsUp => Ok(()),
        // Until the peer gives up.
        Manner::Silent => stream.read_to_end(&mut Vec::new()).map(drop),
        Manner::Page => send(stream, "text/html", b"<!doctype html><title>Welcome</title><p>It works!</p>"),
        Manner::EndlessBody => {
            write!(stream, "{JSON}transfer-encoding: chunked\r\n\r\n2\r\n[1\r\n")?;
            stream.read_to_end(&mut Vec::new()).map(drop)
        }
        Manner::EndlessHeaders => {
            write!(stream, "{JSON}")?;
            (0_u64..).try_for_each(|number| write!(stream, "x-field-{number}: {number:064}\r\n"))
        }
        Manner::NoText => send(stream, "application/json", b"{\"id\": \"\xff\xfe\xc3(\"}"),
        Manner::Gigabyte => {
            write!(stream, "{JSON}content-length: {}\r\n\r\n\"", 1_u64 << 30)?;
            let part = vec![b'a'; 1 << 16];
            (0..(1 << 14)).try_for_each(|_| stream.write_all(&part))
        }
        Manner::Garbage => stream.write_all(b"PLUMBLINE/9 yes, fine\r\n\r\n"),
        Manner::CutShort => write!(stream, "{JSON}content-length: 500\r\n\r\n{{\"id\":"),
    }
}
