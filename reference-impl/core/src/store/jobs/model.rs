//! What a job is.

use contract_types::ErrorCode;
use serde_json::Value as Json;

use crate::ids::JobId;
use crate::ports::UnixMillis;
use crate::tenancy::Scope;
use crate::tenancy::scope::named;

named! {
    /// What kind of work a job is.
    JobKind {
        /// Ingestion.
        Ingest = "ingest",
        /// A tool call.
        Tool = "tool",
        /// Speech synthesis.
        Speech = "speech",
    }
}

named! {
    /// Where a job, or one of its items, is in its life. An item is never cancelled by itself.
    JobStatus {
        /// Waits for a runner.
        Queued = "queued",
        /// A runner has it.
        Running = "running",
        /// Ended with a result.
        Succeeded = "succeeded",
        /// Ended with an error.
        Failed = "failed",
        /// Ended by request.
        Cancelled = "cancelled",
    }
}

/// Why a job or an item failed, as a client may read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFailure {
    /// Contract code.
    pub code: ErrorCode,
    /// Message without anything that a response may not carry.
    pub message: String,
}

/// One part of a job, such as a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobItem {
    /// The part's own id.
    pub id: String,
    /// Where it is.
    pub status: JobStatus,
    /// Why it failed.
    pub error: Option<JobFailure>,
}

/// A job without the text of its work and result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What it does.
    pub kind: JobKind,
    /// Where it is.
    pub status: JobStatus,
    /// What a credential needs to see it: the scope that started it.
    pub scope: Scope,
    /// Outcome of each part, in the order of the request.
    pub items: Vec<JobItem>,
    /// Parts that have ended; never falls.
    pub done: u32,
    /// All parts, at least one: a job without items is one part.
    pub total: u32,
    /// Why it failed.
    pub error: Option<JobFailure>,
    /// When it was created.
    pub created_at: UnixMillis,
    /// When it last changed.
    pub updated_at: UnixMillis,
    /// When it and its result are forgotten; `None` until it has ended.
    pub expires_at: Option<UnixMillis>,
}

/// A job to be created.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// Its id.
    pub id: JobId,
    /// What it does.
    pub kind: JobKind,
    /// The scope that starts it.
    pub scope: Scope,
    /// The work, in the capability's own form; kept until the job ends.
    pub request: Json,
    /// Ids of its parts, all queued; none for a job that is one piece.
    pub items: Vec<String>,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// With a result.
    Succeeded(Json),
    /// With an error.
    Failed(JobFailure),
}

/// The result of a job, as far as there is one.
#[derive(Debug, Clone, PartialEq)]
pub enum JobResult {
    /// Queued or running: `JOB_NOT_READY`.
    NotReady,
    /// The result.
    Ready(Json),
    /// It failed, or was cancelled (`None`): there is no result and never will be.
    Absent(Option<JobFailure>),
}

/// A place in the list of jobs: the last one seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobPosition {
    /// Its time.
    pub created_at: UnixMillis,
    /// Its id.
    pub id: JobId,
}
