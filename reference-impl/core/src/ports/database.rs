//! One SQL database for each tenant: the same SQL runs on every host.

use std::fmt;

use super::{BoxFuture, Columns};
use crate::redact::redacted;
use crate::tenancy::TenantContext;

/// A value bound to or read from a statement.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// SQL `NULL`.
    Null,
    /// 64-bit integer; booleans are 0 and 1.
    Integer(i64),
    /// Double.
    Real(f64),
    /// UTF-8 text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// Texts and bytes are told by their lengths: they may be those of a document.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Integer(number) => write!(f, "Integer({number})"),
            Self::Real(number) => write!(f, "Real({number})"),
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Blob(bytes) => write!(f, "Blob({} bytes)", bytes.len()),
        }
    }
}

/// One row, columns in the order of the statement.
pub type Row = Vec<Value>;

/// Rows of a number and a score, in the order of the statement.
pub type Scores = Vec<(i64, f64)>;

/// One statement of a batch.
#[derive(Clone, PartialEq)]
pub struct Statement {
    /// SQL text in SQLite's dialect, with `?1`, `?2`, … for parameters. Static, so that no caller can splice input into it.
    pub sql: &'static str,
    /// Values for the parameters.
    pub params: Vec<Value>,
    /// When true, a statement that yields no row rolls the whole batch back with [`DatabaseError::GuardFailed`].
    pub guard: bool,
}

redacted!(Statement { sql, guard } hides { params });

impl Statement {
    /// A statement that may yield any number of rows.
    pub fn new(sql: &'static str, params: Vec<Value>) -> Self {
        Self { sql, params, guard: false }
    }

    /// A statement that must yield at least one row, or nothing of its batch happens.
    pub fn guard(sql: &'static str, params: Vec<Value>) -> Self {
        Self { sql, params, guard: true }
    }
}

/// Why a batch did not happen. Nothing of it was written.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// A guard statement yielded no row.
    #[error("guard statement {index} of the batch yielded no row")]
    GuardFailed {
        /// Position of the guard in the batch, from 0.
        index: usize,
    },
    /// The host could not be reached in time, or is out of service.
    #[error("database is unavailable: {reason}")]
    Unavailable {
        /// What the host said; goes to the log, never to a client.
        reason: String,
    },
    /// The host refused a statement: a bug, or a damaged store.
    #[error("database refused statement {index}: {reason}")]
    Refused {
        /// Position of the statement in the batch, from 0.
        index: usize,
        /// What the host said; goes to the log, never to a client.
        reason: String,
    },
}

/// One tenant's database.
pub trait Database: Send + Sync {
    /// Runs `statements` in order as one transaction; all happen or none.
    ///
    /// Returns the rows of each statement, in order. A write is durable once the future is ready.
    ///
    /// # Errors
    ///
    /// [`DatabaseError`]; nothing of the batch was written then.
    fn batch(&self, statements: Vec<Statement>) -> BoxFuture<'_, Result<Vec<Vec<Row>>, DatabaseError>>;

    /// As [`Database::batch`], for counts that every request adds to. What is written outlives the process; the last moments of it
    /// may be lost with the power of the machine, so that requests need not wait in line for the disk. A batch of nothing asks
    /// whether the database answers
    /// (`contracts/decisions/0013-counts-do-not-wait-for-the-disk.md`).
    ///
    /// # Errors
    ///
    /// As [`Database::batch`].
    fn batch_counts(&self, statements: Vec<Statement>) -> BoxFuture<'_, Result<Vec<Vec<Row>>, DatabaseError>> {
        self.batch(statements)
    }

    /// As [`Database::batch`], for two statements that only read, of one state of the store: `scores`, whose rows are an integer and a
    /// double and may be very many, and `beside`. A host that can gives the pairs without a row of values for each.
    ///
    /// # Errors
    ///
    /// As [`Database::batch`]; [`DatabaseError::Refused`] where a row of `scores` is anything else.
    fn read_scores(
        &self,
        scores: Statement,
        beside: Statement,
    ) -> BoxFuture<'_, Result<(Scores, Vec<Row>), DatabaseError>> {
        Box::pin(async move { scores_of(self.batch(vec![scores, beside]).await?) })
    }

    /// As [`Database::batch`], for statements without parameters that read the state of the corpus, which [`Database::batch_counts`]
    /// never changes. A host may answer with what it answered before, as long as no batch has been acknowledged since.
    ///
    /// # Errors
    ///
    /// As [`Database::batch`].
    fn read_state(
        &self,
        statements: &'static [&'static str],
    ) -> BoxFuture<'_, Result<std::sync::Arc<Vec<Vec<Row>>>, DatabaseError>> {
        Box::pin(async move {
            let statements = statements.iter().map(|sql| Statement::new(sql, Vec::new())).collect();
            self.batch(statements).await.map(std::sync::Arc::new)
        })
    }
}

/// The scores that the first statement of a batch answered with, and the rows of the second.
///
/// # Errors
///
/// [`DatabaseError::Refused`] where a row of the first is anything but an integer and a double.
pub fn scores_of(answers: Vec<Vec<Row>>) -> Result<(Scores, Vec<Row>), DatabaseError> {
    let mut answers = answers.into_iter();
    let (scored, beside) = (answers.next().unwrap_or_default(), answers.next().unwrap_or_default());
    let pair = |row: &Row| {
        let mut columns = Columns::of(row);
        Ok((columns.integer()?, columns.real()?))
    };
    Ok((scored.iter().map(pair).collect::<Result<_, DatabaseError>>()?, beside))
}

/// Hands out databases. There is no way to name another tenant's: the handle is made for the tenant of a
/// [`TenantContext`], which only authentication can make.
pub trait Databases: Send + Sync {
    /// Opens the tenant's database, creating and migrating it (`crate::store::MIGRATIONS`) when needed.
    ///
    /// # Errors
    ///
    /// [`DatabaseError::Unavailable`] when the host cannot be reached.
    fn open<'a>(
        &'a self,
        tenant: &'a TenantContext,
    ) -> BoxFuture<'a, Result<std::sync::Arc<dyn Database>, DatabaseError>>;

    /// Removes the tenant's database and everything in it; a second call finds nothing and succeeds.
    ///
    /// # Errors
    ///
    /// [`DatabaseError::Unavailable`]; the call may be repeated.
    fn destroy<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, Result<(), DatabaseError>>;
}
