//! The framing under a timer that a test moves.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use contract_types as wire;
use futures_util::{FutureExt, Stream, StreamExt, stream};
use reference_core::{
    ports::{BoxFuture, Timer},
    testkit::TestTenants,
};
use serde_json::Value;

use super::{
    event::{Content, Done, Script, Start, Step},
    frames::{Ended, Frames, Opening, StreamLog},
    places::Streams,
};
use crate::Problem;

/// Time that stands still until told.
#[derive(Clone, Default)]
struct FakeTimer {
    now_ms: Arc<AtomicU64>,
}

impl FakeTimer {
    fn pass(&self, milliseconds: u64) {
        self.now_ms.fetch_add(milliseconds, Ordering::SeqCst);
    }
}

impl Timer for FakeTimer {
    fn sleep(&self, milliseconds: u64) -> BoxFuture<'static, ()> {
        let (now_ms, until) = (Arc::clone(&self.now_ms), self.now_ms.load(Ordering::SeqCst) + milliseconds);
        // The tests poll again whenever they have moved the time, so nothing needs to be woken.
        Box::pin(futures_util::future::poll_fn(move |_| {
            if now_ms.load(Ordering::SeqCst) >= until { Poll::Ready(()) } else { Poll::Pending }
        }))
    }
}

/// What work hands over.
type Said = Result<Step, Problem>;
/// Steps, and the events that they become.
type Case = (Vec<Said>, &'static [&'static str]);

/// Work that hands over what a test has put in, and knows when it is dropped.
#[derive(Clone, Default)]
struct Work {
    steps: Arc<Mutex<Vec<Said>>>,
    polls: Arc<AtomicU64>,
    dropped: Arc<AtomicBool>,
}

struct Running(Work);

impl Work {
    fn put(&self, step: Said) {
        self.steps.lock().unwrap().push(step);
    }
}

impl Stream for Running {
    type Item = Said;

    fn poll_next(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.polls.fetch_add(1, Ordering::SeqCst);
        let mut steps = self.0.steps.lock().unwrap();
        if steps.is_empty() { Poll::Pending } else { Poll::Ready(Some(steps.remove(0))) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.dropped.store(true, Ordering::SeqCst);
    }
}

/// A stream of a tenant that may have two.
struct Bench {
    tenants: TestTenants,
    streams: Streams,
    timer: FakeTimer,
    expired: Arc<AtomicBool>,
}

impl Bench {
    fn new() -> Self {
        let tenants = TestTenants::with(|settings| settings.limits.concurrent_streams = 2);
        Self { tenants, streams: Streams::default(), timer: FakeTimer::default(), expired: Arc::default() }
    }

    fn frames(&self, script: Script) -> (Frames, StreamLog) {
        let opening = Opening {
            start: Start { session_id: None, model: Some("extractive-v1".into()) },
            request_id: "request-1".to_owned(),
            script,
            place: self.streams.take(&self.tenants.owner()).unwrap(),
            timer: Arc::new(self.timer.clone()),
            heartbeat_ms: 1000,
            deadline_ms: 4000,
            expired: Box::new({
                let expired = Arc::clone(&self.expired);
                move || expired.load(Ordering::SeqCst)
            }),
        };
        let log = StreamLog::default();
        (Frames::new(opening, log.clone()), log)
    }

    fn of(&self, steps: Vec<Said>) -> (Frames, StreamLog) {
        self.frames(Box::pin(stream::iter(steps)))
    }

    fn waiting(&self) -> (Frames, StreamLog, Work) {
        let work = Work::default();
        let (frames, log) = self.frames(Box::pin(Running(work.clone())));
        (frames, log, work)
    }
}

fn token(text: &str) -> Step {
    Step::Content(Content::Token(text.to_owned()))
}

fn example(schema: &str, field: &str) -> Value {
    contract_types::schemas()["components"]["schemas"][schema]["examples"][0][field].clone()
}

fn citation() -> Step {
    let citation: wire::Citation = serde_json::from_value(example("StreamCitation", "citation")).unwrap();
    Step::Content(Content::Citation(Box::new(citation)))
}

fn end() -> Step {
    let answer: wire::SearchAnswer = serde_json::from_value(example("SearchStreamDone", "answer")).unwrap();
    Step::End { usage: answer.usage.clone(), done: Done::Search(Box::new(answer)) }
}

fn gone() -> Problem {
    Problem::new(wire::ErrorCode::UpstreamUnavailable, "out of reach")
}

/// The next frame as text; `None` while there is nothing to send.
fn next(frames: &mut Frames) -> Option<String> {
    let frame = frames.next().now_or_never()?.expect("the stream has not ended");
    Some(String::from_utf8(frame.unwrap().to_vec()).unwrap())
}

/// Everything that is left.
fn rest(frames: &mut Frames) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(frame) = frames.next().now_or_never().expect("nothing to wait for") {
        all.push(String::from_utf8(frame.unwrap().to_vec()).unwrap());
    }
    all
}

/// Name and data of an event.
fn parsed(frame: &str) -> (String, Value) {
    let (name, data) = frame.strip_prefix("event: ").and_then(|frame| frame.split_once("\ndata: ")).unwrap();
    (name.to_owned(), serde_json::from_str(data.strip_suffix("\n\n").unwrap()).unwrap())
}

fn names(frames: &[String]) -> Vec<String> {
    frames.iter().map(|frame| if frame.starts_with("event") { parsed(frame).0 } else { frame.clone() }).collect()
}

const TERMINATOR: &str = "data: [DONE]\n\n";
const HEARTBEAT: &str = ": heartbeat\n\n";

#[test]
fn sends_start_content_usage_one_end_and_the_terminator() {
    let cases: [Case; 6] = [
        (
            vec![Ok(token("a ")), Ok(citation()), Ok(token("b")), Ok(end())],
            &["start", "token", "citation", "token", "usage", "done"],
        ),
        (vec![Ok(end())], &["start", "usage", "done"]),
        (vec![Ok(end()), Ok(token("late")), Ok(end())], &["start", "usage", "done"]),
        (vec![Err(gone())], &["start", "usage", "error"]),
        (vec![Ok(token("a")), Err(gone()), Ok(token("late")), Ok(end())], &["start", "token", "usage", "error"]),
        (vec![Ok(token("a"))], &["start", "token", "usage", "error"]),
    ];
    for (steps, wanted) in cases {
        let (mut frames, log) = Bench::new().of(steps);
        let mut found = rest(&mut frames);
        assert_eq!(found.pop().as_deref(), Some(TERMINATOR), "{wanted:?}");
        assert_eq!(names(&found), wanted);
        for (place, frame) in found.iter().enumerate() {
            assert_eq!(parsed(frame).1["index"], place, "{wanted:?}: {frame}");
        }
        assert_eq!(matches!(log.ended(), Some(Ended::Done)), wanted.contains(&"done"));
        assert_eq!(matches!(log.ended(), Some(Ended::Error(_))), wanted.contains(&"error"));
        assert_eq!(log.has_content(), wanted.contains(&"token"));
    }
}

#[test]
fn names_request_and_model_at_the_start_and_the_code_in_an_error() {
    let (mut frames, _) = Bench::new().of(vec![Err(gone())]);
    let found = rest(&mut frames);
    let start = parsed(&found[0]).1;
    assert_eq!((&start["request_id"], &start["model"]), (&Value::from("request-1"), &Value::from("extractive-v1")));
    let error = &parsed(&found[2]).1["error"];
    assert_eq!(
        (&error["code"], &error["request_id"]),
        (&Value::from("UPSTREAM_UNAVAILABLE"), &Value::from("request-1"))
    );
}

#[test]
fn a_heartbeat_breaks_every_silence_in_time_and_takes_no_index() {
    let bench = Bench::new();
    let (mut frames, _, work) = bench.waiting();
    assert!(next(&mut frames).unwrap().starts_with("event: start"));
    assert_eq!(next(&mut frames), None);
    for _ in 0..3 {
        bench.timer.pass(500);
        assert_eq!(next(&mut frames), None, "half the longest silence needs no heartbeat");
        bench.timer.pass(499);
        assert_eq!(next(&mut frames).as_deref(), Some(HEARTBEAT), "before the longest silence is over");
        assert_eq!(next(&mut frames), None, "one is enough");
    }
    work.put(Ok(token("a")));
    assert_eq!(parsed(&next(&mut frames).unwrap()).1["index"], 1);
    assert_eq!(next(&mut frames), None);
    bench.timer.pass(500);
    assert_eq!(next(&mut frames), None, "a token breaks the silence too");
}

#[test]
fn the_deadline_ends_a_stream_that_waits_with_an_error_event() {
    let bench = Bench::new();
    let (mut frames, log, work) = bench.waiting();
    next(&mut frames);
    assert_eq!(next(&mut frames), None);
    bench.timer.pass(4000);
    let found = rest(&mut frames);
    assert_eq!(names(&found), ["usage", "error", TERMINATOR]);
    assert_eq!(parsed(&found[1]).1["error"]["code"], "UPSTREAM_TIMEOUT");
    assert!(matches!(log.ended(), Some(Ended::Error(_))) && work.dropped.load(Ordering::SeqCst));
}

#[test]
fn an_expired_credential_ends_a_stream_at_its_next_piece_with_an_error_event() {
    let bench = Bench::new();
    let (mut frames, log, work) = bench.waiting();
    next(&mut frames);
    assert_eq!(next(&mut frames), None);
    bench.expired.store(true, Ordering::SeqCst);
    work.put(Ok(token("too late")));
    let found = rest(&mut frames);
    assert_eq!(names(&found), ["usage", "error", TERMINATOR]);
    assert_eq!(parsed(&found[1]).1["error"]["code"], "UNAUTHORIZED");
    assert!(matches!(log.ended(), Some(Ended::Error(_))) && work.dropped.load(Ordering::SeqCst));
}

#[test]
fn a_host_that_stops_ends_every_stream_with_an_error_event_and_wakes_who_waits() {
    struct Woken(AtomicU64);
    impl std::task::Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let bench = Bench::new();
    let (mut frames, log, work) = bench.waiting();
    next(&mut frames);
    let woken = Arc::new(Woken(AtomicU64::new(0)));
    let waker = Arc::clone(&woken).into();
    let polled = Pin::new(&mut frames).poll_next(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    bench.streams.close();
    assert_eq!(woken.0.load(Ordering::SeqCst), 1);
    let found = rest(&mut frames);
    assert_eq!(names(&found), ["usage", "error", TERMINATOR]);
    assert_eq!(parsed(&found[1]).1["error"]["code"], "UPSTREAM_UNAVAILABLE");
    assert!(matches!(log.ended(), Some(Ended::Error(_))) && work.dropped.load(Ordering::SeqCst));
    let (mut late, _, _) = bench.waiting();
    assert_eq!(names(&rest(&mut late)), ["start", "usage", "error", TERMINATOR], "one that begins now ends as well");
}

#[test]
fn a_panic_in_the_work_is_an_error_event_without_a_word_of_it() {
    let panics = stream::once(async { panic!("secret text") });
    let (mut frames, log) = Bench::new().frames(Box::pin(panics));
    let found = rest(&mut frames);
    assert_eq!(names(&found), ["start", "usage", "error", TERMINATOR]);
    assert_eq!(parsed(&found[2]).1["error"]["code"], "INTERNAL_ERROR");
    assert!(!found[2].contains("secret"), "{}", found[2]);
    assert!(matches!(log.ended(), Some(Ended::Error(failed)) if failed.cause.is_some()));
}

#[test]
fn makes_nothing_before_it_is_asked() {
    let (mut frames, _, work) = Bench::new().waiting();
    for text in ["a", "b", "c"] {
        work.put(Ok(token(text)));
    }
    assert_eq!(work.polls.load(Ordering::SeqCst), 0);
    next(&mut frames);
    assert_eq!(work.polls.load(Ordering::SeqCst), 0, "the start needs no work");
    next(&mut frames);
    assert_eq!((work.polls.load(Ordering::SeqCst), work.steps.lock().unwrap().len()), (1, 2));
}

#[test]
fn dropping_a_stream_ends_its_work_and_frees_its_place() {
    let bench = Bench::new();
    let (mut frames, log, work) = bench.waiting();
    next(&mut frames);
    assert_eq!((next(&mut frames), bench.streams.open(None)), (None, 1));
    drop(frames);
    assert!(work.dropped.load(Ordering::SeqCst) && log.ended().is_none());
    assert_eq!(bench.streams.open(None), 0);
}

#[test]
fn whoever_has_read_the_terminator_finds_the_place_free() {
    let bench = Bench::new();
    let (mut frames, _) = bench.of(vec![Ok(end())]);
    let mut open = Vec::new();
    while next(&mut frames).is_some_and(|frame| frame != TERMINATOR) {
        open.push(bench.streams.open(None));
    }
    assert_eq!((open, bench.streams.open(None)), (vec![1, 1, 1], 0));
}

#[test]
fn a_tenant_has_its_own_places_and_no_more_than_its_limit() {
    let bench = Bench::new();
    let (owner, stranger) = (bench.tenants.owner(), bench.tenants.stranger());
    let first = bench.streams.take(&owner).unwrap();
    let second = bench.streams.take(&owner).unwrap();
    assert!(bench.streams.take(&owner).is_none(), "the limit is two");
    let foreign = bench.streams.take(&stranger);
    assert!(foreign.is_some(), "another tenant's streams take nothing away");
    assert_eq!((bench.streams.open(Some(owner.id())), bench.streams.open(None)), (2, 3));
    drop(first);
    let third = bench.streams.take(&owner);
    assert!(third.is_some(), "a place that is free is given again");
    drop((second, third, foreign));
    assert_eq!(bench.streams.open(None), 0);
}
