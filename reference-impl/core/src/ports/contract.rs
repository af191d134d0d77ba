//! What every adapter of a port must pass. An adapter's tests call these with fresh stores; they panic at the first breach.

use super::{Database, DatabaseError, Databases, Row, Statement, Value};
use crate::tenancy::TenantContext;

const PUT: &str = "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value";
const GET: &str = "SELECT value FROM meta WHERE key = ?1";

/// Nothing that one tenant writes, overwrites or destroys shows in another tenant's database.
///
/// # Panics
///
/// When it does, or when a call fails.
pub async fn assert_databases_isolate_tenants(
    databases: &dyn Databases,
    owner: &TenantContext,
    stranger: &TenantContext,
) {
    let own = databases.open(owner).await.expect("the owner's database opens");
    let foreign = databases.open(stranger).await.expect("the stranger's database opens");
    put(&*own, "canary", "owner").await;
    assert_eq!(get(&*foreign, "canary").await, None, "the stranger reads what the owner wrote");
    put(&*foreign, "canary", "stranger").await;
    assert_eq!(get(&*own, "canary").await.as_deref(), Some("owner"), "the stranger's write reached the owner");

    let again = databases.open(owner).await.expect("the owner's database opens again");
    assert_eq!(get(&*again, "canary").await.as_deref(), Some("owner"), "a second handle sees another database");

    databases.destroy(stranger).await.expect("the stranger's database is destroyed");
    databases.destroy(stranger).await.expect("destroying twice is no error");
    assert_eq!(get(&*own, "canary").await.as_deref(), Some("owner"), "the stranger's destruction reached the owner");
    let fresh = databases.open(stranger).await.expect("the stranger's database opens anew");
    assert_eq!(get(&*fresh, "canary").await, None, "a destroyed database kept what it held");
    assert_eq!(get(&*fresh, "corpus_version").await.as_deref(), Some("0"), "a new database is not migrated");
}

/// A batch happens as a whole or not at all, and says which statement stopped it.
///
/// # Panics
///
/// When it does not, or when a call fails otherwise.
pub async fn assert_batches_are_atomic(databases: &dyn Databases, tenant: &TenantContext) {
    let database = databases.open(tenant).await.expect("the database opens");
    let write = |key: &str| Statement::new(PUT, vec![text(key), text("written")]);

    let guarded = vec![write("a"), Statement::guard(GET, vec![text("absent")]), write("b")];
    let stopped = database.batch(guarded).await;
    assert!(
        matches!(stopped, Err(DatabaseError::GuardFailed { index: 1 })),
        "a guard without a row stops: {stopped:?}"
    );
    let refused = database.batch(vec![write("a"), Statement::new("SELECT * FROM nowhere", Vec::new())]).await;
    assert!(matches!(refused, Err(DatabaseError::Refused { index: 1, .. })), "a bad statement stops: {refused:?}");
    assert_eq!((get(&*database, "a").await, get(&*database, "b").await), (None, None), "half a batch was written");

    let passing = vec![write("a"), Statement::guard(GET, vec![text("a")]), write("b")];
    let rows = database.batch(passing).await.expect("a guard with a row lets the batch through");
    assert_eq!(rows, [vec![], vec![vec![text("written")]], vec![]], "each statement answers in its place");
    assert_eq!(get(&*database, "b").await.as_deref(), Some("written"));
    assert!(database.batch(Vec::new()).await.expect("an empty batch is fine").is_empty());
}

/// Values come back as they were bound, to the bit.
///
/// # Panics
///
/// When they do not, or when a call fails.
pub async fn assert_values_survive(databases: &dyn Databases, tenant: &TenantContext) {
    let database = databases.open(tenant).await.expect("the database opens");
    let row: Row = vec![
        Value::Null,
        Value::Integer(i64::MIN),
        Value::Integer(i64::MAX),
        Value::Real(-0.1),
        text("nul \0, quote ', e\u{301}, \u{1f469}\u{200d}\u{1f52c}"),
        Value::Blob(vec![0, 255, 39]),
        text(""),
        Value::Blob(Vec::new()),
    ];
    let read = Statement::new("SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8", row.clone());
    assert_eq!(database.batch(vec![read]).await.expect("values can be read back"), [[row]]);
}

async fn put(database: &dyn Database, key: &str, value: &str) {
    let write = Statement::new(PUT, vec![text(key), text(value)]);
    database.batch(vec![write]).await.expect("a write is taken");
}

async fn get(database: &dyn Database, key: &str) -> Option<String> {
    let read = Statement::new(GET, vec![text(key)]);
    let rows = database.batch(vec![read]).await.expect("a read is answered");
    match rows.first().and_then(|rows| rows.first()).and_then(|row| row.first()) {
        Some(Value::Text(value)) => Some(value.clone()),
        Some(Value::Null | Value::Integer(_) | Value::Real(_) | Value::Blob(_)) | None => None,
    }
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}
