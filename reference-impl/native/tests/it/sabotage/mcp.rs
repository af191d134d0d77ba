//! The tools by the Model Context Protocol.

use serde_json::{Value, json};

use super::Probes;
use super::access::with_scopes;
use super::world::{AURORA, MERIDIAN, World, header, texts};
use crate::program::Answer;

const VERSION: &str = "2026-07-28";

pub(super) const PROBES: Probes = &[
    ("mcp-lists-every-tool", |it| listed(it, MERIDIAN).len() == 4),
    ("mcp-lists-kept-for-all", |it| listed(it, AURORA).len() == 5 && listed(it, MERIDIAN).len() == 4),
    ("mcp-calls-without-scope", |it| {
        let key = with_scopes(it, &["tools:read"]);
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": summary("A text.")});
        it.program.call("POST", "/mcp", Some(&key), Some(&body)).status == 403
    }),
    ("mcp-results-unstructured", |it| {
        call(it, "tools/call", summary("A text.")).json()["result"]["structuredContent"].is_object()
    }),
    ("mcp-error-codes-of-its-own", |it| code(&call(it, "no/such_method", json!({}))) == -32601),
    ("mcp-errors-repeat-arguments", |it| {
        let answer = call(it, "tools/call", json!({"name": "summarize", "arguments": {"text": ["wickerwork"]}}));
        !answer.body.contains("wickerwork")
    }),
    ("mcp-batches-accepted", |it| {
        it.post(AURORA, "/mcp", json!([{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}])).status == 400
    }),
    ("mcp-headers-not-compared", |it| {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": summary("A text.")});
        let answer = it.with(AURORA, "POST", "/mcp", &["mcp-name: ingest_docs"], Some(body));
        (answer.status, code(&answer)) == (400, -32020)
    }),
    ("mcp-origin-unchecked", |it| {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
        it.with(AURORA, "POST", "/mcp", &["origin: https://evil.example"], Some(body)).status == 403
    }),
    ("mcp-sessions-kept", |it| header(&call(it, "tools/list", json!({})), "mcp-session-id").is_none()),
    ("mcp-handles-believed", |it| code(&call(it, "tools/list", json!({"cursor": "eyJvIjoyMH0"}))) == -32602),
    ("mcp-hints-missing", |it| stateless(it, "tools/list", meta()).json()["result"]["ttlMs"].is_u64()),
    ("mcp-lists-may-be-shared", |it| stateless(it, "tools/list", meta()).json()["result"]["cacheScope"] == "private"),
    ("mcp-metadata-not-asked-for", |it| {
        let only = json!({"io.modelcontextprotocol/protocolVersion": VERSION});
        stateless(it, "tools/list", only).status == 400
    }),
    ("mcp-every-revision-taken", |it| {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
        let answer = it.with(AURORA, "POST", "/mcp", &["mcp-protocol-version: 1900-01-01"], Some(body));
        (answer.status, code(&answer)) == (400, -32022)
    }),
];

fn call(it: &World, method: &str, params: Value) -> Answer {
    it.post(AURORA, "/mcp", json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
}

fn stateless(it: &World, method: &str, meta: Value) -> Answer {
    let headers = [format!("mcp-protocol-version: {VERSION}"), format!("mcp-method: {method}")];
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": {"_meta": meta}});
    it.with(AURORA, "POST", "/mcp", &headers.each_ref().map(String::as_str), Some(body))
}

fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": VERSION,
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

fn listed(it: &World, tenant: &str) -> Vec<String> {
    let answer = it.post(tenant, "/mcp", json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}));
    texts(&answer.json()["result"]["tools"], "name")
}

fn summary(text: &str) -> Value {
    json!({"name": "summarize", "arguments": {"text": text}})
}

fn code(answer: &Answer) -> i64 {
    answer.json()["error"]["code"].as_i64().unwrap_or_default()
}
