//! Why a search gave nothing.

use contract_types::ErrorCode;

use crate::retrieve::RetrieveError;
use crate::safety::Blocked;

/// Why a search could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The query has no character but white space.
    #[error("query is empty")]
    EmptyQuery,
    /// The query holds a control character that is no white space.
    #[error("query holds a control character")]
    ControlCharacter,
    /// The query is longer than the tenant's limit.
    #[error("query has more than {limit} characters")]
    QueryTooLong {
        /// The tenant's limit, in Unicode characters.
        limit: u32,
    },
    /// More chunks are asked for than there may be.
    #[error("expected from 1 to 100 chunks")]
    TopK,
    /// The tenant may not name that model.
    #[error("model is not one that this tenant may use")]
    UnknownModel,
    /// A safety rule refuses the query or the answer.
    #[error(transparent)]
    Blocked(#[from] Blocked),
    /// Nothing could be retrieved.
    #[error("passages could not be retrieved")]
    Retrieve(#[from] RetrieveError),
}

impl SearchError {
    /// Contract code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::EmptyQuery | Self::ControlCharacter | Self::QueryTooLong { .. } | Self::TopK | Self::UnknownModel => {
                ErrorCode::ValidationError
            }
            Self::Blocked(blocked) => blocked.code(),
            Self::Retrieve(error) => error.code(),
        }
    }

    /// JSON pointer to the part of the request that is at fault, when a part is.
    pub fn pointer(&self) -> Option<String> {
        match self {
            Self::EmptyQuery | Self::ControlCharacter | Self::QueryTooLong { .. } => Some("/query".to_owned()),
            Self::TopK => Some("/top_k".to_owned()),
            Self::UnknownModel => Some("/model".to_owned()),
            Self::Retrieve(RetrieveError::Filter(error)) => Some(error.pointer.clone()),
            Self::Blocked(_) | Self::Retrieve(_) => None,
        }
    }
}
