//! A server on a thread of its own, so that its processor time can be told from that of the clients, which keeps its own account of when
//! it wrote the first event of each stream.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// The server and its account.
pub(crate) struct Server {
    /// Its address.
    pub(crate) url: String,
    /// Id of its thread.
    pub(crate) thread: String,
    account: Arc<Account>,
}

#[derive(Default)]
struct Account {
    answered: AtomicU64,
    open: AtomicU64,
    peak: AtomicU64,
    /// From a request that was read to its first event that was written, in milliseconds.
    firsts: Mutex<Vec<f64>>,
}

/// What a stream is like.
#[derive(Clone, Copy)]
struct Pace {
    events: u32,
    first: Duration,
    pause: Duration,
}

impl Server {
    /// Answers `/search` at once and `/chat` with a stream of so many events.
    pub(crate) fn start(events: u32, first: Duration, pause: Duration) -> Self {
        let account = Arc::new(Account::default());
        let (tell, told) = mpsc::channel();
        let own = Arc::clone(&account);
        std::thread::spawn(move || {
            let thread = std::fs::read_link("/proc/thread-self").unwrap();
            let thread = thread.file_name().unwrap().to_string_lossy().into_owned();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send((format!("http://{}", listener.local_addr().unwrap()), thread)).unwrap();
                while let Ok((stream, _)) = listener.accept().await {
                    let _ = stream.set_nodelay(true);
                    tokio::spawn(connection(stream, Pace { events, first, pause }, Arc::clone(&own)));
                }
            });
        });
        let (url, thread) = told.recv().unwrap();
        Self { url, thread, account }
    }

    /// Requests that were answered.
    pub(crate) fn answered(&self) -> u64 {
        self.account.answered.load(Ordering::Relaxed)
    }

    /// The most streams at once.
    pub(crate) fn peak(&self) -> u64 {
        self.account.peak.load(Ordering::Relaxed)
    }

    /// From a request that was read to the first event that was written.
    pub(crate) fn first_event_ms(&self, quantile: f64) -> f64 {
        let mut firsts = self.account.firsts.lock().unwrap().clone();
        firsts.sort_unstable_by(f64::total_cmp);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share"
        )]
        let at = (firsts.len() as f64 * quantile) as usize;
        firsts[at.min(firsts.len() - 1)]
    }
}

async fn connection(mut stream: TcpStream, pace: Pace, account: Arc<Account>) {
    let body = contract_types::examples("SearchAnswer")[0].to_string();
    let mut read = Vec::new();
    loop {
        let Some(whole) = whole_request(&read) else {
            let mut piece = [0; 4096];
            match stream.read(&mut piece).await {
                Ok(0) | Err(_) => return,
                Ok(count) => read.extend_from_slice(&piece[..count]),
            }
            continue;
        };
        let began = Instant::now();
        let streams = read.starts_with(b"POST /chat");
        read.drain(..whole);
        let written = if streams {
            let open = account.open.fetch_add(1, Ordering::Relaxed) + 1;
            account.peak.fetch_max(open, Ordering::Relaxed);
            let written = events(&mut stream, pace, began, &account).await;
            account.open.fetch_sub(1, Ordering::Relaxed);
            written
        } else {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length:";
            stream.write_all(format!("{head} {}\r\n\r\n{body}", body.len()).as_bytes()).await
        };
        account.answered.fetch_add(1, Ordering::Relaxed);
        if written.is_err() {
            return;
        }
    }
}

/// A whole stream, each event in a piece of its own.
async fn events(stream: &mut TcpStream, pace: Pace, began: Instant, account: &Account) -> std::io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    for index in 0..pace.events {
        tokio::time::sleep(if index == 0 { pace.first } else { pace.pause }).await;
        let (name, data) = match index {
            0 => ("start", json!({"index": 0})),
            _ if index + 1 == pace.events => ("done", json!({"index": index})),
            _ => ("token", json!({"index": index, "text": "amber "})),
        };
        let event = format!("event: {name}\ndata: {data}\n\n");
        stream.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes()).await?;
        if index == 0 {
            account.firsts.lock().unwrap().push(began.elapsed().as_secs_f64() * 1000.0);
        }
    }
    let end = "data: [DONE]\n\n";
    stream.write_all(format!("{:x}\r\n{end}\r\n0\r\n\r\n", end.len()).as_bytes()).await
}

/// Length of the request that `read` begins with, once all of it is there.
fn whole_request(read: &[u8]) -> Option<usize> {
    let head = read.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&read[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    let whole = head + length.map_or(0, |length| length.trim().parse::<usize>().unwrap());
    (read.len() >= whole).then_some(whole)
}
