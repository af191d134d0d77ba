//! Cross-origin calls: only from origins that a tenant lists, never a wildcard.

use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use reference_core::{
    sabotage::{self, Sabotage},
    tenancy::{Registry, TenantSettings},
};

use crate::reply::insert;

/// Headers that a page may read of an answer.
const EXPOSED: &str = "x-request-id, x-tenant-id, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, retry-after, \
                       location, idempotent-replayed, x-budget-warning, x-tts-provider";
/// Headers that a page may send.
const ALLOWED: &str = "authorization, content-type, accept, x-request-id, x-tenant-id, traceparent, idempotency-key";

/// Answers a preflight request. It comes without a credential, so the tenant is not known yet: the origin must be one that
/// the host's tenant lists, or some tenant where the host is nobody's. The answer to the call itself then decides.
pub(super) fn preflight(registry: &Registry, headers: &HeaderMap, allow: &'static str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    insert(response.headers_mut(), "vary", "origin, access-control-request-method, access-control-request-headers");
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    let owner = host.and_then(|host| registry.tenant_of_host(host));
    let Some(origin) = headers.get(header::ORIGIN).and_then(|value| value.to_str().ok()) else { return response };
    let tenants = registry.all();
    let mut candidates = tenants.iter().filter(|settings| owner.as_ref().is_none_or(|owner| settings.tenant == *owner));
    let listed = candidates.any(|settings| lists(settings, origin)) && !sabotage::on(Sabotage::CorsPreflightRefused);
    if listed || sabotage::on(Sabotage::CorsPreflightOpen) {
        insert(response.headers_mut(), "access-control-allow-origin", origin);
        insert(response.headers_mut(), "access-control-allow-methods", allow);
        insert(response.headers_mut(), "access-control-allow-headers", ALLOWED);
        insert(response.headers_mut(), "access-control-max-age", "600");
    }
    response
}

/// Lets the caller's own page read the answer.
pub(super) fn expose(registry: &Registry, settings: &TenantSettings, origin: Option<&str>, response: &mut Response) {
    insert(response.headers_mut(), "vary", "origin");
    let foreign = |origin: &str| registry.all().iter().any(|settings| lists(settings, origin));
    let allowed = |origin: &&str| {
        lists(settings, origin)
            || sabotage::on(Sabotage::CorsAnyOriginAllowed)
            || (sabotage::on(Sabotage::CorsForeignOriginAllowed) && foreign(origin))
    };
    if sabotage::on(Sabotage::CorsWildcard) {
        insert(response.headers_mut(), "access-control-allow-origin", "*");
        return;
    }
    if let Some(origin) = origin.filter(allowed) {
        insert(response.headers_mut(), "access-control-allow-origin", origin);
        insert(response.headers_mut(), "access-control-expose-headers", EXPOSED);
    }
}

fn lists(settings: &TenantSettings, origin: &str) -> bool {
    settings.cors_origins.iter().any(|listed| listed == origin)
}
