//! Calls to models that Cloudflare runs, through the binding instead of the network. An endpoint says where a call would go; which
//! model and which gateway that is, is read from there.

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use reference_core::ports::BoxFuture;
use reference_core::sabotage::{self, Sabotage};
use reference_providers::{Fetch, FetchError, FetchRequest, FetchResponse};
use worker::{
    Env, Response, js_sys,
    send::{SendFuture, SendWrapper},
    wasm_bindgen::{JsCast as _, JsValue, prelude::wasm_bindgen},
    wasm_bindgen_futures::JsFuture,
    web_sys,
};

#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen)]
extern "C" {
    #[wasm_bindgen(extends = js_sys::Object)]
    #[derive(Clone)]
    type Binding;

    #[wasm_bindgen(method, catch)]
    fn run(this: &Binding, model: &str, inputs: &JsValue, options: &JsValue) -> Result<js_sys::Promise, JsValue>;
}

/// What the host throws where a model's REST address would answer with a status: codes of Workers AI and the status that each has.
const STATUSES: [(&str, u16); 10] = [
    ("2001", 502), // the gateway is not there, and the model has seen nothing
    ("3036", 429), // the account's share of the day is used up
    ("3040", 429), // no room at present
    ("3007", 408), // it took too long
    ("3008", 408),
    ("3042", 404), // no such model
    ("5007", 400),
    ("5004", 400), // its input does not fit
    ("5006", 400),
    ("3003", 400),
];

/// A client of one binding.
pub(crate) struct AiFetch(SendWrapper<Binding>);

impl AiFetch {
    /// `None` where there is no such binding.
    pub(crate) fn new(env: &Env, name: &str) -> Option<Self> {
        let found = js_sys::Reflect::get(env, &JsValue::from_str(name)).ok()?;
        found.is_object().then(|| Self(SendWrapper::new(found.unchecked_into())))
    }
}

/// Model and gateway of an address.
fn target(url: &str) -> Option<(&str, Option<&str>)> {
    if let Some((_, model)) = url.split_once("/ai/run/") {
        return Some((model, None));
    }
    let (before, model) = url.split_once("/workers-ai/")?;
    Some((model, before.rsplit('/').next()))
}

/// What the binding is told beside the inputs: to hand out its answer with status and fields, and the gateway.
fn options(gateway: Option<&str>, request: &FetchRequest) -> serde_json::Value {
    let mut options = serde_json::json!({ "returnRawResponse": true });
    let header = |name: &str| request.headers.iter().find(|field| field.name == name).map(|field| field.value.as_str());
    if let Some(id) = gateway.filter(|_| !sabotage::on(Sabotage::BindingModelsUntold)) {
        let mut gateway = serde_json::json!({ "id": id });
        if let Some(metadata) = header("cf-aig-metadata").and_then(|text| serde_json::from_str(text).ok()) {
            gateway["metadata"] = metadata;
        }
        if header("cf-aig-skip-cache").is_some() {
            gateway["skipCache"] = true.into();
        }
        if let Some(seconds) = header("cf-aig-cache-ttl").and_then(|text| text.parse::<u64>().ok()) {
            gateway["cacheTtl"] = seconds.into();
        }
        if let Some(key) = header("cf-aig-cache-key") {
            gateway["cacheKey"] = key.into();
        }
        options["gateway"] = gateway;
    }
    options
}

impl Fetch for AiFetch {
    fn fetch(&self, request: FetchRequest) -> BoxFuture<'_, Result<FetchResponse, FetchError>> {
        Box::pin(SendFuture::new(run(&self.0, request)))
    }
}

async fn run(binding: &Binding, request: FetchRequest) -> Result<FetchResponse, FetchError> {
    let (model, gateway) = target(&request.url).ok_or(FetchError::NotConnected)?;
    let parse = |text: &str| js_sys::JSON::parse(text).map_err(|_| FetchError::NotConnected);
    let (inputs, options) = (parse(&request.body)?, parse(&options(gateway, &request).to_string())?);
    let called = binding.run(model, &inputs, &options);
    let answer = match called {
        Ok(promise) => JsFuture::from(promise).await,
        Err(thrown) => Err(thrown),
    };
    match answer {
        Ok(answer) => given(answer),
        Err(thrown) => refused(&thrown),
    }
}

/// An answer, in whichever of its forms the host hands it out: whole, or a stream or bytes or what a JSON text says.
fn given(answer: JsValue) -> Result<FetchResponse, FetchError> {
    let broken = |_| FetchError::Broken;
    if answer.is_instance_of::<web_sys::Response>() {
        return crate::fetch::received(Response::from(answer.unchecked_into::<web_sys::Response>()), None);
    }
    if answer.is_instance_of::<web_sys::ReadableStream>() {
        let init = web_sys::ResponseInit::new();
        let stream = answer.unchecked_ref::<web_sys::ReadableStream>();
        let response = web_sys::Response::new_with_opt_readable_stream_and_init(Some(stream), &init).map_err(broken)?;
        return crate::fetch::received(Response::from(response), None);
    }
    if let Some(bytes) = answer.dyn_ref::<js_sys::Uint8Array>() {
        return Ok(whole(200, "application/octet-stream", bytes.to_vec()));
    }
    let text = js_sys::JSON::stringify(&answer).map_err(broken)?;
    Ok(whole(200, "application/json", String::from(text).into_bytes()))
}

/// What was thrown, as the status that it stands for; anything else is a call that may have been worked on.
fn refused(thrown: &JsValue) -> Result<FetchResponse, FetchError> {
    let message = thrown.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message())).unwrap_or_default();
    let code = message.split(|it: char| !it.is_ascii_digit()).find(|part| part.len() == 4);
    let status = code.and_then(|code| STATUSES.iter().find(|(known, _)| *known == code)).map(|(_, status)| *status);
    // What the message says goes no further: it may repeat the input.
    status.map(|status| whole(status, "application/json", Vec::new())).ok_or(FetchError::Broken)
}

fn whole(status: u16, content_type: &str, bytes: Vec<u8>) -> FetchResponse {
    let body = stream::iter([Ok(Bytes::from(bytes))]).boxed();
    FetchResponse { status, content_type: Some(content_type.to_owned()), retry_after: None, date: None, body }
}
