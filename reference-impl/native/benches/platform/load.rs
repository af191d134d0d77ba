//! The client: a few connections that are kept, each with one request on its way at a time.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Connections at once.
pub(crate) const CONNECTIONS: usize = 8;

/// A request as its bytes, which are the same for every server but for the host.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn get(path: &str) -> Self {
        Self { head: format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n"), body: String::new() }
    }

    pub(crate) fn post(path: &str, key: &str, body: &serde_json::Value) -> Self {
        let body = body.to_string();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n\
             accept: application/json, text/event-stream\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        Self { head, body }
    }

    fn bytes(&self) -> Vec<u8> {
        [self.head.as_bytes(), self.body.as_bytes()].concat()
    }
}

/// A connection and what it has read beyond the last answer, which is nothing.
pub(crate) struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("a socket");
        stream.set_read_timeout(Some(Duration::from_mins(1))).expect("a socket");
        Self { stream, read: Vec::new() }
    }

    /// Sends `request` and gives the answer's body, which must be a success.
    pub(crate) fn ask(&mut self, request: &[u8]) -> &[u8] {
        self.stream.write_all(request).expect("the server reads");
        self.read.clear();
        let mut room = [0; 16 * 1024];
        let (mut head, mut length) = (None, 0);
        loop {
            if head.is_none()
                && let Some(end) = memchr::memmem::find(&self.read, b"\r\n\r\n")
            {
                let text = String::from_utf8_lossy(&self.read[..end]).to_ascii_lowercase();
                assert!(text.starts_with("http/1.1 200"), "{}", String::from_utf8_lossy(&self.read));
                let told = text.lines().find_map(|line| line.strip_prefix("content-length: "));
                length = told.and_then(|told| told.parse().ok()).expect("an answer that tells its length");
                head = Some(end + 4);
            }
            if let Some(head) = head
                && self.read.len() >= head + length
            {
                return &self.read[head..];
            }
            let read = self.stream.read(&mut room).expect("the server answers");
            assert!(read > 0, "the server closed the connection");
            self.read.extend_from_slice(&room[..read]);
        }
    }
}

/// Sends one request and gives the body of its answer.
pub(crate) fn once(address: &str, request: &Request) -> Vec<u8> {
    Connection::open(address).ask(&request.bytes()).to_vec()
}

/// Sends `count` requests in all, by turns of `requests`, over [`CONNECTIONS`] connections; tells how long that took.
pub(crate) fn run(address: &str, requests: &[Request], count: usize) -> Duration {
    let requests: Vec<Vec<u8>> = requests.iter().map(Request::bytes).collect();
    let mut connections: Vec<Connection> = (0..CONNECTIONS).map(|_| Connection::open(address)).collect();
    let started = Instant::now();
    std::thread::scope(|scope| {
        for (first, connection) in connections.iter_mut().enumerate() {
            let requests = &requests;
            scope.spawn(move || {
                for at in (first..count).step_by(CONNECTIONS) {
                    connection.ask(&requests[at % requests.len()]);
                }
            });
        }
    });
    started.elapsed()
}
