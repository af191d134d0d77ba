//! Calls that nobody waits for: they go on as jobs.

use std::sync::Arc;

use contract_types::ErrorCode;
use futures_util::future::{Either, select};
use serde_json::{Value as Json, json};

use super::{Registered, ToolCall, ToolError, ToolOutput, ToolRun, outcome};
use crate::audit::{Called, Outcome};
use crate::ids::JobId;
use crate::platform::Platform;
use crate::ports::{Database, ModelError};
use crate::sabotage::{self, Sabotage};
use crate::search::Usage;
use crate::store::jobs::{self, Ending, Job, JobFailure, JobKind, JobStatus, NewJob};
use crate::tenancy::{Scope, TenantContext};
use crate::trace::WorkOrigin;

/// How often a running call looks whether its job was cancelled, in milliseconds.
const LOOK_EVERY_MS: u64 = 200;

impl Platform {
    /// Starts a call as a job. What refuses a call that is waited for refuses this one, and no job is made. Its record is
    /// written when it ends.
    ///
    /// # Errors
    ///
    /// [`ToolError`].
    pub async fn start_tool_job(self: &Arc<Self>, tenant: &TenantContext, call: &ToolCall) -> Result<Job, ToolError> {
        let database = self.ports().databases.open(tenant).await?;
        let pending = self.begin(tenant, call);
        let since = self.ports().clock.monotonic_us();
        let admitted = match self.admit(tenant, call) {
            Ok(tool) => self.afford(tenant, tool, call).await,
            Err(error) => Err(error),
        };
        if let Err(error) = admitted {
            let done = Err(error);
            if let Some(called) = pending.hand_over() {
                self.record(tenant, &*database, &called, outcome(&done), since).await?;
            }
            return done.map(|_: ToolOutput| unreachable!("a refusal is no result"));
        }
        let Some(called) = pending.hand_over() else { return Err(ToolError::NotAllowed) };
        let job = NewJob {
            id: JobId::random(&*self.ports().ids),
            kind: JobKind::Tool,
            scope: Scope::ToolsExecute,
            request: WorkOrigin::stamp(tenant, encode(call, &called)),
            items: Vec::new(),
        };
        match jobs::create(&*database, &job, self.ports().clock.now(tenant.id())).await {
            Ok(created) => {
                self.see_jobs(tenant, &*database).await;
                self.start_runner(tenant);
                Ok(created)
            }
            Err(error) => {
                self.record(tenant, &*database, &called, Outcome::Failed, since).await?;
                Err(error.into())
            }
        }
    }

    /// Refuses a call whose model the tenant's budget has nothing left for, since a job would come to nothing. Books that cannot be
    /// read are left to the run.
    async fn afford(&self, tenant: &TenantContext, tool: &Registered, call: &ToolCall) -> Result<(), ToolError> {
        let run = ToolRun { platform: self, tenant, arguments: &call.arguments };
        let Some(model) = tool.tool.model(run).filter(|_| !sabotage::on(Sabotage::ToolJobBudgetIgnored)) else {
            return Ok(());
        };
        match self.meter().check(tenant, &model).await {
            Err(error @ ModelError::BudgetExceeded { .. }) => Err(ToolError::OverBudget(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Runs the call of a job; `None` when the job was cancelled meanwhile.
    pub(crate) async fn run_tool_job(
        &self,
        tenant: &TenantContext,
        database: &dyn Database,
        job: &Job,
        request: &Json,
    ) -> Result<Option<Ending>, ToolError> {
        let Some((call, called)) = decode(request) else {
            let message = "the work of this job cannot be read".to_owned();
            return Ok(Some(Ending::Failed(JobFailure { code: ErrorCode::InternalError, message })));
        };
        let since = self.ports().clock.monotonic_us();
        let done = match self.toolbox().registry.get(&call.tool) {
            Some(tool) => {
                // A context of its own: the tally of a runner is that of all its jobs.
                let work = tenant.anew();
                let run = Box::pin(self.run_tool(&work, tool, &call, None));
                let ended = match select(run, Box::pin(self.cancelled(tenant, database, &job.id))).await {
                    Either::Left((done, _)) => Some(done),
                    Either::Right(_) => None,
                };
                self.meter().close(&work).await;
                let Some(done) = ended else {
                    self.record(tenant, database, &called, Outcome::Cancelled, since).await?;
                    return Ok(None);
                };
                done
            }
            None => Err(ToolError::NotAllowed),
        };
        self.record(tenant, database, &called, outcome(&done), since).await?;
        Ok(Some(match done {
            Ok(output) => Ending::Succeeded(encode_output(&output)),
            Err(error) => Ending::Failed(JobFailure { code: error.code(), message: error.to_string() }),
        }))
    }

    /// Ready when the job is no longer running.
    async fn cancelled(&self, tenant: &TenantContext, database: &dyn Database, id: &JobId) {
        loop {
            self.ports().timer.sleep(LOOK_EVERY_MS).await;
            let found = jobs::get(database, id, self.ports().clock.now(tenant.id())).await;
            // A store that does not answer says nothing about the job.
            if found.is_ok_and(|job| job.is_none_or(|job| job.status != JobStatus::Running)) {
                return;
            }
        }
    }

    /// Records that a job's call was cancelled before a runner had it.
    pub(crate) async fn record_cancelled(
        &self,
        tenant: &TenantContext,
        database: &dyn Database,
        request: &Json,
    ) -> Result<(), ToolError> {
        let Some((_, called)) = decode(request) else { return Ok(()) };
        let now = self.ports().clock.monotonic_us();
        self.record(tenant, database, &called, Outcome::Cancelled, now).await
    }
}

fn encode(call: &ToolCall, called: &Called) -> Json {
    json!({
        "tool": call.tool, "arguments": call.arguments, "timeout_ms": call.timeout_ms,
        "called": serde_json::to_value(called).unwrap_or(Json::Null),
    })
}

fn decode(request: &Json) -> Option<(ToolCall, Called)> {
    let called: Called = serde_json::from_value(request["called"].clone()).ok()?;
    let call = ToolCall {
        tool: request["tool"].as_str()?.to_owned(),
        arguments: request["arguments"].as_object()?.clone(),
        timeout_ms: request["timeout_ms"].as_u64(),
        request_id: called.request_id.clone(),
        trace_id: called.trace_id.clone(),
    };
    Some((call, called))
}

fn encode_output(output: &ToolOutput) -> Json {
    json!({
        "tool": output.tool,
        "version": if sabotage::on(Sabotage::ToolJobResultDiffers) { "0.0.0" } else { output.version.as_str() }, "result": output.result,
        "duration_us": output.duration_us, "request_id": output.request_id,
        "usage": output.usage.as_ref().map(|it| {
            json!({"model": it.model, "tokens_in": it.tokens_in, "tokens_out": it.tokens_out, "cost_usd": it.cost_usd})
        }),
    })
}

/// Reads what a job left as its result.
pub(crate) fn decode_output(json: &Json) -> Option<ToolOutput> {
    Some(ToolOutput {
        tool: json["tool"].as_str()?.to_owned(),
        version: json["version"].as_str()?.to_owned(),
        result: json["result"].clone(),
        duration_us: json["duration_us"].as_u64()?,
        usage: json["usage"].as_object().and_then(|it| {
            Some(Usage {
                model: it.get("model")?.as_str()?.to_owned(),
                tokens_in: it.get("tokens_in")?.as_u64()?,
                tokens_out: it.get("tokens_out")?.as_u64()?,
                cost_usd: it.get("cost_usd")?.as_f64()?,
            })
        }),
        request_id: json["request_id"].as_str()?.to_owned(),
    })
}
