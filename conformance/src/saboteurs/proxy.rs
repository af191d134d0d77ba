//! A proxy in front of a good target that breaks one thing of the answers of one operation.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use contracts::Contract;
use futures_util::stream;
use harness::{
    client::{Bounds, Client, Flow, Request, Response},
    judge::Judge,
};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};

use super::{
    Saboteur,
    fault::{BlockChange, Fault, apply},
    slow::Memory,
};

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A running proxy. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Proxy {
    /// Its address.
    pub(super) base_url: String,
    broken: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What every connection of a proxy shares.
struct Shared {
    client: Client,
    judge: Arc<Judge>,
    contract: Arc<Contract>,
    saboteur: Option<Saboteur>,
    broken: Arc<AtomicUsize>,
    memory: Memory,
}

impl Proxy {
    /// Starts a proxy in front of `target`; without a saboteur it changes nothing. `objects` are ids of things that exist.
    ///
    /// # Errors
    ///
    /// When no port can be had, or `target` is no address.
    pub(super) async fn start(
        target: &str,
        judge: Arc<Judge>,
        contract: Arc<Contract>,
        saboteur: Option<Saboteur>,
        objects: Vec<String>,
    ) -> Result<Self, String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| format!("no port: {error}"))?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let client = Client::new(target, Bounds::default()).map_err(|error| error.to_string())?;
        let broken = Arc::new(AtomicUsize::new(0));
        let shared = Arc::new(Shared {
            client,
            judge,
            contract,
            saboteur,
            broken: Arc::clone(&broken),
            memory: Memory::of(objects),
        });
        let task = tokio::spawn(async move {
            // Connections end with the proxy: they are held here and not let go of.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                connections.spawn(async move {
                    let service = hyper::service::service_fn(move |request| {
                        let shared = Arc::clone(&shared);
                        async move { Ok::<_, Infallible>(serve(shared, request).await) }
                    });
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { base_url: format!("http://{address}"), broken, task })
    }

    /// How many answers it has broken.
    pub(super) fn broken(&self) -> usize {
        self.broken.load(Ordering::Relaxed)
    }
}

async fn serve(shared: Arc<Shared>, request: hyper::Request<Incoming>) -> hyper::Response<Body> {
    let (parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().map_or("/", |it| it.as_str());
    let mut forward = Request::new(parts.method.as_str(), target);
    for (name, value) in &parts.headers {
        // The client writes the length anew; everything else goes through as it came, the host too.
        if !matches!(name.as_str(), "content-length" | "transfer-encoding" | "connection") {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            forward.headers.push((name.as_str().to_owned(), value));
        }
    }
    let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    forward.body = (!bytes.is_empty()).then_some(bytes);
    let operation = shared.judge.operation(&forward.method, forward.path()).map(str::to_owned);
    let meant = shared.saboteur.as_ref().filter(|saboteur| Some(&saboteur.operation) == operation.as_ref()).cloned();
    match meant {
        Some(saboteur) if matches!(saboteur.fault, Fault::Stream(_) | Fault::StreamTail(_)) => {
            broken_stream(shared, forward, saboteur).await
        }
        meant => whole(&shared, forward, meant).await,
    }
}

/// Passes a request on and answers when the whole answer is there; a stream that nobody breaks goes through as it arrives.
async fn whole(shared: &Arc<Shared>, request: Request, saboteur: Option<Saboteur>) -> hyper::Response<Body> {
    if saboteur.is_none() {
        return live(Arc::clone(shared), request, |_, block| Some(block), "").await;
    }
    let slow = if let Some(Saboteur { fault: Fault::Slow(slow), .. }) = &saboteur {
        shared.memory.arrived(*slow, &request)
    } else {
        None
    };
    let sent = shared.client.send(&request).await;
    if let Some(delay) = slow {
        shared.broken.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(delay).await;
    }
    shared.memory.answered(&request);
    match sent {
        Ok(mut exchange) => {
            if let Some(saboteur) = saboteur
                && apply(&saboteur.fault, &shared.contract, &saboteur.operation, &request, &mut exchange.response)
            {
                shared.broken.fetch_add(1, Ordering::Relaxed);
            }
            let head = head(&exchange.response);
            head.body(Full::new(exchange.response.body).boxed_unsync()).unwrap_or_else(|_| failed())
        }
        Err(_) => failed(),
    }
}

async fn broken_stream(shared: Arc<Shared>, request: Request, saboteur: Saboteur) -> hyper::Response<Body> {
    let (tail, change): (&'static str, BlockChange) = match saboteur.fault {
        Fault::Stream(change) => ("", change),
        Fault::StreamTail(tail) => (tail, |_, block| Some(block.to_owned())),
        Fault::DropField
        | Fault::WidenType
        | Fault::AddField
        | Fault::Status(_)
        | Fault::DropHeader
        | Fault::ContentType(_)
        | Fault::CutBody
        | Fault::SwapCode
        | Fault::Slow(_)
        | Fault::Change(_) => ("", |_, block| Some(block.to_owned())),
    };
    let broken = Arc::clone(&shared.broken);
    let change = move |place: usize, block: String| {
        let changed = change(place, &block);
        if changed.as_ref() != Some(&block) {
            broken.fetch_add(1, Ordering::Relaxed);
        }
        changed
    };
    if !tail.is_empty() {
        shared.broken.fetch_add(1, Ordering::Relaxed);
    }
    live(shared, request, change, tail).await
}

/// Passes an answer on piece by piece. Blocks of an event stream go through `change`; `tail` follows the last one.
async fn live<F>(shared: Arc<Shared>, request: Request, mut change: F, tail: &'static str) -> hyper::Response<Body>
where
    F: FnMut(usize, String) -> Option<String> + Send + 'static,
{
    let (heads, mut head_came) = mpsc::channel::<hyper::http::response::Builder>(1);
    let (pieces, body) = mpsc::unbounded_channel::<Bytes>();
    tokio::spawn(async move {
        let (mut begun, mut block, mut place) = (false, String::new(), 0);
        let each = |response: &Response, _: Duration, bytes: &[u8]| {
            if !begun {
                begun = true;
                if heads.try_send(head(response)).is_err() {
                    return Flow::Stop;
                }
            }
            if response.media_type() != "text/event-stream" {
                return if pieces.send(Bytes::copy_from_slice(bytes)).is_ok() { Flow::On } else { Flow::Stop };
            }
            block.push_str(&String::from_utf8_lossy(bytes));
            while let Some((before, after)) = block.split_once("\n\n") {
                let (before, after) = (before.to_owned(), after.to_owned());
                block = after;
                if let Some(changed) = change(place, before)
                    && pieces.send(Bytes::from(format!("{changed}\n\n"))).is_err()
                {
                    return Flow::Stop;
                }
                place += 1;
            }
            Flow::On
        };
        let sent = shared.client.watch(&request, Bounds::default(), each).await;
        if let Ok(exchange) = sent {
            if exchange.response.body.is_empty() {
                let _ = heads.try_send(head(&exchange.response));
            } else if !tail.is_empty() && exchange.response.media_type() == "text/event-stream" {
                let _ = pieces.send(Bytes::from_static(tail.as_bytes()));
            }
        }
    });
    let Some(head) = head_came.recv().await else { return failed() };
    let frames = stream::unfold(body, |mut body| async move {
        let piece = body.recv().await?;
        Some((Ok(Frame::data(piece)), body))
    });
    head.body(StreamBody::new(frames).boxed_unsync()).unwrap_or_else(|_| failed())
}

fn head(response: &Response) -> hyper::http::response::Builder {
    let mut head = hyper::Response::builder().status(response.status);
    for (name, value) in &response.headers {
        if !matches!(name.as_str(), "content-length" | "transfer-encoding" | "connection") {
            head = head.header(name, value);
        }
    }
    head
}

/// The target did not answer: neither does the proxy, in a way that no check takes for the target's.
fn failed() -> hyper::Response<Body> {
    let body = Full::new(Bytes::from_static(b"the proxy got no answer")).boxed_unsync();
    let mut response = hyper::Response::new(body);
    *response.status_mut() = hyper::StatusCode::BAD_GATEWAY;
    response
}
