//! What is left of a tenant that was deleted: nothing.

use super::audio::{Shelf, speaking, speech_of, spoken};
use super::*;
use crate::ports::{Statement, Value};
use crate::store::jobs;
use crate::tenancy::Candidates;
use crate::testkit::MemoryVectors;

/// A speaking house with an index elsewhere that every tenant has chosen, and what lies there of both tenants.
async fn full() -> (House, Arc<Shelf>, Arc<MemoryVectors>) {
    let (shelf, vectors) = (Arc::new(Shelf::default()), Arc::new(MemoryVectors::default()));
    let House { platform, tenants, embedder, writer, later } = speaking(Some(&shelf));
    for tenant in [tenants.owner(), tenants.stranger()] {
        let mut settings = TenantSettings::clone(tenant.settings());
        settings.vectors.candidates = Candidates::Vectorize;
        tenants.registry.replace(settings).unwrap();
    }
    let platform = Arc::into_inner(platform).expect("nobody else has it yet").with_vectors(Arc::clone(&vectors) as _);
    let house = House { platform: Arc::new(platform), tenants, embedder, writer, later };
    for tenant in [house.tenants.owner(), house.tenants.stranger()] {
        house.platform.ingest(&tenant, &corpus(), ChunkOptions::default()).await.unwrap();
        house
            .platform
            .ingest(&tenant, &[document("bell", "Rings.", &json!({}))], ChunkOptions::default())
            .await
            .unwrap();
        house.platform.delete_document(&tenant, "bell").await.unwrap();
        settled(&house).await;
        spoken(&house, &tenant).await;
        search(&house, &tenant, "How long does the warranty last?").await;
    }
    (house, shelf, vectors)
}

/// Runs what was left to be done beside requests.
async fn settled(house: &House) {
    loop {
        let work = std::mem::take(&mut *house.later.0.lock().unwrap());
        if work.is_empty() {
            return;
        }
        for work in work {
            work.await;
        }
    }
}

async fn rows(house: &House, tenant: &TenantContext) -> i64 {
    let database = house.platform.ports().databases.open(tenant).await.unwrap();
    let count = Statement::new("SELECT (SELECT count(*) FROM chunks) + (SELECT count(*) FROM jobs)", Vec::new());
    let answers = database.batch(vec![count]).await.unwrap();
    let Value::Integer(rows) = answers[0][0][0] else { panic!("a count is an integer: {answers:?}") };
    rows
}

#[tokio::test]
async fn nothing_is_left_in_any_store_and_others_keep_theirs() {
    let (house, shelf, vectors) = full().await;
    let (owner, stranger) = (house.tenants.owner(), house.tenants.stranger());
    let kept = vectors.ids(stranger.id());
    assert!(!vectors.ids(owner.id()).is_empty() && !kept.is_empty() && shelf.count() == 2);

    let erased = house.platform.erase(&owner).await.unwrap();
    assert_eq!((erased.cache, erased.audio), (1, Some(1)));
    assert!(erased.vectors.is_some_and(|told| told >= 4), "{erased:?}");
    assert_eq!((vectors.ids(owner.id()).len(), shelf.count(), rows(&house, &owner).await), (0, 1, 0));
    assert_eq!(house.platform.ports().key_value.figures(&owner).entries, 0);
    assert_eq!(vectors.ids(stranger.id()), kept);
    assert!(rows(&house, &stranger).await > 0 && house.platform.ports().key_value.figures(&stranger).entries == 1);
}

#[tokio::test]
async fn vectors_whose_chunks_are_forgotten_go_too() {
    let (house, _, vectors) = full().await;
    let owner = house.tenants.owner();
    // As an index that was told of a deletion and has not done it, whose tombstones the store has dropped since.
    let database = house.platform.ports().databases.open(&owner).await.unwrap();
    let known = vectors.ids(owner.id());
    for id in ["refund", "warranty"] {
        house.platform.delete_document(&owner, id).await.unwrap();
    }
    house.later.0.lock().unwrap().clear();
    // What a reindexing does: it begins a new epoch, under which nothing is known of what the index was told before.
    let forget =
        ["DELETE FROM tombstones", "UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'index_epoch'"];
    database.batch(forget.map(|sql| Statement::new(sql, Vec::new())).to_vec()).await.unwrap();
    assert_eq!(vectors.ids(owner.id()), known);
    house.platform.erase(&owner).await.unwrap();
    assert!(vectors.ids(owner.id()).is_empty());
}

#[tokio::test]
async fn what_failed_halfway_is_done_when_asked_again() {
    let (house, shelf, vectors) = full().await;
    let owner = house.tenants.owner();
    let before = rows(&house, &owner).await;
    vectors.fail_after(Some(0));
    assert!(matches!(house.platform.erase(&owner).await, Err(EraseError::Vectors { .. })));
    vectors.fail_after(None);
    shelf.down.store(true, Relaxed);
    assert!(matches!(house.platform.erase(&owner).await, Err(EraseError::Audio(_))));
    assert_eq!(rows(&house, &owner).await, before, "the database knows what is left elsewhere");
    shelf.down.store(false, Relaxed);
    house.platform.erase(&owner).await.unwrap();
    assert_eq!((vectors.ids(owner.id()).len(), shelf.count(), rows(&house, &owner).await), (0, 1, 0));
}

#[tokio::test]
async fn a_tenant_that_never_chose_an_index_has_nothing_removed_there() {
    let house = house();
    let erased = house.platform.erase(&house.tenants.owner()).await.unwrap();
    assert_eq!(erased, Erased::default());
}

#[tokio::test]
async fn audio_of_a_job_whose_tenant_went_is_not_left_behind() {
    let shelf = Arc::new(Shelf::default());
    let house = speaking(Some(&shelf));
    let owner = house.tenants.owner();
    let request = speech_of("The doors open at nine.");
    house.platform.speak(&owner, &request, (false, true)).await.unwrap();
    let database = house.platform.ports().databases.open(&owner).await.unwrap();
    let claimed = jobs::claim_next(&*database, house.platform.ports().clock.now(owner.id())).await.unwrap().unwrap();
    house.platform.erase(&owner).await.unwrap();
    // Its runner has begun and knows nothing of that.
    let database = house.platform.ports().databases.open(&owner).await.unwrap();
    house.platform.run_speech_job(&owner, &*database, &claimed.job, &claimed.request).await.unwrap();
    assert_eq!(shelf.count(), 0);
}

#[tokio::test]
async fn vectors_in_memory_keep_the_contract() {
    let tenants = TestTenants::new();
    let (owner, stranger) = (tenants.owner(), tenants.stranger());
    let index = MemoryVectors::default();
    let (clock, timer) = (Arc::clone(&tenants.clock), TestTimer::default());
    crate::ports::contract::assert_vectors_isolate_tenants(&index, &owner, &stranger, &*clock, &timer).await;
}
