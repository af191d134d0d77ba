//! The checks before the body is parsed: headers, credential, scopes and size.

use axum::http::{header, request::Parts};
use contract_types::{ErrorCode, Scope};
use http_body_util::{BodyExt, Limited};
use reference_core::{
    auth::AuthError,
    limits,
    sabotage::{self, Sabotage},
    tenancy::TenantContext,
};

use crate::{
    operation::{Operation, Scopes},
    reply::{Problem, detail},
};

/// Longest correlation header that is read at all, in bytes.
const CORRELATION_BYTES: usize = 1024;

/// Refuses a request that two servers on its way could take for different ones, and the rest of its connection with it; and
/// correlation headers that are longer than the contract allows.
pub(super) fn well_formed(parts: &Parts) -> Result<(), Problem> {
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

/// The answer to a credential that proves nothing.
pub(super) fn refused(error: &AuthError) -> Problem {
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

/// Whether the credential may call the operation.
pub(super) fn scopes(operation: &Operation, tenant: &TenantContext) -> Result<(), Problem> {
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
    if missing.is_empty() || open { Ok(()) } else { Err(forbidden(&missing)) }
}

/// The refusal of a credential that lacks these scopes.
pub(crate) fn forbidden(missing: &[Scope]) -> Problem {
    let names: Vec<&str> = missing.iter().map(|scope| scope.as_str()).collect();
    let message = format!("the credential lacks the scope `{}`", names.join("` or `"));
    let mut particular = detail("ask the tenant's administrator for a credential with this scope");
    particular.scope = missing.first().copied();
    let problem = Problem::new(ErrorCode::Forbidden, message);
    if sabotage::on(Sabotage::MissingScopeNotNamed) { problem } else { problem.detail(particular) }
}

/// The body, of at most as many bytes as the tenant allows.
pub(super) async fn read_body(
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
