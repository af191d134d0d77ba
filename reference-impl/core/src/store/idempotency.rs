//! Answers that a repeated request gets again.
//!
//! A request with a key begins; the first is told to do the work and later stores its answer or gives the key back; others
//! wait, replay or conflict. A runner that dies leaves a lease behind, after which the same request may take over.

use sha2::{Digest, Sha256};

use super::{StoreError, read};
use crate::ports::{Database, Row, Statement, UnixMillis, Value};
use crate::sabotage::{self, Sabotage};

/// A key within one tenant and operation, and what it was sent with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt<'a> {
    /// Name of the operation.
    pub operation: &'a str,
    /// The `Idempotency-Key`.
    pub key: &'a str,
    /// Hash of the body, as [`request_hash`] gives it.
    pub request_hash: &'a str,
}

/// An answer to be given again, as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// HTTP status.
    pub status: u16,
    /// Headers that belong to the answer rather than to the exchange.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

/// The right to answer for a key, until another request may take over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    operation: String,
    key: String,
    until: UnixMillis,
}

/// What a request with a key is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// Do the work, then [`complete`] or [`abandon`].
    Fresh(Lease),
    /// Answer this.
    Replay(StoredAnswer),
    /// The key was used with another body: `IDEMPOTENCY_CONFLICT`.
    Conflict,
    /// Another request is doing the work. Ask again soon, at the latest at `until`, when its lease ends.
    Wait {
        /// When the lease ends.
        until: UnixMillis,
    },
}

const FORGET: &str = "DELETE FROM idempotency WHERE expires_at <= ?1";
const TAKE: &str = "INSERT INTO idempotency (operation, key, request_hash, state, lease_until, expires_at) \
     VALUES (?1, ?2, ?3, 'running', ?4, ?5) ON CONFLICT (operation, key) DO UPDATE \
     SET lease_until = excluded.lease_until, expires_at = excluded.expires_at \
     WHERE state = 'running' AND lease_until <= ?6 AND request_hash = excluded.request_hash RETURNING 1";
const LOOK: &str = "SELECT request_hash, state, lease_until, status, headers, body \
     FROM idempotency WHERE operation = ?1 AND key = ?2";
const COMPLETE: &str = "UPDATE idempotency SET state = 'done', status = ?4, headers = ?5, body = ?6, expires_at = ?7 \
     WHERE operation = ?1 AND key = ?2 AND lease_until = ?3 AND state = 'running' RETURNING 1";
const ABANDON: &str = "DELETE FROM idempotency \
     WHERE operation = ?1 AND key = ?2 AND lease_until = ?3 AND state = 'running'";
const FORGET_RUNNING: &str = "DELETE FROM idempotency WHERE state = 'running' RETURNING 1";

/// Hash of a request's body: 64 hexadecimal digits of SHA-256. The edge decides what equal bodies are by what it passes.
pub fn request_hash(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

/// Asks what to do with a request that carries a key. Atomic: of two at once, one is [`Begun::Fresh`].
///
/// - `lease_ms`: how long the runner may take before another may take over; at least the request's deadline.
/// - `ttl_ms`: how long the key is remembered from now.
///
/// # Errors
///
/// [`StoreError`].
pub async fn begin(
    database: &dyn Database,
    attempt: &Attempt<'_>,
    now: UnixMillis,
    lease_ms: i64,
    ttl_ms: i64,
) -> Result<Begun, StoreError> {
    let until = now.saturating_add(lease_ms.max(1));
    let expires_at = now.saturating_add(ttl_ms.max(lease_ms));
    let shared = sabotage::on(Sabotage::IdempotencySharedByOperations);
    let operation = if shared { "every operation" } else { attempt.operation };
    let name = || vec![text(operation), text(attempt.key)];
    let mut take = name();
    let times = [until, expires_at, now].map(Value::Integer);
    take.push(text(attempt.request_hash));
    take.extend(times);
    let batch = vec![
        Statement::new(
            FORGET,
            vec![Value::Integer(if sabotage::on(Sabotage::IdempotencyNeverExpires) { i64::MIN } else { now })],
        ),
        Statement::new(TAKE, take),
        Statement::new(LOOK, name()),
    ];
    let answers = database.batch(batch).await?;
    if answers.get(1).is_some_and(|rows| !rows.is_empty()) {
        let (operation, key) = (operation.to_owned(), attempt.key.to_owned());
        return Ok(Begun::Fresh(Lease { operation, key, until }));
    }
    let row = answers.get(2).and_then(|rows| rows.first()).ok_or(StoreError::Damaged { what: "idempotency" })?;
    if read::text(row, 0, "idempotency.request_hash")? != attempt.request_hash
        && !sabotage::on(Sabotage::IdempotencyKeyNotBoundToBody)
    {
        return Ok(Begun::Conflict);
    }
    match read::text(row, 1, "idempotency.state")? {
        "done" => stored(row).map(Begun::Replay),
        _ => Ok(Begun::Wait { until: read::integer(row, 2, "idempotency.lease_until")? }),
    }
}

/// Stores the answer for `ttl_ms` from now. Returns whether it was taken: a runner whose lease another took over is late,
/// and its answer is not replayed.
///
/// # Errors
///
/// [`StoreError`].
pub async fn complete(
    database: &dyn Database,
    lease: &Lease,
    answer: &StoredAnswer,
    now: UnixMillis,
    ttl_ms: i64,
) -> Result<bool, StoreError> {
    let ttl_ms = if sabotage::on(Sabotage::IdempotencyExpiresEarly) { ttl_ms / 2 } else { ttl_ms };
    let headers: serde_json::Value = answer.headers.iter().map(|(name, value)| vec![name.as_str(), value]).collect();
    let mut params = named(lease);
    params.extend([
        Value::Integer(answer.status.into()),
        Value::Text(headers.to_string()),
        Value::Blob(answer.body.clone()),
        Value::Integer(now.saturating_add(ttl_ms)),
    ]);
    let answers = database.batch(vec![Statement::new(COMPLETE, params)]).await?;
    Ok(answers.first().is_some_and(|rows| !rows.is_empty()))
}

/// Gives the key back without an answer, so that the next request does the work. For failures that a retry may mend.
///
/// # Errors
///
/// [`StoreError`].
pub async fn abandon(database: &dyn Database, lease: &Lease) -> Result<(), StoreError> {
    database.batch(vec![Statement::new(ABANDON, named(lease))]).await?;
    Ok(())
}

/// Gives back every key whose work has not ended, for a host that starts anew and knows that none of its runners lives;
/// stored answers stay. Returns how many.
///
/// # Errors
///
/// [`StoreError`].
pub async fn forget_running(database: &dyn Database) -> Result<usize, StoreError> {
    let answers = database.batch(vec![Statement::new(FORGET_RUNNING, Vec::new())]).await?;
    Ok(answers.first().map_or(0, Vec::len))
}

fn named(lease: &Lease) -> Vec<Value> {
    vec![text(&lease.operation), text(&lease.key), Value::Integer(lease.until)]
}

fn stored(row: &Row) -> Result<StoredAnswer, StoreError> {
    const HEADERS: StoreError = StoreError::Damaged { what: "idempotency.headers" };
    let status = read::integer(row, 3, "idempotency.status")?;
    let headers: Vec<(String, String)> =
        serde_json::from_str(read::text(row, 4, "idempotency.headers")?).map_err(|_| HEADERS)?;
    Ok(StoredAnswer {
        status: u16::try_from(status).map_err(|_| StoreError::Damaged { what: "idempotency.status" })?,
        headers,
        body: read::blob(row, 5, "idempotency.body")?.to_vec(),
    })
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

#[cfg(test)]
mod tests;
