//! Rounds of a turn that calls tools: what was written before the calls, the calls, and the model's next word.

use super::Turn;
use crate::chat::error::ChatError;
use crate::chat::model::{ChatEvent, Finish};
use crate::sabotage::{self, Sabotage};

impl Turn {
    /// Judges what was written before calls, all of which is known by now.
    pub(super) fn round_parts(&mut self) -> Result<(), ChatError> {
        let (text, end) = self.written.rest(&*self.tokenizer);
        let parts = self.parts.push(&text);
        let last = self.parts.rest();
        for part in parts.into_iter().chain(last) {
            self.judge(&part);
            if self.blocked() {
                self.calling = false;
                return self.last_parts();
            }
        }
        if let Some(end) = end {
            self.calling = false;
            self.finish = Some(end);
            return self.last_parts();
        }
        Ok(())
    }

    /// One step of the calls that the model waits for: tells the next one, makes the one that was told, or asks the model to go
    /// on with what they gave.
    pub(super) async fn call_next(&mut self) -> Result<(), ChatError> {
        let Some(calls) = &mut self.calls else { return Ok(()) };
        if let Some(used) = calls.make().await {
            if !sabotage::on(Sabotage::ChatToolResultsLost) {
                self.ready.push_back(ChatEvent::ToolResult(used));
            }
            return Ok(());
        }
        if let Some(told) = calls.tell() {
            self.ready.push_back(ChatEvent::ToolCall(told));
            return Ok(());
        }
        self.calling = false;
        let said = std::mem::take(&mut self.round);
        let (Some(messages), Some((model, call))) = (calls.next_round(said.trim()), &mut self.model) else {
            self.finish = Some(Finish::ToolLimit);
            return self.last_parts();
        };
        call.messages.extend(messages);
        self.deltas = Some(model.chat(&self.tenant, call).await?);
        Ok(())
    }
}
