//! The scenario `search`: the fixtures' questions through `POST /search`, few of them often and all of them sometimes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use goose::prelude::*;
use harness::{
    client::{Exchange, Request, Response},
    credential::Secret,
};
use reqwest::header::AUTHORIZATION;
use serde_json::json;

use crate::{
    generated::operations::{SEARCH, search_body},
    inspection::Inspector,
    pacing::Pacing,
    recorder::{Outcome, Recorder},
    workload::{Stream, Workload},
};

/// Name of the scenario, on the command line and in records.
pub const NAME: &str = "search";
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
}

/// What all users share.
#[derive(Debug)]
pub struct Shared {
    /// Address of the target, without a final slash. Every request goes there and nowhere else.
    pub base_url: String,
    /// The tenants, in the order of the workload.
    pub callers: Vec<Caller>,
    /// Who asks what.
    pub workload: Workload,
    /// When.
    pub pacing: Pacing,
    /// How long it took.
    pub recorder: Recorder,
    /// Whether it was right.
    pub inspector: Inspector,
    /// Seed of the run.
    pub seed: u64,
    /// Users that have begun; gives each its number.
    pub users: AtomicU64,
}

/// What one user keeps.
#[derive(Debug, Clone)]
struct User {
    number: u64,
    stream: Stream,
    asked: u64,
}

/// The scenario, for users who share `shared`.
pub fn scenario(shared: &Arc<Shared>) -> Scenario {
    let (beginning, asking) = (Arc::clone(shared), Arc::clone(shared));
    let begin: TransactionFunction = Arc::new(move |user| {
        let shared = Arc::clone(&beginning);
        Box::pin(async move { begin(user, &shared).await })
    });
    let ask: TransactionFunction = Arc::new(move |user| {
        let shared = Arc::clone(&asking);
        Box::pin(async move { ask(user, &shared).await })
    });
    Scenario::new(NAME)
        .register_transaction(Transaction::new(begin).set_name("begin").set_on_start())
        .register_transaction(Transaction::new(ask).set_name(NAME))
}

/// Gives a user its number and a client that follows nothing, keeps nothing and goes through no proxy.
async fn begin(user: &mut GooseUser, shared: &Shared) -> TransactionResult {
    let number = shared.users.fetch_add(1, Ordering::Relaxed);
    user.set_session_data(User { number, stream: Stream::new(shared.seed, number), asked: 0 });
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .no_gzip()
        .tcp_nodelay(true)
        .timeout(TIMEOUT);
    user.set_client_builder(client).await.map_err(Box::new)
}

/// Asks one question. The wait for the turn and the request both await, so that goose can stop the user.
async fn ask(user: &mut GooseUser, shared: &Shared) -> TransactionResult {
    let Some(start) = shared.pacing.turn().await else {
        goose::trigger_killswitch("all requests of the run are sent");
        tokio::time::sleep(Duration::from_millis(100)).await;
        return Ok(());
    };
    let state = user.get_session_data_unchecked_mut::<User>();
    let draw = shared.workload.draw(&mut state.stream);
    let (number, index) = (state.number, state.asked);
    state.asked += 1;
    let caller = &shared.callers[draw.tenant];
    let body = Bytes::from(search_body(&json!(draw.question)).to_string());
    let request = Request {
        method: SEARCH.method.to_owned(),
        target: SEARCH.path.to_owned(),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: Some(body),
    };
    let sent = send(user, shared, &caller.secret, &request).await;
    let outcome = match &sent {
        Ok(response) if response.status == 200 => Outcome::Answered,
        Ok(response) => Outcome::Status(response.status),
        Err(_) => Outcome::Transport,
    };
    let slot = usize::try_from(number).unwrap_or(0);
    shared.recorder.record(slot, draw.tenant, start, outcome);
    if let Ok(response) = sent
        && shared.inspector.wants(index)
    {
        let url = format!("{}{}", shared.base_url, request.target);
        shared.inspector.inspect(&caller.tenant, &Exchange { request, url, response, elapsed: start.elapsed() });
    }
    Ok(())
}

/// No complete answer.
struct NoAnswer;

async fn send(user: &mut GooseUser, shared: &Shared, secret: &Secret, request: &Request) -> Result<Response, NoAnswer> {
    let began = Instant::now();
    let url = format!("{}{}", shared.base_url, request.target);
    let mut message = user.client.post(url).header(AUTHORIZATION, format!("Bearer {}", secret.expose()));
    for (name, value) in &request.headers {
        message = message.header(name, value);
    }
    let message = message.body(request.body.clone().unwrap_or_default());
    let goose = GooseRequest::builder().method(GooseMethod::Post).set_request_builder(message).build();
    let answer = user.request(goose).await.map_err(|_| NoAnswer)?;
    let mut answer = answer.response.map_err(|_| NoAnswer)?;
    let headers_after = began.elapsed();
    let headers = answer
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let (status, headers) = (answer.status().as_u16(), headers.collect());
    let mut body = BytesMut::new();
    while let Some(piece) = answer.chunk().await.map_err(|_| NoAnswer)? {
        body.extend_from_slice(&piece);
        if body.len() > LONGEST_BODY {
            return Err(NoAnswer);
        }
    }
    let body = body.freeze();
    Ok(Response {
        status,
        headers,
        body,
        truncated: false,
        broken: false,
        headers_after,
        arrivals: Vec::new(),
        stopped: false,
    })
}
