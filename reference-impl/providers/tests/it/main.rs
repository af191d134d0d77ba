//! The adapters over a scripted port: what they send, and what they make of what comes back.
#![expect(clippy::unwrap_used, reason = "what cannot go on here is a failed test")]

mod cloudflare;
mod recorded;
mod speech;
mod streams;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use reference_core::ports::{BoxFuture, ChatCall, ChatDelta, ChatFinish, ChatMessage, ChatModel, ChatRole, ModelError};
use reference_core::tenancy::{RequestMark, TenantContext};
use reference_core::testkit::{TestTenants, TestTimer};
use reference_core::trace::TracePoint;
use reference_providers::{
    Api, Endpoint, Fetch, FetchError, FetchRequest, FetchResponse, Provider, ProviderKind, ProviderModel, Secret,
};

const SECRET: &str = "recorded-key";
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// What an upstream answers, and what it was asked.
struct Upstream {
    status: u16,
    content_type: &'static str,
    retry_after: Option<&'static str>,
    date: Option<&'static str>,
    body: String,
    /// Bytes in each piece of the body.
    pieces: usize,
    /// Whether the connection breaks after the body.
    breaks: bool,
    asked: Mutex<Vec<FetchRequest>>,
}

impl Upstream {
    fn new(content_type: &'static str, body: impl Into<String>) -> Self {
        Self {
            status: 200,
            content_type,
            retry_after: None,
            date: None,
            body: body.into(),
            pieces: usize::MAX,
            breaks: false,
            asked: Mutex::default(),
        }
    }

    fn json(body: &serde_json::Value) -> Arc<Self> {
        Arc::new(Self::new("application/json", body.to_string()))
    }

    fn asked(&self) -> FetchRequest {
        self.asked.lock().unwrap().last().unwrap().clone()
    }
}

impl Fetch for Upstream {
    fn fetch(&self, request: FetchRequest) -> BoxFuture<'_, Result<FetchResponse, FetchError>> {
        self.asked.lock().unwrap().push(request);
        let bytes = self.body.as_bytes().chunks(self.pieces);
        let mut chunks: Vec<_> = bytes.map(|bytes| Ok(Bytes::copy_from_slice(bytes))).collect();
        chunks.extend(self.breaks.then_some(Err(FetchError::Broken)));
        let response = FetchResponse {
            status: self.status,
            content_type: Some(self.content_type.to_owned()),
            retry_after: self.retry_after.map(str::to_owned),
            date: self.date.map(str::to_owned),
            body: stream::iter(chunks).boxed(),
        };
        std::future::ready(Ok(response)).boxed()
    }
}

fn provider(kind: ProviderKind, api: Api) -> Provider {
    Provider {
        id: "acme/m".to_owned(),
        kind,
        api,
        url: "https://up.example/v1".to_owned(),
        binding: None,
        model: "m-1".to_owned(),
        key: Secret::new(SECRET),
        timeout: Duration::from_secs(5),
        batch: 8,
        context_tokens: None,
    }
}

fn endpoint(upstream: &Arc<Upstream>, provider: Provider) -> Endpoint {
    Endpoint::new(provider, Arc::clone(upstream) as Arc<dyn Fetch>, Arc::new(TestTimer::default()))
}

/// A tenant within a request.
fn tenant() -> TenantContext {
    let mark = RequestMark {
        request_id: "r-1".to_owned(),
        trace: TracePoint::parse(TRACE).unwrap(),
        state: Some("vendor=1".to_owned()),
        deadline_us: None,
        trail: None,
    };
    TestTenants::new().owner().for_request(mark)
}

fn message(role: ChatRole, content: &str) -> ChatMessage {
    ChatMessage { role, content: content.to_owned(), tool_calls: Vec::new(), tool_call_id: None }
}

fn conversation(messages: Vec<ChatMessage>) -> ChatCall {
    ChatCall {
        messages,
        question: String::new(),
        passages: None,
        tools: Vec::new(),
        max_tokens: None,
        temperature: None,
        stop: Vec::new(),
    }
}

/// Everything that a conversation gives.
fn deltas(
    upstream: &Arc<Upstream>,
    api: Api,
    call: &ChatCall,
) -> Result<Vec<Result<ChatDelta, ModelError>>, ModelError> {
    let model = ProviderModel::new(endpoint(upstream, provider(ProviderKind::Generation, api))).unwrap();
    let tenant = tenant();
    let read = async { Ok(model.chat(&tenant, call).await?.collect::<Vec<_>>().await) };
    read.now_or_never().unwrap()
}

/// The same, when all of it is well.
fn well(upstream: &Arc<Upstream>, api: Api, call: &ChatCall) -> Vec<ChatDelta> {
    deltas(upstream, api, call).unwrap().into_iter().map(Result::unwrap).collect()
}

fn text(text: &str) -> ChatDelta {
    ChatDelta::Text(text.to_owned())
}

fn header<'a>(request: &'a FetchRequest, name: &str) -> Option<&'a str> {
    request.headers.iter().find(|header| header.name == name).map(|header| header.value.as_str())
}

const STOP: ChatDelta = ChatDelta::Finish(ChatFinish::Stop);
