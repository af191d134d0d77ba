//! A fake of the Cloudflare API with a memory, and of the Workers that it serves. What it answers and what it is asked are both held
//! against shapes that come from the official SDK (`tests/sdk`), so that neither it nor the tool drifts away from the real thing.

mod answers;
mod shapes;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

pub(crate) use state::State;

/// What goes wrong, for calls whose method and path are meant.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// 429 with this `Retry-After`, before anything is done.
    Busy(u64),
    /// The same with a date that is so many seconds away.
    BusyUntil(i64),
    /// 400, before anything is done, with a message that repeats the token and all that was sent.
    Echo,
    /// A status, before anything is done.
    Status(u16),
    /// The call is done, and its answer comes too late.
    Late,
    /// The call is done, and its answer is a status.
    DoneThen(u16),
}

#[derive(Debug)]
struct Planned {
    method: &'static str,
    path: String,
    fault: Fault,
    left: u32,
}

/// The fake.
pub(crate) struct Fake {
    server: MockServer,
    shared: Arc<Shared>,
}

/// A part of a path, and what is done by hand when it is asked for.
type Hand = (&'static str, fn(&mut State));

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    faults: Mutex<Vec<Planned>>,
    calls: Mutex<Vec<String>>,
    latency: Mutex<Duration>,
    /// What is done by hand, once, when a path is asked for.
    hands: Mutex<Vec<Hand>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Longer than any patience of the tests.
const LATE: Duration = Duration::from_secs(20);

impl Fake {
    pub(crate) async fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(Answer(shared.clone())).mount(&server).await;
        lock(&shared.state).smoke_url = server.uri();
        Self { server, shared }
    }

    pub(crate) fn url(&self) -> String {
        self.server.uri()
    }

    /// What it holds.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.shared.state)
    }

    /// Every call, as `METHOD path`.
    pub(crate) fn calls(&self) -> Vec<String> {
        lock(&self.shared.calls).clone()
    }

    /// How many calls there were whose method and path are meant.
    pub(crate) fn count(&self, method: &str, path: &str) -> usize {
        self.calls().iter().filter(|call| call.starts_with(method) && call.contains(path)).count()
    }

    /// Forgets the calls.
    pub(crate) fn forget(&self) {
        lock(&self.shared.calls).clear();
    }

    /// The next `times` calls of `method` whose path contains `path` go wrong.
    pub(crate) fn fault(&self, method: &'static str, path: &str, fault: Fault, times: u32) {
        lock(&self.shared.faults).push(Planned { method, path: path.to_owned(), fault, left: times });
    }

    /// Does something by hand just before the next call whose path contains `path` is answered.
    pub(crate) fn meanwhile(&self, path: &'static str, hand: fn(&mut State)) {
        lock(&self.shared.hands).push((path, hand));
    }

    /// Every answer takes this long.
    pub(crate) fn latency(&self, latency: Duration) {
        *lock(&self.shared.latency) = latency;
    }
}

struct Answer(Arc<Shared>);

impl Respond for Answer {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let shared = &self.0;
        let method = request.method.as_str();
        let path = request.url.path().to_owned();
        lock(&shared.calls).push(format!("{method} {path}"));
        {
            let mut hands = lock(&shared.hands);
            if let Some(at) = hands.iter().position(|(part, _)| path.contains(part)) {
                let (_, hand) = hands.remove(at);
                hand(&mut lock(&shared.state));
            }
        }
        let fault = {
            let mut faults = lock(&shared.faults);
            let found = faults.iter_mut().find(|it| it.left > 0 && it.method == method && path.contains(&it.path));
            found.map(|it| {
                it.left -= 1;
                it.fault.clone()
            })
        };
        let refused = |status: u16| {
            let body = serde_json::json!({"success": false, "errors": [{"code": 10000, "message": "seeded"}], "messages": [], "result": null});
            ResponseTemplate::new(status).set_body_json(body)
        };
        match &fault {
            Some(Fault::Busy(seconds)) => {
                return refused(429).insert_header("retry-after", seconds.to_string().as_str());
            }
            Some(Fault::BusyUntil(seconds)) => {
                let until = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(*seconds);
                let until = until.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
                return refused(429).insert_header("retry-after", until.as_str());
            }
            Some(Fault::Echo) => {
                let token = request.headers.get("authorization").unwrap().to_str().unwrap();
                let message = format!("{token} sent {}", String::from_utf8_lossy(&request.body));
                let errors = serde_json::json!([{"code": 10001, "message": message}]);
                return ResponseTemplate::new(400).set_body_json(
                    serde_json::json!({"success": false, "errors": errors, "messages": [], "result": null}),
                );
            }
            Some(Fault::Status(status)) => return refused(*status),
            Some(Fault::Late | Fault::DoneThen(_)) | None => {}
        }
        let (status, body) = answers::answer(&mut lock(&shared.state), request);
        match fault {
            Some(Fault::DoneThen(status)) => refused(status),
            Some(Fault::Late) => ResponseTemplate::new(status).set_body_json(body).set_delay(LATE),
            Some(Fault::Busy(_) | Fault::BusyUntil(_) | Fault::Echo | Fault::Status(_)) | None => {
                ResponseTemplate::new(status).set_body_json(body).set_delay(*lock(&shared.latency))
            }
        }
    }
}
