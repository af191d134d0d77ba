//! One request of a run: drawn, sent, read to its end, recorded, and looked at where it belongs to the sample.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use fixtures::DocumentFixture;
use goose::prelude::*;
use harness::{
    client::{Exchange, Response},
    credential::Secret,
    sse::{Item, Parser},
};
use memchr::memmem;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    action::{self, Action},
    inspection::Inspector,
    order::{End, Order, Seen},
    recorder::{self, Key, Phase, Recorder},
    tally::Outcome,
    workload::{Draw, Stream, Workload},
};

/// Longest time from sending to the end of an answer; what takes longer is a failure.
pub const TIMEOUT: Duration = Duration::from_secs(30);
/// Most bytes of an answer that are read.
const LONGEST_BODY: usize = 16 << 20;

/// A tenant that takes part.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The tenant's id.
    pub tenant: String,
    /// The credential that it asks with.
    pub secret: Secret,
    /// The documents that it writes, where the scenario writes any.
    pub documents: Vec<DocumentFixture>,
    /// The calls of tools that it makes, where the scenario makes any.
    pub calls: Vec<Value>,
}

/// What all workers share.
#[derive(Debug)]
pub struct Shared {
    /// Address of the target, without a final slash. Every request goes there and nowhere else.
    pub base_url: String,
    /// The addresses of [`Action::ALL`] there, read once.
    pub addresses: OnceLock<Vec<reqwest::Url>>,
    /// The tenants, in the order of the workload.
    pub callers: Vec<Caller>,
    /// Who asks what.
    pub workload: Workload,
    /// How long it took.
    pub recorder: Recorder,
    /// Whether it was right.
    pub inspector: Inspector,
    /// Seed of the run.
    pub seed: u64,
    /// Requests that may still be sent.
    pub left: AtomicU64,
    /// Documents that were drawn; gives each copy its number.
    pub copies: AtomicU64,
}

/// Who sends: goose for users that wait for their answers, a client of ours for arrivals that wait for nobody.
pub enum Sender<'a> {
    /// A user of goose.
    Goose(&'a mut GooseUser),
    /// A client.
    Plain(&'a reqwest::Client),
}

/// One request that is to be made.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    /// Number of the worker.
    pub worker: u64,
    /// How many requests the worker has made before.
    pub index: u64,
    /// Part of the run.
    pub part: usize,
    /// When it was to begin.
    pub start: Instant,
}

/// A client that follows nothing, keeps nothing and goes through no proxy.
pub fn client() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .no_gzip()
        .tcp_nodelay(true)
        .timeout(TIMEOUT)
}

impl Shared {
    /// Takes one of the requests that may still be sent.
    pub fn may_send(&self) -> bool {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    /// Where an action is sent to; `None` where the target's address is none.
    fn address(&self, action: Action) -> Option<reqwest::Url> {
        let parse = |it: Action| reqwest::Url::parse(&format!("{}{}", self.base_url, it.operation().path)).ok();
        let all = self.addresses.get_or_init(|| Action::ALL.into_iter().filter_map(parse).collect());
        all.get(action as usize).cloned()
    }

    /// Draws from `stream` and sees the request through.
    pub async fn ask(&self, sender: Sender<'_>, stream: &mut Stream, turn: Turn) {
        let draw = self.workload.draw(stream);
        self.perform(sender, draw, turn).await;
    }

    /// Draws for the tenant number `tenant` and sees the request through.
    pub async fn ask_as(&self, tenant: usize, sender: Sender<'_>, stream: &mut Stream, turn: Turn) {
        let draw = self.workload.draw_for(tenant, stream);
        self.perform(sender, draw, turn).await;
    }

    async fn perform(&self, sender: Sender<'_>, draw: Draw<'_>, turn: Turn) {
        let Draw { tenant, action, question, place } = draw;
        let caller = &self.callers[tenant];
        let chosen = |count: usize| place.checked_rem(count);
        let material = match action {
            Action::Ingest => chosen(caller.documents.len())
                .map(|at| action::copy(&caller.documents[at], self.copies.fetch_add(1, Ordering::Relaxed))),
            Action::Tool => chosen(caller.calls.len()).map(|at| caller.calls[at].clone()),
            Action::Chat | Action::Search | Action::Retrieve | Action::Speech => None,
        };
        let body = action.body(question, &material.unwrap_or_default());
        let wanted = self.inspector.wants(turn.index);
        let sent = self.send(sender, &caller.secret, body.clone(), Way { action, wanted, start: turn.start }).await;
        let latency = turn.start.elapsed();
        let (outcome, cached, events) = match &sent {
            Ok(Answer { response, seen: Some(seen), .. }) if response.status == 200 => {
                (stream_outcome(seen), None, Some(seen))
            }
            Ok(Answer { response, first_byte: None, .. }) if action.sounds() && response.status == 200 => {
                (Outcome::Cut, None, None)
            }
            Ok(Answer { response, .. }) if response.status == 200 => {
                (Outcome::Answered, action.caches().then(|| from_cache(&response.body)).flatten(), None)
            }
            Ok(Answer { response, .. }) => (Outcome::Status(response.status), None, None),
            Err(NoAnswer) => (Outcome::Transport, None, None),
        };
        let key = Key { part: turn.part, action, tenant, cached, phase: Phase::Response };
        let over = recorder::Request { key, start: turn.start, latency, outcome };
        let first_byte = sent.as_ref().ok().and_then(|answer| answer.first_byte);
        let (first_event, gaps) = events.map_or((first_byte, &[][..]), |seen| (seen.first_event, &seen.gaps[..]));
        self.recorder.record(turn.worker, &over, first_event, gaps);
        if let Ok(Answer { response, .. }) = sent
            && wanted
        {
            let request = action.carrying(body);
            let url = format!("{}{}", self.base_url, request.target);
            self.inspector.inspect(&caller.tenant, &Exchange { request, url, response, elapsed: latency });
        }
    }

    async fn send(
        &self,
        sender: Sender<'_>,
        secret: &Secret,
        body: Bytes,
        Way { action, wanted, start }: Way,
    ) -> Result<Answer, NoAnswer> {
        let began = Instant::now();
        let url = self.address(action).ok_or(NoAnswer)?;
        let client = match &sender {
            Sender::Goose(user) => &user.client,
            Sender::Plain(client) => *client,
        };
        let message = client
            .post(url)
            .header(AUTHORIZATION, format!("Bearer {}", secret.expose()))
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(body);
        let mut answer = match sender {
            Sender::Goose(user) => {
                let goose = GooseRequest::builder().method(GooseMethod::Post).set_request_builder(message).build();
                user.request(goose).await.map_err(|_| NoAnswer)?.response.map_err(|_| NoAnswer)?
            }
            Sender::Plain(_) => message.send().await.map_err(|_| NoAnswer)?,
        };
        let headers_after = began.elapsed();
        let status = answer.status().as_u16();
        let headers = if wanted { headers(&answer) } else { Vec::new() };
        let (mut body, mut length, mut arrivals, mut broken) = (Vec::new(), 0, Vec::new(), false);
        let kept = wanted || (action.caches() && status == 200);
        let mut first_byte = None;
        let mut events = (action.streams() && status == 200).then(|| (Parser::new(), Order::new()));
        loop {
            let piece = match answer.chunk().await {
                Ok(Some(piece)) => piece,
                Ok(None) => break,
                // What was there of a stream before it broke is worth looking at; half a body is no answer.
                Err(_) if events.is_some() => {
                    broken = true;
                    break;
                }
                Err(_) => return Err(NoAnswer),
            };
            length += piece.len();
            if action.sounds() && status == 200 && !piece.is_empty() {
                first_byte.get_or_insert_with(|| start.elapsed());
            }
            if let Some((parser, order)) = &mut events {
                if wanted {
                    arrivals.push((began.elapsed(), length));
                }
                let after = start.elapsed();
                for item in parser.push(&piece) {
                    if let Item::Event(event) = item {
                        order.event(event.name.as_deref().unwrap_or("message"), &event.data, after);
                    }
                }
            }
            if length > LONGEST_BODY {
                return Err(NoAnswer);
            }
            if kept {
                body.push(piece);
            }
        }
        let seen = events.map(|(parser, order)| order.finish(broken || parser.is_cut()));
        let body = match &body[..] {
            [whole] => whole.clone(),
            pieces => Bytes::from(pieces.concat()),
        };
        let response =
            Response { status, headers, body, truncated: false, broken, headers_after, arrivals, stopped: false };
        Ok(Answer { response, seen, first_byte })
    }

    /// Deletes the documents that the run has written, and gives how many requests failed to.
    pub async fn clean_up(&self, client: &reqwest::Client) -> u64 {
        let mut failed = 0;
        for caller in self.callers.iter().filter(|caller| !caller.documents.is_empty()) {
            for request in action::clean_up() {
                let url = format!("{}{}", self.base_url, request.target);
                let message = client.delete(url).header(AUTHORIZATION, format!("Bearer {}", caller.secret.expose()));
                let status = message.send().await.map(|answer| answer.status().as_u16());
                // A slot that was never written is as good as one that was emptied.
                failed += u64::from(!matches!(status, Ok(200 | 204 | 404)));
            }
        }
        failed
    }
}

/// How a request is sent and its answer read.
struct Way {
    action: Action,
    /// Whether the answer is to be inspected. Of another one, no more is kept than is measured.
    wanted: bool,
    start: Instant,
}

fn headers(answer: &reqwest::Response) -> Vec<(String, String)> {
    let pairs = answer.headers().iter();
    pairs
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}

/// A complete answer, or a stream as far as it came.
struct Answer {
    response: Response,
    seen: Option<Seen>,
    /// From the start to the first byte of audio.
    first_byte: Option<Duration>,
}

/// No complete answer.
struct NoAnswer;

fn stream_outcome(seen: &Seen) -> Outcome {
    match &seen.end {
        End::Done if seen.disorder.is_empty() => Outcome::Answered,
        End::Error(_) => Outcome::StreamError,
        End::Done | End::Cut | End::Refused(_) => Outcome::Cut,
    }
}

/// Whether an answer says that it came from the target's cache; `None` where it says nothing.
///
/// Within a text the name's quotes would be escaped. Where it stands once, it is the answer's own, for every answer has it, and the rest
/// needs no reading.
fn from_cache(body: &[u8]) -> Option<bool> {
    const NAME: &[u8] = b"\"cache\"";
    #[derive(Deserialize)]
    struct Cached {
        cache: Option<Hit>,
    }
    #[derive(Deserialize)]
    struct Hit {
        hit: bool,
    }
    let at = memmem::find(body, NAME)? + NAME.len();
    if memmem::find(&body[at..], NAME).is_some() {
        return serde_json::from_slice::<Cached>(body).ok()?.cache.map(|cache| cache.hit);
    }
    let value = body[at..].trim_ascii_start().strip_prefix(b":")?;
    let hit = serde_json::Deserializer::from_slice(value).into_iter::<Hit>().next();
    hit?.ok().map(|cache| cache.hit)
}

/// A worker's own numbers, beside what all share.
#[derive(Debug, Clone)]
pub struct Worker {
    /// Its number.
    pub number: u64,
    /// What it draws from.
    pub stream: Stream,
    /// Requests that it has made.
    pub asked: u64,
}

impl Worker {
    /// The worker of this number in a run.
    pub fn new(shared: &Arc<Shared>, number: u64) -> Self {
        Self { number, stream: Stream::new(shared.seed, number), asked: 0 }
    }

    /// Its next request in `part`, which was to begin at `start`.
    pub fn turn(&mut self, part: usize, start: Instant) -> Turn {
        let turn = Turn { worker: self.number, index: self.asked, part, start };
        self.asked += 1;
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_where_an_answer_came_from() {
        for (body, expected) in [
            (r#"{"answer": "x", "cache": {"hit": true, "age_ms": 4}}"#, Some(true)),
            (r#"{"cache": {"hit": false}}"#, Some(false)),
            (r#"{"sources": [{"metadata": {"cache": {"hit": true}}}], "cache" : {"hit": false}}"#, Some(false)),
            (r#"{"answer": "\"cache\": {\"hit\": true}"}"#, None),
            (
                r#"{"answer": "\"cache\": {\"hit\": true}", "cache": {"age_ms": [1, {}], "hit": true}, "usage": {}}"#,
                Some(true),
            ),
            (r#"{"answer": "cache", "cache": null}"#, None),
            (r#"{"answer": "\"hit\":true"}"#, None),
            ("<html>", None),
        ] {
            assert_eq!(from_cache(body.as_bytes()), expected, "{body}");
        }
    }
}
