//! Jobs as they stand in rows.

use serde_json::{Value as Json, json};

use super::{Job, JobFailure, JobItem, JobKind, JobStatus};
use crate::ids::JobId;
use crate::ports::{Row, Value};
use crate::store::{StoreError, read};
use crate::tenancy::Scope;

pub(super) fn decode(row: &Row) -> Result<Job, StoreError> {
    let number = |column, what| {
        read::integer(row, column, what).and_then(|it| u32::try_from(it).map_err(|_| StoreError::Damaged { what }))
    };
    Ok(Job {
        id: JobId::parse(read::text(row, 0, "jobs.id")?).ok_or(StoreError::Damaged { what: "jobs.id" })?,
        kind: JobKind::parse(read::text(row, 1, "jobs.kind")?).ok_or(StoreError::Damaged { what: "jobs.kind" })?,
        status: status(row, 2)?,
        scope: Scope::parse(read::text(row, 3, "jobs.scope")?).ok_or(StoreError::Damaged { what: "jobs.scope" })?,
        items: decode_items(read::text(row, 4, "jobs.items")?)?,
        done: number(5, "jobs.done")?,
        total: number(6, "jobs.total")?,
        error: failure(row, 7)?,
        created_at: read::integer(row, 8, "jobs.created_at")?,
        updated_at: read::integer(row, 9, "jobs.updated_at")?,
        expires_at: read::optional_integer(row, 10, "jobs.expires_at")?,
    })
}

pub(super) fn status(row: &Row, column: usize) -> Result<JobStatus, StoreError> {
    JobStatus::parse(read::text(row, column, "jobs.status")?).ok_or(StoreError::Damaged { what: "jobs.status" })
}

pub(super) fn items_value(items: &[JobItem]) -> Result<Value, StoreError> {
    let list = items.iter().map(|item| {
        let error = item.error.as_ref().map(failure_json).transpose()?;
        Ok(json!({"id": item.id, "status": item.status.as_str(), "error": error}))
    });
    list.collect::<Result<Json, StoreError>>().map(|list| Value::Text(list.to_string()))
}

fn decode_items(text: &str) -> Result<Vec<JobItem>, StoreError> {
    const DAMAGED: StoreError = StoreError::Damaged { what: "jobs.items" };
    let list: Vec<Json> = serde_json::from_str(text).map_err(|_| DAMAGED)?;
    let field = |item: &Json, name: &str| item.get(name).and_then(Json::as_str).map(str::to_owned).ok_or(DAMAGED);
    let item = |item: &Json| {
        let status = JobStatus::parse(&field(item, "status")?).ok_or(DAMAGED)?;
        let error = item.get("error").filter(|error| !error.is_null()).map(decode_failure).transpose()?;
        Ok(JobItem { id: field(item, "id")?, status, error })
    };
    list.iter().map(item).collect()
}

pub(super) fn failure(row: &Row, column: usize) -> Result<Option<JobFailure>, StoreError> {
    let Some(text) = read::optional_text(row, column, "jobs.error")? else { return Ok(None) };
    let error: Json = serde_json::from_str(text).map_err(|_| StoreError::Damaged { what: "jobs.error" })?;
    decode_failure(&error).map(Some)
}

pub(super) fn failure_json(failure: &JobFailure) -> Result<Json, StoreError> {
    let code = serde_json::to_value(failure.code).map_err(|_| StoreError::Damaged { what: "jobs.error" })?;
    Ok(json!({"code": code, "message": failure.message}))
}

fn decode_failure(error: &Json) -> Result<JobFailure, StoreError> {
    let code = error.get("code").cloned().and_then(|code| serde_json::from_value(code).ok());
    let message = error.get("message").and_then(Json::as_str).map(str::to_owned);
    match (code, message) {
        (Some(code), Some(message)) => Ok(JobFailure { code, message }),
        (None, _) | (_, None) => Err(StoreError::Damaged { what: "jobs.error" }),
    }
}

/// Number of items that have ended.
pub(super) fn ended(items: &[JobItem]) -> Value {
    let done = items.iter().filter(|item| match item.status {
        JobStatus::Queued | JobStatus::Running => false,
        JobStatus::Succeeded | JobStatus::Failed | JobStatus::Cancelled => true,
    });
    Value::Integer(done.map(|_| 1).sum())
}

/// Number of parts of a job with these items: at least one.
pub(super) fn parts(items: &[JobItem]) -> i64 {
    i64::try_from(items.len()).unwrap_or(i64::MAX).max(1)
}
