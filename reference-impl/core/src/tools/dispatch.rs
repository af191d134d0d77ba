//! One way to call a tool: tenant, scope, allow-list, size, schema, run within its limits, result, record.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{Either, select};
use serde_json::{Map, Value as Json};

use super::classes::faults;
use super::pending::Pending;
use super::{Converter, Declaration, Registered, Registry, SideEffects, ToolError, ToolRun};
use crate::audit::{AuditKeys, Called, Journal, Outcome};
use crate::ids::AuditId;
use crate::metrics::Metric;
use crate::platform::Platform;
use crate::ports::Database;
use crate::redact::redacted;
use crate::sabotage::{self, Sabotage};
use crate::search::Usage;
use crate::tenancy::{Scope, TenantContext, TenantId};
use crate::trace::{StepName, StepOutcome};
use crate::usage;

/// Time before the tenant's deadline that is kept for the record and the answer, in milliseconds.
const RESERVE_MS: u64 = 250;

/// A call, as whoever asks makes it.
#[derive(Clone, PartialEq)]
pub struct ToolCall {
    /// Name of the tool.
    pub tool: String,
    /// Its arguments.
    pub arguments: Map<String, Json>,
    /// Longest run in milliseconds, where that is shorter than the tool's own limit.
    pub timeout_ms: Option<u64>,
    /// The request that makes it.
    pub request_id: String,
    /// The request's trace.
    pub trace_id: Option<String>,
}

redacted!(ToolCall { tool, timeout_ms, request_id, trace_id } hides { arguments });

/// What a call gave.
#[derive(Clone, PartialEq)]
pub struct ToolOutput {
    /// The tool that ran.
    pub tool: String,
    /// Its version.
    pub version: String,
    /// The result, fit for its schema.
    pub result: Json,
    /// How long it ran, in microseconds.
    pub duration_us: u64,
    /// What its model calls consumed; `None` where it called none.
    pub usage: Option<Usage>,
    /// The request that made the call.
    pub request_id: String,
}

redacted!(ToolOutput { tool, version, duration_us, usage, request_id } hides { result });

/// What a tenant's tools did since start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ToolCounts {
    /// Runs begun.
    pub runs: u64,
    /// Runs begun of tools that write.
    pub writes: u64,
}

/// Everything of the platform that tools need.
pub(crate) struct Toolbox {
    pub(super) registry: Registry,
    pub(super) journal: Journal,
    pub(super) keys: AuditKeys,
    pub(super) converter: Option<Arc<dyn Converter>>,
    counts: Mutex<HashMap<TenantId, ToolCounts>>,
}

impl Toolbox {
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self {
            registry: Registry::built_in(),
            journal: Journal::default(),
            keys: AuditKeys::new(secret),
            converter: None,
            counts: Mutex::default(),
        }
    }

    /// Lets no record wait for another request's.
    pub(crate) fn write_apart(&mut self) {
        self.journal = Journal::apart();
    }

    pub(crate) fn set_converter(&mut self, converter: Arc<dyn Converter>) {
        self.converter = Some(converter);
    }

    pub(crate) fn set_registry(&mut self, registry: Registry) {
        self.registry = registry;
    }

    pub(crate) fn forget(&self, tenant: &TenantId) {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).remove(tenant);
    }

    fn count(&self, tenant: &TenantId, effects: SideEffects) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = counts.entry(tenant.clone()).or_default();
        counts.runs += 1;
        counts.writes += u64::from(effects == SideEffects::Write);
    }
}

impl Platform {
    /// The tools that the caller may call, by name.
    pub fn list_tools(&self, tenant: &TenantContext) -> Vec<&Declaration> {
        self.toolbox().registry.all().map(|it| &it.declaration).filter(|it| visible(tenant, it)).collect()
    }

    /// One tool that the caller may call.
    pub fn get_tool(&self, tenant: &TenantContext, name: &str) -> Option<&Declaration> {
        self.toolbox().registry.get(name).map(|it| &it.declaration).filter(|it| visible(tenant, it))
    }

    /// What the tenant's tools did since start.
    pub fn tool_counts(&self, tenant: &TenantId) -> ToolCounts {
        let counts = self.toolbox().counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(tenant).copied().unwrap_or_default()
    }

    /// Counts runs from nothing.
    pub fn reset_tool_counts(&self) {
        self.toolbox().counts.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Puts every call on record as unknown that a restart cut off; to be called by a host that starts anew. Returns how many.
    ///
    /// # Errors
    ///
    /// A store's failure.
    pub async fn settle_calls(&self, tenant: &TenantContext) -> Result<usize, ToolError> {
        let database = self.ports().databases.open(tenant).await?;
        Ok(self.toolbox().journal.settle(tenant.id(), &*database).await?)
    }

    /// Calls a tool. Each call, whatever becomes of it, leaves one record; one that cannot be recorded comes to nothing. What its
    /// models used stands in the tenant's books when this is over.
    ///
    /// # Errors
    ///
    /// [`ToolError`].
    pub async fn execute_tool(
        self: &Arc<Self>,
        tenant: &TenantContext,
        call: &ToolCall,
    ) -> Result<ToolOutput, ToolError> {
        let done = self.call_tool(tenant, call).await;
        self.meter().close(tenant).await;
        done
    }

    /// Records a call that is not made: the edge refuses it before a tool is looked for, or a model asked for it and its turn does
    /// not allow it.
    ///
    /// # Errors
    ///
    /// A store's failure.
    pub async fn refuse_tool(
        self: &Arc<Self>,
        tenant: &TenantContext,
        call: &ToolCall,
        outcome: Outcome,
    ) -> Result<(), ToolError> {
        let database = self.ports().databases.open(tenant).await?;
        self.begin(tenant, call).end(&*database, outcome).await
    }

    /// [`Platform::refuse_tool`] for a request that is refused in any case: a store's failure is told to the log alone.
    pub async fn record_refusal(self: &Arc<Self>, tenant: &TenantContext, call: &ToolCall, outcome: Outcome) {
        if let Err(error) = self.refuse_tool(tenant, call, outcome).await {
            tracing::warn!(tenant = tenant.id().as_str(), %error, "a refused call of a tool has no record");
        }
    }

    /// [`Platform::execute_tool`] as a part of a request that goes on.
    ///
    /// # Errors
    ///
    /// [`ToolError`].
    pub(crate) async fn call_tool(
        self: &Arc<Self>,
        tenant: &TenantContext,
        call: &ToolCall,
    ) -> Result<ToolOutput, ToolError> {
        let database = self.ports().databases.open(tenant).await?;
        let pending = self.begin(tenant, call);
        let done = match self.admit(tenant, call) {
            Ok(tool) => {
                if tool.declaration.side_effects == SideEffects::Write
                    && let Some(called) = &pending.called
                {
                    self.toolbox().journal.open(&*database, called).await?;
                }
                let deadline = u64::try_from(tenant.settings().times.deadline_ms).unwrap_or_default();
                let most = deadline.saturating_sub(RESERVE_MS.min(deadline / 4));
                self.run_tool(tenant, tool, call, Some(most)).await
            }
            Err(error) => Err(error),
        };
        pending.end(&*database, outcome(&done)).await?;
        done
    }

    /// A call without its record, so that a bench can tell what each of them costs.
    ///
    /// # Errors
    ///
    /// [`ToolError`].
    #[cfg(any(test, feature = "testkit"))]
    pub async fn execute_unrecorded(
        self: &Arc<Self>,
        tenant: &TenantContext,
        call: &ToolCall,
    ) -> Result<ToolOutput, ToolError> {
        let called = self.begin(tenant, call).hand_over();
        let tool = self.admit(tenant, call)?;
        let done = self.run_tool(tenant, tool, call, Some(tenant.settings().times.deadline_ms.unsigned_abs())).await;
        drop(called);
        done
    }

    pub(super) fn begin(self: &Arc<Self>, tenant: &TenantContext, call: &ToolCall) -> Pending {
        let (toolbox, ports) = (self.toolbox(), self.ports());
        let known = toolbox.registry.get(&call.tool).is_some() || sabotage::on(Sabotage::AuditTellsUnknownNames);
        let mut principal = toolbox.keys.principal(tenant.id(), tenant.principal());
        if sabotage::on(Sabotage::AuditPrincipalShared) {
            principal = toolbox.keys.principal(tenant.id(), &crate::auth::Principal::Maintenance);
        }
        let called = Called {
            id: AuditId::random(&*ports.ids).as_str().to_owned(),
            at: crate::audit::time(ports.clock.now(tenant.id())),
            tenant: tenant.id().as_str().to_owned(),
            principal,
            tool: if known { call.tool.clone() } else { "unknown".to_owned() },
            arguments_hash: toolbox.keys.arguments(tenant.id(), &call.arguments),
            request_id: call.request_id.clone(),
            trace_id: call.trace_id.clone(),
        };
        Pending {
            platform: Arc::clone(self),
            tenant: tenant.clone(),
            called: Some(called),
            since_us: ports.clock.monotonic_us(),
        }
    }

    /// Everything that is checked before a tool runs.
    pub(super) fn admit(&self, tenant: &TenantContext, call: &ToolCall) -> Result<&Registered, ToolError> {
        let tool = self.toolbox().registry.get(&call.tool);
        if sabotage::on(Sabotage::ToolArgumentsCheckedFirst)
            && let Some(tool) = tool
        {
            fit(tool, call)?;
        }
        let tool = tool.filter(|it| callable(tenant, &it.declaration)).ok_or(ToolError::NotAllowed)?;
        fit(tool, call)?;
        Ok(tool)
    }

    /// Runs a tool within its time, and holds its result to its schema and size.
    pub(super) async fn run_tool(
        &self,
        tenant: &TenantContext,
        tool: &Registered,
        call: &ToolCall,
        most_ms: Option<u64>,
    ) -> Result<ToolOutput, ToolError> {
        let (within, step) = tenant.step(StepName::Tool);
        let done = self.run_within(&within, tool, call, most_ms).await;
        step.end(match &done {
            Err(ToolError::TimedOut { .. }) => StepOutcome::TimedOut,
            other => StepOutcome::of(other),
        });
        done
    }

    async fn run_within(
        &self,
        tenant: &TenantContext,
        tool: &Registered,
        call: &ToolCall,
        most_ms: Option<u64>,
    ) -> Result<ToolOutput, ToolError> {
        let limits = tool.declaration.limits;
        let asked = call.timeout_ms.filter(|_| !sabotage::on(Sabotage::ToolTimeoutIgnored)).unwrap_or(u64::MAX);
        let after_ms = limits.time_ms.min(asked).min(most_ms.unwrap_or(u64::MAX));
        self.toolbox().count(tenant.id(), tool.declaration.side_effects);
        let before = tenant.tally().used();
        let clock = &self.ports().clock;
        let since = clock.monotonic_us();
        let run = tool.tool.run(ToolRun { platform: self, tenant, arguments: &call.arguments });
        let result = match select(run, self.ports().timer.sleep(after_ms)).await {
            Either::Left((result, _)) => result?,
            Either::Right(_) => return Err(ToolError::TimedOut { after_ms }),
        };
        let duration_us = clock.monotonic_us().saturating_sub(since);
        // A tool that never waits is not stopped by the timer, but its time is over all the same.
        if duration_us / 1000 > after_ms {
            return Err(ToolError::TimedOut { after_ms });
        }
        let mut result = result;
        if sabotage::on(Sabotage::ToolResultNotChecked) {
            result["tool_calls"] = Json::Array(Vec::new());
        } else if let Some(error) = tool.result.iter_errors(&result).next() {
            let reason =
                format!("result of `{}` at {}: {}", tool.declaration.name, error.instance_path(), error.masked());
            return Err(ToolError::Failed { reason });
        }
        if size(&result) > limits.result_bytes {
            return Err(ToolError::Failed { reason: format!("result of `{}` is too large", tool.declaration.name) });
        }
        let declared = &tool.declaration;
        let (name, version) = (declared.name.clone(), declared.version.clone());
        let usage = Some(usage::told(tenant, &before)).filter(|it| it.tokens_in + it.tokens_out > 0);
        let usage = usage.map(|mut it| {
            if it.model.is_empty() {
                it.model = tenant.tally().embedding_model().unwrap_or_default();
            }
            it
        });
        let usage = usage.filter(|_| !sabotage::on(Sabotage::ToolUsageNotTold));
        Ok(ToolOutput { tool: name, version, result, duration_us, usage, request_id: call.request_id.clone() })
    }

    /// Puts the end of a call on record that was handed over.
    pub(super) async fn record(
        &self,
        tenant: &TenantContext,
        database: &dyn Database,
        called: &Called,
        outcome: Outcome,
        since_us: u64,
    ) -> Result<(), ToolError> {
        let took = self.ports().clock.monotonic_us().saturating_sub(since_us);
        let closed = self.toolbox().journal.close(tenant.id(), database, called, outcome, took).await;
        self.count_call(tenant, called, outcome, closed.is_ok());
        Ok(closed?)
    }

    /// Counts a call that ended, and whether that could be put on record. Its name is that of a registered tool or `unknown`.
    pub(super) fn count_call(&self, tenant: &TenantContext, called: &Called, outcome: Outcome, recorded: bool) {
        let metrics = self.metrics();
        let times = if sabotage::on(Sabotage::ToolCallsCountedTwice) { 2.0 } else { 1.0 };
        metrics.add(Some(tenant.id()), Metric::ToolCalls, &[&called.tool, outcome.as_str()], times);
        if !recorded {
            metrics.count(Some(tenant.id()), Metric::AuditFailures, &[]);
        }
    }
}

/// Whether the tenant lists the tool and the credential has its scopes.
fn callable(tenant: &TenantContext, tool: &Declaration) -> bool {
    let listed = tenant.settings().tools.contains(&tool.name)
        || sabotage::on(Sabotage::AllowListIgnored)
        || (sabotage::on(Sabotage::OneToolAlwaysAllowed) && tool.name == "tag_chunk_docs");
    let scoped = tool.scopes.iter().all(|scope| tenant.has_scope(*scope))
        || sabotage::on(Sabotage::ToolScopesIgnored)
        || (sabotage::on(Sabotage::ReadingOpensTools) && tenant.has_scope(Scope::DocumentsRead));
    listed && scoped
}

/// Whether it is told of the tool.
fn visible(tenant: &TenantContext, tool: &Declaration) -> bool {
    sabotage::on(Sabotage::EveryToolListed) || callable(tenant, tool)
}

fn fit(tool: &Registered, call: &ToolCall) -> Result<(), ToolError> {
    let arguments = Json::Object(call.arguments.clone());
    let limit = tool.declaration.limits.argument_bytes;
    if size(&arguments) > limit {
        return Err(ToolError::TooLarge { limit });
    }
    if sabotage::on(Sabotage::ToolArgumentsNotChecked) {
        return Ok(());
    }
    let faults = faults(&tool.arguments, &arguments);
    if faults.is_empty() { Ok(()) } else { Err(ToolError::Invalid { faults }) }
}

/// Bytes of compact JSON.
fn size(value: &Json) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // Counting cannot fail.
    let _ = serde_json::to_writer(&mut count, value);
    count.0
}

pub(crate) fn outcome(done: &Result<ToolOutput, ToolError>) -> Outcome {
    match done {
        Ok(_) => Outcome::Succeeded,
        Err(ToolError::NotAllowed | ToolError::Blocked(_) | ToolError::OverBudget(_)) => Outcome::Denied,
        Err(ToolError::Invalid { .. } | ToolError::TooLarge { .. }) => Outcome::Invalid,
        Err(ToolError::TimedOut { .. }) => Outcome::TimedOut,
        Err(ToolError::Failed { .. } | ToolError::Store(_) | ToolError::Database(_)) => Outcome::Failed,
    }
}
