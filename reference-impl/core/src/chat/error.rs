//! Why a turn gave nothing.

use contract_types::ErrorCode;

use crate::ports::ModelError;
use crate::retrieve::RetrieveError;
use crate::safety::Blocked;
use crate::session::SessionError;

/// Why a turn could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// There are more messages than the tenant's limit.
    #[error("expected at most {limit} messages")]
    TooManyMessages {
        /// The tenant's limit.
        limit: u32,
    },
    /// A message is longer than the tenant's limit.
    #[error("message {index} has more than {limit} characters")]
    MessageTooLong {
        /// Its position, from 0.
        index: usize,
        /// The tenant's limit, in Unicode characters.
        limit: u32,
    },
    /// The last message is not the user's.
    #[error("expected the last message to be the user's")]
    LastNotOfUser {
        /// Its position, from 0.
        index: usize,
    },
    /// The tenant may not name that model.
    #[error("model is not one that this tenant may use")]
    UnknownModel,
    /// A safety rule refuses a message.
    #[error(transparent)]
    Blocked(#[from] Blocked),
    /// The session is not there, or its store did not answer.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// Nothing could be retrieved.
    #[error("passages could not be retrieved")]
    Retrieve(#[from] RetrieveError),
    /// The model gave nothing, or broke off.
    #[error("the model did not answer")]
    Model(#[from] ModelError),
}

impl ChatError {
    /// Contract code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::TooManyMessages { .. }
            | Self::MessageTooLong { .. }
            | Self::LastNotOfUser { .. }
            | Self::UnknownModel => ErrorCode::ValidationError,
            Self::Blocked(blocked) => blocked.code(),
            Self::Session(error) => error.code(),
            Self::Retrieve(error) => error.code(),
            Self::Model(error) => error.code(),
        }
    }
}
