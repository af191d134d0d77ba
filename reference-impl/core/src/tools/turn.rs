//! What a model may call within one turn of a chat, and how often.

use std::collections::HashMap;

use super::classes::asks_for;
use super::{Declaration, SideEffects};
use crate::sabotage::{self, Sabotage};

/// The calls of one chat turn: how many a model may make, and which.
#[derive(Debug, Default)]
pub struct ToolTurn {
    asked: String,
    calls: HashMap<String, u32>,
}

impl ToolTurn {
    /// Most calls of one turn over all tools.
    pub const MOST_CALLS: u32 = 16;

    /// A turn in which the user said `asked`. Nothing else counts: no document, no result, no earlier answer.
    pub fn new(asked: &str) -> Self {
        Self { asked: asked.to_owned(), calls: HashMap::new() }
    }

    /// Whether a model may call the tool at all in this turn.
    pub fn allows(&self, tool: &Declaration) -> bool {
        may_call(&self.asked, tool)
    }

    /// Whether a model may call the tool now; counts the call.
    pub fn admit(&mut self, tool: &Declaration) -> bool {
        let all: u32 = self.calls.values().sum();
        let allowed = self.allows(tool);
        let calls = self.calls.entry(tool.name.clone()).or_default();
        let most = tool.limits.calls_per_turn;
        let left = (*calls < most && all < Self::MOST_CALLS) || sabotage::on(Sabotage::ChatToolLimitIgnored);
        let admitted = left && allowed;
        *calls += u32::from(admitted);
        admitted
    }
}

/// Whether a model may call the tool at all in a turn in which the user said `asked`.
fn may_call(asked: &str, tool: &Declaration) -> bool {
    let wanted = tool.side_effects != SideEffects::Write
        || asks_for(asked, &tool.name)
        || sabotage::on(Sabotage::ChatWritesUnasked);
    tool.model_callable && wanted
}
