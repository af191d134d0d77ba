use reference_core::ports::{Statement, Value, contract};
use reference_core::testkit::TestTenants;

use super::*;

/// Counts what [`put`] put.
fn count() -> Vec<Statement> {
    vec![Statement::new("SELECT count(*) FROM meta WHERE value = ''", Vec::new())]
}

fn put(key: &str) -> Vec<Statement> {
    vec![Statement::new("INSERT INTO meta VALUES (?1, '')", vec![Value::Text(key.to_owned())])]
}

#[tokio::test(flavor = "multi_thread")]
async fn meets_the_contract_of_its_port() {
    let (tenants, folder) = (TestTenants::new(), tempfile::tempdir().unwrap());
    let databases = SqliteDatabases::new(folder.path().join("data"));
    contract::assert_databases_isolate_tenants(&databases, &tenants.owner(), &tenants.stranger()).await;
    contract::assert_batches_are_atomic(&databases, &tenants.owner()).await;
    contract::assert_values_survive(&databases, &tenants.owner()).await;
    contract::assert_scores_are_read(&databases, &tenants.owner()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_what_was_written_when_opened_anew() {
    let (tenants, folder) = (TestTenants::new(), tempfile::tempdir().unwrap());
    let first = SqliteDatabases::new(folder.path());
    first.open(&tenants.owner()).await.unwrap().batch(put("kept")).await.unwrap();
    drop(first);
    let second = SqliteDatabases::new(folder.path()).open(&tenants.owner()).await.unwrap();
    assert_eq!(second.batch(count()).await.unwrap(), [[[Value::Integer(1)]]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_its_own_writes_from_every_reader() {
    let (tenants, folder) = (TestTenants::new(), tempfile::tempdir().unwrap());
    let databases = SqliteDatabases::new(folder.path());
    let database = databases.open(&tenants.owner()).await.unwrap();
    database.batch(count()).await.unwrap(); // from now on it is known to read only
    for written in 1..=40 {
        database.batch(put(&written.to_string())).await.unwrap();
        let readers = futures_util::future::join_all((0..6).map(|_| database.batch(count()))).await;
        for rows in readers {
            assert_eq!(rows.unwrap(), [[[Value::Integer(written)]]]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_while_a_write_is_running() {
    let (tenants, folder) = (TestTenants::new(), tempfile::tempdir().unwrap());
    let databases = SqliteDatabases::new(folder.path());
    let database = databases.open(&tenants.owner()).await.unwrap();
    database.batch(count()).await.unwrap();
    let lock = rusqlite::Connection::open(databases.folder_of(tenants.owner().id()).join(FILE)).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE; INSERT INTO meta VALUES ('unseen', '')").unwrap();
    assert_eq!(database.batch(count()).await.unwrap(), [[[Value::Integer(0)]]], "no reader waits for a writer");
}

#[tokio::test(flavor = "multi_thread")]
async fn serialises_writers_without_losing_one() {
    let (tenants, folder) = (TestTenants::new(), tempfile::tempdir().unwrap());
    let databases = SqliteDatabases::new(folder.path());
    let database = databases.open(&tenants.owner()).await.unwrap();
    let add = "UPDATE meta SET value = value + 1 WHERE key = 'corpus_version' RETURNING value";
    let writes = (0..100).map(|_| database.batch(vec![Statement::guard(add, Vec::new())]));
    assert!(futures_util::future::join_all(writes).await.iter().all(Result::is_ok));
    let version = vec![Statement::new("SELECT value FROM meta WHERE key = 'corpus_version'", Vec::new())];
    assert_eq!(database.batch(version).await.unwrap(), [[[Value::Text("100".to_owned())]]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn finishes_a_batch_whose_caller_went_away() {
    let (tenants, folder) = (TestTenants::new(), tempfile::tempdir().unwrap());
    let databases = SqliteDatabases::new(folder.path());
    let database = databases.open(&tenants.owner()).await.unwrap();
    for at in 0..20 {
        let abandoned = database.batch(put(&at.to_string()));
        let _ = tokio::time::timeout(std::time::Duration::from_micros(at * 20), abandoned).await;
    }
    database.batch(put("last")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn closes_the_handles_of_a_destroyed_tenant() {
    let (tenants, folder) = (TestTenants::new(), tempfile::tempdir().unwrap());
    let databases = SqliteDatabases::new(folder.path());
    let old = databases.open(&tenants.owner()).await.unwrap();
    old.batch(count()).await.unwrap();
    databases.destroy(&tenants.owner()).await.unwrap();
    assert!(!databases.holds(tenants.owner().id()));
    for statements in [count(), put("late")] {
        assert!(matches!(old.batch(statements).await, Err(DatabaseError::Unavailable { .. })));
    }
    assert!(!databases.holds(tenants.owner().id()), "a stale handle brought nothing back");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_unavailable_where_it_cannot_write() {
    let (tenants, folder) = (TestTenants::new(), tempfile::tempdir().unwrap());
    let file = folder.path().join("a-file");
    std::fs::write(&file, "").unwrap();
    let databases = SqliteDatabases::new(&file);
    assert!(matches!(databases.open(&tenants.owner()).await, Err(DatabaseError::Unavailable { .. })));
    std::fs::remove_file(&file).unwrap();
    assert!(databases.open(&tenants.owner()).await.is_ok(), "opening may be repeated");
}
