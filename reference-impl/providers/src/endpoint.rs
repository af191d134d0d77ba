//! An upstream that takes JSON. What it says of itself goes no further than a status: an answer may repeat the key or the texts
//! that it was sent.

use std::future::Future;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::{Either, select};
use reference_core::ports::{ModelError, Timer};
use reference_core::tenancy::TenantContext;
use serde_json::Value as Json;

use crate::address::{self, Task, Way};
use crate::fetch::{Fetch, FetchError, FetchRequest, FetchResponse};
use crate::form::Form;
use crate::provider::Provider;

/// Longest answer, in bytes: 2,048 vectors of 8,192 numbers in decimal are some 200 MB, which nobody asks for at once.
const ANSWER_BYTES: usize = 64 << 20;
/// No upstream is believed that it will be busy for longer, in seconds.
const LONGEST_WAIT_S: u64 = 3600;

/// What an error status of a model's host means.
///
/// - `reason`: for the log.
/// - `retry_after_ms`: what the host asks for.
pub fn status_error(model: &str, status: u16, reason: String, retry_after_ms: Option<u64>) -> ModelError {
    let model = model.to_owned();
    match status {
        429 | 503 => ModelError::Refused { model, reason, retry_after_ms },
        // 408 is the time-out of a proxy, or of a host for a body that is slow to come.
        400..=499 if status != 408 => ModelError::Rejected { model, reason },
        _ => ModelError::Unavailable { model, reason },
    }
}

/// Whether a gateway has not passed a call on: nobody is there, or what it says is about itself. A connection that broke may
/// have been one over which the model has worked already.
fn not_taken(answer: &Result<FetchResponse, FetchError>) -> bool {
    match answer {
        Ok(response) => matches!(response.status, 502..=504),
        Err(FetchError::NotConnected) => true,
        Err(FetchError::Broken) => false,
    }
}

/// The upstream of one provider.
#[derive(Clone)]
pub struct Endpoint {
    provider: Arc<Provider>,
    fetch: Arc<dyn Fetch>,
    timer: Arc<dyn Timer>,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Endpoint").field(&self.provider).finish()
    }
}

impl Endpoint {
    /// The endpoint of a provider; nothing is called yet.
    pub fn new(provider: Provider, fetch: Arc<dyn Fetch>, timer: Arc<dyn Timer>) -> Self {
        Self { provider: Arc::new(provider), fetch, timer }
    }

    /// What it is made of.
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// The id that tenants name the model by.
    pub fn id(&self) -> &str {
        &self.provider.id
    }

    pub(crate) fn form(&self) -> Form {
        Form::of(&self.provider)
    }

    /// Posts `body` and gives the answer's JSON, unwrapped. One call, without repeating, within the provider's time.
    pub(crate) async fn post(&self, tenant: &TenantContext, task: Task, body: &Json) -> Result<Json, ModelError> {
        let call = async {
            let response = self.open_call(tenant, task, body, "application/json").await?;
            self.read(response).await
        };
        self.in_time(call).await
    }

    /// Posts `body` and gives the answer once its header has come, within the provider's time.
    pub(crate) async fn open(
        &self,
        tenant: &TenantContext,
        task: Task,
        body: &Json,
    ) -> Result<FetchResponse, ModelError> {
        let accept = if task == Task::Speech { "audio/*, application/json;q=0.5" } else { "text/event-stream" };
        self.in_time(self.open_call(tenant, task, body, accept)).await
    }

    /// The JSON of a whole answer, unwrapped.
    pub(crate) async fn read(&self, mut response: FetchResponse) -> Result<Json, ModelError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.body.next().await {
            bytes.extend_from_slice(&chunk.map_err(|_| self.unavailable("its answer broke off"))?);
            if bytes.len() > ANSWER_BYTES {
                return Err(self.unusable("its answer is too long"));
            }
        }
        let answer = serde_json::from_slice(&bytes).map_err(|_| self.unusable("its answer is no JSON"))?;
        self.form().unwrap(answer).map_err(|reason| self.unavailable(reason))
    }

    async fn open_call(
        &self,
        tenant: &TenantContext,
        task: Task,
        body: &Json,
        accept: &str,
    ) -> Result<FetchResponse, ModelError> {
        let body = body.to_string();
        let request = |url: String, way: Way| FetchRequest {
            url,
            headers: address::headers(&self.provider, tenant, &body, accept, way),
            body: body.clone(),
        };
        let usual = request(address::url(&self.provider, task, tenant), Way::Usual);
        let mut answer = self.fetch.fetch(usual).await;
        if not_taken(&answer)
            && let Some(url) = address::direct_url(&self.provider, task)
        {
            answer = self.fetch.fetch(request(url, Way::Direct)).await;
        }
        let response = answer.map_err(|error| match error {
            FetchError::NotConnected => {
                let (model, reason) = (self.id().to_owned(), "it cannot be connected to".to_owned());
                ModelError::Refused { model, reason, retry_after_ms: None }
            }
            FetchError::Broken => self.unavailable("the connection broke"),
        })?;
        self.judge(&response)?;
        Ok(response)
    }

    pub(crate) async fn in_time<T>(
        &self,
        call: impl Future<Output = Result<T, ModelError>> + Send,
    ) -> Result<T, ModelError> {
        let after_ms = u64::try_from(self.provider.timeout.as_millis()).unwrap_or(u64::MAX);
        match select(Box::pin(call), self.timer.sleep(after_ms)).await {
            Either::Left((given, _)) => given,
            Either::Right(_) => Err(ModelError::TimedOut { model: self.id().to_owned(), after_ms }),
        }
    }

    /// A refusal of our key or request is told apart from trouble of the upstream in the log alone; for the platform, the model
    /// is not there in both cases.
    fn judge(&self, response: &FetchResponse) -> Result<(), ModelError> {
        let status = response.status;
        match status {
            200..=299 => Ok(()),
            300..=399 => Err(self.unusable(&format!("it redirects (status {status})"))),
            _ => {
                let reason = match status {
                    401 | 403 => format!("it refused the key (status {status})"),
                    _ => format!("status {status}"),
                };
                let wait_ms = wait_s(response).map(|seconds| seconds.min(LONGEST_WAIT_S) * 1000);
                Err(status_error(self.id(), status, reason, wait_ms))
            }
        }
    }

    pub(crate) fn unavailable(&self, reason: &str) -> ModelError {
        ModelError::Unavailable { model: self.id().to_owned(), reason: reason.to_owned() }
    }

    pub(crate) fn unusable(&self, reason: &str) -> ModelError {
        ModelError::Unusable { model: self.id().to_owned(), reason: reason.to_owned() }
    }
}

/// How long the upstream asks us to wait, in seconds. A date counts from the upstream's own `date`, so that no clock of ours has to
/// agree with it; one that lies before it asks for no wait.
fn wait_s(response: &FetchResponse) -> Option<u64> {
    let asked = response.retry_after.as_deref()?.trim();
    if let Ok(seconds) = asked.parse() {
        return Some(seconds);
    }
    let until = httpdate::parse_http_date(asked).ok()?;
    let now = httpdate::parse_http_date(response.date.as_deref()?.trim()).ok()?;
    Some(until.duration_since(now).map_or(0, |left| left.as_secs()))
}
