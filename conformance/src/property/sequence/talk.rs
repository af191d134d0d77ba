//! Conversations: which sessions there are, and how many turns each has.

use serde_json::{Value, json};

use super::{
    command::SLOTS,
    walk::{Step, Turn, Walk},
};

/// A session as it must be.
#[derive(Debug, Clone, Default)]
enum State {
    /// It was never begun.
    #[default]
    None,
    /// It is there, with so many exchanges.
    There { id: String, exchanges: usize },
    /// It was deleted.
    Deleted { id: String },
}

/// The sessions of a sequence.
#[derive(Debug, Default)]
pub(super) struct Talk {
    sessions: [State; SLOTS],
    begun: usize,
}

impl Walk<'_> {
    /// Says something: begins a session, goes on with one, or tries to go on with one that is gone.
    pub(super) async fn chat(&mut self, slot: usize) -> Step<()> {
        let mut body = json!({
            "messages": [{ "role": "user", "content": "Hello, what can you tell me?" }], "rag": false, "stream": false,
        });
        let state = self.talk.sessions[slot].clone();
        let name = "say something";
        let turn = Turn::new(name, "POST", "/chat".to_owned(), "CHT-003");
        match state {
            State::None => {
                self.talk.begun += 1;
                let capture = vec![(format!("session{}", self.talk.begun), "$.session_id".to_owned())];
                let turn = turn.body(body).shows(Some(vec![json!({ "path": "$.session_id", "present": true })]));
                let exchange = self.turn(Turn { capture, ..turn }).await?;
                let answer = exchange.response.json().unwrap_or_default();
                let id = answer["session_id"].as_str().unwrap_or_default().to_owned();
                self.talk.sessions[slot] = State::There { id, exchanges: 1 };
            }
            State::There { id, exchanges } => {
                body["session_id"] = Value::from(id.clone());
                let same = vec![json!({ "path": "$.session_id", "equals": id })];
                self.turn(turn.body(body).shows(Some(same))).await?;
                self.talk.sessions[slot] = State::There { id, exchanges: exchanges + 1 };
            }
            State::Deleted { id } => {
                body["session_id"] = Value::from(id);
                self.turn(turn.body(body).shows(None)).await?;
            }
        }
        Ok(())
    }

    /// Reads a session, where one was ever begun.
    pub(super) async fn session(&mut self, slot: usize) -> Step<()> {
        let (id, expected) = match &self.talk.sessions[slot] {
            State::None => return Ok(()),
            State::There { id, exchanges } => {
                // What the user said, and the answer.
                let turns = json!({ "path": "$.turns", "length": { "equals": 2 * exchanges } });
                (id.clone(), Some(vec![json!({ "path": "$.id", "equals": id }), turns]))
            }
            State::Deleted { id } => (id.clone(), None),
        };
        let turn = Turn::new("read the session", "GET", format!("/sessions/{id}"), "CHT-003");
        self.turn(turn.shows(expected)).await?;
        Ok(())
    }

    /// Deletes a session, where one was ever begun.
    pub(super) async fn forget(&mut self, slot: usize) -> Step<()> {
        let (id, expected) = match &self.talk.sessions[slot] {
            State::None => return Ok(()),
            State::There { id, exchanges } => {
                let gone = json!({ "path": "$.deleted", "equals": true });
                (id.clone(), Some(vec![gone, json!({ "path": "$.turns", "equals": 2 * exchanges })]))
            }
            State::Deleted { id } => (id.clone(), None),
        };
        let turn = Turn::new("delete the session", "DELETE", format!("/sessions/{id}"), "CHT-003");
        self.turn(turn.shows(expected)).await?;
        self.talk.sessions[slot] = State::Deleted { id };
        Ok(())
    }

    /// Deletes every session that is still there, whatever came before.
    pub(super) async fn forget_all(&mut self) {
        for slot in 0..SLOTS {
            if let State::There { .. } = self.talk.sessions[slot] {
                // A session that cannot be deleted runs out by itself.
                let _ = self.forget(slot).await;
            }
        }
    }
}
