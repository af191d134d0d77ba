//! How calls to models behind URLs travel on this host: JavaScript's `fetch`.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use reference_core::ports::BoxFuture;
use reference_core::sabotage::{self, Sabotage};
use reference_providers::{Fetch, FetchError, FetchRequest, FetchResponse};
use worker::{
    AbortController, ByteStream, Headers, Method, Request, RequestInit, RequestRedirect, Response,
    send::{SendFuture, SendWrapper},
    wasm_bindgen::JsValue,
};

/// A client that follows no redirect and repeats nothing.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct JsFetch;

impl Fetch for JsFetch {
    fn fetch(&self, request: FetchRequest) -> BoxFuture<'_, Result<FetchResponse, FetchError>> {
        Box::pin(SendFuture::new(send(request)))
    }
}

/// Ends its exchange when dropped.
struct Exchange(Option<AbortController>);

impl Drop for Exchange {
    fn drop(&mut self) {
        if let Some(abort) = self.0.take() {
            abort.abort();
        }
    }
}

/// A body as it arrives, with the exchange that it belongs to. A Worker has one thread.
struct Arriving(SendWrapper<(ByteStream, Exchange)>);

impl Stream for Arriving {
    type Item = Result<Bytes, FetchError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let (chunks, exchange) = &mut *self.0;
        let polled = chunks.poll_next_unpin(context);
        if matches!(polled, Poll::Ready(None)) {
            exchange.0 = None; // all of it has come: nothing is left to end
        }
        polled.map(|chunk| chunk.map(|chunk| chunk.map(Bytes::from).map_err(|_| FetchError::Broken)))
    }
}

/// An address or a field that cannot be sent reaches nobody. The host does not tell whether a call that broke was connected, so
/// every such call counts as one that the upstream may have worked on.
async fn send(request: FetchRequest) -> Result<FetchResponse, FetchError> {
    let headers = Headers::new();
    let drops = sabotage::on(Sabotage::WorkerFetchDropsTraces);
    for field in request.headers.iter().filter(|field| !drops || field.name != "traceparent") {
        headers.set(field.name, &field.value).map_err(|_| FetchError::NotConnected)?;
    }
    let mut init = RequestInit::new();
    init.with_method(Method::Post)
        .with_headers(headers)
        .with_redirect(RequestRedirect::Manual)
        .with_body(Some(JsValue::from_str(&request.body)));
    let request = Request::new_with_init(&request.url, &init).map_err(|_| FetchError::NotConnected)?;
    let abort = AbortController::default();
    let signal = abort.signal();
    let mut exchange = Exchange(Some(abort));
    let response = worker::Fetch::Request(request).send_with_signal(&signal).await.map_err(|_| FetchError::Broken)?;
    received(response, exchange.0.take())
}

/// What came back, with what ends its exchange where something can.
pub(crate) fn received(mut response: Response, abort: Option<AbortController>) -> Result<FetchResponse, FetchError> {
    let exchange = Exchange(abort);
    let header = |name: &str| response.headers().get(name).ok().flatten();
    let (content_type, retry_after, date) = (header("content-type"), header("retry-after"), header("date"));
    let status = response.status_code();
    let chunks = response.stream().map_err(|_| FetchError::Broken)?;
    let body = Arriving(SendWrapper::new((chunks, exchange))).boxed();
    Ok(FetchResponse { status, content_type, retry_after, date, body })
}
