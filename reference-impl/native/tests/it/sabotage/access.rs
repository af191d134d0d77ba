//! Tenants, credentials, the order of checks, errors and headers.

use reference_core::auth::ApiKey;
use reference_core::tenancy::TenantId;
use reference_impl::ids::OsIds;
use serde_json::{Value, json};

use super::Probes;
use super::world::{AURORA, LIMITS, MERIDIAN, RATES, World, header};
use crate::program::{exchange, key};

pub(super) const PROBES: Probes = &[
    ("default-tenant", |it| it.program.call("GET", "/documents", None, None).status == 401),
    ("tenant-header-believed", |it| mismatch(it, "x-tenant-id: meridian-lab")),
    ("tenant-mismatch-ignored", |it| mismatch(it, "x-tenant-id: meridian-lab")),
    ("tenant-id-compared-loosely", |it| mismatch(it, "x-tenant-id: AURORA-bikes")),
    ("host-mismatch-ignored", |it| mismatch(it, "host: meridian-lab.plumbline.example")),
    ("forwarded-host-believed", |it| !mismatch(it, "x-forwarded-host: meridian-lab.plumbline.example")),
    ("foreign-document-readable", foreign_is_missing),
    ("foreign-document-forbidden", foreign_is_missing),
    ("foreign-document-told-apart", foreign_is_missing),
    ("foreign-document-deletable", |it| {
        let id = it.lever(MERIDIAN);
        it.call(AURORA, "DELETE", &format!("/documents/{id}"), None);
        it.get(MERIDIAN, &format!("/documents/{id}")).status == 200
    }),
    ("foreign-job-readable", |it| {
        let document = json!({"id": it.word(), "content_type": "text/plain", "content": "A text."});
        let job = it.post(MERIDIAN, "/ingest", json!({"documents": [document], "async": true})).json();
        it.get(AURORA, &format!("/jobs/{}", job["id"].as_str().unwrap())).status == 404
    }),
    ("deleted-tenant-keeps-stores", |it| {
        let (id, key) = admin(it);
        let body = json!({"documents": [{"id": "a", "content_type": "text/plain", "content": "A text."}]});
        it.program.call("POST", "/ingest", Some(&key), Some(&body));
        it.program.control("DELETE", &format!("/tenants/{id}"), None);
        let key = put(it, &id);
        it.program.call("GET", "/documents", Some(&key), None).json()["documents"] == json!([])
    }),
    ("debug-routes-served", |it| it.program.call("GET", "/debug/vars", None, None).status == 404),
    ("second-credential-ignored", |it| {
        let second = format!("authorization: Bearer {}", key(AURORA, "all"));
        it.with(AURORA, "GET", "/documents", &[&second], None).status == 400
    }),
    ("key-believed-by-its-checksum", |it| it.program.call("GET", "/documents", Some(&nobodys()), None).status == 401),
    ("unknown-key-told-apart", |it| {
        let message =
            |key: &str| it.program.call("GET", "/documents", Some(key), None).json()["error"]["message"].clone();
        let unknown = nobodys();
        message(&unknown) == message(&format!("{}0", &unknown[..unknown.len() - 1]))
            || message(&unknown) == message(&format!("{}1", &unknown[..unknown.len() - 1]))
    }),
    ("revoked-key-accepted", |it| it.by(AURORA, "revoked", "GET", "/documents", None).status == 401),
    ("expired-key-accepted", |it| it.by(AURORA, "expired", "GET", "/documents", None).status == 401),
    ("rotating-key-refused", |it| it.by(AURORA, "rotating", "GET", "/documents", None).status == 200),
    ("scope-not-checked", |it| it.by(AURORA, "none", "GET", "/documents", None).status == 403),
    ("missing-scope-not-named", |it| {
        it.by(AURORA, "none", "GET", "/documents", None).json()["error"]["details"][0]["scope"] == "documents:read"
    }),
    ("admin-lacks-scopes", |it| it.program.call("GET", "/documents", Some(&admin(it).1), None).status == 200),
    ("operator-opens-everything", |it| it.by(AURORA, "operator", "GET", "/documents", None).status == 403),
    ("scope-checked-last", |it| it.text(AURORA, "search-only", "/ingest", "text/plain", "{").status == 403),
    ("rate-checked-after-scope", |it| {
        it.program.control("POST", "/reset", None);
        let last = (0..13).map(|_| it.by(RATES, "none", "GET", "/documents", None).status).last();
        it.program.control("POST", "/reset", None);
        last == Some(429)
    }),
    ("media-types-checked-last", |it| it.text(AURORA, "all", "/retrieve", "text/plain", "{").status == 415),
    ("content-type-ignored", |it| {
        it.text(AURORA, "all", "/retrieve", "text/plain", r#"{"query": "gate"}"#).status == 415
    }),
    ("accept-ignored", |it| it.with(AURORA, "GET", "/documents", &["accept: image/png"], None).status == 406),
    ("unknown-fields-ignored", |it| {
        it.post(AURORA, "/retrieve", json!({"query": "gate", "tenant": "x"})).status == 400
    }),
    ("unknown-parameters-ignored", |it| it.get(AURORA, "/documents?colour=red").status == 400),
    ("repeated-json-keys-accepted", |it| json_is_refused(it, r#"{"query": "gate", "query": "fence"}"#)),
    ("text-after-json-accepted", |it| json_is_refused(it, r#"{"query": "gate"} {}"#)),
    ("error-shows-path", |it| !it.get(AURORA, "/documents/none").body.contains(".rs")),
    ("error-repeats-input", |it| {
        !it.post(AURORA, "/retrieve", json!({"query": "gate", "mode": "zanzibar"})).body.contains("zanzibar")
    }),
    ("error-points-elsewhere", |it| {
        let error = it.post(AURORA, "/retrieve", json!({"query": "gate", "top_k": 0})).json()["error"].clone();
        error["details"][0]["pointer"] == "/top_k"
    }),
    ("request-id-not-echoed", |it| id_of(it, "x-request-id: mine-1") == "mine-1"),
    ("malformed-request-id-echoed", |it| id_of(it, "x-request-id: mine/1") != "mine/1"),
    ("request-id-not-version-7", |it| id_of(it, "accept: */*").as_bytes()[14] == b'7'),
    ("tenant-header-missing", |it| header(&it.get(AURORA, "/documents"), "x-tenant-id") == Some(AURORA)),
    ("answers-may-be-stored", |it| header(&it.get(AURORA, "/documents"), "cache-control") == Some("no-store")),
    ("cors-wildcard", |it| allowed(it, "https://stranger.example").is_none()),
    ("cors-any-origin-allowed", |it| allowed(it, "https://stranger.example").is_none()),
    ("cors-foreign-origin-allowed", |it| allowed(it, "https://app.meridian-lab.example").is_none()),
    ("cors-preflight-refused", |it| preflight(it, "https://app.aurora-bikes.example")),
    ("cors-preflight-open", |it| !preflight(it, "https://stranger.example")),
    ("capabilities-misreport-limits", |it| it.get(LIMITS, "/capabilities").json()["limits"]["query_chars"] == 40),
    ("feature-declared-in-vain", |it| {
        !it.get("lumen-desk", "/capabilities").json()["features"].as_array().unwrap().contains(&json!("tts"))
    }),
    ("models-misnamed", |it| it.get(AURORA, "/capabilities").json()["embedding"]["model"] == "hashed-lexical-v1"),
    ("health-hides-failures", |it| {
        it.fault("database", json!({"kind": "refused"}));
        let status = it.program.call("GET", "/health", None, None).status;
        it.mend("database");
        status == 503
    }),
    ("health-names-tenants", |it| !it.program.call("GET", "/health", None, None).body.contains(AURORA)),
    ("served-contract-incomplete", |it| {
        it.program.call("GET", "/openapi.json", None, None).json()["paths"]["/documents/{id}"]["delete"].is_object()
    }),
];

fn mismatch(it: &World, line: &str) -> bool {
    it.with(AURORA, "GET", "/documents", &[line], None).status == 403
}

fn foreign_is_missing(it: &World) -> bool {
    let id = it.lever(MERIDIAN);
    let (foreign, none) = (it.get(AURORA, &format!("/documents/{id}")), it.get(AURORA, "/documents/nobody-has-it"));
    let said = |answer: &Value| (answer["error"]["code"].clone(), answer["error"]["message"].clone());
    foreign.status == 404 && said(&foreign.json()) == said(&none.json())
}

/// A well-formed key that no tenant has.
fn nobodys() -> String {
    ApiKey::generate(TenantId::parse(AURORA).unwrap(), &OsIds).expose().to_owned()
}

/// A new tenant with one key, which has the scope admin alone.
fn admin(it: &World) -> (String, String) {
    let id = format!("t-{}", it.word());
    let key = put(it, &id);
    (id, key)
}

fn put(it: &World, id: &str) -> String {
    put_with(it, id, &["admin"])
}

/// The key of a new tenant that lists every tool, with these scopes.
pub(super) fn with_scopes(it: &World, scopes: &[&str]) -> String {
    put_with(it, &format!("t-{}", it.word()), scopes)
}

/// A key of a new tenant that may use so many tokens a day.
pub(super) fn with_budget(it: &World, tokens_per_day: u64) -> String {
    put_all(it, &format!("t-{}", it.word()), &["tools:execute"], &json!({"tokens_per_day": tokens_per_day}))
}

fn put_with(it: &World, id: &str, scopes: &[&str]) -> String {
    put_all(it, id, scopes, &Value::Null)
}

fn put_all(it: &World, id: &str, scopes: &[&str], budget: &Value) -> String {
    let key = ApiKey::generate(TenantId::parse(id).unwrap(), &OsIds);
    let mut config = json!({
        "tenant": id, "display_name": id, "features": ["tools", "audit", "mcp"],
        "tools": ["classify_intent", "ingest_docs", "summarize"],
        "models": {"embedding": "hashed-lexical-v1", "generation": "extractive-v1", "rerank": "off"},
        "credentials": [{"name": "admin", "key_sha256": key.digest().to_hex(), "scopes": scopes, "state": "active"}],
    });
    if !budget.is_null() {
        config["budget"] = budget.clone();
    }
    let answer = it.program.control("PUT", &format!("/tenants/{id}"), Some(&config));
    assert_eq!(answer.status, 201, "{answer:?}");
    key.expose().to_owned()
}

fn json_is_refused(it: &World, body: &str) -> bool {
    it.text(AURORA, "all", "/retrieve", "application/json", body).status == 400
}

fn id_of(it: &World, line: &str) -> String {
    let answer = it.with(AURORA, "GET", "/documents", &[line], None);
    header(&answer, "x-request-id").unwrap_or_default().to_owned()
}

fn allowed(it: &World, origin: &str) -> Option<String> {
    let answer = it.with(AURORA, "GET", "/documents", &[&format!("origin: {origin}")], None);
    header(&answer, "access-control-allow-origin").map(str::to_owned)
}

fn preflight(it: &World, origin: &str) -> bool {
    let headers = format!("origin: {origin}\r\naccess-control-request-method: GET\r\n");
    let answer = exchange(&it.program.address, "OPTIONS", "/documents", &headers, None).unwrap();
    header(&answer, "access-control-allow-origin") == Some(origin)
}
