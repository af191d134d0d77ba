//! Saboteurs that let another tenant's canary out, in every form that a leak might have, and that say too much or too little about
//! tenants, requests and caches.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use harness::client::Response;
use serde_json::{Value, json};

use super::{Row, Saboteur, fault::Fault, of_row};

/// A mark of a tenant that the calls meant here do not come from: the display name's canary of aurora-bikes, as the fixtures have it.
fn mark() -> String {
    let fixtures = fixtures::Fixtures::load(&fixtures::Fixtures::embedded_root());
    let tenant = fixtures.ok().and_then(|fixtures| fixtures.tenant("aurora-bikes").cloned());
    tenant.and_then(|tenant| tenant.canaries.values().next().cloned()).unwrap_or_default()
}

/// The key of the tests' model provider.
fn provider_key() -> String {
    let file = fixtures::Fixtures::embedded_root().join(harness::upstream::KEY_FILE);
    std::fs::read_to_string(file).unwrap_or_default().trim().to_owned()
}

const OWN: &[&str] = &["isolation/list_documents/none/owner"];

const CAPABILITIES: &[&str] = &["isolation/get_capabilities/none/owner"];

const MISSING: &[&str] = &["isolation/get_document/missing/owner", "isolation/get_document/foreign/owner"];

const NOBODY: &[&str] = &["isolation/list_documents/none/nobody"];

const CANARY: &[&str] = &["holds the canary"];

/// Puts a text where every schema has room for one.
fn tell(response: &mut Response, text: &str) {
    let mut body = response.json().unwrap_or_default();
    for pointer in ["/documents/0/id", "/answer", "/implementation/name", "/error/message"] {
        if let Some(place) = body.pointer_mut(pointer) {
            *place = Value::from(text);
            response.body = body.to_string().into();
            return;
        }
    }
    response.headers.push(("x-odd".to_owned(), text.to_owned()));
}

fn header(response: &mut Response, name: &str, value: &str) {
    response.headers.retain(|(known, _)| known != name);
    response.headers.push((name.to_owned(), value.to_owned()));
}

fn error(response: &mut Response, change: impl FnOnce(&mut Value)) {
    let mut body = response.json().unwrap_or_default();
    if body.get("error").is_some() {
        change(&mut body["error"]);
        response.body = body.to_string().into();
    }
}

/// Every saboteur of this kind.
pub(super) fn all() -> Vec<Saboteur> {
    let rows: Vec<Row> = vec![
        (
            "provider-key-in-the-answer",
            "search",
            "the key of a model provider",
            "UPS-015",
            &["search/the-key-of-a-provider-opens-it"],
            CANARY,
            Fault::Change(|_, r| tell(r, &provider_key())),
        ),
        (
            "provider-key-in-a-header",
            "search",
            "the key of a model provider in Base64 in a header",
            "UPS-015",
            &["search/the-key-of-a-provider-opens-it"],
            CANARY,
            Fault::Change(|_, r| header(r, "x-upstream-error", &STANDARD.encode(provider_key()))),
        ),
        (
            "plain-in-the-body",
            "list_documents",
            "another tenant's canary in plain",
            "TEN-010",
            OWN,
            CANARY,
            Fault::Change(|_, r| tell(r, &mark())),
        ),
        (
            "base64-in-the-body",
            "list_documents",
            "another tenant's canary in Base64",
            "TEN-010",
            OWN,
            CANARY,
            Fault::Change(|_, r| tell(r, &STANDARD.encode(format!("see {}", mark())))),
        ),
        (
            "hex-in-the-body",
            "list_documents",
            "another tenant's canary in hexadecimal",
            "TEN-010",
            OWN,
            CANARY,
            Fault::Change(|_, r| tell(r, &hex::encode(mark()))),
        ),
        (
            "reversed-in-the-body",
            "list_documents",
            "another tenant's canary backwards",
            "TEN-010",
            OWN,
            CANARY,
            Fault::Change(|_, r| tell(r, &mark().chars().rev().collect::<String>())),
        ),
        (
            "percent-in-the-body",
            "list_documents",
            "another tenant's canary URL-encoded",
            "TEN-010",
            OWN,
            CANARY,
            Fault::Change(|_, r| {
                tell(r, &mark().bytes().fold(String::new(), |text, byte| text + &format!("%{byte:02X}")));
            }),
        ),
        (
            "in-a-header",
            "get_capabilities",
            "another tenant's canary in a header",
            "TEN-010",
            CAPABILITIES,
            CANARY,
            Fault::Change(|_, r| r.headers.push(("x-debug".to_owned(), mark()))),
        ),
        (
            "in-an-error",
            "get_document",
            "another tenant's canary in an error's message",
            "TEN-010",
            MISSING,
            CANARY,
            Fault::Change(|_, r| error(r, |e| e["message"] = json!(format!("not among {}", mark())))),
        ),
        (
            "to-nobody",
            "list_documents",
            "another tenant's canary to a caller without a credential",
            "TEN-010",
            NOBODY,
            CANARY,
            Fault::Change(|_, r| error(r, |e| e["message"] = json!(format!("ask {}", mark())))),
        ),
        (
            "tells-foreign-by-status",
            "get_document",
            "a foreign id is forbidden instead of missing",
            "TEN-009",
            MISSING,
            &["404 NOT_FOUND", "told from"],
            Fault::Change(|q, r| {
                if r.status == 404 && !q.path().ends_with("nowhere") {
                    r.status = 403;
                    error(r, |e| e["code"] = json!("FORBIDDEN"));
                }
            }),
        ),
        (
            "tells-foreign-by-message",
            "get_document",
            "a foreign id has another message",
            "TEN-009",
            MISSING,
            &["told from"],
            Fault::Change(|q, r| {
                if r.status == 404 && !q.path().ends_with("nowhere") {
                    error(r, |e| e["message"] = json!("this document is not yours"));
                }
            }),
        ),
        (
            "tells-foreign-by-header",
            "get_document",
            "a foreign id has another header",
            "TEN-009",
            MISSING,
            &["told from"],
            Fault::Change(|q, r| {
                if r.status == 404 && !q.path().ends_with("nowhere") {
                    header(r, "x-cache", "hit");
                }
            }),
        ),
        (
            "names-no-tenant",
            "list_documents",
            "answers without x-tenant-id",
            "HDR-007",
            OWN,
            &["x-tenant-id"],
            Fault::Change(|_, r| r.headers.retain(|(name, _)| name != "x-tenant-id")),
        ),
        (
            "may-be-kept",
            "list_documents",
            "answers that caches may keep",
            "HDR-010",
            OWN,
            &["cache-control"],
            Fault::Change(|_, r| header(r, "cache-control", "public, max-age=60")),
        ),
        (
            "other-request-id",
            "get_document",
            "an error that names another request",
            "HDR-005",
            MISSING,
            &["request_id of the body"],
            Fault::Change(|_, r| error(r, |e| e["request_id"] = json!("another"))),
        ),
        (
            "no-challenge",
            "list_documents",
            "401 without www-authenticate",
            "AUT-001",
            NOBODY,
            &["www-authenticate"],
            Fault::Change(|_, r| r.headers.retain(|(name, _)| name != "www-authenticate")),
        ),
        (
            "limit-is-no-number",
            "list_documents",
            "a rate limit that is no number",
            "RAT-001",
            OWN,
            &["x-ratelimit-limit"],
            Fault::Change(|_, r| header(r, "x-ratelimit-limit", "many")),
        ),
        (
            "header-twice",
            "list_documents",
            "a header that is there twice",
            "HDR-002",
            OWN,
            &["more than once"],
            Fault::Change(|_, r| {
                let again = r.headers.iter().find(|(name, _)| name == "x-request-id").cloned();
                r.headers.extend(again);
            }),
        ),
        (
            "everybody-may-come",
            "list_documents",
            "a caller without a credential is let in",
            "AUT-001",
            NOBODY,
            &["401 UNAUTHORIZED"],
            Fault::Change(|_, r| {
                if r.status == 401 {
                    r.status = 200;
                }
            }),
        ),
    ];
    rows.into_iter().map(|row| of_row("tenancy", row)).collect()
}
