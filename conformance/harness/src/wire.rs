//! Bytes on the wire, for requests that are no proper HTTP and that a client library refuses to send.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::client::{Bounds, ClientError, Response};

/// How long a connection may stay silent before its answer counts as complete.
const SILENCE: Duration = Duration::from_secs(2);

/// What came back on the connection.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The first response; `None` when the connection was closed without one.
    pub response: Option<Response>,
    /// Whether the target closed the connection.
    pub closed: bool,
    /// How many responses came back.
    pub responses: usize,
}

/// Sends `bytes` to the `http` address `base` on a connection of its own and reads what comes back.
///
/// # Errors
///
/// [`ClientError::Address`] for another scheme, [`ClientError::Unreachable`] without a connection.
pub async fn send(base: &str, bytes: &[u8], bounds: Bounds) -> Result<Answer, ClientError> {
    let address = |expected: &str| ClientError::Address { url: base.to_owned(), expected: expected.to_owned() };
    let rest = base.strip_prefix("http://").ok_or_else(|| address("bytes on the wire go to http:// alone"))?;
    let authority = rest.split('/').next().unwrap_or_default();
    let place = if authority.contains(':') { authority.to_owned() } else { format!("{authority}:80") };
    let unreachable =
        |cause: std::io::Error| ClientError::Unreachable { url: base.to_owned(), cause: cause.to_string() };
    let mut stream = TcpStream::connect(&place).await.map_err(unreachable)?;
    let began = Instant::now();
    // The target may close before it has read everything; what it answered is still there to be read.
    let _ = stream.write_all(bytes).await;
    let (mut read, mut closed, mut spoke) = (Vec::new(), false, began);
    let mut part = vec![0; 16 << 10];
    while read.len() < bounds.body {
        let left = SILENCE.saturating_sub(spoke.elapsed()).min(bounds.time.saturating_sub(began.elapsed()));
        match tokio::time::timeout(left, stream.read(&mut part)).await {
            Err(_) => break,
            Ok(Ok(0) | Err(_)) => {
                closed = true;
                break;
            }
            Ok(Ok(count)) => {
                if !only_heartbeats(&part[..count]) {
                    spoke = Instant::now();
                }
                read.extend_from_slice(&part[..count]);
            }
        }
    }
    let responses = count(&read);
    Ok(Answer { response: parse(&read, began.elapsed()), closed, responses })
}

/// Whether `bytes` say nothing: comments of an event stream, chunked or not. A target may send them as often as it likes.
fn only_heartbeats(bytes: &[u8]) -> bool {
    bytes.split(|byte| *byte == b'\n').all(|line| {
        let line = line.trim_ascii();
        line.starts_with(b":") || line.iter().all(u8::is_ascii_hexdigit)
    })
}

/// How many responses begin in `bytes`.
fn count(bytes: &[u8]) -> usize {
    bytes.windows(9).filter(|window| window.starts_with(b"HTTP/1.") && window[8] == b' ').count()
}

fn parse(bytes: &[u8], elapsed: Duration) -> Option<Response> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let rest = &bytes[end + 4..];
    let body = &rest[..length.unwrap_or(rest.len()).min(rest.len())];
    Some(Response {
        status,
        headers,
        body: Bytes::copy_from_slice(body),
        truncated: false,
        broken: length.is_some_and(|length| length > rest.len()),
        headers_after: elapsed,
        arrivals: Vec::new(),
        stopped: false,
    })
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn takes_heartbeats_for_silence() {
        for (bytes, silent) in [
            (": heartbeat\n\n", true),
            ("d\r\n: heartbeat\n\n\r\n", true),
            ("1c\r\nevent: token\ndata: {}\n\n\r\n", false),
            ("d\r\n: heartbeat\n\n\r\ne\r\ndata: [DONE]\n\n\r\n", false),
        ] {
            assert_eq!(only_heartbeats(bytes.as_bytes()), silent, "{bytes:?}");
        }
    }

    #[tokio::test]
    async fn sends_bytes_as_they_are() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut read = vec![0; 1024];
            let count = stream.read(&mut read).await.unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\nX-A:  b\r\n\r\n{}").await.unwrap();
            read.truncate(count);
            read
        });
        let bytes = b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n";
        let answer = send(&base, bytes, Bounds::default()).await.unwrap();
        let response = answer.response.unwrap();
        assert_eq!((response.status, response.header("x-a"), &*response.body), (400, Some("b"), &b"{}"[..]));
        assert!(answer.closed && answer.responses == 1 && !response.broken);
        assert_eq!(server.await.unwrap(), bytes);
    }
}
