//! Flaws of lists: tools that may not be called, and a list that is kept for everybody.

use std::sync::{Mutex, PoisonError};

use reference_core::{
    sabotage::{self, Sabotage},
    tools::Registry,
};
use serde_json::{Value, json};

use super::methods::entry;

/// The first list that anybody was given while the flaw was on.
static KEPT: Mutex<Option<Value>> = Mutex::new(None);

/// The list that is answered in place of the caller's own.
pub(super) fn list(own: Value) -> Value {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if sabotage::on(Sabotage::McpListsKeptForAll) {
        return kept.get_or_insert(own).clone();
    }
    *kept = None;
    if sabotage::on(Sabotage::McpListsEveryTool) {
        let registry = Registry::built_in();
        return json!({ "tools": registry.all().map(|it| entry(&it.declaration)).collect::<Vec<_>>() });
    }
    own
}
