use std::sync::Mutex;

use contract_types::{LogLineLevel, LogLineMethod, LogSpan, LogSpanOutcome};
use opentelemetry::trace::{SpanId, SpanKind, Status};

use super::*;

#[derive(Default)]
struct Kept(Mutex<usize>);

impl Telemetry for Kept {
    fn request(&self, _record: RequestRecord) {
        *self.0.lock().unwrap() += 1;
    }
}

fn line() -> LogLine {
    let mut line = LogLine::new(
        "2026-03-02T09:15:00.100Z".to_owned(),
        LogLineLevel::Info,
        "request".to_owned(),
        "/search".to_owned(),
        LogLineMethod::Post,
        200,
        100.0,
        "r1".into(),
        "a".repeat(32),
        "b".repeat(16),
    );
    line.parent_span_id = Some("c".repeat(16));
    let step =
        |name: &str, id: &str, start, outcome| LogSpan::new(name.to_owned(), id.repeat(16), start, 10.0, outcome);
    let mut inner = step("attempt", "e", 20.0, LogSpanOutcome::Timeout);
    inner.parent_span_id = Some("d".repeat(16));
    line.spans = Some(vec![step("generate", "d", 5.0, LogSpanOutcome::Ok), inner]);
    line
}

#[test]
fn a_line_becomes_a_tree_within_the_time_of_its_request() {
    let spans = spans::of_request(&line());
    let id = |letter: &str| SpanId::from_hex(&letter.repeat(16)).unwrap();
    let parents: Vec<SpanId> = spans.iter().map(|span| span.parent_span_id).collect();
    assert_eq!(parents, [id("c"), id("b"), id("d")]);
    let start = std::time::SystemTime::UNIX_EPOCH + Duration::from_mins(29_540_715);
    assert_eq!((spans[0].start_time, spans[0].end_time), (start, start + Duration::from_millis(100)));
    assert_eq!(spans[1].start_time, start + Duration::from_millis(5));
    assert_eq!([&spans[0].span_kind, &spans[2].span_kind], [&SpanKind::Server, &SpanKind::Client]);
    assert_eq!((&spans[1].status, &spans[2].status), (&Status::Unset, &Status::error("")));
    assert_eq!(spans[0].name, "POST /search");
}

#[tokio::test]
async fn requests_go_on_where_nobody_takes_their_spans_and_each_lost_one_is_counted() {
    let kept = Arc::new(Kept::default());
    let traces = Traces::new(Arc::clone(&kept) as _, "http://127.0.0.1:9").unwrap();
    let metrics = Metrics::default();
    traces.count_with(metrics.clone());
    // The task that sends has no turn before this one waits: the queue fills up, and then every span is lost.
    for _ in 0..WAITING + 100 {
        traces.request(RequestRecord { line: line(), cause: None });
    }
    let unsampled = LogLine { spans: None, ..line() };
    traces.request(RequestRecord { line: unsampled, cause: None });
    assert_eq!(*kept.0.lock().unwrap(), WAITING + 101);
    assert_eq!(traces.told.capacity(), 0);
}
