//! What every adapter of a port must pass. An adapter's tests call these with fresh stores; they panic at the first breach.

use super::{
    AudioError, AudioStore, Clock, Database, DatabaseError, Databases, KeptVector, KeyValue, Row, Statement, Timer,
    UnixMillis, Value, VectorIndex,
};
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

/// Scores come in the order of their statement beside what else was asked for, the first time as later, and a row that is no score
/// is refused.
///
/// # Panics
///
/// When they do not, or when a call fails otherwise.
#[expect(clippy::cast_precision_loss, reason = "a double holds every number here")]
pub async fn assert_scores_are_read(databases: &dyn Databases, tenant: &TenantContext) {
    const SCORES: &str = "SELECT value, value * 0.5 FROM json_each(?1)";
    let database = databases.open(tenant).await.expect("the database opens");
    let beside = || Statement::new(GET, vec![text("corpus_version")]);
    for rows in ["[7,3,9007199254740991]", "[]", "[1]"] {
        let (scores, version) =
            database.read_scores(Statement::new(SCORES, vec![text(rows)]), beside()).await.expect("scores are read");
        let numbers: Vec<i64> = scores.iter().map(|(row, _)| *row).collect();
        assert_eq!(format!("{numbers:?}").replace(' ', ""), rows, "numbers come to the bit and in order");
        assert!(scores.iter().all(|(row, score)| (*row as f64 * 0.5).total_cmp(score).is_eq()), "{scores:?}");
        assert_eq!(version, [[text("0")]], "what was asked for beside them");
    }
    let refused = database.read_scores(Statement::new(SCORES, vec![text("[\"a\"]")]), beside()).await;
    assert!(matches!(refused, Err(DatabaseError::Refused { .. })), "a text is no number: {refused:?}");
    let refused = database.read_scores(beside(), beside()).await;
    assert!(matches!(refused, Err(DatabaseError::Refused { .. })), "one column is no score: {refused:?}");
}

/// What one tenant keeps, replaces or clears in a cache neither shows to another tenant nor reaches what that one keeps, also
/// under names that run into each other. Entries may vanish at any time; in a test there is no reason for it.
///
/// - `later`: a time that is well ahead of both tenants' clocks.
///
/// # Panics
///
/// When it does, or when a call fails.
pub async fn assert_key_values_isolate_tenants(
    cache: &dyn KeyValue,
    owner: &TenantContext,
    stranger: &TenantContext,
    later: UnixMillis,
) {
    let keys =
        ["k".to_owned(), "k/k".to_owned(), format!("{}/k", stranger.id().as_str()), "\u{e9}\u{1f469}".to_owned()];
    for key in &keys {
        assert_eq!(got(cache, owner, key).await, None, "an entry that nobody put: {key}");
        cache.put(owner, key, format!("owner's {key}"), later).await.expect("an entry is taken");
        assert_eq!(got(cache, stranger, key).await, None, "the stranger reads what the owner put: {key}");
    }
    for key in &keys {
        cache.put(stranger, key, "stranger's".to_owned(), later).await.expect("an entry is taken");
        assert_eq!(
            got(cache, owner, key).await,
            Some(format!("owner's {key}")),
            "the stranger's entry reached the owner"
        );
    }
    cache.put(owner, "k", String::new(), later).await.expect("an empty text is taken");
    assert_eq!(got(cache, owner, "k").await.as_deref(), Some(""), "an entry is replaced, by an empty text too");
    cache.clear(owner).await.expect("the owner's entries are cleared");
    cache.clear(owner).await.expect("clearing twice is no error");
    for key in &keys {
        assert_eq!(got(cache, owner, key).await, None, "a cleared entry is there: {key}");
        assert_eq!(got(cache, stranger, key).await.as_deref(), Some("stranger's"), "the owner's clearing: {key}");
    }
    cache.clear(stranger).await.expect("the stranger's entries are cleared");
}

/// Audio is read by the tenant that it was kept for alone, byte by byte, and the last that was kept under a name is what is there.
///
/// # Panics
///
/// When it is otherwise, or when a call fails.
pub async fn assert_audio_isolates_tenants(
    store: &dyn AudioStore,
    owner: &TenantContext,
    stranger: &TenantContext,
    until: UnixMillis,
) {
    let job = "job_contract";
    let get = |tenant: &TenantContext, job: &'static str| {
        let tenant = tenant.clone();
        async move { store.get(&tenant, job).await.expect("audio is looked for") }
    };
    store.put(owner, job, &[0, 255, 39], until).await.expect("audio is kept");
    assert_eq!(get(owner, job).await.as_deref(), Some(&[0, 255, 39][..]), "what was kept comes back");
    assert_eq!(get(stranger, job).await, None, "the stranger reads what the owner kept");
    assert_eq!(get(owner, "job_none").await, None, "what was never kept is not there");
    store.put(stranger, job, &[1], until).await.expect("audio is kept under the same name");
    store.put(owner, job, &vec![2; 70_000], until).await.expect("audio is kept in the place of other audio");
    assert_eq!(get(owner, job).await.map(|it| it.len()), Some(70_000), "the last that was kept is what is there");
    assert_eq!(get(stranger, job).await.as_deref(), Some(&[1][..]), "the owner's audio reached the stranger");

    let other = "job_contract_other";
    store.put(owner, other, &[3], until).await.expect("audio of another job is kept");
    store.remove(owner, job).await.expect("audio of a job is removed");
    store.remove(owner, job).await.expect("removing twice is no error");
    assert_eq!(get(owner, job).await, None, "removed audio is there");
    assert_eq!(get(owner, other).await.as_deref(), Some(&[3][..]), "audio of another job went too");
    assert_eq!(get(stranger, job).await.as_deref(), Some(&[1][..]), "the owner's removal reached the stranger");
    store.put(owner, job, &[4], until).await.expect("audio is kept again");
    assert_eq!(store.clear(owner).await, Ok(2), "all audio of the owner is removed");
    assert_eq!(store.clear(owner).await, Ok(0), "clearing twice is no error");
    assert_eq!((get(owner, job).await, get(owner, other).await), (None, None), "cleared audio is there");
    assert_eq!(get(stranger, job).await.as_deref(), Some(&[1][..]), "the owner's clearing reached the stranger");
    assert_eq!(store.clear(stranger).await, Ok(1), "the stranger's audio is removed");
}

/// A tenant keeps no more audio than its bound, in which neither what is replaced nor what others keep is counted.
///
/// - `bound`: of the store, in bytes.
///
/// # Panics
///
/// When it is otherwise, or when a call fails.
pub async fn assert_audio_is_bounded(
    store: &dyn AudioStore,
    owner: &TenantContext,
    stranger: &TenantContext,
    until: UnixMillis,
    bound: usize,
) {
    let audio = vec![5; bound];
    store.put(owner, "job_full", &audio, until).await.expect("as much as the bound is kept");
    store.put(owner, "job_full", &audio, until).await.expect("what is replaced does not count");
    assert_eq!(store.put(owner, "job_more", &[6], until).await, Err(AudioError::Full), "more than the bound is kept");
    assert_eq!(store.get(owner, "job_more").await, Ok(None), "what was refused is there");
    store.put(stranger, "job_full", &audio, until).await.expect("others' audio does not count");
    store.remove(owner, "job_full").await.expect("audio is removed");
    store.put(owner, "job_more", &[6], until).await.expect("there is room again");
    for tenant in [owner, stranger] {
        store.clear(tenant).await.expect("audio is removed");
    }
}

/// A tenant's vectors are found by it alone, once they are seen; what is put anew is in the place of what was there, and what is
/// removed is found no longer once that is seen.
///
/// # Panics
///
/// When it is otherwise, when a mutation is not seen within a minute, or when a call fails.
pub async fn assert_vectors_isolate_tenants(
    index: &dyn VectorIndex,
    owner: &TenantContext,
    stranger: &TenantContext,
    clock: &dyn Clock,
    timer: &dyn Timer,
) {
    let seen = |tenant: &TenantContext, mutation: String| {
        let (tenant, since) = (tenant.clone(), clock.system());
        async move {
            for _ in 0..600 {
                if index.is_visible(&tenant, &mutation, since).await.expect("the index says how far it is") {
                    return;
                }
                timer.sleep(100).await;
            }
            panic!("a mutation is not seen within a minute");
        }
    };
    let kept = |id: &str, values: &[f32], lang: &str| {
        let metadata = serde_json::json!({"lang": lang, "tenant": "none"});
        let metadata = metadata.as_object().cloned().unwrap_or_default();
        KeptVector { id: id.to_owned(), values: values.to_vec(), metadata }
    };
    let mut dimensions = [0.0_f32; 512];
    dimensions[0] = 1.0;
    let near = dimensions;
    dimensions[1] = 1.0;
    let far = dimensions;
    let own = vec![kept("contract-owner-1", &near, "en"), kept("contract-owner-2", &far, "de")];
    let mutation = index.put(owner, own).await.expect("vectors are taken");
    seen(owner, mutation).await;
    let foreign = vec![kept("contract-stranger-1", &near, "en")];
    let mutation = index.put(stranger, foreign).await.expect("vectors are taken");
    seen(stranger, mutation).await;
    let found = |tenant: &TenantContext, filter: Option<serde_json::Value>| {
        let tenant = tenant.clone();
        let filter = filter.and_then(|it| it.as_object().cloned());
        async move {
            let mut ids = index.nearest(&tenant, &near, filter).await.expect("a look-up is answered");
            ids.sort();
            ids
        }
    };
    assert_eq!(found(owner, None).await, ["contract-owner-1", "contract-owner-2"], "the owner finds its own");
    assert_eq!(found(stranger, None).await, ["contract-stranger-1"], "the stranger finds its own");
    let german = serde_json::json!({"lang": {"$eq": "de"}});
    assert_eq!(found(owner, Some(german.clone())).await, ["contract-owner-2"], "a filter holds");
    assert!(found(stranger, Some(german)).await.is_empty(), "a filter reaches no other tenant");
    let mutation = index.put(owner, vec![kept("contract-owner-2", &near, "en")]).await.expect("a vector is replaced");
    seen(owner, mutation).await;
    assert_eq!(found(owner, None).await.len(), 2, "a vector is in the place of that with its id");
    let ids = ["contract-owner-1", "contract-owner-2", "contract-absent"].map(str::to_owned).to_vec();
    let mutation = index.remove(owner, ids).await.expect("vectors are removed");
    seen(owner, mutation).await;
    assert!(found(owner, None).await.is_empty(), "a removed vector is found");
    assert_eq!(found(stranger, None).await, ["contract-stranger-1"], "the owner's removal reached the stranger");
    let mutation = index.remove(stranger, vec!["contract-stranger-1".to_owned()]).await.expect("vectors are removed");
    seen(stranger, mutation).await;
}

async fn got(cache: &dyn KeyValue, tenant: &TenantContext, key: &str) -> Option<String> {
    cache.get(tenant, key).await.expect("a look-up is answered")
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
