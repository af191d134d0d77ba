//! Runs one batch as one transaction.

use reference_core::ports::{DatabaseError, Row, Scores, Statement, Value};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, ToSql, TransactionBehavior, params_from_iter};

use super::connection::unavailable;

/// What a batch gave, and which of its statements only read, in order.
pub(super) struct Ran {
    pub(super) answers: Vec<Vec<Row>>,
    pub(super) reads: Vec<bool>,
}

/// Runs `statements` in one transaction; whatever fails, nothing of it has happened.
pub(super) fn run(
    connection: &mut Connection,
    behavior: TransactionBehavior,
    statements: &[Statement],
) -> Result<Ran, DatabaseError> {
    // Dropping the transaction rolls it back.
    let transaction = connection.transaction_with_behavior(behavior).map_err(|error| classify(0, &error))?;
    let mut ran = Ran { answers: Vec::with_capacity(statements.len()), reads: Vec::with_capacity(statements.len()) };
    for (index, statement) in statements.iter().enumerate() {
        let (rows, reads) = one(&transaction, statement).map_err(|error| classify(index, &error))?;
        if statement.guard && rows.is_empty() {
            return Err(DatabaseError::GuardFailed { index });
        }
        ran.answers.push(rows);
        ran.reads.push(reads);
    }
    let last = statements.len().saturating_sub(1);
    transaction.commit().map_err(|error| classify(last, &error))?;
    Ok(ran)
}

/// Reads `scores` and `beside` in one transaction, the first without a row of values for each of its rows.
pub(super) fn scores(
    connection: &mut Connection,
    scores: &Statement,
    beside: &Statement,
) -> Result<(Scores, Vec<Row>), DatabaseError> {
    let transaction = connection.transaction().map_err(|error| classify(0, &error))?;
    let found = pairs(&transaction, scores).map_err(|error| classify(0, &error))?;
    let (rows, _) = one(&transaction, beside).map_err(|error| classify(1, &error))?;
    transaction.commit().map_err(|error| classify(1, &error))?;
    Ok((found, rows))
}

fn pairs(connection: &Connection, statement: &Statement) -> rusqlite::Result<Scores> {
    let mut prepared = connection.prepare_cached(statement.sql)?;
    let mut rows = prepared.query(params_from_iter(statement.params.iter().map(Bound)))?;
    let mut read = Vec::new();
    while let Some(row) = rows.next()? {
        read.push((row.get(0)?, row.get(1)?));
    }
    Ok(read)
}

fn one(connection: &Connection, statement: &Statement) -> rusqlite::Result<(Vec<Row>, bool)> {
    let mut prepared = connection.prepare_cached(statement.sql)?;
    let (columns, reads) = (prepared.column_count(), prepared.readonly());
    let mut rows = prepared.query(params_from_iter(statement.params.iter().map(Bound)))?;
    let mut read = Vec::new();
    while let Some(row) = rows.next()? {
        read.push((0..columns).map(|at| value(at, row.get_ref(at)?)).collect::<rusqlite::Result<Row>>()?);
    }
    Ok((read, reads))
}

struct Bound<'a>(&'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Integer(it) => ValueRef::Integer(*it),
            Value::Real(it) => ValueRef::Real(*it),
            Value::Text(it) => ValueRef::Text(it.as_bytes()),
            Value::Blob(it) => ValueRef::Blob(it),
        }))
    }
}

fn value(column: usize, stored: ValueRef<'_>) -> rusqlite::Result<Value> {
    Ok(match stored {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(it) => Value::Integer(it),
        ValueRef::Real(it) => Value::Real(it),
        ValueRef::Text(it) => match std::str::from_utf8(it) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(error) => return Err(rusqlite::Error::Utf8Error(column, error)),
        },
        ValueRef::Blob(it) => Value::Blob(it.to_vec()),
    })
}

/// What the machine or the disk will not do now is unavailable; all else is a refusal.
pub(super) fn classify(index: usize, error: &rusqlite::Error) -> DatabaseError {
    let passing = matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::OutOfMemory
                | ErrorCode::OperationInterrupted
                | ErrorCode::FileLockingProtocolFailed
        )
    );
    if passing { unavailable(&error.to_string()) } else { DatabaseError::Refused { index, reason: error.to_string() } }
}
