//! Long work: created, claimed by a runner, followed, cancelled, and kept with its result until it expires.

mod codec;
mod model;

use contract_types::ErrorCode;
use serde_json::Value as Json;

pub use self::model::{Ending, Job, JobFailure, JobItem, JobKind, JobPosition, JobResult, JobStatus, NewJob};

use self::codec::{decode, ended, failure, failure_json, items_value, parts, status};
use super::{StoreError, read};
use crate::ids::JobId;
use crate::ports::{Database, DatabaseError, Row, Statement, UnixMillis, Value};
use crate::sabotage::{self, Sabotage};
use crate::tenancy::Scope;

const EXPIRE: &str = "DELETE FROM jobs WHERE expires_at <= ?1";
/// Most jobs of a tenant that wait or run at once.
pub const MAX_OPEN: u32 = 100;

const ROOM: &str = "SELECT 1 WHERE (SELECT count(*) FROM jobs WHERE status IN ('queued', 'running')) < ?1";
const CREATE: &str = "INSERT INTO jobs (id, kind, status, scope, request, items, done, total, created_at, updated_at) \
     VALUES (?1, ?2, 'queued', ?3, ?4, ?5, 0, ?6, ?7, ?7)";
const GET: &str = "SELECT id, kind, status, scope, items, done, total, error, created_at, updated_at, expires_at \
     FROM jobs WHERE id = ?1";
const LIST: &str = "SELECT id, kind, status, scope, items, done, total, error, created_at, updated_at, expires_at \
     FROM jobs WHERE scope IN (SELECT value FROM json_each(?1)) AND (created_at, id) < (?2, ?3) \
     ORDER BY created_at DESC, id DESC LIMIT ?4";
const WAITING: &str = "SELECT count(*), min(created_at) FROM jobs WHERE status = 'queued'";
const CLAIM: &str = "UPDATE jobs SET status = 'running', updated_at = ?1 WHERE id = \
     (SELECT id FROM jobs WHERE status = 'queued' ORDER BY created_at, id LIMIT 1) \
     RETURNING id, kind, status, scope, items, done, total, error, created_at, updated_at, expires_at, request, result";
// The result is what is known so far; nobody reads it before the job has ended.
const REQUEUE: &str = "UPDATE jobs SET status = 'queued', items = ?2, result = ?3, updated_at = ?4 \
     WHERE id = ?1 AND status = 'running' RETURNING 1";
const PROGRESS: &str = "UPDATE jobs SET items = ?2, done = max(done, ?3), updated_at = ?4 \
     WHERE id = ?1 AND status = 'running' RETURNING 1";
// No items given leave them as they are; a job that has none counts as one part.
const FINISH: &str = "UPDATE jobs SET status = ?2, items = CASE ?3 WHEN '[]' THEN items ELSE ?3 END, \
     done = CASE WHEN ?3 = '[]' AND items = '[]' THEN total ELSE max(done, ?4) END, result = ?5, error = ?6, \
     updated_at = ?7, expires_at = ?8, request = '' WHERE id = ?1 AND status = 'running' RETURNING 1";
// An item is never cancelled by itself: one that had not ended has failed, for the reason given.
const CANCEL: &str = "UPDATE jobs SET status = 'cancelled', updated_at = ?2, expires_at = ?3, request = '', \
     done = CASE items WHEN '[]' THEN done ELSE total END, \
     items = (SELECT json_group_array(json(CASE WHEN json_extract(value, '$.status') IN ('queued', 'running') \
         THEN json_set(value, '$.status', 'failed', '$.error', json(?4)) ELSE value END)) FROM json_each(jobs.items)) \
     WHERE id = ?1 AND status IN ('queued', 'running')";
const RUNNING: &str = "SELECT 1 FROM jobs WHERE id = ?1 AND status = 'running'";
const REQUEST: &str = "SELECT request FROM jobs WHERE id = ?1 AND status IN ('queued', 'running')";
const RESULT: &str = "SELECT status, result, error FROM jobs WHERE id = ?1";
const RESUME: &str = "UPDATE jobs SET status = 'queued', updated_at = ?1 WHERE status = 'running' RETURNING 1";

/// Creates a queued job.
///
/// # Errors
///
/// [`StoreError::TooManyJobs`] while [`MAX_OPEN`] jobs wait or run, and every other [`StoreError`].
pub async fn create(database: &dyn Database, job: &NewJob, now: UnixMillis) -> Result<Job, StoreError> {
    let queued = |id: &String| JobItem { id: id.clone(), status: JobStatus::Queued, error: None };
    let items: Vec<JobItem> = job.items.iter().map(queued).collect();
    let params = vec![
        text(job.id.as_str()),
        text(job.kind.as_str()),
        text(job.scope.as_str()),
        Value::Text(job.request.to_string()),
        items_value(&items)?,
        Value::Integer(parts(&items)),
        Value::Integer(now),
    ];
    let unbounded = sabotage::on(Sabotage::JobsUnbounded)
        || (job.kind == JobKind::Speech && sabotage::on(Sabotage::SpeechJobsUnbounded));
    let batch = vec![
        Statement::guard(ROOM, vec![Value::Integer(if unbounded { i64::MAX } else { MAX_OPEN.into() })]),
        Statement::new(CREATE, params),
        Statement::guard(GET, vec![text(job.id.as_str())]),
    ];
    let answers = database.batch(batch).await.map_err(|error| match error {
        DatabaseError::GuardFailed { index: 0 } => StoreError::TooManyJobs { limit: MAX_OPEN },
        error @ (DatabaseError::GuardFailed { .. }
        | DatabaseError::Unavailable { .. }
        | DatabaseError::Refused { .. }) => StoreError::Database(error),
    })?;
    first(&answers, 2).ok_or(StoreError::Damaged { what: "jobs" }).and_then(decode)
}

/// The job, unless there is none or it has expired.
///
/// # Errors
///
/// [`StoreError`].
pub async fn get(database: &dyn Database, id: &JobId, now: UnixMillis) -> Result<Option<Job>, StoreError> {
    let answers = database.batch(vec![expire(now), Statement::new(GET, vec![text(id.as_str())])]).await?;
    first(&answers, 1).map(decode).transpose()
}

/// Up to `limit` unexpired jobs of these `scopes` that come after `after`, newest first.
///
/// # Errors
///
/// [`StoreError`].
pub async fn list(
    database: &dyn Database,
    scopes: &[Scope],
    after: Option<&JobPosition>,
    limit: u32,
    now: UnixMillis,
) -> Result<Vec<Job>, StoreError> {
    let scopes: Json = scopes.iter().map(|scope| scope.as_str()).collect();
    let (created_at, id) = after.map_or((i64::MAX, ""), |it| (it.created_at, it.id.as_str()));
    let params =
        vec![Value::Text(scopes.to_string()), Value::Integer(created_at), text(id), Value::Integer(limit.into())];
    let answers = database.batch(vec![expire(now), Statement::new(LIST, params)]).await?;
    answers.get(1).map_or(&[][..], Vec::as_slice).iter().map(decode).collect()
}

/// What has not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// How many jobs.
    pub count: u64,
    /// When the oldest of them was made.
    pub oldest: Option<UnixMillis>,
}

/// How many jobs are queued, and since when the oldest is.
///
/// # Errors
///
/// [`StoreError`].
pub async fn waiting(database: &dyn Database) -> Result<Waiting, StoreError> {
    let answers = database.batch(vec![Statement::new(WAITING, Vec::new())]).await?;
    let row = first(&answers, 0).ok_or(StoreError::Damaged { what: "jobs" })?;
    let number = |column: usize| match row.get(column) {
        Some(Value::Integer(number)) => Some(*number),
        Some(Value::Null | Value::Real(_) | Value::Text(_) | Value::Blob(_)) | None => None,
    };
    let count = number(0).and_then(|it| u64::try_from(it).ok()).ok_or(StoreError::Damaged { what: "jobs" })?;
    Ok(Waiting { count, oldest: number(1) })
}

/// A job that a runner has taken.
#[derive(Debug)]
pub struct Claimed {
    /// The job, running.
    pub job: Job,
    /// Its work.
    pub request: Json,
    /// What an earlier runner left with [`requeue`].
    pub so_far: Option<Json>,
}

/// Takes the oldest queued job, which is running from now on, together with its work. Of two runners at once, one gets it.
///
/// # Errors
///
/// [`StoreError`].
pub async fn claim_next(database: &dyn Database, now: UnixMillis) -> Result<Option<Claimed>, StoreError> {
    let answers = database.batch(vec![Statement::new(CLAIM, vec![Value::Integer(now)])]).await?;
    let Some(row) = first(&answers, 0) else { return Ok(None) };
    let request = serde_json::from_str(read::text(row, 11, "jobs.request")?);
    let request = request.map_err(|_| StoreError::Damaged { what: "jobs.request" })?;
    let so_far = match row.get(12) {
        Some(Value::Text(text)) => serde_json::from_str(text).ok(),
        Some(Value::Null | Value::Integer(_) | Value::Real(_) | Value::Blob(_)) | None => None,
    };
    Ok(Some(Claimed { job: decode(row)?, request, so_far }))
}

/// Puts a running job back into the queue, for when what it needs is down: it keeps its place, its items and what is known
/// `so_far` of its result. Returns `false` when the job is no longer running.
///
/// # Errors
///
/// [`StoreError`].
pub async fn requeue(
    database: &dyn Database,
    id: &JobId,
    items: &[JobItem],
    so_far: &Json,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    let params = vec![text(id.as_str()), items_value(items)?, Value::Text(so_far.to_string()), Value::Integer(now)];
    let answers = database.batch(vec![Statement::new(REQUEUE, params)]).await?;
    Ok(first(&answers, 0).is_some())
}

/// Records how far a running job is. Returns `false` when the job is no longer running, so that its runner must stop:
/// it was cancelled, or the tenant's data is gone.
///
/// # Errors
///
/// [`StoreError`].
pub async fn progress(
    database: &dyn Database,
    id: &JobId,
    items: &[JobItem],
    now: UnixMillis,
) -> Result<bool, StoreError> {
    let params = vec![text(id.as_str()), items_value(items)?, ended(items), Value::Integer(now)];
    let answers = database.batch(vec![Statement::new(PROGRESS, params)]).await?;
    if sabotage::on(Sabotage::CancelledJobGoesOn) {
        return Ok(true);
    }
    Ok(first(&answers, 0).is_some())
}

/// Ends a running job; it and its result are kept for `ttl_ms`. Empty `items` leave the job's items as they are. Returns
/// `false`, and changes nothing, when the job is no longer running.
///
/// # Errors
///
/// [`StoreError`].
pub async fn finish(
    database: &dyn Database,
    id: &JobId,
    items: &[JobItem],
    ending: &Ending,
    now: UnixMillis,
    ttl_ms: i64,
) -> Result<bool, StoreError> {
    let ttl_ms = if sabotage::on(Sabotage::JobExpiresEarly) { ttl_ms / 2 } else { ttl_ms };
    let (status, result, error) = match ending {
        Ending::Succeeded(result) => (JobStatus::Succeeded, Value::Text(result.to_string()), Value::Null),
        Ending::Failed(failure) => (JobStatus::Failed, Value::Null, Value::Text(failure_json(failure)?.to_string())),
    };
    let params = vec![
        text(id.as_str()),
        text(status.as_str()),
        items_value(items)?,
        ended(items),
        result,
        error,
        Value::Integer(now),
        Value::Integer(now.saturating_add(ttl_ms)),
    ];
    let answers = database.batch(vec![Statement::new(FINISH, params)]).await?;
    Ok(first(&answers, 0).is_some())
}

/// Holds a batch of the job's effects to the job's still running: cancelled, its batch does not happen.
pub(crate) fn while_running(id: &JobId) -> Statement {
    Statement::guard(RUNNING, vec![text(id.as_str())])
}

/// Cancels the job if it has not ended, and returns it as it is then; `None` when there is none.
///
/// # Errors
///
/// [`StoreError`].
pub async fn cancel(
    database: &dyn Database,
    id: &JobId,
    now: UnixMillis,
    ttl_ms: i64,
) -> Result<Option<Job>, StoreError> {
    let times = [now, now.saturating_add(ttl_ms)].map(Value::Integer);
    let message = "the job was cancelled before this item was known to be done".to_owned();
    let unfinished = failure_json(&JobFailure { code: ErrorCode::NotFound, message })?;
    let mut params = vec![text(id.as_str())];
    params.extend(times);
    params.push(Value::Text(unfinished.to_string()));
    let cancel = Statement::new(CANCEL, params);
    if sabotage::on(Sabotage::FinishedJobCancelled) {
        const CANCEL_ANY: &str = "UPDATE jobs SET status = 'cancelled' WHERE id = ?1 AND status = 'succeeded'";
        database.batch(vec![Statement::new(CANCEL_ANY, vec![text(id.as_str())])]).await?;
    }
    let answers = database.batch(vec![expire(now), cancel, Statement::new(GET, vec![text(id.as_str())])]).await?;
    first(&answers, 2).map(decode).transpose()
}

/// The work of a job that has not ended.
///
/// # Errors
///
/// [`StoreError`].
pub async fn request(database: &dyn Database, id: &JobId) -> Result<Option<Json>, StoreError> {
    let answers = database.batch(vec![Statement::new(REQUEST, vec![text(id.as_str())])]).await?;
    let Some(row) = first(&answers, 0) else { return Ok(None) };
    let request = serde_json::from_str(read::text(row, 0, "jobs.request")?);
    request.map(Some).map_err(|_| StoreError::Damaged { what: "jobs.request" })
}

/// The result of a job; `None` when there is no such job or it has expired.
///
/// # Errors
///
/// [`StoreError`].
pub async fn result(database: &dyn Database, id: &JobId, now: UnixMillis) -> Result<Option<JobResult>, StoreError> {
    let answers = database.batch(vec![expire(now), Statement::new(RESULT, vec![text(id.as_str())])]).await?;
    let Some(row) = first(&answers, 1) else { return Ok(None) };
    let damaged = StoreError::Damaged { what: "jobs.result" };
    Ok(Some(match status(row, 0)? {
        JobStatus::Queued | JobStatus::Running => JobResult::NotReady,
        JobStatus::Succeeded => {
            JobResult::Ready(serde_json::from_str(read::text(row, 1, "jobs.result")?).map_err(|_| damaged)?)
        }
        JobStatus::Failed | JobStatus::Cancelled => JobResult::Absent(failure(row, 2)?),
    }))
}

/// Queues every running job again, for a host that starts anew and knows that none of its runners lives. Returns how many.
///
/// # Errors
///
/// [`StoreError`].
pub async fn resume(database: &dyn Database, now: UnixMillis) -> Result<usize, StoreError> {
    let answers = database.batch(vec![Statement::new(RESUME, vec![Value::Integer(now)])]).await?;
    Ok(answers.first().map_or(0, Vec::len))
}

fn expire(now: UnixMillis) -> Statement {
    let now = if sabotage::on(Sabotage::JobNeverExpires) { i64::MIN } else { now };
    Statement::new(EXPIRE, vec![Value::Integer(now)])
}

fn first(answers: &[Vec<Row>], statement: usize) -> Option<&Row> {
    answers.get(statement).and_then(|rows| rows.first())
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

#[cfg(test)]
mod tests;
