//! The edge under stores that do not answer and handlers that break, with a timer that a test moves.

use std::{
    future::{Future, pending},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
};

use axum::{body::Body, http::Method};
use contract_types as wire;
use futures_util::{FutureExt, future::poll_fn};
use reference_core::{
    ingest::UnicodeWords,
    platform::{Platform, Ports},
    ports::{Background, Database, DatabaseError, MemoryKeyValue, Row, Statement},
    retrieve::HashedEmbedder,
    store::rate::StoredCounts,
    testkit::{MemoryDatabases, TestTenants, TestTimer},
};

use super::*;
use crate::{
    DocsPages, Service, ServiceParts, Streams,
    generated::table::{GET_HEALTH, INGEST, LIST_DOCUMENTS},
    telemetry::RequestRecord,
};

const DEADLINE_MS: u64 = 4000;

/// Time that stands still until told.
#[derive(Clone, Default)]
struct FakeTimer(Arc<AtomicU64>);

impl FakeTimer {
    fn pass(&self, milliseconds: u64) {
        self.0.fetch_add(milliseconds, Ordering::SeqCst);
    }
}

impl Timer for FakeTimer {
    fn sleep(&self, milliseconds: u64) -> BoxFuture<'static, ()> {
        let (now, until) = (Arc::clone(&self.0), self.0.load(Ordering::SeqCst) + milliseconds);
        // The tests poll again whenever they have moved the time, so nothing needs to be woken.
        Box::pin(poll_fn(move |_| if now.load(Ordering::SeqCst) >= until { Poll::Ready(()) } else { Poll::Pending }))
    }
}

/// Databases that open and never answer.
struct Hanging;

impl Databases for Hanging {
    fn open<'a>(&'a self, _tenant: &'a TenantContext) -> BoxFuture<'a, Result<Arc<dyn Database>, DatabaseError>> {
        Box::pin(async { Ok(Arc::new(Self) as Arc<dyn Database>) })
    }

    fn destroy<'a>(&'a self, _tenant: &'a TenantContext) -> BoxFuture<'a, Result<(), DatabaseError>> {
        Box::pin(pending())
    }
}

impl Database for Hanging {
    fn batch(&self, _statements: Vec<Statement>) -> BoxFuture<'_, Result<Vec<Vec<Row>>, DatabaseError>> {
        Box::pin(pending())
    }
}

/// Breaks the handler of one operation.
struct Breaks(&'static str);

impl BeforeCall for Breaks {
    fn before<'a>(&'a self, operation: &'static str, _tenant: Option<&'a TenantId>) -> BoxFuture<'a, ()> {
        Box::pin(async move { assert_ne!(operation, self.0, "the test breaks this handler") })
    }
}

#[derive(Default)]
struct Log(Mutex<Vec<RequestRecord>>);

impl Telemetry for Log {
    fn request(&self, record: RequestRecord) {
        self.0.lock().unwrap().push(record);
    }
}

struct NoDocs;

impl DocsPages for NoDocs {
    fn page(&self) -> String {
        String::new()
    }
}

struct NoWork;

impl Background for NoWork {
    fn spawn(&self, _work: BoxFuture<'static, ()>) {}
}

struct Bench {
    edge: Edge,
    timer: FakeTimer,
    log: Arc<Log>,
    authorization: String,
}

impl Bench {
    fn new(databases: Arc<dyn Databases>, before_call: Option<Arc<dyn BeforeCall>>) -> Self {
        let tenants = TestTenants::with(|settings| {
            settings.times.deadline_ms = i64::try_from(DEADLINE_MS).unwrap();
            settings.rate_limits.read_requests = 2;
        });
        let (timer, log) = (FakeTimer::default(), Arc::new(Log::default()));
        let ports = Ports {
            databases: Arc::new(MemoryDatabases::new()),
            clock: tenants.clock.clone(),
            ids: tenants.ids.clone(),
            key_value: Arc::new(MemoryKeyValue::new(1 << 20)),
            background: Arc::new(NoWork),
            tokenizer: Arc::new(UnicodeWords),
            embedders: vec![Arc::new(HashedEmbedder)],
            generators: Vec::new(),
            rerankers: Vec::new(),
            chat_models: Vec::new(),
            timer: Arc::new(TestTimer::default()),
        };
        let api = Service::new(ServiceParts {
            platform: Arc::new(Platform::new(ports, &[7; 32], 1 << 20)),
            probe: None,
            docs: Arc::new(NoDocs),
            implementation: wire::Implementation::new("test".to_owned(), "1.0.0".to_owned()),
            isolation: wire::IsolationMode::StorePerTenant,
            timer: Arc::new(timer.clone()),
            streams: Streams::default(),
        });
        let authorization = format!("Bearer {}", tenants.owner_key.expose());
        let edge = Edge::new(EdgeParts {
            api: Arc::new(api),
            authenticator: tenants.authenticator,
            registry: tenants.registry,
            limiter: Arc::new(StoredCounts::new(Arc::clone(&databases), tenants.clock.clone())),
            databases,
            local_counts: Arc::default(),
            clock: tenants.clock,
            ids: tenants.ids,
            timer: Arc::new(timer.clone()),
            telemetry: log.clone(),
            before_call,
            recorder: None,
        });
        Self { edge, timer, log, authorization }
    }

    fn request(&self, method: Method, path: &str, body: &str) -> Request {
        let request = axum::http::Request::builder().method(method).uri(path);
        let request = request.header("authorization", &self.authorization).header("content-type", "application/json");
        request.header("idempotency-key", "once").body(Body::from(body.to_owned())).unwrap()
    }

    /// `GET /documents` with a handler that answers at once or never.
    fn list(&self, answers: bool) -> impl Future<Output = Response> + Unpin {
        let request = self.request(Method::GET, "/documents", "");
        Box::pin(self.edge.serve(&LIST_DOCUMENTS, request, move |_, _, _| handler(answers)))
    }

    fn last(&self) -> RequestRecord {
        self.log.0.lock().unwrap().last().cloned().expect("a record of the request")
    }
}

fn handler(answers: bool) -> BoxFuture<'static, Result<Response, Problem>> {
    Box::pin(async move { if answers { Ok(Response::new(Body::empty())) } else { pending().await } })
}

/// The status, once there is one.
fn status(call: &mut (impl Future<Output = Response> + Unpin)) -> Option<u16> {
    call.now_or_never().map(|answer| answer.status().as_u16())
}

#[test]
fn without_an_answer_of_the_rate_store_a_request_goes_on_after_a_quarter_of_the_deadline() {
    let bench = Bench::new(Arc::new(Hanging), None);
    let mut call = bench.list(true);
    assert_eq!(status(&mut call), None);
    bench.timer.pass(DEADLINE_MS / 4 - 1);
    assert_eq!(status(&mut call), None);
    bench.timer.pass(1);
    let answer = (&mut call).now_or_never().expect("no longer held");
    assert_eq!((answer.status().as_u16(), &answer.headers()["x-ratelimit-remaining"]), (200, &"1".parse().unwrap()));
    let line = bench.last().line;
    assert_eq!(line.degraded, Some(vec![wire::Degradation::RateStoreUnavailable]));
    assert_eq!((line.level, line.operation.as_deref()), (wire::LogLineLevel::Warn, Some("list_documents")));
}

#[test]
fn without_the_rate_store_the_limit_still_holds() {
    let down = MemoryDatabases::new();
    down.set_down(true);
    let stores: [Arc<dyn Databases>; 2] = [Arc::new(Hanging), Arc::new(down)];
    for store in stores {
        let bench = Bench::new(store, None);
        let statuses = [200, 200, 429, 429].map(|_| {
            let mut call = bench.list(true);
            status(&mut call).or_else(|| {
                bench.timer.pass(DEADLINE_MS / 4);
                status(&mut call)
            })
        });
        assert_eq!(statuses, [Some(200), Some(200), Some(429), Some(429)]);
    }
}

#[test]
fn with_the_rate_store_nothing_is_told_as_degraded() {
    let bench = Bench::new(Arc::new(MemoryDatabases::new()), None);
    assert_eq!(status(&mut bench.list(true)), Some(200));
    assert_eq!(bench.last().line.degraded, None);
}

#[test]
fn one_deadline_covers_the_rate_store_and_the_handler() {
    let bench = Bench::new(Arc::new(Hanging), None);
    let mut call = bench.list(false);
    assert_eq!(status(&mut call), None);
    bench.timer.pass(DEADLINE_MS / 4);
    assert_eq!(status(&mut call), None);
    bench.timer.pass(DEADLINE_MS * 3 / 4);
    assert_eq!(status(&mut call), Some(504));
    assert_eq!(bench.last().line.error_code, Some(ErrorCode::UpstreamTimeout));
}

#[test]
fn a_request_that_must_not_run_twice_is_given_up_while_its_store_hangs() {
    let bench = Bench::new(Arc::new(Hanging), None);
    let body = r#"{"documents": [{"id": "a", "content": "The lamp is green.", "content_type": "text/plain"}]}"#;
    let request = bench.request(Method::POST, "/ingest", body);
    let ran = |_, _, _| -> BoxFuture<'static, _> { panic!("it cannot be known whether it ran before") };
    let mut call = Box::pin(bench.edge.serve(&INGEST, request, ran));
    for _ in 0..4 {
        assert_eq!(status(&mut call), None);
        bench.timer.pass(DEADLINE_MS / 4);
    }
    assert_eq!(status(&mut call), Some(504));
}

#[test]
fn a_handler_that_is_broken_is_one_internal_error_with_or_without_a_tenant() {
    for (broken, documents, health) in [("list_documents", 500, 200), ("get_health", 200, 500), ("search", 200, 200)] {
        let bench = Bench::new(Arc::new(MemoryDatabases::new()), Some(Arc::new(Breaks(broken))));
        assert_eq!(status(&mut bench.list(true)), Some(documents), "{broken}");
        let request = bench.request(Method::GET, "/health", "");
        let open = bench.edge.serve_open(&GET_HEALTH, request, |_, _, _| handler(true));
        assert_eq!(status(&mut Box::pin(open)), Some(health), "{broken}");
        let failed = (health == 500).then_some(ErrorCode::InternalError);
        assert_eq!(bench.last().line.error_code, failed, "{broken}");
    }
}
