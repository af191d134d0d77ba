//! A stand-in for the model providers of a target that the harness starts: it speaks the widely used HTTP of embeddings, chat
//! and reranking, answers the same for the same request, remembers what it was sent, and breaks when it is told to.
//!
//! Beside `/v1/...` it has paths for the suite alone: `PUT /faults/{operation}` breaks an operation as a [`Fault`] says,
//! `DELETE /faults` and `DELETE /faults/{operation}` mend it, and `GET /requests?holds=TEXT` tells which requests held a text.

mod answers;
mod fault;
mod seen;

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use wiremock::{Match, Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

pub use fault::{Fault, FaultKind, Operation, ToolAsked};
use seen::{Query, Seen, State};

/// Where the fixtures publish the key that the stand-in takes.
pub const KEY_FILE: &str = "credentials/upstream.key";

/// Why there is no stand-in.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// The published key is not there.
    #[error("`{file}` cannot be read: {cause}; the stand-in for model providers takes the key in it")]
    Key {
        /// The file.
        file: String,
        /// Why.
        cause: std::io::Error,
    },
    /// It did not start.
    #[error("the stand-in for model providers did not start: {0}")]
    Start(String),
}

/// A running stand-in. Dropping it ends it.
pub struct Upstream {
    server: MockServer,
    key: String,
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Upstream({})", self.server.uri())
    }
}

impl Upstream {
    /// Starts one that takes the key which the fixtures at `fixtures` publish. Blocks; needs no async runtime.
    ///
    /// # Errors
    ///
    /// [`UpstreamError`].
    pub fn start(fixtures: &Path) -> Result<Self, UpstreamError> {
        let file = fixtures.join(KEY_FILE);
        let key = std::fs::read_to_string(&file)
            .map_err(|cause| UpstreamError::Key { file: file.display().to_string(), cause })?;
        Self::with_key(key.trim())
    }

    fn with_key(key: &str) -> Result<Self, UpstreamError> {
        let stand_in = Arc::new(StandIn { key: key.to_owned(), state: Mutex::default() });
        // The caller may be within a runtime or not: a thread of its own is within none.
        let starting = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| UpstreamError::Start(error.to_string()))?;
            Ok(runtime.block_on(async move {
                let server = MockServer::builder().disable_request_recording().start().await;
                let hung_up = |_: &Request| std::io::Error::from(std::io::ErrorKind::ConnectionReset);
                let reset = Mock::given(Resets(Arc::clone(&stand_in))).respond_with_err(hung_up);
                reset.with_priority(1).mount(&server).await;
                Mock::given(any()).respond_with(Answers(stand_in)).with_priority(2).mount(&server).await;
                server
            }))
        });
        let server = starting.join().map_err(|_| UpstreamError::Start("its thread broke".to_owned()))??;
        Ok(Self { server, key: key.to_owned() })
    }

    /// Its address, without a slash at the end.
    pub fn uri(&self) -> String {
        self.server.uri()
    }

    /// The key that it takes, which nobody else may see.
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// What both mocks share.
struct StandIn {
    key: String,
    state: Mutex<State>,
}

impl StandIn {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn knows(&self, request: &Request) -> bool {
        header(request, "authorization").strip_prefix("Bearer ") == Some(self.key.as_str())
    }

    /// Answers a call to a model, as a fault says where one is in force.
    fn call(&self, operation: Operation, request: &Request) -> ResponseTemplate {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let authorized = self.knows(request);
        let fault = {
            let mut state = self.state();
            state.remember(Seen::of(operation, &body, authorized, header(request, "traceparent")));
            state.strike(operation, |fault| fault.kind != FaultKind::Reset)
        };
        if !authorized {
            return careless(401, "Incorrect API key provided", request, &body);
        }
        let Some(fault) = fault else { return answers::right(operation, &body, None) };
        let answer = match fault.kind {
            FaultKind::Status => {
                let answer = careless(fault.status.unwrap_or(503), "The server had an error", request, &body);
                match fault.retry_after {
                    Some(seconds) => answer.insert_header("retry-after", seconds.to_string().as_str()),
                    None => answer,
                }
            }
            FaultKind::Garbage => {
                let page = "<!doctype html><title>502</title>\u{0}\u{7f} not what you asked for {\"data\":[";
                ResponseTemplate::new(200).set_body_raw(page, "text/html")
            }
            FaultKind::Misfit => answers::misfit(operation, &body),
            FaultKind::Cut => answers::cut(operation, &body),
            FaultKind::Writes => answers::right(operation, &body, fault.content.as_deref()),
            FaultKind::Tools if answers::told(&body) => answers::right(operation, &body, None),
            FaultKind::Tools | FaultKind::ToolsForever => answers::asking(operation, &body, &fault.tools),
            FaultKind::Slow | FaultKind::Hang | FaultKind::Reset => answers::right(operation, &body, None),
        };
        match fault.delay() {
            Some(delay) => answer.set_delay(delay),
            None => answer,
        }
    }

    /// Answers the suite.
    fn asked(&self, request: &Request) -> ResponseTemplate {
        let path = request.url.path();
        let named = path.strip_prefix("/faults/").map(str::parse::<Operation>);
        match (request.method.as_str(), path, named) {
            ("PUT", _, Some(Ok(operation))) => match serde_json::from_slice::<Fault>(&request.body) {
                Ok(fault) => {
                    self.state().faults.insert(operation, fault);
                    ResponseTemplate::new(204)
                }
                Err(error) => refused(&format!("no fault: {error}")),
            },
            ("DELETE", _, Some(Ok(operation))) => {
                self.state().faults.remove(&operation);
                ResponseTemplate::new(204)
            }
            (_, _, Some(Err(message))) => refused(&message),
            ("DELETE", "/faults", None) => {
                self.state().faults.clear();
                ResponseTemplate::new(204)
            }
            ("GET", "/requests", None) => {
                let found = self.state().found(&Query::of(&request.url));
                ResponseTemplate::new(200).set_body_json(json!({ "count": found.len(), "requests": found }))
            }
            _ => ResponseTemplate::new(404)
                .set_body_json(json!({ "error": { "message": format!("no such path: {path}") } })),
        }
    }
}

/// Strikes where the connection is to break before there is an answer.
struct Resets(Arc<StandIn>);

impl Match for Resets {
    fn matches(&self, request: &Request) -> bool {
        let Some(operation) = Operation::of(request) else { return false };
        let mut state = self.0.state();
        let strikes = state.strike(operation, |fault| fault.kind == FaultKind::Reset).is_some();
        if strikes {
            let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
            let trace = header(request, "traceparent");
            state.remember(Seen::of(operation, &body, self.0.knows(request), trace));
        }
        strikes
    }
}

/// Answers everything else.
struct Answers(Arc<StandIn>);

impl Respond for Answers {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        match Operation::of(request) {
            Some(operation) => self.0.call(operation, request),
            None => self.0.asked(request),
        }
    }
}

fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn refused(message: &str) -> ResponseTemplate {
    ResponseTemplate::new(400).set_body_json(json!({ "error": { "message": message } }))
}

/// An error that repeats the key and the texts, as careless providers do: whoever passes it on, leaks them.
fn careless(status: u16, message: &str, request: &Request, body: &Value) -> ResponseTemplate {
    let text = format!("{message}: {}; the request was {body}", header(request, "authorization"));
    ResponseTemplate::new(status)
        .set_body_json(json!({ "error": { "message": text, "type": "error", "code": status } }))
}

/// How long a call hangs: longer than anybody waits.
const HANG: Duration = Duration::from_mins(10);

#[cfg(test)]
mod tests;
