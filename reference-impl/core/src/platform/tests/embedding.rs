//! What is embedded, how often, and what becomes of documents while the model is down.

use super::*;

const TWO: &str = "# Oil\n\nThe chain is oiled each spring, and after every ride in the rain or on salted roads; too much oil only \
gathers grit, so wipe it off.\n\n# Air\n\nTyres lose air over the winter; pump them up before the first ride, to the pressure \
that stands on their sides, and once more each week.\n";

async fn asked_by(house: &House, owner: &TenantContext, documents: &[DocumentInput]) -> usize {
    let before = house.embedder.asked.load(Relaxed);
    let report = house.platform.ingest(owner, documents, ChunkOptions::default()).await.unwrap();
    assert!(report.documents.iter().all(|it| it.status != DocumentStatus::Failed), "{report:?}");
    house.embedder.asked.load(Relaxed) - before
}

#[tokio::test]
async fn embeds_only_what_is_new_to_the_tenant() {
    let house = house();
    let (owner, stranger) = (house.tenants.owner(), house.tenants.stranger());
    let first = document("care", TWO, &json!({}));
    assert_eq!(asked_by(&house, &owner, std::slice::from_ref(&first)).await, 2, "two sections, two chunks");
    let changed = TWO.replace("each week", "each month");
    for (case, document, expected) in [
        ("other metadata", document("care", TWO, &json!({"lang": "en"})), 0),
        ("the same text elsewhere", document("copy", TWO, &json!({})), 0),
        ("one changed section", document("care", &changed, &json!({})), 1),
        ("the old one again, from the copy", document("care", TWO, &json!({})), 0),
        ("another heading above the same text", document("care", &TWO.replace("# Air", "# Tyres"), &json!({})), 1),
    ] {
        assert_eq!(asked_by(&house, &owner, &[document]).await, expected, "{case}");
    }
    assert_eq!(asked_by(&house, &stranger, &[first]).await, 2, "another tenant's vectors are no help");
}

#[tokio::test]
async fn embeds_a_text_that_stands_twice_in_a_document_once() {
    let house = house();
    let owner = house.tenants.owner();
    let section = TWO.split_once("# Air").unwrap().0;
    assert_eq!(
        asked_by(&house, &owner, &[document("thrice", &section.repeat(3), &json!({}))]).await,
        2,
        "the last has no end of line"
    );
    let chunks = house.platform.list_chunks(&owner, "thrice", 10, None).await.unwrap().items;
    assert_eq!(chunks.len(), 3);
}

#[tokio::test]
async fn takes_what_it_knows_also_without_the_model() {
    let house = house();
    let owner = house.tenants.owner();
    asked_by(&house, &owner, &[document("care", TWO, &json!({}))]).await;
    house.embedder.down.store(true, Relaxed);
    assert_eq!(asked_by(&house, &owner, &[document("care", TWO, &json!({"seen": true}))]).await, 0);
    let found = house.platform.get_document(&owner, "care").await.unwrap();
    assert_eq!(found.summary.metadata["seen"], json!(true));
    let report =
        house.platform.ingest(&owner, &[document("new", "Unknown.", &json!({}))], ChunkOptions::default()).await;
    assert_eq!(report.unwrap_err().code(), ErrorCode::UpstreamUnavailable);
}

#[tokio::test]
async fn never_takes_a_vector_of_another_length() {
    let house = house();
    let owner = house.tenants.owner();
    asked_by(&house, &owner, &[document("care", TWO, &json!({}))]).await;
    house.embedder.longer.store(true, Relaxed);
    house.embedder.down.store(true, Relaxed);
    let report = house.platform.ingest(&owner, &[document("care", TWO, &json!({}))], ChunkOptions::default()).await;
    assert!(matches!(report, Err(IngestError::Model(_))), "{report:?}");
}

#[tokio::test]
async fn lets_a_job_wait_until_the_model_is_back() {
    let house = house();
    let owner = house.tenants.owner();
    asked_by(&house, &owner, &[document("care", TWO, &json!({}))]).await;
    house.embedder.down.store(true, Relaxed);
    let documents = [document("again", TWO, &json!({})), document("new", "The bell is brass.", &json!({}))];
    let job = house.platform.start_ingest_job(&owner, &documents, ChunkOptions::default()).await.unwrap();
    house.platform.run_jobs(&owner).await.unwrap();
    let waits = house.platform.get_job(&owner, job.id.as_str()).await.unwrap();
    let statuses = |job: &crate::store::jobs::Job| job.items.iter().map(|it| it.status).collect::<Vec<_>>();
    assert_eq!((waits.status, waits.done), (JobStatus::Queued, 1));
    assert_eq!(statuses(&waits), [JobStatus::Succeeded, JobStatus::Queued]);
    assert_eq!(house.later.1.load(Relaxed), 1, "the host is asked to come back");

    house.embedder.down.store(false, Relaxed);
    house.later.0.lock().unwrap().clear();
    assert_eq!((house.platform.wake(), house.platform.wake()), (1, 0), "woken once");
    let work: Vec<_> = house.later.0.lock().unwrap().drain(..).collect();
    for future in work {
        future.await;
    }
    let ended = house.platform.get_job(&owner, job.id.as_str()).await.unwrap();
    assert_eq!((ended.status, ended.done), (JobStatus::Succeeded, 2));
    let report = report_of(&house, &owner, job.id.as_str()).await;
    let outcomes: Vec<_> = report.documents.iter().map(|it| it.status).collect();
    assert_eq!(outcomes, [DocumentStatus::Created, DocumentStatus::Created]);
}

#[tokio::test]
async fn waits_no_longer_than_a_result_is_kept() {
    let house = house();
    let owner = house.tenants.owner();
    house.embedder.down.store(true, Relaxed);
    let documents = [document("new", "The bell is brass.", &json!({}))];
    let job = house.platform.start_ingest_job(&owner, &documents, ChunkOptions::default()).await.unwrap();
    house.platform.run_jobs(&owner).await.unwrap();
    assert_eq!(house.platform.get_job(&owner, job.id.as_str()).await.unwrap().status, JobStatus::Queued);
    house.tenants.clock.advance(owner.id(), u32::try_from(owner.settings().times.result_ttl_ms).unwrap());
    house.platform.run_jobs(&owner).await.unwrap();
    let report = report_of(&house, &owner, job.id.as_str()).await;
    assert_eq!(report.documents[0].error.as_ref().unwrap().code, ErrorCode::UpstreamUnavailable);
}
