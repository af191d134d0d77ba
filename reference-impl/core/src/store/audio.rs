//! The audio that speech jobs have made. It goes when its job does, so that it lives as long as every result.

use super::jobs::while_running;
use super::{StoreError, read};
use crate::ids::JobId;
use crate::ports::{Database, DatabaseError, MOST_AUDIO_BYTES, Statement, Value};

/// Most bytes of a row: databases at the edge take no more than two million.
const PART_BYTES: usize = 1 << 20;
const ROOM: &str = "SELECT 1 WHERE (SELECT coalesce(sum(length(bytes)), 0) FROM speech_audio) + ?1 <= ?2";
const CLEAR: &str = "DELETE FROM speech_audio WHERE job_id = ?1";
const KEEP: &str = "INSERT INTO speech_audio (job_id, part, bytes) VALUES (?1, ?2, ?3)";
const READ: &str = "SELECT bytes FROM speech_audio WHERE job_id = ?1 ORDER BY part";

/// What became of audio that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is kept.
    Yes,
    /// Its job runs no longer.
    NotRunning,
    /// The tenant's bound is reached.
    NoRoom,
}

/// Keeps the audio of a running job.
///
/// # Errors
///
/// [`StoreError`].
pub async fn keep(database: &dyn Database, job: &JobId, audio: &[u8]) -> Result<Kept, StoreError> {
    let id = || Value::Text(job.as_str().to_owned());
    let length = i64::try_from(audio.len()).unwrap_or(i64::MAX);
    let bound = i64::try_from(MOST_AUDIO_BYTES).unwrap_or(i64::MAX);
    let mut batch = vec![
        while_running(job),
        Statement::new(CLEAR, vec![id()]),
        Statement::guard(ROOM, vec![Value::Integer(length), Value::Integer(bound)]),
    ];
    for (part, bytes) in (0_i64..).zip(audio.chunks(PART_BYTES)) {
        batch.push(Statement::new(KEEP, vec![id(), Value::Integer(part), Value::Blob(bytes.to_vec())]));
    }
    match database.batch(batch).await {
        Ok(_) => Ok(Kept::Yes),
        Err(DatabaseError::GuardFailed { index: 0 }) => Ok(Kept::NotRunning),
        Err(DatabaseError::GuardFailed { .. }) => Ok(Kept::NoRoom),
        Err(error @ (DatabaseError::Unavailable { .. } | DatabaseError::Refused { .. })) => {
            Err(StoreError::Database(error))
        }
    }
}

/// The audio of a job; empty where there is none.
///
/// # Errors
///
/// [`StoreError`].
pub async fn read(database: &dyn Database, job: &JobId) -> Result<Vec<u8>, StoreError> {
    let answers = database.batch(vec![Statement::new(READ, vec![Value::Text(job.as_str().to_owned())])]).await?;
    let mut audio = Vec::new();
    for row in answers.first().into_iter().flatten() {
        audio.extend_from_slice(read::blob(row, 0, "speech_audio.bytes")?);
    }
    Ok(audio)
}
