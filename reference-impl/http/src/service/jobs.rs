//! Jobs: one resource for all long work.

use contract_types as wire;
use reference_core::{
    platform::{JobReport, Platform},
    tools::ToolOutput,
};

use super::{encode, problem, speech, tools};
use crate::{
    Call, Problem, Reply,
    generated::server::{
        CancelJobResponse, GetJobResponse, GetJobResultOkBody, GetJobResultResponse, ListJobsResponse,
    },
};

pub(super) async fn list(
    platform: &Platform,
    call: &Call,
    parameters: wire::ListJobsParameters,
) -> Result<ListJobsResponse, Problem> {
    let limit = u32::try_from(parameters.limit).unwrap_or(u32::MAX);
    let cursor = parameters.cursor.as_ref().map(|cursor| cursor.as_str());
    let page = platform.list_jobs(&call.tenant, limit, cursor).await.map_err(|error| problem::job(&error))?;
    let mut list = wire::JobList::new(page.items.into_iter().map(encode::job).collect());
    list.next_cursor = page.next_cursor.map(Into::into);
    Ok(ListJobsResponse::Ok(list.into()))
}

pub(super) async fn get(
    platform: &Platform,
    call: &Call,
    parameters: wire::GetJobParameters,
) -> Result<GetJobResponse, Problem> {
    let job = platform.get_job(&call.tenant, &parameters.id).await.map_err(|error| problem::job(&error))?;
    Ok(GetJobResponse::Ok(encode::job(job).into()))
}

pub(super) async fn cancel(
    platform: &Platform,
    call: &Call,
    parameters: wire::CancelJobParameters,
) -> Result<CancelJobResponse, Problem> {
    let job = platform.cancel_job(&call.tenant, &parameters.id).await.map_err(|error| problem::job(&error))?;
    Ok(CancelJobResponse::Ok(encode::job(job).into()))
}

pub(super) async fn result(
    platform: &Platform,
    call: &Call,
    parameters: wire::GetJobResultParameters,
) -> Result<GetJobResultResponse, Problem> {
    let report = platform.job_result(&call.tenant, &parameters.id).await.map_err(|error| problem::job(&error))?;
    let json = |body| Reply::from(GetJobResultOkBody::Json(Box::new(body)));
    Ok(GetJobResultResponse::Ok(match report {
        JobReport::Ingest(report) => json(wire::JobResult::IngestReport(encode::report(report))),
        // The result's `request_id` is that of the request it answers, whichever made the call.
        JobReport::Tool(output) => {
            let request_id = call.request_id.clone();
            json(wire::JobResult::ToolResult(tools::result(ToolOutput { request_id, ..output })))
        }
        JobReport::Speech(spoken) => {
            let (audio, headers) = speech::of_job(spoken);
            Reply { body: GetJobResultOkBody::Audio(audio), headers }
        }
    }))
}
