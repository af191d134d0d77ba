//! JSON-RPC answers: results, and errors with the standard codes.

use axum::response::Response;
use contract_types as wire;
use reference_core::sabotage::{self, Sabotage};
use serde_json::{Map, Value, json};

use crate::{Call, Problem, Reply, generated::server::McpResponse, reply::Failed};

/// The body is not JSON.
const PARSE: i64 = -32700;
/// The body is JSON and no call.
const REQUEST: i64 = -32600;
/// There is no such method.
const METHOD: i64 = -32601;
/// The method's parameters do not fit.
const PARAMS: i64 = -32602;
/// A header contradicts the body.
const HEADERS: i64 = -32020;
/// The revision is not served.
const REVISION: i64 = -32022;
/// A resource that there is not, in revision 2025-11-25.
const RESOURCE: i64 = -32002;

/// Why a call has no result.
pub(super) enum Stop {
    /// By the protocol's own error.
    Refused(Refusal),
    /// By a failure of the platform, told as everywhere.
    Failed(Problem),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// HTTP statuses that a JSON-RPC error comes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Ok,
    BadRequest,
    NotFound,
}

/// An error of the protocol.
#[derive(Debug)]
pub(super) struct Refusal {
    status: Status,
    code: i64,
    problem: Box<Problem>,
    data: Map<String, Value>,
}

impl Refusal {
    fn new(status: Status, code: i64, message: impl Into<String>) -> Self {
        let problem = Problem::new(wire::ErrorCode::ValidationError, message);
        Self { status, code, problem: Box::new(problem), data: Map::new() }
    }

    /// The body is no call.
    pub(super) fn request(message: &str) -> Self {
        Self::new(Status::BadRequest, REQUEST, message)
    }

    /// The method's parameters do not fit.
    pub(super) fn params(message: &str) -> Self {
        Self::new(Status::Ok, PARAMS, message)
    }

    /// The call lacks what its revision asks of every call.
    pub(super) fn metadata(message: &str) -> Self {
        Self::new(Status::BadRequest, PARAMS, message)
    }

    /// A header contradicts the body, or is missing.
    pub(super) fn headers(message: String) -> Self {
        Self::new(Status::BadRequest, HEADERS, message)
    }

    /// There is no such method; a call of the older revision is told so in an answer 200.
    pub(super) fn method(modern: bool) -> Self {
        let status = if modern { Status::NotFound } else { Status::Ok };
        Self::new(status, METHOD, "there is no such method")
    }

    /// There is no such resource. The protocol has its address repeated.
    pub(super) fn resource(modern: bool, params: &Map<String, Value>) -> Self {
        let code = if modern { PARAMS } else { RESOURCE };
        let mut refusal = Self::new(Status::Ok, code, "there is no such resource");
        if let Some(uri) = params.get("uri").and_then(Value::as_str) {
            refusal.data.insert("uri".to_owned(), json!(uri.chars().take(1000).collect::<String>()));
        }
        refusal
    }

    /// The revision is not served.
    pub(super) fn revision(requested: &str, supported: &[&str]) -> Self {
        let mut refusal = Self::new(Status::BadRequest, REVISION, "this revision of the protocol is not served");
        refusal.data.insert("supported".to_owned(), json!(supported));
        refusal.data.insert("requested".to_owned(), json!(requested.chars().take(64).collect::<String>()));
        refusal
    }

    /// What a direct call would be refused by.
    pub(super) fn of_call(problem: Problem) -> Self {
        let data = particulars(&problem);
        Self { status: Status::Ok, code: PARAMS, problem: Box::new(problem), data }
    }

    /// The answer to the call of this id. The log is told the code and the cause.
    pub(super) fn answer(self, call: &Call, id: wire::JsonRpcId) -> McpResponse {
        let code = if sabotage::on(Sabotage::McpErrorCodesOfItsOwn) { -32000 } else { self.code };
        let mut error = wire::JsonRpcError::new(code, self.problem.message.clone());
        error.data = (!self.data.is_empty()).then_some(self.data);
        call.note(*self.problem);
        let body = response(id, None, Some(error));
        match self.status {
            Status::Ok => McpResponse::Ok(body.into()),
            Status::BadRequest => McpResponse::BadRequest(wire::McpRefusal::JsonRpcResponse(body).into()),
            Status::NotFound => McpResponse::NotFound(body.into()),
        }
    }
}

/// Code and particulars of a problem, as a direct call tells them.
pub(super) fn particulars(problem: &Problem) -> Map<String, Value> {
    let mut data = Map::new();
    data.insert("code".to_owned(), json!(problem.code));
    if !problem.details.is_empty() {
        data.insert("details".to_owned(), json!(problem.details));
    }
    data
}

/// The answer with a method's result.
pub(super) fn result(id: wire::JsonRpcId, result: Map<String, Value>) -> McpResponse {
    let mut reply = Reply::from(response(id, Some(result), None));
    if sabotage::on(Sabotage::McpSessionsKept) {
        reply.headers.push(("mcp-session-id", "1868a90c".to_owned()));
    }
    McpResponse::Ok(reply)
}

fn response(
    id: wire::JsonRpcId,
    result: Option<Map<String, Value>>,
    error: Option<wire::JsonRpcError>,
) -> wire::JsonRpcResponse {
    wire::JsonRpcResponse { result, error, ..wire::JsonRpcResponse::new(wire::JsonRpcResponseJsonrpc::V20, id) }
}

/// The answer to a body that is no JSON, or is `body` and no call: what is wrong with it, under its id where it has one.
pub(crate) fn unreadable(problem: Problem, body: Option<&Value>) -> Response {
    let (code, message) = match body {
        None => (PARSE, "the body is not JSON"),
        Some(_) => (REQUEST, "the body is not one call or notification of JSON-RPC"),
    };
    let id = body.and_then(|body| serde_json::from_value(body.get("id")?.clone()).ok());
    let id = id.filter(|id| match id {
        wire::JsonRpcId::Text(text) => text.chars().count() <= 128,
        wire::JsonRpcId::Integer(number) => number.unsigned_abs() < 1 << 53,
        wire::JsonRpcId::Null(()) => true,
    });
    let mut error = wire::JsonRpcError::new(code, message.to_owned());
    error.data = Some(particulars(&problem));
    let mut answer = Reply::from(response(id.unwrap_or(wire::JsonRpcId::Null(())), None, Some(error))).json(400);
    answer.extensions_mut().insert(Failed::told(problem));
    answer
}
