//! Opens and migrates a tenant's file.

use std::path::Path;
use std::time::Duration;

use reference_core::ports::DatabaseError;
use reference_core::store::MIGRATIONS;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::batch::classify;

/// Pages of the log before they are moved into the file, which waits for the disk while every write waits for it: often enough that the
/// log stays small (32 MB), and so seldom that fewer than one request in a hundred meets it.
const PAGES_OF_LOG: i64 = 8_000;
/// How long SQLite itself waits for a lock; only another process, such as a backup, can hold one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Statements kept prepared for each connection: more than core has.
const PREPARED_STATEMENTS: usize = 128;

/// The writing connection: creates the file where it is missing, and brings its schema up to date.
pub(super) fn open_writer(path: &Path) -> Result<Connection, DatabaseError> {
    let mut connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    migrate(&mut connection).map(|()| connection)
}

/// A reading connection to a file that a writer has opened.
pub(super) fn open_reader(path: &Path) -> Result<Connection, DatabaseError> {
    open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn open(path: &Path, access: OpenFlags) -> Result<Connection, DatabaseError> {
    let set_up = || {
        // No connection is used by two threads at once: each is owned by whoever uses it.
        let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS);
        // Otherwise a prepared statement is prepared anew for other values, for plans that only an analysed file has.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        if access.contains(OpenFlags::SQLITE_OPEN_READ_WRITE) {
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "wal_autocheckpoint", PAGES_OF_LOG)?;
        }
        connection.pragma_update(None, "synchronous", "FULL")?; // a batch is on the disk before it is acknowledged
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        Ok(connection)
    };
    set_up().map_err(|error: rusqlite::Error| unavailable(&format!("`{}`: {error}", path.display())))
}

/// Runs the steps that the file does not have yet, each as one transaction together with its number.
fn migrate(connection: &mut Connection) -> Result<(), DatabaseError> {
    let refused = |error: rusqlite::Error| classify(0, &error);
    let newest = MIGRATIONS.last().map_or(0, |step| step.number);
    loop {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(refused)?;
        let done: u32 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(refused)?;
        if done > newest {
            let reason = format!("schema {done} was written by a newer server; this one knows {newest}");
            return Err(unavailable(&reason));
        }
        let Some(step) = MIGRATIONS.iter().find(|step| step.number == done + 1) else { return Ok(()) };
        transaction.execute_batch(step.sql).map_err(refused)?;
        transaction.pragma_update(None, "user_version", step.number).map_err(refused)?;
        transaction.commit().map_err(refused)?;
    }
}

pub(super) fn unavailable(reason: &str) -> DatabaseError {
    DatabaseError::Unavailable { reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_a_file_up_where_an_earlier_server_left_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tenant.sqlite3");
        let first = MIGRATIONS.first().unwrap();
        let old = Connection::open(&path).unwrap();
        old.execute_batch(first.sql).unwrap();
        old.execute("UPDATE meta SET value = '7' WHERE key = 'corpus_version'", []).unwrap();
        old.pragma_update(None, "user_version", first.number).unwrap();
        drop(old);

        let connection = open_writer(&path).unwrap();
        let kept: String =
            connection.query_row("SELECT value FROM meta WHERE key = 'corpus_version'", [], |row| row.get(0)).unwrap();
        let version: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!((kept.as_str(), version), ("7", MIGRATIONS.last().unwrap().number));
    }

    #[test]
    fn keeps_chunks_of_an_earlier_schema_and_never_uses_their_rows_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tenant.sqlite3");
        let old = Connection::open(&path).unwrap();
        for step in MIGRATIONS.iter().filter(|step| step.number <= 3) {
            old.execute_batch(step.sql).unwrap();
        }
        old.pragma_update(None, "user_version", 3).unwrap();
        old.execute_batch(
            "INSERT INTO documents VALUES ('d', 'text/plain', 'h', 'f', 'a b', 3, '{}', 2, 0, 0);
             INSERT INTO chunks VALUES (4, 'a', 'd', 0, 0, 1, 1, 'a', '[]', 'm', 1, x'0000803f');
             INSERT INTO chunks VALUES (7, 'b', 'd', 1, 2, 3, 1, 'b', '[]', 'm', 1, x'000080bf');
             INSERT INTO chunks_fts (rowid, heading, body) VALUES (4, '', 'a'), (7, '', 'b');",
        )
        .unwrap();
        drop(old);

        let connection = open_writer(&path).unwrap();
        let rows = |sql: &str| {
            let mut statement = connection.prepare(sql).unwrap();
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
            rows.collect::<rusqlite::Result<Vec<(i64, String)>>>().unwrap()
        };
        let all = "SELECT chunks.rowid, chunks.id || hex(embedding) FROM chunks JOIN chunks_fts_docsize AS indexed ON indexed.id = chunks.rowid \
                   ORDER BY chunks.rowid";
        assert_eq!(rows(all), [(4, "a0000803F".to_owned()), (7, "b000080BF".to_owned())]);
        connection.execute("DELETE FROM chunks WHERE id = 'b'", []).unwrap();
        let insert = "INSERT INTO chunks (id, document_id, ordinal, span_start, span_end, tokens, text, heading_path, \
                      embedding_model, dimensions, embedding) VALUES ('c', 'd', 1, 2, 3, 1, 'b', '[]', 'm', 1, x'00000000')";
        connection.execute(insert, []).unwrap();
        assert_eq!(rows("SELECT rowid, id FROM chunks ORDER BY rowid"), [(4, "a".to_owned()), (8, "c".to_owned())]);
        connection.execute("DELETE FROM documents", []).unwrap();
        assert!(rows("SELECT rowid, id FROM chunks").is_empty(), "chunks go with their document");
    }

    #[test]
    fn refuses_a_file_of_a_newer_server() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tenant.sqlite3");
        open_writer(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(open_writer(&path), Err(DatabaseError::Unavailable { reason }) if reason.contains("newer")));
    }

    #[test]
    fn commits_durably_and_lets_readers_read_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tenant.sqlite3");
        let writer = open_writer(&path).unwrap();
        let pragma = |name: &str| writer.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, String>(0));
        assert_eq!(pragma("journal_mode").unwrap(), "wal");
        let synchronous: u32 = writer.query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap();
        assert_eq!(synchronous, 2, "FULL");
        assert!(open_reader(&path).unwrap().execute("DELETE FROM meta", []).is_err());
    }
}
