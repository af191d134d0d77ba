use std::sync::Arc;

use super::*;
use crate::ports::Databases as _;
use crate::testkit::{MemoryDatabases, TestTenants};

const NOW: UnixMillis = 1_000_000;
const LEASE: i64 = 30_000;
const TTL: i64 = 86_400_000;
const ATTEMPT: Attempt<'static> = Attempt { operation: "ingest", key: "k", request_hash: "h" };

async fn database() -> Arc<dyn Database> {
    MemoryDatabases::new().open(&TestTenants::new().owner()).await.unwrap()
}

/// The same key with another body.
fn other_body() -> Attempt<'static> {
    Attempt { request_hash: "x", ..ATTEMPT }
}

async fn fresh(database: &dyn Database, now: UnixMillis) -> Lease {
    match begin(database, &ATTEMPT, now, LEASE, TTL).await.unwrap() {
        Begun::Fresh(lease) => lease,
        other @ (Begun::Replay(_) | Begun::Conflict | Begun::Wait { .. }) => panic!("expected a lease, got {other:?}"),
    }
}

fn answer() -> StoredAnswer {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    StoredAnswer { status: 202, headers, body: b"{\"a\":1}\xff".to_vec() }
}

#[tokio::test]
async fn replays_the_answer_byte_for_byte_until_it_expires() {
    let database = database().await;
    let lease = fresh(&*database, NOW).await;
    assert!(complete(&*database, &lease, &answer(), NOW, TTL).await.unwrap());
    let again = |now| begin(&*database, &ATTEMPT, now, LEASE, TTL);
    assert_eq!(again(NOW + TTL - 1).await.unwrap(), Begun::Replay(answer()));
    assert!(matches!(again(NOW + TTL).await.unwrap(), Begun::Fresh(_)));
}

#[tokio::test]
async fn refuses_the_key_with_another_body_running_or_done() {
    let database = database().await;
    let lease = fresh(&*database, NOW).await;
    let conflict = begin(&*database, &other_body(), NOW, LEASE, TTL).await.unwrap();
    assert_eq!(conflict, Begun::Conflict);
    complete(&*database, &lease, &answer(), NOW, TTL).await.unwrap();
    assert_eq!(begin(&*database, &other_body(), NOW, LEASE, TTL).await.unwrap(), Begun::Conflict);
}

#[tokio::test]
async fn lets_the_second_of_two_wait_and_then_replay() {
    let database = database().await;
    let lease = fresh(&*database, NOW).await;
    let second = || begin(&*database, &ATTEMPT, NOW + 1, LEASE, TTL);
    assert_eq!(second().await.unwrap(), Begun::Wait { until: NOW + LEASE });
    complete(&*database, &lease, &answer(), NOW + 2, TTL).await.unwrap();
    assert_eq!(second().await.unwrap(), Begun::Replay(answer()));
}

#[tokio::test]
async fn hands_a_dead_runners_key_on_and_ignores_its_late_answer() {
    let database = database().await;
    let dead = fresh(&*database, NOW).await;
    let heir = fresh(&*database, NOW + LEASE).await;
    assert!(!complete(&*database, &dead, &answer(), NOW + LEASE, TTL).await.unwrap());
    abandon(&*database, &dead).await.unwrap();
    assert!(complete(&*database, &heir, &answer(), NOW + LEASE, TTL).await.unwrap());
}

#[tokio::test]
async fn starts_afresh_after_a_failure() {
    let database = database().await;
    let lease = fresh(&*database, NOW).await;
    abandon(&*database, &lease).await.unwrap();
    fresh(&*database, NOW).await;
}

#[tokio::test]
async fn keeps_keys_and_operations_apart() {
    let database = database().await;
    fresh(&*database, NOW).await;
    for (operation, key) in [("ingest", "other"), ("tts", "k")] {
        let attempt = Attempt { operation, key, request_hash: "x" };
        assert!(matches!(begin(&*database, &attempt, NOW, LEASE, TTL).await.unwrap(), Begun::Fresh(_)));
    }
}

#[tokio::test]
async fn forgets_what_was_running_at_a_restart_and_keeps_answers() {
    let database = database().await;
    let other = Attempt { key: "done", ..ATTEMPT };
    let Begun::Fresh(done) = begin(&*database, &other, NOW, LEASE, TTL).await.unwrap() else { panic!("a new key") };
    complete(&*database, &done, &answer(), NOW, TTL).await.unwrap();
    fresh(&*database, NOW).await;
    assert_eq!(forget_running(&*database).await.unwrap(), 1);
    fresh(&*database, NOW).await;
    assert_eq!(begin(&*database, &other, NOW, LEASE, TTL).await.unwrap(), Begun::Replay(answer()));
}
