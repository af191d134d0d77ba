//! What a session is made of.

use contract_types::ErrorCode;

use crate::answer::Citation;
use crate::cursor::CursorError;
use crate::ids::SessionId;
use crate::ports::{DatabaseError, UnixMillis};
use crate::store::StoreError;

/// Who said a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// The client.
    User,
    /// The platform, or a client that tells what an assistant said before.
    Assistant,
}

impl Speaker {
    /// Every value.
    pub const ALL: [Self; 2] = [Self::User, Self::Assistant];

    /// The contract's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }

    /// The value of the contract's word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }
}

/// One message of a session's history.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Who spoke.
    pub speaker: Speaker,
    /// What was said, as the safety rules let it through.
    pub content: String,
    /// When.
    pub at: UnixMillis,
    /// The proofs of an answer; `None` for what the user said.
    pub citations: Option<Vec<Citation>>,
    /// How many tokens it has.
    pub tokens: usize,
}

/// A session as it stands in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionSummary {
    /// Its name.
    pub id: SessionId,
    /// Beginning of the first message of its user; `None` where that was blank.
    pub title: Option<String>,
    /// When it began.
    pub created_at: UnixMillis,
    /// When its last turn was added.
    pub updated_at: UnixMillis,
    /// When it is deleted unless it is continued.
    pub expires_at: UnixMillis,
    /// How many turns are kept.
    pub turns: u32,
}

/// A session with its history.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// What a list says of it.
    pub summary: SessionSummary,
    /// What is kept of it, oldest first.
    pub messages: Vec<Message>,
}

/// Why nothing could be done with a session.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The tenant has no such session: it never was, it has expired, it was deleted, or it is another tenant's.
    #[error("there is no such session")]
    NotFound,
    /// The cursor is not one that this operation gave this tenant.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DatabaseError> for SessionError {
    fn from(error: DatabaseError) -> Self {
        Self::Store(error.into())
    }
}

impl SessionError {
    /// Contract code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NotFound => ErrorCode::NotFound,
            Self::Cursor(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }
}
