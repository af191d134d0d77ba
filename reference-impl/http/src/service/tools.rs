//! Tools: what may be called, and calls.

use std::sync::Arc;

use contract_types as wire;
use reference_core::{
    platform::Platform,
    sabotage::{self, Sabotage},
    tenancy::{Feature, TenantContext},
    tools::{Declaration, ToolCall, ToolError, ToolOutput},
};

use super::{absent, encode, problem};
use crate::{
    Call, Problem, Reply,
    generated::server::{ExecuteToolResponse, GetToolResponse, ListToolsResponse},
};

/// Names of the tools that the caller may call; none where the tenant has no tools.
pub(super) fn names(platform: &Platform, tenant: &TenantContext) -> Vec<wire::ToolName> {
    if !tenant.settings().has_feature(Feature::Tools) {
        return Vec::new();
    }
    platform.list_tools(tenant).into_iter().map(|it| it.name.clone().into()).collect()
}

pub(super) fn list(platform: &Platform, call: &Call) -> Result<ListToolsResponse, Problem> {
    enabled(&call.tenant)?;
    let tools = platform.list_tools(&call.tenant).into_iter().map(descriptor).collect::<Result<_, _>>()?;
    Ok(ListToolsResponse::Ok(wire::ToolList::new(tools).into()))
}

pub(super) fn get(
    platform: &Platform,
    call: &Call,
    parameters: &wire::GetToolParameters,
) -> Result<GetToolResponse, Problem> {
    enabled(&call.tenant)?;
    let found = platform.get_tool(&call.tenant, parameters.name.as_str()).ok_or_else(crate::edge::missing)?;
    Ok(GetToolResponse::Ok(descriptor(found)?.into()))
}

pub(super) async fn execute(
    platform: &Arc<Platform>,
    call: &Call,
    request: wire::ToolExecuteRequest,
) -> Result<ExecuteToolResponse, Problem> {
    enabled(&call.tenant)?;
    let asked = ToolCall {
        tool: request.tool.0,
        arguments: request.arguments,
        timeout_ms: request.timeout_ms,
        request_id: call.request_id.clone(),
        trace_id: Some(call.trace_id.clone()),
    };
    let refused = |error: &ToolError| {
        if sabotage::on(Sabotage::UnlistedToolsToldApart)
            && matches!(error, ToolError::NotAllowed)
            && contract_types::TOOLS.contains(&format!("\"name\": \"{}\"", asked.tool))
        {
            return Problem::new(wire::ErrorCode::ToolNotAllowed, "the tenant does not list this tool");
        }
        problem::tool(error)
    };
    if request.r#async {
        let job = platform.start_tool_job(&call.tenant, &asked).await.map_err(|error| refused(&error))?;
        let location = format!("/jobs/{}", job.id.as_str());
        let reply = Reply { body: encode::job(job), headers: vec![("location", location)] };
        return Ok(ExecuteToolResponse::Accepted(reply));
    }
    let output = platform.execute_tool(&call.tenant, &asked).await.map_err(|error| refused(&error))?;
    Ok(ExecuteToolResponse::Ok(result(output).into()))
}

/// What a tool gave, as the wire has it.
pub(super) fn result(output: ToolOutput) -> wire::ToolResult {
    let result = encode::object(output.result);
    #[expect(clippy::cast_precision_loss, reason = "no tool runs 2^52 microseconds")]
    let duration_ms = output.duration_us as f64 / 1000.0;
    let (tool, version) = (output.tool.into(), output.version.into());
    let mut told = wire::ToolResult::new(tool, version, result, duration_ms, output.request_id.into());
    told.usage = output.usage.map(encode::usage);
    told
}

fn enabled(tenant: &TenantContext) -> Result<(), Problem> {
    if tenant.settings().has_feature(Feature::Tools) { Ok(()) } else { Err(absent::problem(wire::Feature::Tools)) }
}

fn descriptor(tool: &Declaration) -> Result<wire::ToolDescriptor, Problem> {
    serde_json::from_value(tool.descriptor.clone()).map_err(|error| Problem::internal(&error))
}
