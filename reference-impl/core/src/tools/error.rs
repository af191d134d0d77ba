//! Why a call of a tool came to nothing.

use contract_types::ErrorCode;

use crate::ports::{DatabaseError, ModelError};
use crate::retrieve::database_code;
use crate::sabotage::{self, Sabotage};
use crate::safety::Blocked;
use crate::store::StoreError;

/// Why a tool's run came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ToolFault {
    /// The arguments ask for what no schema can refuse.
    #[error("{message}")]
    Invalid {
        /// JSON pointer within the arguments.
        pointer: String,
        /// The keyword that the message is about.
        keyword: &'static str,
        /// What was expected.
        message: String,
    },
    /// The tenant's safety rules refuse the arguments.
    #[error(transparent)]
    Blocked(#[from] Blocked),
    /// Nothing is left of the tenant's budget for the models that the tool calls.
    #[error(transparent)]
    OverBudget(ModelError),
    /// Something inside failed; the message is for the log.
    #[error("{0}")]
    Failed(String),
}

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// There is no such tool for this caller.
    #[error("this tool may not be called")]
    NotAllowed,
    /// The arguments do not fit.
    #[error("the arguments are not as the tool's schema says")]
    Invalid {
        /// Each with pointer within the arguments, keyword and message.
        faults: Vec<(String, String, String)>,
    },
    /// The arguments are too large.
    #[error("the arguments are larger than {limit} bytes")]
    TooLarge {
        /// The tool's limit.
        limit: usize,
    },
    /// The tenant's safety rules refuse the arguments.
    #[error(transparent)]
    Blocked(#[from] Blocked),
    /// The tool failed, or its result is not as its schema and limits say.
    #[error("the tool failed")]
    Failed {
        /// For the log.
        reason: String,
    },
    /// Nothing is left of the tenant's budget for the models that the tool calls.
    #[error(transparent)]
    OverBudget(ModelError),
    /// It took too long.
    #[error("the tool did not end within {after_ms} ms")]
    TimedOut {
        /// The time it had.
        after_ms: u64,
    },
    /// The call could not be put on record, so it does not count.
    #[error("the call could not be put on record")]
    Store(#[from] StoreError),
    /// The tenant's database could not be opened.
    #[error("the tenant's database could not be opened")]
    Database(#[from] DatabaseError),
}

impl ToolError {
    /// Contract code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NotAllowed => ErrorCode::ToolNotAllowed,
            Self::Invalid { .. } => ErrorCode::ValidationError,
            Self::TooLarge { .. } => ErrorCode::PayloadTooLarge,
            Self::Blocked(blocked) => blocked.code(),
            Self::Failed { .. } => ErrorCode::ToolFailed,
            Self::OverBudget(error) => error.code(),
            Self::TimedOut { .. } => ErrorCode::ToolTimeout,
            Self::Store(error) => error.code(),
            Self::Database(error) => database_code(error),
        }
    }
}

impl From<ToolFault> for ToolError {
    fn from(fault: ToolFault) -> Self {
        match fault {
            ToolFault::Invalid { pointer, keyword, message } => {
                Self::Invalid { faults: vec![(pointer, keyword.to_owned(), message)] }
            }
            ToolFault::Blocked(blocked) => Self::Blocked(blocked),
            ToolFault::OverBudget(error) => Self::OverBudget(error),
            ToolFault::Failed(reason) => Self::Failed { reason },
        }
    }
}

/// What a model gave that a tool can do without; a budget that is used up is no such thing.
///
/// # Errors
///
/// [`ToolFault::OverBudget`].
pub(super) fn spared<T>(answer: Result<T, ModelError>) -> Result<Option<T>, ToolFault> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error @ ModelError::BudgetExceeded { .. }) if !sabotage::on(Sabotage::ToolBudgetIgnored) => {
            Err(ToolFault::OverBudget(error))
        }
        Err(_) => Ok(None),
    }
}
