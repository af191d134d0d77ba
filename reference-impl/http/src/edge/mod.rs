//! The way of a request: correlation, credential, tenant, rate limit, scope, size, media types, JSON, schema, idempotency,
//! call. The first check that fails answers, and nothing later than the tenant runs for a request that has none.

mod correlation;
mod cors;
mod finish;
mod idempotency;
mod json;
mod media;
mod parameters;
#[cfg(feature = "sabotage")]
mod sabotaged;
mod streamed;
mod validate;

use std::sync::Arc;

use axum::{
    extract::Request,
    http::{Method, header, request::Parts},
    response::Response,
};
use contract_types::{ErrorCode, Scope};
use futures_util::{
    FutureExt,
    future::{Either, select},
};
use http_body_util::{BodyExt, Limited};
use reference_core::{
    auth::{AuthError, Authenticator, Presented},
    limits,
    ports::{BoxFuture, Clock, Database, Databases, Ids},
    sabotage::{self, Sabotage},
    store::rate::{self, Admission, RateFigures},
    tenancy::{Registry, TenantContext},
};

use crate::{
    Api,
    call::{Call, Input, OpenCall},
    operation::{Operation, RouteClass, Scopes},
    reply::{Failed, Problem, Reply, detail},
    telemetry::Telemetry,
};
use correlation::Correlation;
pub(crate) use parameters::missing;

/// Waiting, as the host can do it.
pub trait Timer: Send + Sync {
    /// Is ready after `milliseconds`.
    fn sleep(&self, milliseconds: u64) -> BoxFuture<'static, ()>;
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
    /// Rate counts and replayed answers.
    pub databases: Arc<dyn Databases>,
    /// The tenants' clocks.
    pub clock: Arc<dyn Clock>,
    /// Randomness for request ids.
    pub ids: Arc<dyn Ids>,
    /// Deadlines, and waiting for a concurrent request with the same idempotency key.
    pub timer: Arc<dyn Timer>,
    /// Receives a record of each request.
    pub telemetry: Arc<dyn Telemetry>,
}

/// The edge, shared by all requests.
#[derive(Clone)]
pub struct Edge {
    parts: Arc<EdgeParts>,
    schemas: Arc<validate::Schemas>,
}

/// What is known of the caller when an answer leaves.
#[derive(Clone)]
struct Caller {
    tenant: TenantContext,
    rate: Option<RateFigures>,
}

impl Edge {
    /// Compiles the contract's schemas, once.
    pub fn new(parts: EdgeParts) -> Self {
        Self { parts: Arc::new(parts), schemas: Arc::new(validate::Schemas::new()) }
    }

    /// Serves an operation that needs no credential.
    pub(crate) async fn serve_open<F>(&self, operation: &'static Operation, request: Request, run: F) -> Response
    where
        F: FnOnce(Arc<dyn Api>, OpenCall, Input) -> BoxFuture<'static, Result<Response, Problem>>,
    {
        let exchange = self.begin(operation.path, &request);
        let (parts, _body) = request.into_parts();
        let checked = well_formed(&parts)
            .and_then(|()| parameters::read(operation, &parts, &self.schemas))
            .and_then(|parameters| media::accept(operation, &parts.headers).map(|()| parameters));
        let answer = match checked {
            Ok(parameters) => {
                let call = OpenCall { request_id: exchange.correlation.request_id.clone() };
                let input = Input { parameters, body: serde_json::Value::Null };
                guarded(run(Arc::clone(&self.parts.api), call, input)).await
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
        let exchange = self.begin(operation.path, &request);
        let mut caller = None;
        let answer = self.checked(operation, request, &exchange.correlation, &mut caller, run).await;
        let answer = answer.unwrap_or_else(Problem::into_response);
        self.finish(&exchange, caller.as_ref(), answer)
    }

    /// Answers a path that the contract does not have.
    pub(crate) async fn not_found(&self, request: Request) -> Response {
        let exchange = self.begin("unmatched", &request);
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
        let exchange = self.begin(template.as_deref().unwrap_or("unmatched"), &request);
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
        correlation: &Correlation,
        caller: &mut Option<Caller>,
        run: F,
    ) -> Result<Response, Problem>
    where
        F: FnOnce(Arc<dyn Api>, Call, Input) -> BoxFuture<'static, Result<Response, Problem>> + Send,
    {
        let (parts, body) = request.into_parts();
        well_formed(&parts)?;
        let tenant = self.authenticate(&parts)?;
        let known = caller.insert(Caller { tenant: tenant.clone(), rate: None });
        let database = self.parts.databases.open(&tenant).await.map_err(|error| unavailable(&error))?;
        if sabotage::on(Sabotage::RateCheckedAfterScope) {
            scopes(operation, &tenant)?;
        }
        known.rate = self.admit(operation, &tenant, &*database).await.map_err(|(problem, figures)| {
            known.rate = figures;
            problem
        })?;
        if !sabotage::on(Sabotage::ScopeCheckedLast) {
            scopes(operation, &tenant)?;
        }
        let mut deadline = u64::try_from(tenant.settings().times.deadline_ms).unwrap_or_default();
        if sabotage::on(Sabotage::DeadlineIgnored) {
            deadline = 3_600_000;
        }
        let bytes =
            match select(Box::pin(read_body(operation, &tenant, &parts, body)), self.parts.timer.sleep(deadline)).await
            {
                Either::Left((bytes, _)) => bytes?,
                Either::Right(_) => return Err(overdue().header("connection", "close")),
            };
        let media_types =
            || media::content_type(operation, &parts.headers).and_then(|()| media::accept(operation, &parts.headers));
        if !sabotage::on(Sabotage::MediaTypesCheckedLast) {
            media_types()?;
        }
        let mut value = if operation.request.is_some() { json::parse(&bytes)? } else { serde_json::Value::Null };
        let parameters = parameters::read(operation, &parts, &self.schemas)?;
        if sabotage::on(Sabotage::UnknownFieldsIgnored) {
            self.schemas.prune(operation, &mut value);
        }
        if sabotage::on(Sabotage::FilterUnknownOperatorsIgnored) {
            validate::Schemas::drop_operators(&mut value);
        }
        self.schemas.body(operation, &value)?;
        if sabotage::on(Sabotage::MediaTypesCheckedLast) {
            media_types()?;
        }
        if sabotage::on(Sabotage::ScopeCheckedLast) {
            scopes(operation, &tenant)?;
        }
        let repeated = sabotage::on(Sabotage::BlockedInputRepeated).then(|| value["query"].to_string());
        let call = Call { tenant: tenant.clone(), request_id: correlation.request_id.clone() };
        let input = Input { parameters, body: value };
        let api = Arc::clone(&self.parts.api);
        #[cfg(feature = "sabotage")]
        let database = self.idempotency_store(&tenant, database).await?;
        let mut answer = match idempotency::key(operation, &parts.headers) {
            Some(key) if !sabotage::on(Sabotage::IdempotencyNeverReplays) => {
                let work = || self.bounded(deadline, run(api, call, input));
                self.once(operation, &tenant, &*database, key, &bytes, work).await?
            }
            Some(_) | None => self.bounded(deadline, run(api, call, input)).await,
        };
        if let Some(text) = repeated
            && let Some(failed) = answer.extensions_mut().get_mut::<Failed>()
            && failed.code == ErrorCode::ContentBlocked
        {
            failed.message = format!("the tenant's safety rules refuse {text}");
        }
        Ok(answer)
    }

    /// The call's answer, or a time-out at the tenant's deadline. A call that is cut has written a whole batch or none.
    async fn bounded(&self, deadline_ms: u64, call: BoxFuture<'static, Result<Response, Problem>>) -> Response {
        match select(Box::pin(guarded(call)), self.parts.timer.sleep(deadline_ms)).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => overdue().into_response(),
        }
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

    /// Counts the request, or refuses it with the figures that its headers carry.
    async fn admit(
        &self,
        operation: &Operation,
        tenant: &TenantContext,
        database: &dyn Database,
    ) -> Result<Option<RateFigures>, (Problem, Option<RateFigures>)> {
        let class = match operation.route_class {
            RouteClass::Open => return Ok(None),
            RouteClass::Read => rate::RouteClass::Read,
            RouteClass::Write => rate::RouteClass::Write,
            RouteClass::Model => rate::RouteClass::Model,
        };
        let now = self.parts.clock.now(tenant.id());
        #[cfg(feature = "sabotage")]
        self.count_elsewhere(tenant, class).await;
        match rate::admit(database, tenant, class, now).await {
            Ok(Admission::Admitted(figures)) => Ok(Some(figures)),
            Ok(Admission::Refused { figures, retry_after_s }) => {
                let problem = Problem::new(ErrorCode::RateLimited, "too many requests; wait as `retry-after` says");
                Err((problem.header("retry-after", retry_after_s.to_string()), Some(figures)))
            }
            Err(error) => Err((unavailable(&error), None)),
        }
    }
}

/// A panic in a handler is one failed request, whatever the host does with it.
async fn guarded(call: BoxFuture<'static, Result<Response, Problem>>) -> Response {
    if let Ok(answer) = std::panic::AssertUnwindSafe(call).catch_unwind().await {
        return answer.unwrap_or_else(Problem::into_response);
    }
    Problem::internal(&std::io::Error::other("the handler panicked")).into_response()
}

/// The tenant's deadline has passed.
pub(crate) fn overdue() -> Problem {
    let message = "the request took longer than the tenant's deadline allows; try again";
    Problem::new(ErrorCode::UpstreamTimeout, message)
}

/// Longest correlation header that is read at all, in bytes.
const CORRELATION_BYTES: usize = 1024;

/// Refuses a request that two servers on its way could take for different ones, and the rest of its connection with it; and
/// correlation headers that are longer than the contract allows.
fn well_formed(parts: &Parts) -> Result<(), Problem> {
    let refuse = |header: &str, keyword: &str, message: &str| {
        let mut particular = detail(message);
        particular.pointer = Some(format!("/header/{header}"));
        particular.keyword = Some(keyword.to_owned());
        Problem::new(ErrorCode::ValidationError, "a header is not as the contract says").detail(particular)
    };
    if parts.headers.get_all(header::HOST).iter().count() > 1 {
        return Err(refuse("host", "maxItems", "send `host` once").header("connection", "close"));
    }
    for name in ["x-request-id", "traceparent"] {
        if parts.headers.get_all(name).iter().any(|value| value.len() > CORRELATION_BYTES) {
            return Err(refuse(name, "maxLength", "send at most 1024 characters"));
        }
    }
    Ok(())
}

fn unavailable(error: &(dyn std::error::Error + 'static)) -> Problem {
    let problem = Problem::new(ErrorCode::UpstreamUnavailable, "a store that this needs is out of reach; try again");
    problem.header("retry-after", "1").caused_by(error)
}

fn refused(error: &AuthError) -> Problem {
    let mut problem = Problem::new(error.code(), error.to_string()).caused_by(error);
    if sabotage::on(Sabotage::UnknownKeyToldApart)
        && let AuthError::NotAccepted(refusal) = error
    {
        problem.message = refusal.to_string();
    }
    if let Some(challenge) = error.challenge() {
        problem = problem.header("www-authenticate", challenge);
    }
    if let AuthError::DuplicateHeader { header } = error {
        let mut particular = detail(format!("send `{header}` once"));
        particular.pointer = Some(format!("/header/{header}"));
        problem = problem.detail(particular);
    }
    problem
}

fn scopes(operation: &Operation, tenant: &TenantContext) -> Result<(), Problem> {
    let has = |scope: &Scope| {
        reference_core::tenancy::Scope::parse(scope.as_str()).is_some_and(|scope| tenant.has_scope(scope))
    };
    let missing: Vec<Scope> = match operation.scopes {
        Scopes::Open => Vec::new(),
        Scopes::AllOf(all) => all.iter().copied().filter(|scope| !has(scope)).collect(),
        Scopes::AnyOf(any) if any.iter().any(has) => Vec::new(),
        Scopes::AnyOf(any) => any.to_vec(),
    };
    let open = sabotage::on(Sabotage::ScopeNotChecked)
        || (sabotage::on(Sabotage::JobScopeIgnored) && operation.path.starts_with("/jobs"));
    let Some(first) = missing.first().filter(|_| !open) else { return Ok(()) };
    let names: Vec<&str> = missing.iter().map(|scope| scope.as_str()).collect();
    let message = format!("the credential lacks the scope `{}`", names.join("` or `"));
    let mut particular = detail("ask the tenant's administrator for a credential with this scope");
    particular.scope = Some(*first);
    let problem = Problem::new(ErrorCode::Forbidden, message);
    Err(if sabotage::on(Sabotage::MissingScopeNotNamed) { problem } else { problem.detail(particular) })
}

async fn read_body(
    operation: &Operation,
    tenant: &TenantContext,
    parts: &Parts,
    body: axum::body::Body,
) -> Result<bytes::Bytes, Problem> {
    if operation.request.is_none() {
        return Ok(bytes::Bytes::new());
    }
    let mut limit = tenant.settings().limits.body_bytes;
    if sabotage::on(Sabotage::BodyLimitIgnored) {
        limit = u64::from(u32::MAX);
    }
    if sabotage::on(Sabotage::BodyLimitTooStrict) {
        limit -= 1;
    }
    let too_large = || {
        let error = limits::LimitError::Body { limit };
        let mut particular = detail("send a smaller body");
        particular.limit = Some(limit);
        Problem::new(error.code(), error.to_string()).detail(particular)
    };
    let announced =
        parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|announced| announced > limit) {
        return Err(too_large());
    }
    let bytes = Limited::new(body, usize::try_from(limit).unwrap_or(usize::MAX)).collect().await;
    match bytes {
        Ok(bytes) => Ok(bytes.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(too_large()),
        Err(error) => {
            let problem = Problem::new(ErrorCode::MalformedJson, "the body broke off before its end");
            Err(problem.caused_by(&*error))
        }
    }
}
