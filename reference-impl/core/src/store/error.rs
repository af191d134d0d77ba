//! Why a repository could not answer.

use contract_types::ErrorCode;

use crate::ports::DatabaseError;

/// Why a repository could not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database did not run the batch.
    #[error("the tenant's database did not answer")]
    Database(#[from] DatabaseError),
    /// The tenant has as many jobs that wait or run as it may have.
    #[error("{limit} jobs wait or run already")]
    TooManyJobs {
        /// How many it may have.
        limit: u32,
    },
    /// A stored value is not what this code writes.
    #[error("stored {what} cannot be read")]
    Damaged {
        /// Table and column.
        what: &'static str,
    },
}

impl StoreError {
    /// Contract code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Database(DatabaseError::Unavailable { .. }) => ErrorCode::UpstreamUnavailable,
            Self::TooManyJobs { .. } => ErrorCode::RateLimited,
            Self::Database(DatabaseError::GuardFailed { .. } | DatabaseError::Refused { .. })
            | Self::Damaged { .. } => ErrorCode::InternalError,
        }
    }
}
