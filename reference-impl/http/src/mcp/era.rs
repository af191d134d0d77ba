//! Which revision a call is of, and whether its headers say what its body says.

use axum::http::{HeaderMap, HeaderValue};
use base64::{Engine, engine::general_purpose::STANDARD};
use contract_types::JsonRpcRequest;
use reference_core::sabotage::{self, Sabotage};
use serde_json::Value;

use super::rpc::Refusal;

/// The revision whose calls carry everything themselves.
pub(super) const MODERN: &str = "2026-07-28";
/// The one before it, which begins with `initialize`.
pub(super) const LEGACY: &str = "2025-11-25";
/// The revisions that are served.
pub(super) const SERVED: [&str; 2] = [MODERN, LEGACY];

const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES_KEY: &str = "io.modelcontextprotocol/clientCapabilities";

/// How a call is to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Era {
    /// As 2026-07-28 has it.
    Modern,
    /// As 2025-11-25 has it.
    Legacy,
}

/// The revision of a call whose headers and metadata agree.
pub(super) fn of(headers: &HeaderMap, request: &JsonRpcRequest) -> Result<Era, Refusal> {
    let meta = request.params.as_ref().and_then(|params| params.get("_meta")).unwrap_or(&Value::Null);
    if !meta.is_object() && !meta.is_null() {
        return Err(Refusal::metadata("`params._meta` is an object"));
    }
    let declared = match &meta[VERSION_KEY] {
        Value::Null => None,
        Value::String(version) => Some(version.as_str()),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            return Err(Refusal::metadata("the protocol version in `params._meta` is a text"));
        }
    };
    let sent = single(headers, "mcp-protocol-version")?;
    let agree = sent == declared || sabotage::on(Sabotage::McpHeadersNotCompared);
    let era = match (sent, declared) {
        (Some(MODERN), None) => {
            return Err(Refusal::metadata("`params._meta` lacks `io.modelcontextprotocol/protocolVersion`"));
        }
        (None, Some(_)) => return Err(missing("mcp-protocol-version")),
        (Some(_), Some(_)) if !agree => {
            let message = "the header mcp-protocol-version differs from the version in params._meta";
            return Err(Refusal::headers(message.to_owned()));
        }
        (Some(MODERN), Some(_)) => Era::Modern,
        (None, None) | (Some(LEGACY), _) => Era::Legacy,
        (Some(_), _) if sabotage::on(Sabotage::McpEveryRevisionTaken) => Era::Legacy,
        (Some(other), _) => return Err(Refusal::revision(other, &SERVED)),
    };
    if era == Era::Modern {
        if !meta[CAPABILITIES_KEY].is_object() && !sabotage::on(Sabotage::McpMetadataNotAskedFor) {
            return Err(Refusal::metadata("`params._meta` lacks `io.modelcontextprotocol/clientCapabilities`"));
        }
        if single(headers, "mcp-method")?.is_none() {
            return Err(missing("mcp-method"));
        }
        if named(request).is_some() && single(headers, "mcp-name")?.is_none() {
            return Err(missing("mcp-name"));
        }
    }
    compare(headers, request)?;
    Ok(era)
}

/// Refuses headers that say another method or name than the body.
pub(super) fn compare(headers: &HeaderMap, request: &JsonRpcRequest) -> Result<(), Refusal> {
    let differs = |header: &str, from: &str| Refusal::headers(format!("the header {header} differs from the {from}"));
    if sabotage::on(Sabotage::McpHeadersNotCompared) {
        return Ok(());
    }
    if single(headers, "mcp-method")?.is_some_and(|method| method != request.method) {
        return Err(differs("mcp-method", "method of the body"));
    }
    if let Some(sent) = single(headers, "mcp-name")? {
        let name = decoded(sent).ok_or_else(|| differs("mcp-name", "name in params: it is no valid Base64"))?;
        if named(request) != Some(name.as_str()) {
            return Err(differs("mcp-name", "name in params"));
        }
    }
    Ok(())
}

fn missing(header: &str) -> Refusal {
    Refusal::headers(format!("the header {header} is missing"))
}

/// A header's one value. Of two values two readers could take different ones.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let (first, more) = (values.next(), values.next().is_some());
    let text = first.map(HeaderValue::to_str).transpose();
    match text {
        Ok(text) if !more => Ok(text),
        Ok(_) | Err(_) => Err(Refusal::headers(format!("send the header {name} once, in visible ASCII"))),
    }
}

/// What the params of a call are about, for methods whose calls say it in `mcp-name`.
fn named(request: &JsonRpcRequest) -> Option<&str> {
    let field = match request.method.as_str() {
        "tools/call" | "prompts/get" => "name",
        "resources/read" => "uri",
        _ => return None,
    };
    request.params.as_ref()?.get(field)?.as_str()
}

/// A name as a header carries it: plain, or in Base64 between marks.
fn decoded(sent: &str) -> Option<String> {
    match sent.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) {
        Some(encoded) => String::from_utf8(STANDARD.decode(encoded).ok()?).ok(),
        None => Some(sent.to_owned()),
    }
}
