//! A scripted model behind an OpenAI-compatible URL: embeddings, chat completions whole and piece by piece, and reranking, at a
//! stated pace and with stated faults. It is no model; what it says is drawn from a seed.

mod body;
mod script;
mod shapes;

pub use script::{Draw, Fault, Script};

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures_util::Stream;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use body::Piece;

/// A stand-in that listens. Dropping it refuses connections and breaks those that are open.
#[derive(Debug)]
pub struct StandIn {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: Mutex<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    script: RwLock<Script>,
    calls: AtomicU64,
    open: Arc<AtomicU64>,
}

/// One stream that is being read.
#[derive(Debug)]
pub(crate) struct Open(Arc<AtomicU64>);

impl Open {
    fn new(count: &Arc<AtomicU64>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl StandIn {
    /// Listens on `address`; port 0 takes a free one. Must be called within a runtime, which then answers the calls.
    ///
    /// # Errors
    ///
    /// When the address cannot be listened on.
    pub async fn start(address: &str, script: Script) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let open = Arc::default();
        let shared = Arc::new(Shared { script: RwLock::new(script), calls: AtomicU64::new(0), open });
        let listening = Mutex::new(tokio::spawn(listen(listener, router(&shared))));
        Ok(Self { address, shared, listening })
    }

    /// The address that the paths of the API are put behind.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Follows another script from the next call on.
    pub fn follow(&self, script: Script) {
        *self.shared.script.write().unwrap_or_else(PoisonError::into_inner) = script;
    }

    /// The script that is followed.
    pub fn script(&self) -> Script {
        self.shared.script()
    }

    /// Calls that were made so far.
    pub fn calls(&self) -> u64 {
        self.shared.calls.load(Ordering::SeqCst)
    }

    /// Streams that are being read now.
    pub fn open_streams(&self) -> u64 {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// Closes the listener and breaks all connections, as a host does that goes down.
    pub fn stop(&self) {
        self.listening().abort();
    }

    /// Listens at the same address again after [`StandIn::stop`]. Must be called within a runtime.
    ///
    /// # Errors
    ///
    /// When somebody else has taken the address meanwhile.
    pub async fn again(&self) -> io::Result<()> {
        let listener = TcpListener::bind(self.address).await?;
        *self.listening() = tokio::spawn(listen(listener, router(&self.shared)));
        Ok(())
    }

    fn listening(&self) -> MutexGuard<'_, JoinHandle<()>> {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn script(&self) -> Script {
        self.script.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn listen(listener: TcpListener, router: Router) {
    // Dropping the set with this task ends every connection.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else {
                    // For want of descriptors; some come back when connections end.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                let _ = stream.set_nodelay(true);
                let service = TowerToHyperService::new(router.clone());
                connections.spawn(async move {
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

fn router(shared: &Arc<Shared>) -> Router {
    Router::new()
        .route("/v1/embeddings", post(embeddings))
        .route("/v1/rerank", post(rerank))
        .route("/v1/chat/completions", post(chat))
        .with_state(Arc::clone(shared))
}

async fn embeddings(State(shared): State<Arc<Shared>>, sent: Bytes) -> Response {
    whole(&shared, &sent, shapes::embeddings).await
}

async fn rerank(State(shared): State<Arc<Shared>>, sent: Bytes) -> Response {
    whole(&shared, &sent, |_, body| shapes::rerank(body)).await
}

async fn chat(State(shared): State<Arc<Shared>>, sent: Bytes) -> Response {
    let streams = serde_json::from_slice::<Value>(&sent).is_ok_and(|body| body["stream"] == true);
    if !streams {
        return whole(&shared, &sent, shapes::completion).await;
    }
    let (script, body) = match taken(&shared, &sent).await {
        Ok(taken) => taken,
        Err(answer) => return *answer,
    };
    let events = body::events(&script, &body, Open::new(&shared.open));
    streamed("text/event-stream", events)
}

/// A whole answer.
async fn whole(shared: &Shared, sent: &[u8], shape: impl Fn(&Script, &Value) -> Value) -> Response {
    let (script, body) = match taken(shared, sent).await {
        Ok(taken) => taken,
        Err(answer) => return *answer,
    };
    tokio::time::sleep(Duration::from_millis(script.first_ms)).await;
    let text = shape(&script, &body).to_string();
    match script.fault {
        Some(Fault::Dies(_)) => streamed("application/json", body::half(&text)),
        Some(Fault::Slow(_) | Fault::Hang | Fault::Status(_) | Fault::TooMany(_) | Fault::Garbage) | None => {
            (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], text).into_response()
        }
    }
}

/// Counts a call and does what the script says about calls of every kind; an answer where that is all there is to it.
async fn taken(shared: &Shared, sent: &[u8]) -> Result<(Script, Value), Box<Response>> {
    shared.calls.fetch_add(1, Ordering::SeqCst);
    let script = shared.script();
    let refused = |status: StatusCode, message: &str| {
        let body = json!({"error": {"message": message, "type": "stand_in", "code": status.as_u16()}});
        (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
    };
    match script.fault {
        None | Some(Fault::Dies(_)) => {}
        Some(Fault::Slow(after)) => tokio::time::sleep(Duration::from_millis(after)).await,
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Status(status)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return Err(Box::new(refused(status, "the script says so")));
        }
        Some(Fault::TooMany(seconds)) => {
            let mut answer = refused(StatusCode::TOO_MANY_REQUESTS, "too many calls");
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            return Err(Box::new(answer));
        }
        Some(Fault::Garbage) => {
            return Err(Box::new((StatusCode::OK, "<html>\u{0}not what was asked for").into_response()));
        }
    }
    let body = serde_json::from_slice(sent);
    let body = body.map_err(|_| Box::new(refused(StatusCode::BAD_REQUEST, "expected a body of JSON")))?;
    Ok((script, body))
}

fn streamed(kind: &'static str, pieces: impl Stream<Item = Piece> + Send + 'static) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, kind)], Body::from_stream(pieces)).into_response()
}
