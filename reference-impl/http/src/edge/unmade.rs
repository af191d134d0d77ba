//! Calls of tools that the edge refuses before a tool is looked for: each leaves its record like one that is made.

use axum::http::HeaderMap;
use contract_types::ErrorCode;
use reference_core::{
    audit::Outcome,
    sabotage::{self, Sabotage},
    tenancy::{Feature, TenantContext},
    tools::ToolCall,
};
use serde_json::{Map, Value};

use super::{Edge, correlation::Correlation, deadline::before};
use crate::{
    generated::table::{EXECUTE_TOOL, MCP},
    mcp,
    operation::Operation,
    reply::Problem,
};

/// Longest time that a refusal waits for its record, in milliseconds. What takes longer is written after the answer.
const PATIENCE_MS: u64 = 1_000;
/// What a tool is called of which nothing is known.
const UNKNOWN: &str = "unknown";

/// How a call of a tool comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// By `execute_tool`.
    Direct,
    /// By the protocol, where `tools/call` is one method of several.
    Protocol,
}

/// What is known of a request that may be a call of a tool, in case that it is refused. Nothing for other operations.
#[derive(Debug)]
pub(super) struct Attempt {
    way: Option<Way>,
    /// Whether it calls a tool, as far as that is known.
    calls: bool,
    tool: Option<String>,
    arguments: Map<String, Value>,
    /// The protocol answers its refusal in a form of its own.
    unreadable: bool,
    made: bool,
}

impl Attempt {
    /// Before the body is read a call of the protocol is known by its header alone.
    pub(super) fn of(operation: &Operation, headers: &HeaderMap) -> Self {
        let way = match operation.id {
            id if id == EXECUTE_TOOL.id => Some(Way::Direct),
            id if id == MCP.id => Some(Way::Protocol),
            _ => None,
        };
        let named = headers.get("mcp-method").is_some_and(|method| method.as_bytes() == mcp::CALL.as_bytes());
        let calls = way == Some(Way::Direct) || (way == Some(Way::Protocol) && named);
        Self { way, calls, tool: None, arguments: Map::new(), unreadable: false, made: false }
    }

    /// Takes over what the body says of tool and arguments, fit or not.
    pub(super) fn read(&mut self, body: &Value) {
        let (about, tool) = match self.way {
            None => return,
            Some(Way::Direct) => (body, "tool"),
            Some(Way::Protocol) => {
                if let Some(method) = body["method"].as_str() {
                    self.calls = method == mcp::CALL;
                }
                (&body["params"], "name")
            }
        };
        self.tool = about[tool].as_str().map(str::to_owned);
        self.arguments = about["arguments"].as_object().cloned().unwrap_or_default();
    }

    /// The body is no call of the protocol.
    pub(super) fn unreadable(&mut self) {
        self.unreadable = true;
    }

    /// From here on the call leaves its record itself.
    pub(super) fn made(&mut self) {
        self.made = true;
    }

    /// How the call ended that came to nothing; `None` where it was made, or is none.
    fn outcome(&self, problem: Option<&Problem>) -> Option<Outcome> {
        let refused = problem.map(|problem| outcome(problem.code));
        refused.or(self.unreadable.then_some(Outcome::Invalid)).filter(|_| self.calls && !self.made)
    }
}

impl Edge {
    /// Records a call that was refused. A store that does not take the record leaves the refusal as it is.
    pub(super) async fn record_unmade(
        &self,
        attempt: Attempt,
        tenant: &TenantContext,
        correlation: &Correlation,
        problem: Option<&Problem>,
    ) {
        let (Some(outcome), Some(recorder)) = (attempt.outcome(problem), &self.parts.recorder) else { return };
        let has = |feature| tenant.settings().has_feature(feature);
        let served = has(Feature::Tools) && (attempt.way == Some(Way::Direct) || has(Feature::Mcp));
        if !served || sabotage::on(Sabotage::EdgeRefusalsNotRecorded) {
            return;
        }
        let call = ToolCall {
            tool: attempt.tool.unwrap_or_else(|| UNKNOWN.to_owned()),
            arguments: attempt.arguments,
            timeout_ms: None,
            request_id: correlation.request_id.clone(),
            trace_id: Some(correlation.trace_id()),
        };
        let record = recorder.record_refusal(tenant, &call, outcome);
        // What is cut writes itself down in the background.
        let _ = before(self.parts.timer.sleep(PATIENCE_MS), record).await;
    }
}

/// How a call ended that was answered so.
fn outcome(code: ErrorCode) -> Outcome {
    if matches!(code, ErrorCode::Forbidden | ErrorCode::RateLimited) {
        Outcome::Denied
    } else if code == ErrorCode::UpstreamTimeout {
        Outcome::TimedOut
    } else if matches!(code, ErrorCode::UpstreamUnavailable | ErrorCode::InternalError) {
        Outcome::Failed
    } else {
        Outcome::Invalid
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use serde_json::json;

    use super::*;
    use crate::generated::table::LIST_TOOLS;

    fn attempt(operation: &Operation, method: Option<&'static str>) -> Attempt {
        let mut headers = HeaderMap::new();
        if let Some(method) = method {
            headers.insert("mcp-method", HeaderValue::from_static(method));
        }
        Attempt::of(operation, &headers)
    }

    #[test]
    fn knows_a_call_by_its_operation_its_header_or_its_body() {
        let limited = Problem::new(ErrorCode::RateLimited, "wait");
        let call = json!({ "method": "tools/call", "params": { "name": "summarize", "arguments": { "text": 7 } } });
        let cases = [
            (&EXECUTE_TOOL, None, None, true),
            (&LIST_TOOLS, Some("tools/call"), None, false),
            (&MCP, None, None, false),
            (&MCP, Some("tools/call"), None, true),
            (&MCP, Some("tools/list"), None, false),
            (&MCP, None, Some(&call), true),
        ];
        for (operation, method, body, recorded) in cases {
            let mut attempt = attempt(operation, method);
            if let Some(body) = body {
                attempt.read(body);
                assert_eq!(attempt.tool.as_deref(), Some("summarize"));
                assert_eq!(Value::Object(attempt.arguments.clone()), json!({ "text": 7 }));
            }
            let found = attempt.outcome(Some(&limited));
            assert_eq!(found, recorded.then_some(Outcome::Denied), "{} {method:?}", operation.id);
        }
    }

    #[test]
    fn a_call_that_is_made_is_not_recorded_twice() {
        let problem = Problem::new(ErrorCode::UpstreamTimeout, "late");
        let mut made = attempt(&EXECUTE_TOOL, None);
        assert_eq!(made.outcome(Some(&problem)), Some(Outcome::TimedOut));
        made.made();
        assert_eq!(made.outcome(Some(&problem)), None);
        assert_eq!(attempt(&EXECUTE_TOOL, None).outcome(None), None);
    }
}
