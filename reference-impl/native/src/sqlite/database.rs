//! One tenant's file: a writer, and readers that never wait for it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use reference_core::ports::{BoxFuture, Database, DatabaseError, Row, Scores, Statement, scores_of};
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{Mutex as AsyncMutex, Semaphore};

use super::batch::{self, Ran};
use super::connection::{open_reader, open_writer, unavailable};

/// Readers of one tenant at a time. More wait in line, so that no tenant takes all threads of the process.
const READERS: usize = 4;

/// Which statements only read, by their text, learnt when a statement first runs. Texts are static, so there are few.
#[derive(Debug, Default)]
pub(super) struct Plans(RwLock<HashMap<&'static str, bool>>);

impl Plans {
    fn only_read(&self, statements: &[Statement]) -> bool {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        statements.iter().all(|statement| known.get(statement.sql) == Some(&true))
    }

    fn learn(&self, statements: &[Statement], reads: &[bool]) {
        let learnt = |known: &HashMap<&'static str, bool>| statements.iter().all(|it| known.contains_key(it.sql));
        if learnt(&self.0.read().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.extend(statements.iter().map(|statement| statement.sql).zip(reads.iter().copied()));
    }
}

/// What the state of the corpus was when it was last read, by the statements that read it. Emptied by every batch that may have
/// changed it, before that is acknowledged.
#[derive(Debug, Default)]
struct Known {
    /// Batches so far; an answer that was begun before the last of them is not kept.
    changes: u64,
    answers: HashMap<&'static [&'static str], Arc<Vec<Vec<Row>>>>,
}

/// One tenant's database. Closed when its tenant is destroyed; every later call fails.
pub(super) struct SqliteDatabase {
    path: PathBuf,
    plans: Arc<Plans>,
    /// `None` once closed.
    writer: Arc<AsyncMutex<Option<Connection>>>,
    /// Closed with the database.
    reading: Arc<Semaphore>,
    idle_readers: Arc<Mutex<Vec<Connection>>>,
    known: Arc<RwLock<Known>>,
}

impl SqliteDatabase {
    /// Opens the file, creating and migrating it where needed. Blocks.
    pub(super) fn open(path: PathBuf, plans: Arc<Plans>) -> Result<Self, DatabaseError> {
        let writer = open_writer(&path)?;
        Ok(Self {
            path,
            plans,
            writer: Arc::new(AsyncMutex::new(Some(writer))),
            reading: Arc::new(Semaphore::new(READERS)),
            idle_readers: Arc::default(),
            known: Arc::default(),
        })
    }

    /// Waits for what is running, then closes every connection.
    pub(super) async fn close(&self) {
        let all = u32::try_from(READERS).unwrap_or(u32::MAX);
        let readers = self.reading.acquire_many(all).await;
        let writer = self.writer.lock().await.take();
        self.reading.close();
        drop(readers);
        let idle = std::mem::take(&mut *self.idle_readers.lock().unwrap_or_else(PoisonError::into_inner));
        // The last connection to close moves the log into the file, which blocks.
        let _ = tokio::task::spawn_blocking(move || drop((idle, writer))).await;
    }

    async fn read(&self, statements: Vec<Statement>) -> Result<Ran, DatabaseError> {
        self.with_reader(move |connection| batch::run(connection, TransactionBehavior::Deferred, &statements)).await
    }

    /// Runs `work` with a connection that reads, once there is one.
    async fn with_reader<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, DatabaseError> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let permit = Arc::clone(&self.reading).acquire_owned().await.map_err(|_| closed())?;
        let (path, idle) = (self.path.clone(), Arc::clone(&self.idle_readers));
        blocking(move || {
            let kept = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut connection = kept.map_or_else(|| open_reader(&path), Ok)?;
            let outcome = work(&mut connection);
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            drop(permit);
            outcome
        })
        .await
    }

    async fn write(&self, statements: Vec<Statement>, wait: Wait) -> Result<Ran, DatabaseError> {
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        let (plans, known) = (Arc::clone(&self.plans), Arc::clone(&self.known));
        // The lock moves into the work: a caller that goes away leaves a batch that is whole, not half.
        blocking(move || {
            let connection = writer.as_mut().ok_or_else(closed)?;
            // Whatever becomes of it, what was known before is not known after.
            let _changed = (wait == Wait::ForDisk).then(|| Changed(&known));
            let ran = match wait {
                Wait::ForDisk => batch::run(connection, TransactionBehavior::Immediate, &statements),
                Wait::ForNothing => without_disk(connection, |connection| {
                    batch::run(connection, TransactionBehavior::Immediate, &statements)
                }),
            }?;
            plans.learn(&statements, &ran.reads);
            Ok(ran)
        })
        .await
    }
}

/// Empties what is known when it is dropped.
struct Changed<'a>(&'a RwLock<Known>);

impl Drop for Changed<'_> {
    fn drop(&mut self) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.changes += 1;
        known.answers.clear();
    }
}

/// What a write waits for before it is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// Until the disk has it: it outlives a loss of power.
    ForDisk,
    /// For no disk: the system has it, so that it outlives the process.
    ForNothing,
}

/// Runs `work` on a connection whose commits do not wait for the disk, and lets them wait again afterwards.
fn without_disk<T>(
    connection: &mut Connection,
    work: impl FnOnce(&mut Connection) -> Result<T, DatabaseError>,
) -> Result<T, DatabaseError> {
    let set = |connection: &Connection, level: &str| {
        connection.pragma_update(None, "synchronous", level).map_err(|error| unavailable(&error.to_string()))
    };
    set(connection, "NORMAL")?;
    let outcome = work(connection);
    set(connection, "FULL")?;
    outcome
}

impl SqliteDatabase {
    async fn run(&self, statements: Vec<Statement>, wait: Wait) -> Result<Vec<Vec<Row>>, DatabaseError> {
        if statements.is_empty() {
            return if self.reading.is_closed() { Err(closed()) } else { Ok(Vec::new()) };
        }
        let ran = if self.plans.only_read(&statements) {
            self.read(statements).await?
        } else {
            self.write(statements, wait).await?
        };
        Ok(ran.answers)
    }

    async fn scores(&self, scores: Statement, beside: Statement) -> Result<(Scores, Vec<Row>), DatabaseError> {
        let mut both = vec![scores, beside];
        // A statement is known to read once it has run.
        if self.plans.only_read(&both)
            && let (Some(beside), Some(scores)) = (both.pop(), both.pop())
        {
            return self.with_reader(move |connection| batch::scores(connection, &scores, &beside)).await;
        }
        scores_of(self.run(both, Wait::ForDisk).await?)
    }

    async fn state(&self, statements: &'static [&'static str]) -> Result<Arc<Vec<Vec<Row>>>, DatabaseError> {
        if self.reading.is_closed() {
            return Err(closed());
        }
        let changes = {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(answers) = known.answers.get(statements) {
                return Ok(Arc::clone(answers));
            }
            known.changes
        };
        let read = statements.iter().map(|sql| Statement::new(sql, Vec::new())).collect();
        let answers = Arc::new(self.read(read).await?.answers);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.changes == changes {
            known.answers.insert(statements, Arc::clone(&answers));
        }
        Ok(answers)
    }
}

impl Database for SqliteDatabase {
    fn batch(&self, statements: Vec<Statement>) -> BoxFuture<'_, Result<Vec<Vec<Row>>, DatabaseError>> {
        Box::pin(self.run(statements, Wait::ForDisk))
    }

    fn batch_counts(&self, statements: Vec<Statement>) -> BoxFuture<'_, Result<Vec<Vec<Row>>, DatabaseError>> {
        Box::pin(self.run(statements, Wait::ForNothing))
    }

    fn read_scores(
        &self,
        scores: Statement,
        beside: Statement,
    ) -> BoxFuture<'_, Result<(Scores, Vec<Row>), DatabaseError>> {
        Box::pin(self.scores(scores, beside))
    }

    fn read_state(
        &self,
        statements: &'static [&'static str],
    ) -> BoxFuture<'_, Result<Arc<Vec<Vec<Row>>>, DatabaseError>> {
        Box::pin(self.state(statements))
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DatabaseError> + Send + 'static,
) -> Result<T, DatabaseError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(unavailable(&error.to_string())))
}

fn closed() -> DatabaseError {
    unavailable("the tenant was deleted")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_for_the_disk_again_after_counts_whether_they_were_written_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = open_writer(&folder.path().join("tenant.sqlite3")).unwrap();
        let level = |connection: &Connection| -> i64 {
            connection.query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap()
        };
        let (normal, full) = (1, 2);
        assert_eq!(level(&connection), full);
        let inside = without_disk(&mut connection, |connection| Ok(level(connection))).unwrap();
        assert_eq!((inside, level(&connection)), (normal, full));
        without_disk::<()>(&mut connection, |_| Err(closed())).unwrap_err();
        assert_eq!(level(&connection), full);
    }
}
