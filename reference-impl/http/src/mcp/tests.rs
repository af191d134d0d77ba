//! Which calls are of which revision, and what is told of those that are of none.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use contract_types as wire;
use serde_json::{Value, json};

use super::era::{self, Era};

fn call(method: &str, params: impl Into<Value>) -> wire::JsonRpcRequest {
    let params = params.into();
    serde_json::from_value(json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })).unwrap()
}

fn headers(sent: &[(&'static str, &str)]) -> HeaderMap {
    sent.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())).collect()
}

/// The metadata of a call of this revision.
fn meta(version: &str) -> Value {
    json!({ "io.modelcontextprotocol/protocolVersion": version, "io.modelcontextprotocol/clientCapabilities": {} })
}

fn told(found: Result<Era, super::rpc::Refusal>) -> String {
    found.map_or_else(|refusal| format!("{refusal:?}"), |era| format!("{era:?}"))
}

#[test]
fn tells_revisions_apart_by_header_and_metadata() {
    const VERSION: &str = "mcp-protocol-version";
    let none = json!({});
    let modern = json!({ "_meta": meta("2026-07-28") });
    let legacy = json!({ "_meta": meta("2025-11-25") });
    let unknown = json!({ "_meta": meta("1900-01-01") });
    for (version, params, found) in [
        (None, &none, "Legacy"),
        (Some("2025-11-25"), &none, "Legacy"),
        (Some("2025-11-25"), &legacy, "Legacy"),
        (Some("2026-07-28"), &modern, "Modern"),
        (Some("2026-07-28"), &none, "-32602"),
        (
            Some("2026-07-28"),
            &json!({ "_meta": { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } }),
            "-32602",
        ),
        (Some("2026-07-28"), &json!({ "_meta": { "io.modelcontextprotocol/protocolVersion": 7 } }), "-32602"),
        (Some("2026-07-28"), &json!({ "_meta": [] }), "-32602"),
        (Some("2026-07-28"), &legacy, "-32020"),
        (Some("2025-11-25"), &modern, "-32020"),
        (None, &modern, "-32020"),
        (Some("1900-01-01"), &unknown, "-32022"),
        (Some("2025-06-18"), &none, "-32022"),
    ] {
        let mut sent = headers(&[("mcp-method", "tools/list")]);
        if let Some(version) = version {
            sent.insert(VERSION, HeaderValue::from_str(version).unwrap());
        }
        let outcome = told(era::of(&sent, &call("tools/list", params.clone())));
        assert!(outcome.contains(found), "{version:?} with {params}: {outcome}");
    }
}

#[test]
fn holds_headers_against_the_body() {
    let version = ("mcp-protocol-version", "2026-07-28");
    let method = ("mcp-method", "tools/call");
    let name = |name: &'static str| ("mcp-name", name);
    for (sent, found) in [
        (&[version, method, name("summarize")][..], "Modern"),
        (&[version, method, name("=?base64?c3VtbWFyaXpl?=")], "Modern"),
        (&[version, method, name("=?base64?c3VtbWFyaXp?=")], "-32020"),
        (&[version, method, name("Summarize")], "-32020"),
        (&[version, method], "-32020"),
        (&[version, name("summarize")], "-32020"),
        (&[version, ("mcp-method", "tools/list"), name("summarize")], "-32020"),
    ] {
        let params = json!({ "name": "summarize", "_meta": meta("2026-07-28") });
        let outcome = told(era::of(&headers(sent), &call("tools/call", params)));
        assert!(outcome.contains(found), "{sent:?}: {outcome}");
    }
}

#[test]
fn refuses_a_header_that_two_readers_could_take_for_two() {
    let mut sent = headers(&[("mcp-name", "summarize")]);
    sent.append("mcp-name", HeaderValue::from_static("ingest_docs"));
    let outcome = told(era::of(&sent, &call("tools/call", json!({ "name": "summarize" }))));
    assert!(outcome.contains("-32020"), "{outcome}");
}

#[test]
fn describes_every_tool_as_the_registry_declares_it() {
    let registry = reference_core::tools::Registry::built_in();
    for tool in registry.all() {
        let told = super::methods::entry(&tool.declaration);
        let writes = tool.declaration.descriptor["side_effects"] == "write";
        assert_eq!(told["inputSchema"], tool.declaration.arguments_schema);
        assert_eq!(told["outputSchema"], tool.declaration.result_schema);
        assert_eq!(told["annotations"]["readOnlyHint"], !writes, "{}", tool.declaration.name);
        assert_eq!(told["annotations"]["destructiveHint"], writes, "{}", tool.declaration.name);
    }
}
