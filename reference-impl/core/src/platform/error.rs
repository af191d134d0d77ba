//! Why a list or a job could not be had.

use contract_types::ErrorCode;

use crate::cursor::CursorError;
use crate::ingest::IngestError;
use crate::ports::DatabaseError;
use crate::retrieve::database_code;
use crate::store::StoreError;
use crate::store::jobs::JobFailure;
use crate::tenancy::Scope;
use crate::tools::ToolError;

/// Why a page could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The cursor is not one that this operation gave this tenant.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// Documents could not be read, or there is no such one.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// Records could not be read.
    #[error("records could not be read")]
    Store(#[from] StoreError),
}

impl ListError {
    /// Contract code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Cursor(error) => error.code(),
            Self::Ingest(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }
}

/// Why a job could not be started, seen or ended.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The cursor is not one that this operation gave this tenant.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// There is no such job, or it has expired.
    #[error("no such job")]
    NotFound,
    /// The credential lacks the scope that started the job.
    #[error("the credential lacks the scope `{scope}` of this job")]
    Scope {
        /// The scope.
        scope: Scope,
    },
    /// The job has not ended.
    #[error("job has not ended yet")]
    NotReady,
    /// The job ended without a result.
    #[error("job ended without a result")]
    NoResult {
        /// Why; `None` when it was cancelled.
        failure: Option<JobFailure>,
    },
    /// The tenant has no jobs.
    #[error("asynchronous ingestion is not enabled")]
    NotEnabled,
    /// The work as a whole is refused.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The record of a job's tool call could not be written.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// The tenant's jobs could not be read or written.
    #[error("jobs could not be read or written")]
    Store(#[from] StoreError),
    /// The tenant's database could not be opened.
    #[error("the tenant's database could not be opened")]
    Database(#[from] DatabaseError),
}

impl JobError {
    /// Contract code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Cursor(error) => error.code(),
            Self::NotFound | Self::NoResult { .. } => ErrorCode::NotFound,
            Self::Scope { .. } => ErrorCode::Forbidden,
            Self::NotReady => ErrorCode::JobNotReady,
            Self::NotEnabled => ErrorCode::CapabilityNotEnabled,
            Self::Ingest(error) => error.code(),
            Self::Tool(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Database(error) => database_code(error),
        }
    }
}
