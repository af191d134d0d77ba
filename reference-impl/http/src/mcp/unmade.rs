//! Calls of tools that the protocol refuses before a tool is looked for: each leaves its record.

use std::sync::Arc;

use contract_types::JsonRpcRequest;
use reference_core::{
    audit::Outcome,
    platform::Platform,
    sabotage::{self, Sabotage},
    tenancy::Feature,
    tools::ToolCall,
};
use serde_json::Value;

use super::methods::CALL;
use crate::{Call, Problem, service::problem};

/// Records a request that calls a tool and will not be followed; nothing for other methods, and for a tenant without tools.
///
/// # Errors
///
/// A store's failure: what cannot be put on record is not answered as if it were.
pub(super) async fn record(
    platform: &Arc<Platform>,
    call: &Call,
    request: &JsonRpcRequest,
    outcome: Outcome,
) -> Result<(), Problem> {
    let settings = call.tenant.settings();
    let served = settings.has_feature(Feature::Tools) && settings.has_feature(Feature::Mcp);
    if request.method != CALL || !served || sabotage::on(Sabotage::EdgeRefusalsNotRecorded) {
        return Ok(());
    }
    let of = |field: &str| request.params.as_ref().and_then(|params| params.get(field));
    let unmade = ToolCall {
        tool: of("name").and_then(Value::as_str).unwrap_or("unknown").to_owned(),
        arguments: of("arguments").and_then(Value::as_object).cloned().unwrap_or_default(),
        timeout_ms: None,
        request_id: call.request_id.clone(),
        trace_id: Some(call.trace_id.clone()),
    };
    platform.refuse_tool(&call.tenant, &unmade, outcome).await.map_err(|error| problem::tool(&error))
}
