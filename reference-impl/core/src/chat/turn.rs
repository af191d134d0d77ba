//! The turn itself: pulls what a model writes, judges it part by part, and stores the whole at its end.

mod judge;
mod rounds;

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::StreamExt;

use super::calls::Calls;
use super::error::ChatError;
use super::guard::Guard;
use super::model::{ChatEvent, ChatSummary, Finish};
use super::parts::Parts;
use super::written::Written;
use crate::answer::{Citation, NO_ANSWER};
use crate::ids::SessionId;
use crate::ingest::Tokenizer;
use crate::ports::{
    ChatCall, ChatDelta, ChatDeltas, ChatFinish, ChatModel, Clock, GenerationRequest, GeneratorKind, ModelError,
};
use crate::retrieve::Degradation;
#[cfg(feature = "sabotage")]
use crate::sabotage::{self, Sabotage};
use crate::safety::Finding;
use crate::session::{Hold, Kept, Message, Speaker};
use crate::tenancy::TenantContext;
use crate::usage::{self, Meter, Used};

/// What a turn will do.
pub(crate) enum Plan {
    /// Say this; no model is needed.
    Fixed(String),
    /// Ask a model.
    Ask(Box<Ask>),
}

/// A question to a model.
pub(crate) struct Ask {
    /// What it is asked.
    pub(crate) call: ChatCall,
    /// What its answer is held against; `None` where it need not rest on documents.
    pub(crate) grounds: Option<GenerationRequest>,
    /// Id of the model that was asked for.
    pub(crate) model_id: String,
    /// That model, then those that the tenant falls back on; those that the deployment does not have are left out.
    pub(crate) models: Vec<Arc<dyn ChatModel>>,
}

/// A turn under way.
pub struct Turn {
    tenant: TenantContext,
    clock: Arc<dyn Clock>,
    tokenizer: Arc<dyn Tokenizer>,
    /// `None` where the tenant has no sessions.
    hold: Option<Hold>,
    /// The request's own messages, to be stored.
    new: Vec<Message>,
    model_id: Option<String>,
    grounds: Option<GenerationRequest>,
    extractive: bool,
    /// The model that writes, with what it was asked.
    model: Option<(Arc<dyn ChatModel>, ChatCall)>,
    deltas: Option<ChatDeltas>,
    /// `None` where the turn may call no tools.
    calls: Option<Calls>,
    /// The model waits for the calls that it asked for.
    calling: bool,
    /// What the model wrote since it was asked last, as it reads it again.
    round: String,
    written: Written,
    /// The end of what the model wrote, for the rule of the system prompt.
    recent: String,
    parts: Parts,
    guard: Guard,
    finish: Option<Finish>,
    meter: Meter,
    /// What the request had used before the turn.
    before: Used,
    ready: VecDeque<ChatEvent>,
    text: String,
    citations: Vec<Citation>,
    degraded: Vec<Degradation>,
    safety: Vec<Finding>,
    over: bool,
}

/// What a turn is made of.
pub(crate) struct Begin {
    pub(crate) tenant: TenantContext,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tokenizer: Arc<dyn Tokenizer>,
    pub(crate) meter: Meter,
    pub(crate) before: Used,
    pub(crate) hold: Option<Hold>,
    pub(crate) new: Vec<Message>,
    pub(crate) degraded: Vec<Degradation>,
    pub(crate) safety: Vec<Finding>,
    pub(crate) calls: Option<Calls>,
    pub(crate) plan: Plan,
}

impl Turn {
    /// Begins a turn: ready once its model has accepted the call, or is known to be out of reach where the documents alone
    /// can be answered for.
    ///
    /// # Errors
    ///
    /// [`ChatError::Model`] where nothing can be answered without the model.
    pub(crate) async fn begin(begin: Begin) -> Result<Self, ChatError> {
        let Begin { tenant, clock, tokenizer, meter, before, hold, new, degraded, safety, calls, plan } = begin;
        let mut turn = Self {
            guard: Guard::new(&tenant, true),
            tenant,
            clock,
            tokenizer,
            hold,
            new,
            model_id: None,
            grounds: None,
            extractive: true,
            model: None,
            deltas: None,
            calls,
            calling: false,
            round: String::new(),
            written: Written::new(&[], None),
            recent: String::new(),
            parts: Parts::default(),
            finish: None,
            meter,
            before,
            ready: VecDeque::new(),
            text: String::new(),
            citations: Vec::new(),
            degraded,
            safety,
            over: false,
        };
        match plan {
            Plan::Fixed(text) => {
                turn.finish = Some(Finish::Stop);
                turn.say(text);
            }
            Plan::Ask(ask) => turn.ask(*ask).await?,
        }
        Ok(turn)
    }

    async fn ask(&mut self, ask: Ask) -> Result<(), ChatError> {
        let Ask { call, grounds, model_id, models } = ask;
        let reason = "it is not part of this deployment".to_owned();
        let mut called = Err(ModelError::Unavailable { model: model_id, reason });
        for model in models {
            called = model.chat(&self.tenant, &call).await.map(|deltas| (model, deltas));
            // Nothing has been said yet, so that another may say it. A budget that is used up is so for every model.
            if matches!(called, Ok(_) | Err(ModelError::BudgetExceeded { .. })) {
                break;
            }
        }
        let (model, deltas) = match called {
            Ok(accepted) => accepted,
            Err(error @ ModelError::BudgetExceeded { .. }) => return Err(error.into()),
            Err(_) if grounds.is_some() => {
                self.degraded.push(Degradation::GeneratorUnavailable);
                self.finish = Some(Finish::Stop);
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        self.extractive = model.kind() == GeneratorKind::Extractive;
        self.guard = Guard::new(&self.tenant, grounds.is_some());
        self.written = Written::new(&call.stop, call.max_tokens);
        self.grounds = grounds;
        self.model_id = Some(model.model().to_owned());
        self.model = Some((model, call));
        self.deltas = Some(deltas);
        Ok(())
    }

    /// The session that the turn belongs to; `None` where the tenant has none.
    pub fn session(&self) -> Option<&SessionId> {
        self.hold.as_ref().map(Hold::session)
    }

    /// Id of the model that writes; `None` where none is needed or there is none.
    pub fn model(&self) -> Option<&str> {
        self.model_id.as_deref()
    }

    /// The next step; `None` after the end or an error. Dropping the turn before its end leaves the session as it was.
    pub async fn next(&mut self) -> Option<Result<ChatEvent, ChatError>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(Ok(event));
            }
            if self.over {
                return None;
            }
            let step = match &mut self.deltas {
                Some(deltas) => match deltas.next().await {
                    Some(Ok(delta)) => self.take(delta),
                    Some(Err(error)) => Err(error.into()),
                    None => {
                        self.deltas = None;
                        if self.calling { self.round_parts() } else { self.last_parts() }
                    }
                },
                None if self.calling => self.call_next().await,
                None => self.end().await,
            };
            if let Err(error) = step {
                self.over = true;
                self.deltas = None;
                return Some(Err(error));
            }
        }
    }

    fn take(&mut self, delta: ChatDelta) -> Result<(), ChatError> {
        match delta {
            // Whatever comes behind the end is no part of the answer.
            ChatDelta::Text(_) if self.finish.is_some() || self.calling => Ok(()),
            ChatDelta::Text(mut piece) => {
                // What is written after calls begins anew.
                if self.round.is_empty() && self.grounds.is_none() && self.any() {
                    piece.insert_str(0, "\n\n");
                }
                self.round.push_str(&piece);
                let (text, end) = self.written.push(&piece, &*self.tokenizer);
                for part in self.parts.push(&text) {
                    self.judge(&part);
                    if self.blocked() {
                        return self.last_parts();
                    }
                }
                if let Some(end) = end {
                    self.finish = Some(end);
                    // The call is over for us, and dropping it tells the model so.
                    return self.last_parts();
                }
                Ok(())
            }
            // Where no tool was offered none is called: what a model asks for by itself is data and no order.
            ChatDelta::ToolCall(call) => {
                if let Some(calls) = self.calls.as_mut().filter(|_| self.finish.is_none()) {
                    calls.ask(call);
                }
                Ok(())
            }
            // The meter has seen it.
            ChatDelta::Usage { .. } => Ok(()),
            ChatDelta::Finish(ChatFinish::ToolCalls)
                if self.finish.is_none() && self.calls.as_ref().is_some_and(Calls::waits) =>
            {
                self.calling = true;
                Ok(())
            }
            ChatDelta::Finish(reason) => {
                self.finish = self.finish.or(Some(match reason {
                    ChatFinish::Stop | ChatFinish::ToolCalls => Finish::Stop,
                    ChatFinish::Length => Finish::Length,
                    ChatFinish::Filtered => Finish::ContentFilter,
                }));
                Ok(())
            }
        }
    }

    fn blocked(&self) -> bool {
        self.finish == Some(Finish::ContentFilter)
    }

    /// Judges what is left once the model has ended or is cut off.
    fn last_parts(&mut self) -> Result<(), ChatError> {
        self.deltas = None;
        // Calls of a message that was cut are not made.
        if let Some(calls) = &mut self.calls {
            calls.clear();
        }
        let Some(finish) = self.finish else {
            let model = self.model_id.clone().unwrap_or_default();
            let reason = "its answer broke off without an end".to_owned();
            return Err(ModelError::Unavailable { model, reason }.into());
        };
        if finish == Finish::ContentFilter {
            return Ok(());
        }
        let (text, end) = self.written.rest(&*self.tokenizer);
        if end == Some(Finish::Length) {
            self.finish = end;
        }
        let parts = self.parts.push(&text);
        let last = self.parts.rest();
        for part in parts.into_iter().chain(last) {
            if !self.blocked() {
                self.judge(&part);
            }
        }
        if !self.blocked() {
            match self.guard.rest(&self.tenant) {
                Ok(clean) => clean.into_iter().for_each(|clean| self.release(clean)),
                Err(blocked) => self.block(blocked),
            }
        }
        let done = matches!(self.finish, Some(Finish::Stop | Finish::ToolLimit));
        if self.text.is_empty() && done && self.grounds.is_some() {
            self.say(NO_ANSWER.to_owned());
        }
        Ok(())
    }

    /// Stores the turn and tells its end.
    async fn end(&mut self) -> Result<(), ChatError> {
        self.over = true;
        // Whoever hears of the end finds its tokens counted.
        self.meter.close(&self.tenant).await;
        let summary = ChatSummary {
            finish: self.finish.unwrap_or(Finish::Stop),
            usage: usage::told(&self.tenant, &self.before),
            degraded: std::mem::take(&mut self.degraded),
            safety: std::mem::take(&mut self.safety),
        };
        if let Some(hold) = &mut self.hold {
            let kept = kept(&self.tenant, &*self.clock);
            let answer = Message {
                speaker: Speaker::Assistant,
                tokens: self.tokenizer.count(&self.text),
                content: self.text.clone(),
                at: kept.now,
                citations: Some(std::mem::take(&mut self.citations)),
            };
            let mut messages = std::mem::take(&mut self.new);
            messages.push(answer);
            hold.add(&messages, kept).await?;
        }
        self.ready.push_back(ChatEvent::End(Box::new(summary)));
        Ok(())
    }
}

/// How the tenant's sessions are kept, as of now.
pub(crate) fn kept(tenant: &TenantContext, clock: &dyn Clock) -> Kept {
    let settings = tenant.settings();
    Kept { now: clock.now(tenant.id()), ttl_ms: settings.times.session_ttl_ms, settings: settings.sessions }
}

#[cfg(feature = "sabotage")]
impl Drop for Turn {
    /// The flaw that keeps what the user said of a turn that was cut.
    fn drop(&mut self) {
        if !self.over
            && sabotage::on(Sabotage::CutTurnHalfKept)
            && let Some(mut hold) = self.hold.take()
        {
            let (messages, kept) = (std::mem::take(&mut self.new), kept(&self.tenant, &*self.clock));
            let background = hold.background();
            background.spawn(Box::pin(async move { drop(hold.add(&messages, kept).await) }));
        }
    }
}
