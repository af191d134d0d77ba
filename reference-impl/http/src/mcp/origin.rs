//! Pages of other origins call nothing, even where a name of theirs leads to this server.

use axum::http::{HeaderMap, HeaderName, header};
use contract_types::ErrorCode;
use reference_core::sabotage::{self, Sabotage};

use crate::{Call, Problem, reply::detail};

/// Refuses an origin that the tenant does not list. A page that this server itself gave out may call it where both are at one
/// loopback address; of other addresses a name proves nothing, since its owner can let it lead anywhere.
pub(super) fn check(call: &Call) -> Result<(), Problem> {
    let mut sent = call.headers.get_all(header::ORIGIN).iter().peekable();
    if sent.peek().is_none() || sabotage::on(Sabotage::McpOriginUnchecked) {
        return Ok(());
    }
    let listed = &call.tenant.settings().cors_origins;
    let host = text(&call.headers, &header::HOST);
    let taken = sent.all(|value| {
        value.to_str().is_ok_and(|origin| listed.iter().any(|it| it == origin) || is_own_loopback(origin, host))
    });
    if taken {
        return Ok(());
    }
    let particular = detail("ask the tenant's administrator to list the origin, or call from a program");
    Err(Problem::new(ErrorCode::Forbidden, "the origin is none that the tenant lists").detail(particular))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn is_own_loopback(origin: &str, host: &str) -> bool {
    let Some(authority) = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")) else {
        return false;
    };
    let name = match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => authority,
    };
    authority == host && matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

#[cfg(test)]
mod tests {
    use super::is_own_loopback;

    #[test]
    fn takes_its_own_loopback_address_and_no_name_that_leads_there() {
        for (origin, host, taken) in [
            ("http://127.0.0.1:8787", "127.0.0.1:8787", true),
            ("http://localhost:8787", "localhost:8787", true),
            ("http://[::1]:8787", "[::1]:8787", true),
            ("http://localhost", "localhost", true),
            ("http://localhost:3000", "localhost:8787", false),
            ("http://evil.example:8787", "evil.example:8787", false),
            ("http://localhost.evil.example:8787", "localhost.evil.example:8787", false),
            ("null", "localhost:8787", false),
            ("http://evil.example", "localhost:8787", false),
        ] {
            assert_eq!(is_own_loopback(origin, host), taken, "{origin} at {host}");
        }
    }
}
