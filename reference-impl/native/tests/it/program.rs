//! Starts the program and talks to it over a plain socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

/// Folder of the fixtures.
pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

/// A demo key of a fixture tenant.
pub(crate) fn key(tenant: &str, name: &str) -> String {
    let text = std::fs::read_to_string(fixtures().join("credentials/keys.yaml")).unwrap();
    let keys: Vec<Value> = serde_yaml::from_str(&text).unwrap();
    let found = keys.iter().find(|key| key["tenant"] == tenant && key["name"] == name).unwrap();
    found["key"].as_str().unwrap().to_owned()
}

/// A running server. Dropping it kills it.
pub(crate) struct Program {
    child: Child,
    pub(crate) address: String,
    pub(crate) control: Option<String>,
    output: Mutex<Receiver<String>>,
    /// Log lines that were not as the contract's schema says.
    misfits: Arc<Mutex<Vec<String>>>,
}

/// Why a line of standard output is no log line.
fn misfit(line: &str) -> Option<String> {
    static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
        let mut document = contract_types::schemas().clone();
        document["$ref"] = Value::from("#/components/schemas/LogLine");
        jsonschema::options().should_validate_formats(true).build(&document).unwrap()
    });
    let value: Value = match serde_json::from_str(line) {
        Ok(value) => value,
        Err(error) => return Some(format!("{error}: {line}")),
    };
    let found: Vec<String> =
        SCHEMA.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    (!found.is_empty()).then(|| format!("{}: {line}", found.join("; ")))
}

#[test]
fn a_line_that_is_not_as_the_schema_says_is_seen() {
    let good = json!({"timestamp": "2026-03-02T09:15:00.000Z", "level": "info", "message": "request", "route": "/search",
        "method": "POST", "status": 200, "latency_ms": 1.5, "request_id": "r1", "trace_id": "a".repeat(32), "span_id": "b".repeat(16)});
    assert_eq!(misfit(&good.to_string()), None);
    for (field, value) in [("span_id", json!("B".repeat(16))), ("prompt", json!("hello")), ("route", json!("search"))] {
        let mut bad = good.clone();
        bad[field] = value;
        assert!(misfit(&bad.to_string()).is_some(), "{field}");
    }
    assert!(misfit("not JSON").is_some());
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Program {
    /// Serves the fixtures over `data`, with a control listener.
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_with(data, &fixtures().join("tenants"))
    }

    /// Serves the tenants of a folder over `data`, with a control listener.
    pub(crate) fn start_with(data: &Path, tenants: &Path) -> Self {
        Self::start_as(data, tenants, |_| {}).0
    }

    /// Serves the fixtures over `data`, where programs are looked for in `path`; gives what it says before it is ready.
    pub(crate) fn start_in(data: &Path, path: &str) -> (Self, Vec<String>) {
        Self::start_as(data, &fixtures().join("tenants"), |command| {
            command.env("PATH", path);
        })
    }

    /// The same with changes to the command; gives what the program says before it is ready too.
    pub(crate) fn start_as(data: &Path, tenants: &Path, change: impl FnOnce(&mut Command)) -> (Self, Vec<String>) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reference-impl"));
        command
            .args(["serve", "--demo", "--addr", "127.0.0.1:0", "--control", "127.0.0.1:0", "--data"])
            .arg(data)
            .arg("--tenants")
            .arg(tenants)
            .env_remove("PLUMBLINE_ENV")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        change(&mut command);
        let mut child = command.spawn().unwrap();
        let (lines, output) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let misfits = Arc::<Mutex<Vec<String>>>::default();
        let found = Arc::clone(&misfits);
        std::thread::spawn(move || {
            stdout.lines().map_while(Result::ok).try_for_each(|line| {
                found.lock().unwrap().extend(misfit(&line));
                lines.send(line)
            })
        });
        let (ready, told) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| ready.send(line)));
        let (mut control, mut seen) = (None, Vec::new());
        let address = loop {
            let line = told.recv_timeout(Duration::from_secs(20));
            let line = line.unwrap_or_else(|_| panic!("the server is not ready: {seen:?}"));
            if let Some(address) = line.strip_prefix("control API on http://") {
                control = Some(address.to_owned());
            }
            if let Some(address) = line.strip_prefix("listening on http://") {
                break address.to_owned();
            }
            seen.push(line);
        };
        (Self { child, address, control, output: Mutex::new(output), misfits }, seen)
    }

    /// One request on a connection of its own.
    pub(crate) fn call(&self, method: &str, path: &str, key: Option<&str>, body: Option<&Value>) -> Answer {
        let credential = key.map(|key| format!("authorization: Bearer {key}\r\n")).unwrap_or_default();
        exchange(&self.address, method, path, &credential, body).unwrap()
    }

    /// One request to the control API.
    pub(crate) fn control(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        exchange(self.control.as_ref().unwrap(), method, path, "", body).unwrap()
    }

    /// Programs that the server has started and that run.
    #[cfg(target_os = "linux")]
    pub(crate) fn children(&self) -> usize {
        let parent = self.child.id().to_string();
        let of_server = |entry: std::io::Result<std::fs::DirEntry>| {
            let status = std::fs::read_to_string(entry.ok()?.path().join("stat")).ok()?;
            // The name stands in brackets and may hold anything; state and parent come after it.
            let mut fields = status.rsplit_once(") ")?.1.split(' ');
            let (state, of) = (fields.next()?, fields.next()?);
            (of == parent && state != "Z").then_some(())
        };
        std::fs::read_dir("/proc").unwrap().filter_map(of_server).count()
    }

    /// Ends the process at once, as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks the process to stop; returns its exit code and what it wrote to standard output.
    #[cfg(unix)]
    pub(crate) fn stop(mut self) -> (Option<i32>, Vec<String>) {
        let kill = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(kill.success());
        let code = self.child.wait().unwrap().code();
        (code, self.output.lock().unwrap().iter().collect())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let misfits = self.misfits.lock().unwrap();
        if !std::thread::panicking() {
            assert!(misfits.is_empty(), "lines of the log are not as the contract says: {misfits:#?}");
        }
    }
}

/// Sends one request and reads the answer to its end.
pub(crate) fn exchange(
    address: &str,
    method: &str,
    path: &str,
    headers: &str,
    body: Option<&Value>,
) -> std::io::Result<Answer> {
    let body = body.map(Value::to_string);
    exchange_text(address, method, path, headers, body.as_deref().map(|body| ("application/json", body)))
}

/// Sends one request whose body has a media type and is text of any kind.
pub(crate) fn exchange_text(
    address: &str,
    method: &str,
    path: &str,
    headers: &str,
    body: Option<(&str, &str)>,
) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let content =
        body.map(|(media_type, body)| format!("content-type: {media_type}\r\ncontent-length: {}\r\n", body.len()));
    let host = if headers.starts_with("host:") { String::new() } else { format!("host: {address}\r\n") };
    let (content, body) = (content.unwrap_or_default(), body.map_or("", |(_, body)| body));
    stream.write_all(
        format!("{method} {path} HTTP/1.1\r\n{host}connection: close\r\n{headers}{content}\r\n{body}").as_bytes(),
    )?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    // Sound is no text; what is told of it stands in the head.
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let status =
        head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or(std::io::ErrorKind::InvalidData)?;
    let body = if head.contains("transfer-encoding: chunked") { unchunked(body) } else { body.to_owned() };
    Ok(Answer { status, head: head.to_owned(), body })
}

fn unchunked(mut rest: &str) -> String {
    let mut body = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        body.push_str(&after[..size]);
        rest = after[size..].trim_start_matches("\r\n");
        if size == 0 {
            break;
        }
    }
    body
}
