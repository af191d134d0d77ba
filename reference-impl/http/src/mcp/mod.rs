//! The Model Context Protocol over the tool dispatcher: decode a JSON-RPC call, ask core as any other operation does, encode.
//!
//! Nothing is kept between calls: what a call needs to be answered is in it.

mod era;
mod methods;
mod origin;
mod rpc;
#[cfg(feature = "sabotage")]
mod sabotaged;
#[cfg(test)]
mod tests;
mod unmade;

use std::sync::Arc;

use contract_types as wire;
use reference_core::{
    audit::Outcome,
    platform::Platform,
    sabotage::{self, Sabotage},
    tenancy::Feature,
};

use crate::{Call, Operation, Problem, Reply, edge, generated::server::McpResponse, service::absent};
pub(crate) use methods::CALL;
use rpc::Stop;
pub(crate) use rpc::unreadable;

/// Whether the operation answers what is wrong with its body as JSON-RPC does.
pub(crate) fn speaks(operation: &Operation) -> bool {
    operation.id == crate::generated::table::MCP.id
}

/// What a body of several calls is taken for: nothing, unless the flaw is on that takes the first of them.
pub(crate) fn first_of_batch(operation: &Operation, value: &mut serde_json::Value) {
    if sabotage::on(Sabotage::McpBatchesAccepted)
        && speaks(operation)
        && let Some(first) = value.as_array_mut().and_then(|calls| calls.first_mut())
    {
        *value = first.take();
    }
}

/// Answers a call or takes a notification.
pub(crate) async fn answer(
    platform: &Arc<Platform>,
    implementation: &wire::Implementation,
    call: &Call,
    request: wire::JsonRpcRequest,
) -> Result<McpResponse, Problem> {
    if let Err(problem) = origin::check(call).and_then(|()| scope(call, &request.method)) {
        unmade::record(platform, call, &request, Outcome::Denied).await?;
        return Err(problem);
    }
    for (feature, told) in [(Feature::Mcp, wire::Feature::Mcp), (Feature::Tools, wire::Feature::Tools)] {
        if !call.tenant.settings().has_feature(feature) {
            return Err(absent::problem(told));
        }
    }
    let Some(id) = request.id.clone() else {
        return Ok(match era::compare(&call.headers, &request) {
            Ok(()) => McpResponse::Accepted(Reply::from(())),
            Err(refusal) => refusal.answer(call, wire::JsonRpcId::Null(())),
        });
    };
    let done = match id {
        // A call without a name could not be told its answer.
        wire::JsonRpcId::Null(()) => {
            unmade::record(platform, call, &request, Outcome::Invalid).await?;
            Err(Stop::Refused(rpc::Refusal::request("the id of a call is a text or a number")))
        }
        wire::JsonRpcId::Text(_) | wire::JsonRpcId::Integer(_) => {
            methods::run(platform, implementation, call, &request).await
        }
    };
    match done {
        Ok(result) => Ok(rpc::result(id, result)),
        Err(Stop::Refused(refusal)) => Ok(refusal.answer(call, id)),
        Err(Stop::Failed(problem)) => Err(problem),
    }
}

/// Calls need the right to call, everything else the right to look.
fn scope(call: &Call, method: &str) -> Result<(), Problem> {
    let calls = method == methods::CALL && !sabotage::on(Sabotage::McpCallsWithoutScope);
    let needed = if calls { wire::Scope::ToolsExecute } else { wire::Scope::ToolsRead };
    let has = reference_core::tenancy::Scope::parse(needed.as_str()).is_some_and(|it| call.tenant.has_scope(it));
    if has { Ok(()) } else { Err(edge::forbidden(&[needed])) }
}
