//! Calls of tools within a turn: what a model asks for, held to what the user's own turn allows, and bounded.
//!
//! Whatever a tool gives is data: it goes back to the model as a tool's message, and nothing in it widens what may be called.

use std::collections::VecDeque;
use std::sync::Arc;

use contract_types::ErrorCode;
use serde_json::{Map, Value as Json, json};

use super::model::{ToolUse, ToolUsed};
use crate::audit::Outcome;
use crate::platform::Platform;
use crate::ports::{ChatMessage, ChatRole, ChatTool, ChatToolCall};
use crate::sabotage::{self, Sabotage};
use crate::safety;
use crate::tenancy::{SafetyDirection, TenantContext};
use crate::tools::{ToolCall, ToolTurn, outcome};

/// Most times that one turn asks its model again.
const MOST_ROUNDS: usize = 8;
/// Most bytes of a tool's answer that a model reads; the client has all of it.
const MOST_READ: usize = 32_000;
/// What a tool is called whose name no tool could have.
const NO_NAME: &str = "unknown";

/// What a turn may call, and what it has called.
pub(crate) struct Calls {
    platform: Arc<Platform>,
    tenant: TenantContext,
    /// Names of the tools that the request lists.
    listed: Vec<String>,
    turn: ToolTurn,
    request_id: String,
    trace_id: Option<String>,
    /// Calls that a model asked for so far, made or not.
    asked: usize,
    rounds: usize,
    waiting: VecDeque<ChatToolCall>,
    /// The call that has been told and is to be made.
    told: Option<(ChatToolCall, ToolUse, Fit)>,
    /// Calls of this round with their answers, for the model.
    done: Vec<(ChatToolCall, String)>,
    /// More was asked for than a turn may call.
    over: bool,
}

/// Whether a call's arguments are ones at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    Yes,
    /// They are no JSON object.
    NoObject,
    /// They hold what the output rules let nobody read.
    Withheld,
}

impl Calls {
    /// `said` is the user's own last message.
    pub(crate) fn new(
        platform: Arc<Platform>,
        tenant: TenantContext,
        listed: Vec<String>,
        said: &str,
        (request_id, trace_id): (String, Option<String>),
    ) -> Self {
        Self {
            platform,
            tenant,
            listed,
            turn: ToolTurn::new(said),
            request_id,
            trace_id,
            asked: 0,
            rounds: 0,
            waiting: VecDeque::new(),
            told: None,
            done: Vec::new(),
            over: false,
        }
    }

    /// What a model is offered.
    pub(crate) fn offered(&self) -> Vec<ChatTool> {
        let mut listed = self.listed.iter().filter_map(|name| self.platform.get_tool(&self.tenant, name));
        let mut offered = Vec::new();
        while let Some(tool) = listed.find(|tool| self.turn.allows(tool)) {
            offered.push(ChatTool {
                name: tool.name.clone(),
                description: tool.descriptor["description"].as_str().unwrap_or_default().to_owned(),
                arguments: tool.arguments_schema.clone(),
            });
        }
        offered
    }

    /// Takes a call that a model asks for.
    pub(super) fn ask(&mut self, call: ChatToolCall) {
        let most = ToolTurn::MOST_CALLS as usize;
        if self.asked >= most && !sabotage::on(Sabotage::ChatToolLimitIgnored) {
            self.over = true;
            return;
        }
        self.asked += 1;
        self.waiting.push_back(call);
    }

    /// Whether calls wait.
    pub(super) fn waits(&self) -> bool {
        !self.waiting.is_empty() || self.told.is_some() || self.over
    }

    /// Forgets what waits.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
        self.over = false;
    }

    /// The next call, to be told before it is made.
    pub(super) fn tell(&mut self) -> Option<ToolUse> {
        let mut call = self.waiting.pop_front()?;
        let at = self.asked - self.waiting.len();
        let (mut arguments, mut fit) = (Map::new(), Fit::NoObject);
        if let Ok(Json::Object(read)) = serde_json::from_str(&call.arguments) {
            (arguments, fit) = (read, Fit::Yes);
        }
        if fit == Fit::Yes && !self.may_be_read(&call.arguments) {
            (arguments, fit) = (Map::new(), Fit::Withheld);
        }
        // The model's own name for the call may be anything; what a client and the next call read is ours.
        call.id = format!("call_{at}");
        if fit != Fit::Yes {
            "{}".clone_into(&mut call.arguments);
        }
        if !shaped(&call.tool) {
            NO_NAME.clone_into(&mut call.tool);
        }
        let told = ToolUse { id: call.id.clone(), tool: call.tool.clone(), arguments };
        self.told = Some((call, told.clone(), fit));
        Some(told)
    }

    /// Whether the tenant's output rules let a client read what a model writes as arguments.
    fn may_be_read(&self, arguments: &str) -> bool {
        let clean = |passed: safety::Passed| passed.text == arguments;
        safety::review_written(&self.tenant, arguments).is_ok_and(clean)
            && safety::review(&self.tenant, SafetyDirection::Output, arguments).is_ok_and(clean)
    }

    /// Makes the call that was told last. Whatever becomes of it, it leaves one record.
    pub(super) async fn make(&mut self) -> Option<ToolUsed> {
        let (call, told, fit) = self.told.take()?;
        let made = ToolCall {
            tool: call.tool.clone(),
            arguments: told.arguments,
            timeout_ms: None,
            request_id: self.request_id.clone(),
            trace_id: self.trace_id.clone(),
        };
        let allowed = fit == Fit::Yes && self.admit(&call.tool);
        let used = |outcome, result, error, duration_us| ToolUsed {
            call_id: call.id.clone(),
            tool: call.tool.clone(),
            outcome,
            result,
            error,
            duration_us,
        };
        let used = if allowed {
            let since = self.platform.ports().clock.monotonic_us();
            let done = self.platform.call_tool(&self.tenant, &made).await;
            let took = self.platform.ports().clock.monotonic_us().saturating_sub(since);
            let ended = outcome(&done);
            match done {
                Ok(output) => used(ended, Some(output.result), None, output.duration_us),
                Err(error) => used(ended, None, Some((error.code(), error.to_string())), took),
            }
        } else {
            let (ended, code, message) = match fit {
                Fit::Yes => (Outcome::Denied, ErrorCode::ToolNotAllowed, "this turn does not allow the call"),
                Fit::NoObject => (Outcome::Invalid, ErrorCode::ValidationError, "the arguments are no JSON object"),
                Fit::Withheld => (Outcome::Denied, ErrorCode::ContentBlocked, "the arguments may not be told"),
            };
            match self.platform.refuse_tool(&self.tenant, &made, ended).await {
                Ok(()) => used(ended, None, Some((code, message.to_owned())), 0),
                Err(error) => used(Outcome::Failed, None, Some((error.code(), error.to_string())), 0),
            }
        };
        let answer = match (&used.result, &used.error) {
            (Some(result), _) => json!({"outcome": used.outcome.as_str(), "result": result}).to_string(),
            (None, error) => {
                json!({"outcome": used.outcome.as_str(), "error": error.as_ref().map(|(_, message)| message)})
                    .to_string()
            }
        };
        self.done.push((call, cut(answer)));
        Some(used)
    }

    fn admit(&mut self, name: &str) -> bool {
        let listed = self.listed.iter().any(|it| it == name) || sabotage::on(Sabotage::ChatCallsWhatIsNotListed);
        let Some(tool) = self.platform.get_tool(&self.tenant, name) else { return false };
        listed && self.turn.admit(tool)
    }

    /// What was said and called in a round, for the model's next one; `None` where the turn may not go on.
    pub(super) fn next_round(&mut self, said: &str) -> Option<Vec<ChatMessage>> {
        let done = std::mem::take(&mut self.done);
        self.rounds += 1;
        let over = self.over || self.rounds >= MOST_ROUNDS;
        if done.is_empty() || (over && !sabotage::on(Sabotage::ChatToolLimitIgnored)) {
            return None;
        }
        let mut messages = vec![ChatMessage {
            role: ChatRole::Assistant,
            content: said.to_owned(),
            tool_calls: done.iter().map(|(call, _)| call.clone()).collect(),
            tool_call_id: None,
        }];
        messages.extend(done.into_iter().map(|(call, answer)| ChatMessage {
            role: if sabotage::on(Sabotage::ToolResultsAreOrders) { ChatRole::System } else { ChatRole::Tool },
            content: answer,
            tool_calls: Vec::new(),
            tool_call_id: Some(call.id),
        }));
        Some(messages)
    }
}

/// Whether a tool could have this name.
fn shaped(name: &str) -> bool {
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    first && name.len() <= 64 && name.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_')
}

/// The beginning of an answer that is too long to be read, which says so.
fn cut(mut answer: String) -> String {
    if answer.len() > MOST_READ {
        let end = (0..=MOST_READ).rev().find(|at| answer.is_char_boundary(*at)).unwrap_or(0);
        answer.truncate(end);
        answer.push_str("… (cut here)");
    }
    answer
}
