//! One JSON line a request, written by a thread of its own.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use reference_http::{RequestRecord, Telemetry};
use serde_json::json;

/// Lines that may wait for a slow reader of the log before further ones are dropped and counted: about 40 MB.
const WAITING_LINES: usize = 65_536;

/// How long the writer lets further lines come before it writes those there are. Without it, each request would wake the writer.
const PAUSE: Duration = Duration::from_millis(5);
/// Lines that are written together at most.
const LINES_TOGETHER: usize = 1_024;

/// How long the last lines have to be written.
const LAST_LINES: Duration = Duration::from_secs(2);

/// Where lines go.
pub type Sink = Box<dyn Write + Send>;

/// What the writer's thread is told.
#[expect(
    clippy::large_enum_variant,
    reason = "all messages but the last one are records, and a box each would cost more"
)]
enum Message {
    Record(RequestRecord),
    /// To answer when everything before it is written.
    Flush(SyncSender<()>),
}

/// Writes log lines without ever making a request wait. Dropping it writes what is left.
pub struct JsonLines {
    lines: Option<SyncSender<Message>>,
    /// Whether a request that tells no cause leaves a line.
    every: bool,
    dropped: Arc<AtomicU64>,
    writer: Option<JoinHandle<()>>,
}

impl JsonLines {
    /// - `requests`: gets the contract's line of each request.
    /// - `causes`: gets, for a request that failed for a reason that its client is not told, that reason with the request id,
    ///   and how many lines were dropped.
    pub fn new(requests: Sink, causes: Sink) -> Self {
        Self::telling(Some(requests), causes)
    }

    /// Writes causes alone, and no line of any request.
    pub fn of_causes(causes: Sink) -> Self {
        Self::telling(None, causes)
    }

    fn telling(requests: Option<Sink>, causes: Sink) -> Self {
        let (sender, receiver) = sync_channel(WAITING_LINES);
        let every = requests.is_some();
        let requests = requests.unwrap_or_else(|| Box::new(std::io::sink()));
        let dropped = Arc::new(AtomicU64::new(0));
        let missing = Arc::clone(&dropped);
        let writer = std::thread::spawn(move || write_all(&receiver, requests, causes, &missing));
        Self { lines: Some(sender), every, dropped, writer: Some(writer) }
    }

    /// Waits until everything told so far is written, for a moment at most, since whoever reads the log may have stopped to. To be
    /// called before a process ends in which others may still hold this.
    pub fn flush(&self) {
        let (answer, written) = sync_channel(1);
        if self.lines.as_ref().is_some_and(|lines| lines.try_send(Message::Flush(answer)).is_ok()) {
            let _ = written.recv_timeout(LAST_LINES);
        }
    }
}

impl Telemetry for JsonLines {
    fn wants_records(&self) -> bool {
        self.every
    }

    fn request(&self, record: RequestRecord) {
        if !self.every && record.cause.is_none() {
            return;
        }
        let sent = self.lines.as_ref().is_some_and(|lines| lines.try_send(Message::Record(record)).is_ok());
        if !sent {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for JsonLines {
    fn drop(&mut self) {
        self.lines = None; // ends the thread once it has written what waits
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn write_all(messages: &Receiver<Message>, mut requests: Sink, mut causes: Sink, dropped: &AtomicU64) {
    let mut lines = Vec::new();
    let mut answers = Vec::new();
    while let Ok(first) = messages.recv() {
        lines.clear();
        if matches!(first, Message::Record(_)) {
            std::thread::sleep(PAUSE);
        }
        for message in std::iter::once(first).chain(messages.try_iter().take(LINES_TOGETHER)) {
            let record = match message {
                Message::Record(record) => record,
                Message::Flush(answer) => {
                    answers.push(answer);
                    continue;
                }
            };
            if serde_json::to_writer(&mut lines, &record.line).is_ok() {
                lines.push(b'\n');
            }
            if let Some(cause) = record.cause {
                tell(&mut causes, &json!({"request_id": record.line.request_id, "cause": cause}));
            }
        }
        // A log that nobody reads any more is no reason to stop serving.
        let _ = requests.write_all(&lines).and_then(|()| requests.flush());
        let missing = dropped.swap(0, Ordering::Relaxed);
        if missing > 0 {
            tell(&mut causes, &json!({ "log_lines_dropped": missing }));
        }
        for answer in answers.drain(..) {
            let _ = answer.send(());
        }
    }
}

fn tell(sink: &mut Sink, value: &serde_json::Value) {
    let _ = sink.write_all(format!("{value}\n").as_bytes()).and_then(|()| sink.flush());
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use contract_types::{LogLine, LogLineLevel, LogLineMethod};

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn record(id: &str, cause: Option<&str>) -> RequestRecord {
        let line = LogLine::new(
            "2026-03-02T09:15:00.000Z".to_owned(),
            LogLineLevel::Info,
            "request".to_owned(),
            "/search".to_owned(),
            LogLineMethod::Post,
            200,
            1.5,
            id.into(),
            "0".repeat(32),
            "0".repeat(16),
        );
        RequestRecord { line, cause: cause.map(str::to_owned) }
    }

    #[test]
    fn writes_a_line_a_request_and_keeps_causes_apart() {
        let (requests, causes) = (Shared::default(), Shared::default());
        let telemetry = JsonLines::new(Box::new(requests.clone()), Box::new(causes.clone()));
        telemetry.request(record("r1", None));
        telemetry.request(record("r2", Some("the disk\nis full")));
        drop(telemetry);
        let text = String::from_utf8(requests.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<LogLine> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.iter().map(|line| line.request_id.as_str()).collect::<Vec<_>>(), ["r1", "r2"]);
        let told = String::from_utf8(causes.0.lock().unwrap().clone()).unwrap();
        assert_eq!(told, "{\"request_id\":\"r2\",\"cause\":\"the disk\\nis full\"}\n");
    }

    #[test]
    fn tells_causes_where_no_request_leaves_a_line() {
        let causes = Shared::default();
        let telemetry = JsonLines::of_causes(Box::new(causes.clone()));
        assert!(!telemetry.wants_records());
        telemetry.request(record("r1", None));
        telemetry.request(record("r2", Some("gone")));
        drop(telemetry);
        let told = String::from_utf8(causes.0.lock().unwrap().clone()).unwrap();
        assert_eq!(told, "{\"request_id\":\"r2\",\"cause\":\"gone\"}\n");
    }
}
