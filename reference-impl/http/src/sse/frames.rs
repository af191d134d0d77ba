//! The stream itself: start, content, usage, one end and `[DONE]`, with heartbeats in between and a deadline over all.

use std::{
    collections::VecDeque,
    convert::Infallible,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use axum::body::Body;
use bytes::Bytes;
use contract_types as wire;
use futures_util::{FutureExt, Stream, StreamExt, stream::CatchUnwind};
use reference_core::{
    ports::{BoxFuture, Timer},
    sabotage::{self, Sabotage},
};

use super::{
    event::{Content, HEARTBEAT, Script, Start, Step, TERMINATOR, Writer},
    places::Place,
};
use crate::{
    Problem,
    edge::overdue,
    reply::{EventStream, Failed},
};

/// What a stream is opened with.
pub(crate) struct Opening {
    /// Its first event.
    pub(crate) start: Start,
    /// The request that it answers.
    pub(crate) request_id: String,
    /// What it says after its start.
    pub(crate) script: Script,
    /// Its place among the tenant's streams.
    pub(crate) place: Place,
    /// Waits.
    pub(crate) timer: Arc<dyn Timer>,
    /// Longest silence, in milliseconds.
    pub(crate) heartbeat_ms: u64,
    /// Time that the work has, in milliseconds from now.
    pub(crate) deadline_ms: u64,
    /// Whether the caller's credential has expired, asked before every piece, heartbeats among them.
    pub(crate) expired: Expired,
}

/// Tells whether a credential has expired.
pub(crate) type Expired = Box<dyn Fn() -> bool + Send>;

/// How a stream ended.
#[derive(Debug, Clone)]
pub(crate) enum Ended {
    /// In good order.
    Done,
    /// With an error event.
    Error(Failed),
}

/// What the log will say of a stream. The stream writes it and the edge reads it.
#[derive(Debug, Clone, Default)]
pub(crate) struct StreamLog(Arc<Mutex<Said>>);

#[derive(Debug, Clone, Default)]
struct Said {
    content: bool,
    ended: Option<Ended>,
}

impl StreamLog {
    /// Whether content has been sent.
    pub(crate) fn has_content(&self) -> bool {
        self.lock().content
    }

    /// How the stream ended; `None` while it runs, and for good where its client went away.
    pub(crate) fn ended(&self) -> Option<Ended> {
        self.lock().ended.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Said> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Opening {
    /// The stream, whose first event waits to be polled.
    pub(crate) fn open(self) -> EventStream {
        let log = StreamLog::default();
        EventStream { body: Body::from_stream(Frames::new(self, log.clone())), log }
    }
}

/// Less than the longest silence, so that a heartbeat also arrives in time.
fn pause(heartbeat_ms: u64) -> u64 {
    heartbeat_ms - heartbeat_ms / 10
}

/// A stream's bytes, one event a poll.
pub(super) struct Frames {
    writer: Writer,
    /// Events that are made and not yet sent: the first one, or the last three.
    ready: VecDeque<Bytes>,
    /// The work; `None` once the end is made.
    running: Option<Running>,
    /// Given back with the last event, so that a client who has read it finds the place free.
    place: Option<Place>,
    timer: Arc<dyn Timer>,
    pause_ms: u64,
    expired: Expired,
    log: StreamLog,
}

struct Running {
    script: CatchUnwind<AssertUnwindSafe<Script>>,
    deadline: BoxFuture<'static, ()>,
    /// Runs while there is nothing to send.
    silence: Option<BoxFuture<'static, ()>>,
}

impl Frames {
    pub(super) fn new(opening: Opening, log: StreamLog) -> Self {
        let mut writer = Writer::new(opening.request_id);
        let ready = VecDeque::from([writer.start(opening.start)]);
        let script = AssertUnwindSafe(opening.script).catch_unwind();
        let deadline = opening.timer.sleep(opening.deadline_ms);
        Self {
            writer,
            ready,
            running: Some(Running { script, deadline, silence: None }),
            place: Some(opening.place),
            timer: opening.timer,
            pause_ms: pause(opening.heartbeat_ms),
            expired: opening.expired,
            log,
        }
    }

    /// Ends the work and makes the last events.
    fn end(&mut self, last: impl IntoIterator<Item = Bytes>, ended: Ended) {
        self.running = None;
        self.ready.extend(last);
        self.ready.push_back(TERMINATOR);
        self.log.lock().ended = Some(ended);
    }

    /// Usage comes before either end. Work that failed has handed over no count, and nothing of it was answered.
    fn fail(&mut self, problem: Problem) {
        let failed = Failed::from(problem);
        let last = [self.writer.usage(wire::Usage::new(0, 0, 0.0)), self.writer.error(&failed)];
        self.end(last, Ended::Error(failed));
    }

    /// The next event that is made already.
    fn next_ready(&mut self) -> Option<Bytes> {
        let event = self.ready.pop_front()?;
        if self.running.is_none() && self.ready.is_empty() {
            self.place = None;
        }
        Some(event)
    }
}

impl Stream for Frames {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(event) = this.next_ready() {
            return Poll::Ready(Some(Ok(event)));
        }
        let Some(running) = &mut this.running else { return Poll::Ready(None) };
        if (this.expired)() {
            this.fail(expired());
            return Poll::Ready(this.next_ready().map(Ok));
        }
        if this.place.as_ref().is_some_and(Place::is_closing) {
            this.fail(closing());
            return Poll::Ready(this.next_ready().map(Ok));
        }
        match running.script.poll_next_unpin(context) {
            Poll::Ready(Some(Ok(Ok(Step::Content(content))))) => {
                running.silence = None;
                this.log.lock().content = true;
                return Poll::Ready(Some(Ok(this.writer.content(content))));
            }
            Poll::Ready(Some(Ok(Ok(Step::End { usage, done })))) => {
                let mut last = vec![this.writer.usage(usage), this.writer.done(done)];
                if sabotage::on(Sabotage::TokensAfterDone) {
                    last.push(this.writer.content(Content::Token("more".to_owned())));
                }
                this.end(last, Ended::Done);
            }
            Poll::Ready(Some(Ok(Err(problem)))) => this.fail(problem),
            Poll::Ready(Some(Err(_))) => this.fail(broken("the work behind a stream panicked")),
            Poll::Ready(None) => this.fail(broken("the work behind a stream stopped without an end")),
            Poll::Pending if running.deadline.poll_unpin(context).is_ready() => this.fail(overdue()),
            Poll::Pending => {
                let silence = running.silence.get_or_insert_with(|| this.timer.sleep(this.pause_ms));
                if silence.poll_unpin(context).is_pending() {
                    if this.place.as_ref().is_some_and(|place| place.watch(context)) {
                        this.fail(closing());
                        return Poll::Ready(this.next_ready().map(Ok));
                    }
                    return Poll::Pending;
                }
                running.silence = None;
                return Poll::Ready(Some(Ok(HEARTBEAT)));
            }
        }
        Poll::Ready(this.next_ready().map(Ok))
    }
}

#[cfg(feature = "sabotage")]
impl Drop for Frames {
    /// The flaw that keeps the place of a client who went away.
    fn drop(&mut self) {
        if self.running.is_some()
            && sabotage::on(Sabotage::DisconnectKeepsPlace)
            && let Some(place) = self.place.take()
        {
            place.keep();
        }
    }
}

fn expired() -> Problem {
    let message = "the credential has expired while the stream was open; start again with a valid one";
    Problem::new(wire::ErrorCode::Unauthorized, message)
}

fn closing() -> Problem {
    let message = "the service is about to stop; ask again, and another instance will answer";
    Problem::new(wire::ErrorCode::UpstreamUnavailable, message)
}

fn broken(what: &str) -> Problem {
    Problem::internal(&std::io::Error::other(what.to_owned()))
}
