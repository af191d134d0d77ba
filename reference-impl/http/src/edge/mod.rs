//! The way of a request: correlation, credential, tenant, rate limit, scope, size, media types, JSON, schema, idempotency,
//! call. The first check that fails answers, and nothing later than the tenant runs for a request that has none.

mod admission;
mod checks;
mod correlation;
mod cors;
mod deadline;
mod finish;
mod idempotency;
mod json;
mod media;
mod parameters;
#[cfg(feature = "sabotage")]
mod sabotaged;
mod streamed;
mod unmade;
mod validate;

use std::sync::{Arc, OnceLock};

use axum::{
    extract::Request,
    http::{HeaderMap, Method, header, request::Parts},
    response::Response,
};
use contract_types::ErrorCode;
use futures_util::FutureExt;
use reference_core::{
    auth::{Authenticator, Presented},
    platform::Platform,
    ports::{BoxFuture, Clock, Databases, Ids, RateLimiter, Timer},
    sabotage::{self, Sabotage},
    store::rate::{LocalCounts, RateFigures},
    tenancy::{Registry, TenantContext, TenantId},
    trace::{StepName, StepOutcome},
};

use crate::{
    Api,
    call::{Call, Input, OpenCall},
    mcp,
    operation::Operation,
    reply::{Failed, Problem, Reply},
    telemetry::Telemetry,
};
use admission::{Admitted, Refused};
pub(crate) use checks::forbidden;
use checks::{read_body, refused, scopes, well_formed};
use deadline::Deadline;
use finish::Exchange;
#[cfg(feature = "testkit")]
pub(crate) use json::parse as parse_body;
pub(crate) use parameters::missing;
use unmade::Attempt;
#[cfg(feature = "testkit")]
pub(crate) use validate::Schemas as BodySchemas;

/// Does something before each call, inside the guard that makes one failed request of whatever panics there.
pub trait BeforeCall: Send + Sync {
    /// Called once a request that every check has passed, with the operation's id and the caller's tenant, which open
    /// operations do not have. The handler runs when the future is ready.
    fn before<'a>(&'a self, operation: &'static str, tenant: Option<&'a TenantId>) -> BoxFuture<'a, ()>;
}

/// What the edge is made of.
#[derive(Clone)]
pub struct EdgeParts {
    /// Answers the calls.
    pub api: Arc<dyn Api>,
    /// Proves callers' tenants.
    pub authenticator: Arc<Authenticator>,
    /// The tenants that are served, for the origins of preflight requests.
    pub registry: Arc<Registry>,
    /// Replayed answers.
    pub databases: Arc<dyn Databases>,
    /// Counts requests against the tenants' limits.
    pub limiter: Arc<dyn RateLimiter>,
    /// Rate counts for the time that the limiter does not answer.
    pub local_counts: Arc<LocalCounts>,
    /// The tenants' clocks.
    pub clock: Arc<dyn Clock>,
    /// Randomness for request ids.
    pub ids: Arc<dyn Ids>,
    /// Deadlines, and waiting for a concurrent request with the same idempotency key.
    pub timer: Arc<dyn Timer>,
    /// Receives a record of each request.
    pub telemetry: Arc<dyn Telemetry>,
    /// What a test does to handlers; `None` in a deployment that serves people.
    pub before_call: Option<Arc<dyn BeforeCall>>,
    /// Puts calls of tools on record that the edge refuses; `None` where nobody keeps a record.
    pub recorder: Option<Arc<Platform>>,
}

/// The edge, shared by all requests.
#[derive(Clone)]
pub struct Edge {
    parts: Arc<EdgeParts>,
    schemas: Arc<validate::Schemas>,
    trace_ratio: f64,
}

/// What is known of the caller when an answer leaves.
#[derive(Clone)]
struct Caller {
    tenant: TenantContext,
    rate: Option<RateFigures>,
    /// Whether its rate was counted in memory, for want of the store.
    without_rate_store: bool,
}

impl Edge {
    /// Compiles the contract's schemas, once.
    pub fn new(parts: EdgeParts) -> Self {
        Self { parts: Arc::new(parts), schemas: Arc::new(validate::Schemas::new()), trace_ratio: 0.0 }
    }

    /// The same with the steps of a share of the requests recorded whose callers say nothing about that.
    ///
    /// - `ratio`: from 0 for none, as without this, to 1 for all.
    #[must_use]
    pub fn with_trace_ratio(self, ratio: f64) -> Self {
        Self { trace_ratio: ratio, ..self }
    }

    /// Serves an operation that needs no credential.
    pub(crate) async fn serve_open<F>(&self, operation: &'static Operation, request: Request, run: F) -> Response
    where
        F: FnOnce(Arc<dyn Api>, OpenCall, Input) -> BoxFuture<'static, Result<Response, Problem>>,
    {
        let exchange = self.begin(operation, &request);
        let (parts, _body) = request.into_parts();
        let checked = well_formed(&parts)
            .and_then(|()| parameters::read(operation, &parts, &self.schemas))
            .and_then(|parameters| media::accept(operation, &parts.headers).map(|()| parameters));
        let answer = match checked {
            Ok(parameters) => {
                let call = OpenCall { request_id: exchange.correlation.request_id.clone() };
                let input = Input { parameters, body: serde_json::Value::Null };
                self.guarded(operation, None, run(Arc::clone(&self.parts.api), call, input)).await
            }
            Err(problem) => problem.into_response(),
        };
        self.finish(&exchange, None, answer)
    }

    /// Serves an operation for an authenticated caller.
    pub(crate) async fn serve<F>(&self, operation: &'static Operation, request: Request, run: F) -> Response
    where
        F: FnOnce(Arc<dyn Api>, Call, Input) -> BoxFuture<'static, Result<Response, Problem>> + Send,
    {
        let exchange = self.begin(operation, &request);
        let mut caller = None;
        let mut attempt = Attempt::of(operation, request.headers());
        let answer = self.checked(operation, request, &exchange, (&mut caller, &mut attempt), run).await;
        if let Some(caller) = &caller {
            self.record_unmade(attempt, &caller.tenant, &exchange.correlation, answer.as_ref().err()).await;
        }
        let answer = answer.unwrap_or_else(Problem::into_response);
        self.finish(&exchange, caller.as_ref(), answer)
    }

    /// Answers a page or an asset of the deployment's own, which is no operation and needs no credential.
    ///
    /// - `headers`: stand in place of what every answer of an operation carries, such as `no-store`.
    pub(crate) fn serve_page(&self, route: &str, request: &Request, headers: HeaderMap, answer: Response) -> Response {
        let exchange = self.begin_unmatched(route, request);
        let mut answer = self.finish(&exchange, None, answer);
        answer.headers_mut().extend(headers);
        answer
    }

    /// Answers a path that the contract does not have.
    pub(crate) async fn not_found(&self, request: Request) -> Response {
        let exchange = self.begin_unmatched("unmatched", &request);
        if sabotage::on(Sabotage::DebugRoutesServed)
            && ["/debug", "/admin", "/internal"].iter().any(|path| request.uri().path().starts_with(path))
        {
            return std::future::ready(self.finish(&exchange, None, Reply::from(serde_json::json!({})).json(200)))
                .await;
        }
        let problem = Problem::new(ErrorCode::NotFound, "there is nothing at this path");
        std::future::ready(self.finish(&exchange, None, problem.into_response())).await
    }

    /// Answers a method that the path does not have, and preflight requests.
    pub(crate) async fn method_not_allowed(&self, request: Request, allow: &'static str) -> Response {
        let template = request.extensions().get::<axum::extract::MatchedPath>().map(|path| path.as_str().to_owned());
        let exchange = self.begin_unmatched(template.as_deref().unwrap_or("unmatched"), &request);
        let answer = if request.method() == Method::OPTIONS && request.headers().contains_key(header::ORIGIN) {
            cors::preflight(&self.parts.registry, request.headers(), allow)
        } else {
            let problem = Problem::new(ErrorCode::MethodNotAllowed, format!("this path takes {allow}"));
            problem.header("allow", allow).into_response()
        };
        std::future::ready(self.finish(&exchange, None, answer)).await
    }

    async fn checked<F>(
        &self,
        operation: &'static Operation,
        request: Request,
        exchange: &Exchange,
        (caller, attempt): (&mut Option<Caller>, &mut Attempt),
        run: F,
    ) -> Result<Response, Problem>
    where
        F: FnOnce(Arc<dyn Api>, Call, Input) -> BoxFuture<'static, Result<Response, Problem>> + Send,
    {
        let correlation = &exchange.correlation;
        let (parts, body) = request.into_parts();
        well_formed(&parts)?;
        let tenant = self.authenticate(&parts)?;
        let known = caller.insert(Caller { tenant: tenant.clone(), rate: None, without_rate_store: false });
        let deadline = Deadline::of(&tenant, &*self.parts.timer);
        let ends_us = deadline.ends_us(self.parts.clock.monotonic_us());
        let tenant = tenant.for_request(correlation.mark(ends_us, exchange.trail.clone()));
        if sabotage::on(Sabotage::RateCheckedAfterScope) {
            scopes(operation, &tenant)?;
        }
        let (_, step) = tenant.step(StepName::Admit);
        let admitted = self.admit(operation, &tenant, &deadline).await;
        step.end(if admitted.is_ok() { StepOutcome::Ok } else { StepOutcome::Error });
        match admitted {
            Ok(None) => {}
            Ok(Some(Admitted { figures, without_store })) => {
                (known.rate, known.without_rate_store) = (Some(figures), without_store);
            }
            Err(Refused { problem, figures, without_store }) => {
                (known.rate, known.without_rate_store) = (Some(figures), without_store);
                return Err(problem);
            }
        }
        if !sabotage::on(Sabotage::ScopeCheckedLast) {
            scopes(operation, &tenant)?;
        }
        let bytes = deadline.before(read_body(operation, &tenant, &parts, body)).await;
        let bytes = bytes.ok_or_else(|| overdue().header("connection", "close"))??;
        let media_types =
            || media::content_type(operation, &parts.headers).and_then(|()| media::accept(operation, &parts.headers));
        if !sabotage::on(Sabotage::MediaTypesCheckedLast) {
            media_types()?;
        }
        let parsed = if operation.request.is_some() { json::parse(&bytes) } else { Ok(serde_json::Value::Null) };
        let mut value = match parsed {
            Err(problem) if mcp::speaks(operation) => {
                attempt.unreadable();
                return Ok(mcp::unreadable(problem, None));
            }
            parsed => parsed?,
        };
        mcp::first_of_batch(operation, &mut value);
        let parameters = parameters::read(operation, &parts, &self.schemas)?;
        if sabotage::on(Sabotage::UnknownFieldsIgnored) {
            self.schemas.prune(operation, &mut value);
        }
        if sabotage::on(Sabotage::FilterUnknownOperatorsIgnored) {
            validate::Schemas::drop_operators(&mut value);
        }
        if let Some(answer) = self.unfit(operation, &value, attempt)? {
            return Ok(answer);
        }
        if sabotage::on(Sabotage::MediaTypesCheckedLast) {
            media_types()?;
        }
        if sabotage::on(Sabotage::ScopeCheckedLast) {
            scopes(operation, &tenant)?;
        }
        let repeated = sabotage::on(Sabotage::BlockedInputRepeated).then(|| value["query"].to_string());
        let headers = Arc::new(parts.headers);
        let noted = Arc::new(OnceLock::new());
        let call = Call {
            tenant: tenant.clone(),
            request_id: correlation.request_id.clone(),
            trace_id: correlation.trace_id(),
            headers: Arc::clone(&headers),
            noted: Arc::clone(&noted),
        };
        let key = idempotency::key(operation, &headers).filter(|_| !sabotage::on(Sabotage::IdempotencyNeverReplays));
        if key.is_some() {
            attempt.read(&value);
        }
        let input = Input { parameters, body: value };
        let api = Arc::clone(&self.parts.api);
        let work = || {
            attempt.made();
            self.bounded(operation, &tenant, &deadline, run(api, call, input))
        };
        let mut answer = if let Some(key) = key {
            self.once(operation, &tenant, &deadline, key, &bytes, work).await?
        } else {
            work().await
        };
        if let Some(failed) = noted.get() {
            answer.extensions_mut().insert(failed.clone());
        }
        if let Some(text) = repeated {
            repeat_input(&mut answer, &text);
        }
        Ok(answer)
    }

    /// Holds a body against its schema. The protocol has an answer of its own to one that does not fit.
    fn unfit(
        &self,
        operation: &Operation,
        value: &serde_json::Value,
        attempt: &mut Attempt,
    ) -> Result<Option<Response>, Problem> {
        let Err(problem) = self.schemas.body(operation, value) else { return Ok(None) };
        attempt.read(value);
        if mcp::speaks(operation) {
            attempt.unreadable();
            return Ok(Some(mcp::unreadable(problem, Some(value))));
        }
        Err(problem)
    }

    /// The call's answer, or a time-out at the tenant's deadline. A call that is cut has written a whole batch or none.
    async fn bounded(
        &self,
        operation: &Operation,
        tenant: &TenantContext,
        deadline: &Deadline,
        call: BoxFuture<'static, Result<Response, Problem>>,
    ) -> Response {
        let answer = deadline.before(self.guarded(operation, Some(tenant.id()), call)).await;
        answer.unwrap_or_else(|| overdue().into_response())
    }

    /// The call's answer. A panic in a handler is one failed request, whatever the host does with it.
    async fn guarded(
        &self,
        operation: &Operation,
        tenant: Option<&TenantId>,
        call: BoxFuture<'static, Result<Response, Problem>>,
    ) -> Response {
        let called = async {
            if let Some(test) = &self.parts.before_call {
                test.before(operation.id, tenant).await;
            }
            call.await
        };
        if let Ok(answer) = std::panic::AssertUnwindSafe(called).catch_unwind().await {
            return answer.unwrap_or_else(Problem::into_response);
        }
        let mut problem = Problem::internal(&std::io::Error::other("the handler panicked"));
        if sabotage::on(Sabotage::BrokenHandlersTold) {
            problem.message = format!("thread 'main' panicked: the handler of `{}` breaks", operation.id);
        }
        problem.into_response()
    }

    fn authenticate(&self, parts: &Parts) -> Result<TenantContext, Problem> {
        let values =
            |name: &str| parts.headers.get_all(name).iter().map(axum::http::HeaderValue::as_bytes).collect::<Vec<_>>();
        let (authorization, tenant) = (values("authorization"), values("x-tenant-id"));
        let host = parts.uri.authority().map(axum::http::uri::Authority::as_str);
        let host = host.or_else(|| parts.headers.get(header::HOST).and_then(|value| value.to_str().ok()));
        let forwarded = parts.headers.get("x-forwarded-host").and_then(|value| value.to_str().ok());
        let host = forwarded.filter(|_| sabotage::on(Sabotage::ForwardedHostBelieved)).or(host);
        let presented = Presented { authorization: &authorization, tenant: &tenant, host };
        self.parts.authenticator.authenticate(&presented).map_err(|error| refused(&error))
    }
}

/// What the flaw makes of a refusal that repeats what was sent.
fn repeat_input(answer: &mut Response, text: &str) {
    if let Some(failed) = answer.extensions_mut().get_mut::<Failed>()
        && failed.code == ErrorCode::ContentBlocked
    {
        failed.message = format!("the tenant's safety rules refuse {text}");
    }
}

/// The tenant's deadline has passed.
pub(crate) fn overdue() -> Problem {
    let message = "the request took longer than the tenant's deadline allows; try again";
    Problem::new(ErrorCode::UpstreamTimeout, message)
}

fn unavailable(error: &(dyn std::error::Error + 'static)) -> Problem {
    let problem = Problem::new(ErrorCode::UpstreamUnavailable, "a store that this needs is out of reach; try again");
    problem.header("retry-after", "1").caused_by(error)
}

#[cfg(test)]
mod tests;
