//! A server whose latencies are known: each answer takes what a script says, and all of it may stall at stated times.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// How long answers take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Script {
    /// Shortest time of an answer.
    pub(crate) least: Duration,
    /// How much longer the longest takes; times between are drawn evenly, and one in twenty takes three times as long.
    pub(crate) spread: Duration,
    /// For how long nothing is answered at all, and how often that begins.
    pub(crate) stall: Option<(Duration, Duration)>,
}

/// Serves at the address that is given back, until the runtime ends.
pub(crate) async fn serve(script: Script) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (began, counter) = (Instant::now(), Arc::new(std::sync::atomic::AtomicU64::new(1)));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            tokio::spawn(connection(stream, script, began, Arc::clone(&counter)));
        }
    });
    format!("http://{address}")
}

async fn connection(mut stream: TcpStream, script: Script, began: Instant, counter: Arc<std::sync::atomic::AtomicU64>) {
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
        read.drain(..whole);
        let number = counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        tokio::time::sleep(takes(script, number)).await;
        if let Some((lasts, every)) = script.stall {
            let into = Duration::from_secs_f64(began.elapsed().as_secs_f64() % every.as_secs_f64());
            // The stall lies at the end of each period.
            if into + lasts > every {
                tokio::time::sleep(every.saturating_sub(into)).await;
            }
        }
        let body = "{\"answer\":\"\"}";
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
        if stream.write_all(format!("{head}{body}").as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Length of the request that `read` begins with, once all of it is there.
fn whole_request(read: &[u8]) -> Option<usize> {
    let head = read.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&read[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    let whole = head + length.map_or(0, |length| length.trim().parse::<usize>().unwrap());
    (read.len() >= whole).then_some(whole)
}

fn takes(script: Script, number: u64) -> Duration {
    let mixed = (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as u32;
    let share = f64::from(mixed) / f64::from(1_u32 << 24);
    let usual = script.least + script.spread.mul_f64(share);
    if mixed.is_multiple_of(20) { usual * 3 } else { usual }
}
