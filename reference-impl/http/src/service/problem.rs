//! Core's errors as problems: the one bridge between what went wrong and what a client is told.

use contract_types::{ErrorCode, Feature};
use reference_core::{
    chat::ChatError,
    ingest::IngestError,
    platform::{JobError, ListError},
    ports::ModelError,
    retrieve::RetrieveError,
    sabotage::{self, Sabotage},
    safety::{Blocked, Finding},
    search::SearchError,
    session::SessionError,
    speech::SpeechError,
    store::StoreError,
    tools::ToolError,
    usage::UsageError,
};

use super::{absent, encode};
use crate::{Problem, reply::detail};

/// What a client is told of a failure whose particulars are for operators.
fn told(code: ErrorCode, error: &(dyn std::error::Error + 'static)) -> Problem {
    let message = if code == ErrorCode::IndexMismatch {
        "the index was made by another embedding model than the tenant's; it must be rebuilt"
    } else if code == ErrorCode::UpstreamUnavailable {
        "something that this needs is out of reach; try again"
    } else if code == ErrorCode::UpstreamTimeout {
        return Problem::new(code, "something that this needs took too long; try again").caused_by(error);
    } else {
        return Problem::internal(error);
    };
    Problem::new(code, message).header("retry-after", "1").caused_by(error)
}

/// A refusal of one value of the body.
fn refused(pointer: &str, keyword: &str, message: &str, limit: Option<u64>) -> Problem {
    let mut particular = detail(message);
    particular.pointer = Some(pointer.to_owned());
    particular.keyword = Some(keyword.to_owned());
    particular.limit = limit;
    Problem::new(ErrorCode::ValidationError, "the body is not as the tenant's limits or the contract say")
        .detail(particular)
}

pub(super) fn ingest(error: &IngestError) -> Problem {
    let (keyword, limit) = match error {
        IngestError::TooManyDocuments { limit, .. } => ("maxItems", Some(u64::from(*limit))),
        IngestError::RepeatedId { .. } => ("uniqueItems", None),
        IngestError::Metadata { fault, .. } => fault.keyword(),
        IngestError::ChunkSize { limit } => ("maximum", Some(u64::from(*limit))),
        IngestError::Overlap { size } => ("maximum", Some(u64::from(*size))),
        IngestError::Blocked(Blocked(finding)) => return blocked(finding),
        IngestError::NotFound => return crate::edge::missing(),
        IngestError::Model(ModelError::BudgetExceeded { retry_after_s, .. }) => return over_budget(*retry_after_s),
        IngestError::UnknownModel { .. }
        | IngestError::IndexMismatch { .. }
        | IngestError::Model(_)
        | IngestError::Database(_) => return told(error.code(), error),
    };
    refused(&error.pointer().unwrap_or_default(), keyword, &error.to_string(), limit)
}

pub(super) fn chat(error: &ChatError) -> Problem {
    match error {
        ChatError::TooManyMessages { limit } => {
            refused("/messages", "maxItems", &error.to_string(), Some(u64::from(*limit)))
        }
        ChatError::MessageTooLong { index, limit } => {
            refused(&format!("/messages/{index}/content"), "maxLength", &error.to_string(), Some(u64::from(*limit)))
        }
        ChatError::LastNotOfUser { index } => {
            refused(&format!("/messages/{index}/role"), "const", &error.to_string(), None)
        }
        ChatError::UnknownModel => {
            refused("/model", "enum", "name one of `models` of GET /capabilities, or none", None)
        }
        ChatError::ToolNotAllowed { index } => {
            let mut particular = detail("name tools of GET /tools that a model may call");
            particular.pointer = Some(format!("/tools/{index}"));
            Problem::new(error.code(), "a tool of this request does not exist or may not be called").detail(particular)
        }
        ChatError::Blocked(Blocked(finding)) => blocked(finding),
        ChatError::Session(error) => session(error),
        ChatError::Retrieve(error) => retrieve(error),
        ChatError::Model(ModelError::BudgetExceeded { retry_after_s, .. }) => over_budget(*retry_after_s),
        ChatError::Model(_) => told(error.code(), error),
    }
}

pub(super) fn session(error: &SessionError) -> Problem {
    match error {
        SessionError::NotFound => crate::edge::missing(),
        SessionError::Cursor(_) => cursor(),
        SessionError::Store(_) => told(error.code(), error),
    }
}

pub(super) fn list(error: &ListError) -> Problem {
    match error {
        ListError::Cursor(_) => cursor(),
        ListError::Ingest(error) => ingest(error),
        ListError::Store(_) => told(error.code(), error),
    }
}

/// A call of a tool that came to nothing. What failed inside goes to the log alone.
pub(crate) fn tool(error: &ToolError) -> Problem {
    let code = error.code();
    match error {
        ToolError::NotAllowed => Problem::new(code, "this tool does not exist or may not be called"),
        ToolError::Invalid { faults } => {
            let mut problem = Problem::new(code, "the arguments are not as the tool's schema says");
            for (pointer, keyword, message) in faults {
                let mut particular = detail(message.clone());
                particular.pointer = Some(format!("/arguments{pointer}").chars().take(1000).collect());
                particular.keyword = Some(keyword.clone());
                problem = problem.detail(particular);
            }
            problem
        }
        ToolError::TooLarge { limit } => {
            let mut particular = detail("send smaller arguments");
            particular.pointer = Some("/arguments".to_owned());
            particular.limit = Some(*limit as u64);
            Problem::new(code, error.to_string()).detail(particular)
        }
        ToolError::Blocked(Blocked(finding)) => blocked(finding),
        ToolError::Failed { reason } => {
            let message = if sabotage::on(Sabotage::ToolFailureTold) {
                format!("the tool failed: {reason} (reference_core::tools)")
            } else {
                "the tool failed; try again, and quote the request id when reporting it".to_owned()
            };
            Problem::new(code, message).caused_by(&std::io::Error::other(reason.clone()))
        }
        ToolError::OverBudget(ModelError::BudgetExceeded { retry_after_s, .. }) => over_budget(*retry_after_s),
        ToolError::TimedOut { .. } => Problem::new(code, error.to_string()),
        ToolError::Store(StoreError::TooManyJobs { .. }) => too_many_jobs(),
        ToolError::OverBudget(_) | ToolError::Store(_) | ToolError::Database(_) => told(code, error),
    }
}

pub(super) fn store(error: &StoreError) -> Problem {
    match error {
        StoreError::TooManyJobs { .. } => too_many_jobs(),
        StoreError::Database(_) | StoreError::Damaged { .. } => told(error.code(), error),
    }
}

fn too_many_jobs() -> Problem {
    Problem::new(ErrorCode::RateLimited, "as many jobs wait or run as may; wait until one has ended")
        .header("retry-after", "1")
}

fn cursor() -> Problem {
    let mut particular = detail("send the `next_cursor` of the page before, unchanged, or leave it out");
    particular.pointer = Some("/query/cursor".to_owned());
    particular.keyword = Some("cursor".to_owned());
    Problem::new(ErrorCode::ValidationError, "the cursor is not one that this operation gave this tenant")
        .detail(particular)
}

pub(super) fn job(error: &JobError) -> Problem {
    match error {
        JobError::Cursor(_) => cursor(),
        JobError::NotFound | JobError::NoResult { .. } => crate::edge::missing(),
        JobError::Scope { scope } => {
            let mut particular = detail("ask the tenant's administrator for a credential with this scope");
            particular.scope = scope.as_str().parse().ok();
            Problem::new(ErrorCode::Forbidden, error.to_string()).detail(particular)
        }
        JobError::NotReady => {
            Problem::new(ErrorCode::JobNotReady, "the job has not ended yet").header("retry-after", "1")
        }
        JobError::NotEnabled => absent::problem(Feature::AsyncIngest),
        JobError::Ingest(error) => ingest(error),
        JobError::Store(StoreError::TooManyJobs { .. }) => too_many_jobs(),
        JobError::Tool(error) => tool(error),
        JobError::Store(_) | JobError::Database(_) => told(error.code(), error),
    }
}

pub(super) fn speech(error: &SpeechError) -> Problem {
    match error {
        SpeechError::NotEnabled => absent::problem(Feature::Tts),
        SpeechError::TooLong(limit) => {
            let mut particular = detail("send a shorter text");
            particular.pointer = Some("/text".to_owned());
            particular.keyword = Some("maxLength".to_owned());
            particular.limit = Some(limit.limit());
            Problem::new(error.code(), error.to_string()).detail(particular)
        }
        SpeechError::UnknownVoice
        | SpeechError::UnknownLanguage
        | SpeechError::UnknownFormat
        | SpeechError::NothingToSay => {
            let (pointer, keyword) = error.place().unwrap_or_default();
            refused(pointer, keyword, &error.to_string(), None)
        }
        SpeechError::Job(error) => job(error),
        SpeechError::Model(ModelError::BudgetExceeded { retry_after_s, .. }) => over_budget(*retry_after_s),
        SpeechError::Model(_) => told(error.code(), error),
    }
}

pub(super) fn search(error: &SearchError) -> Problem {
    let pointer = error.pointer().unwrap_or_default();
    match error {
        SearchError::EmptyQuery => refused(&pointer, "minLength", "the query has no character but white space", None),
        SearchError::ControlCharacter => {
            refused(&pointer, "pattern", "the query holds a control character that is no white space", None)
        }
        SearchError::QueryTooLong { limit } => {
            refused(&pointer, "maxLength", &error.to_string(), Some(u64::from(*limit)))
        }
        SearchError::TopK => refused(&pointer, "maximum", &error.to_string(), Some(100)),
        SearchError::UnknownModel => {
            refused(&pointer, "enum", "name one of `models` of GET /capabilities, or none", None)
        }
        SearchError::Blocked(Blocked(finding)) => blocked(finding),
        SearchError::Retrieve(error) => retrieve(error),
    }
}

pub(super) fn retrieve(error: &RetrieveError) -> Problem {
    match error {
        RetrieveError::Filter(error) => refused(&error.pointer, error.keyword, &error.message, None),
        RetrieveError::RerankNotEnabled => absent::problem(Feature::Rerank),
        RetrieveError::Model(ModelError::BudgetExceeded { retry_after_s, .. }) => over_budget(*retry_after_s),
        RetrieveError::IndexMismatch { .. }
        | RetrieveError::UnknownModel { .. }
        | RetrieveError::Database(_)
        | RetrieveError::Model(_) => told(error.code(), error),
    }
}

pub(super) fn usage(error: &UsageError) -> Problem {
    let (name, keyword, limit) = match error {
        UsageError::NoDate { name } => (*name, "format", None),
        UsageError::Order => ("from", "maximum", None),
        UsageError::TooManyDays { limit } => ("from", "minimum", Some(*limit)),
        UsageError::Store(_) | UsageError::Database(_) => return told(error.code(), error),
    };
    let mut particular = detail(error.to_string());
    particular.pointer = Some(format!("/query/{name}"));
    particular.keyword = Some(keyword.to_owned());
    particular.limit = limit;
    Problem::new(ErrorCode::ValidationError, "the days are not as the contract says").detail(particular)
}

/// Nothing is left of the tenant's tokens, or requests under way hold what is left.
fn over_budget(retry_after_s: u64) -> Problem {
    let particular = detail("see `budget` of GET /usage; operations that call no model go on");
    Problem::new(ErrorCode::BudgetExceeded, "the tenant's budget of today is used up; the next day begins whole")
        .detail(particular)
        .header("retry-after", retry_after_s.to_string())
}

/// As many streams are open as the tenant may have.
pub(super) fn too_many_streams(limit: u32) -> Problem {
    let mut particular = detail("end a stream, or wait until one has ended");
    particular.limit = Some(u64::from(limit));
    let message = "as many event streams are open as this tenant may have at once";
    // Nobody knows when one will end; most do within a second.
    Problem::new(ErrorCode::RateLimited, message).detail(particular).header("retry-after", "1")
}

fn blocked(finding: &Finding) -> Problem {
    let found = encode::finding(finding);
    let mut particular = detail("rephrase the request, or ask the tenant's administrator about the filter's threshold");
    particular.filter = Some(found.filter);
    particular.category = Some(found.category);
    particular.score = Some(found.score);
    particular.threshold = Some(found.threshold);
    Problem::new(ErrorCode::ContentBlocked, "the tenant's safety rules refuse this text").detail(particular)
}
