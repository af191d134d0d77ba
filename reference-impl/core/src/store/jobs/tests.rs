use std::sync::Arc;

use contract_types::ErrorCode;
use serde_json::json;

use super::*;
use crate::ports::Databases as _;
use crate::testkit::{MemoryDatabases, SeededIds, TestTenants};

const NOW: UnixMillis = 1_767_225_600_000;
const TTL: i64 = 4_000;

async fn database() -> Arc<dyn Database> {
    MemoryDatabases::new().open(&TestTenants::new().owner()).await.unwrap()
}

fn new_job(seed: u64, scope: Scope) -> NewJob {
    let items = vec!["doc-1".to_owned(), "doc-2".to_owned()];
    NewJob { id: JobId::random(&SeededIds::new(seed)), kind: JobKind::Ingest, scope, request: json!({"n": 1}), items }
}

fn outcome(id: &str, status: JobStatus, error: Option<JobFailure>) -> JobItem {
    JobItem { id: id.to_owned(), status, error }
}

fn broken() -> JobFailure {
    JobFailure { code: ErrorCode::ValidationError, message: "not JSON".to_owned() }
}

#[tokio::test]
async fn follows_a_job_from_the_queue_to_its_forgotten_result() {
    let database = database().await;
    let new = new_job(1, Scope::IngestWrite);
    let job = create(&*database, &new, NOW).await.unwrap();
    assert_eq!((job.status, job.done, job.total, job.expires_at), (JobStatus::Queued, 0, 2, None));
    assert_eq!(result(&*database, &job.id, NOW).await.unwrap(), Some(JobResult::NotReady));

    let Claimed { job: claimed, request, so_far } = claim_next(&*database, NOW + 1).await.unwrap().unwrap();
    assert_eq!(so_far, None);
    assert_eq!((claimed.id, claimed.status, request), (job.id.clone(), JobStatus::Running, new.request));
    assert!(claim_next(&*database, NOW + 1).await.unwrap().is_none(), "a second runner got the same job");

    let first = outcome("doc-1", JobStatus::Succeeded, None);
    let items = [first.clone(), outcome("doc-2", JobStatus::Running, None)];
    assert!(progress(&*database, &job.id, &items, NOW + 2).await.unwrap());
    assert_eq!(get(&*database, &job.id, NOW + 2).await.unwrap().unwrap().done, 1);

    let items = [first, outcome("doc-2", JobStatus::Failed, Some(broken()))];
    let ending = Ending::Succeeded(json!({"documents": []}));
    assert!(finish(&*database, &job.id, &items, &ending, NOW + 3, TTL).await.unwrap());
    let ended = get(&*database, &job.id, NOW + 3).await.unwrap().unwrap();
    assert_eq!((ended.status, ended.done, ended.expires_at), (JobStatus::Succeeded, 2, Some(NOW + 3 + TTL)));
    assert_eq!(ended.items, items);
    let last = NOW + 3 + TTL - 1;
    let ready = JobResult::Ready(json!({"documents": []}));
    assert_eq!(result(&*database, &job.id, last).await.unwrap(), Some(ready));
    assert_eq!(result(&*database, &job.id, last + 1).await.unwrap(), None);
    assert_eq!(get(&*database, &job.id, last + 1).await.unwrap(), None);
}

#[tokio::test]
async fn keeps_why_a_job_failed() {
    let database = database().await;
    let job = create(&*database, &new_job(1, Scope::IngestWrite), NOW).await.unwrap();
    claim_next(&*database, NOW).await.unwrap();
    assert!(finish(&*database, &job.id, &[], &Ending::Failed(broken()), NOW, TTL).await.unwrap());
    assert_eq!(get(&*database, &job.id, NOW).await.unwrap().unwrap().error, Some(broken()));
    assert_eq!(result(&*database, &job.id, NOW).await.unwrap(), Some(JobResult::Absent(Some(broken()))));
}

#[tokio::test]
async fn stops_the_runner_of_a_cancelled_job() {
    let database = database().await;
    let job = create(&*database, &new_job(1, Scope::IngestWrite), NOW).await.unwrap();
    claim_next(&*database, NOW).await.unwrap();
    let cancelled = cancel(&*database, &job.id, NOW + 1, TTL).await.unwrap().unwrap();
    assert_eq!(cancelled.status, JobStatus::Cancelled);
    assert!(!progress(&*database, &job.id, &[], NOW + 2).await.unwrap());
    assert!(!finish(&*database, &job.id, &[], &Ending::Failed(broken()), NOW + 2, TTL).await.unwrap());
    assert_eq!(result(&*database, &job.id, NOW + 2).await.unwrap(), Some(JobResult::Absent(None)));
}

#[tokio::test]
async fn leaves_an_ended_job_as_it_is_when_cancelled() {
    let database = database().await;
    let job = create(&*database, &new_job(1, Scope::IngestWrite), NOW).await.unwrap();
    claim_next(&*database, NOW).await.unwrap();
    finish(&*database, &job.id, &[], &Ending::Succeeded(json!(1)), NOW, TTL).await.unwrap();
    let before = get(&*database, &job.id, NOW).await.unwrap();
    assert_eq!(cancel(&*database, &job.id, NOW + 1, TTL).await.unwrap(), before);
    let nowhere = JobId::random(&SeededIds::new(9));
    assert_eq!(cancel(&*database, &nowhere, NOW, TTL).await.unwrap(), None);
}

#[tokio::test]
async fn lists_newest_first_page_by_page_and_only_in_scope() {
    let database = database().await;
    let mut expected = Vec::new();
    for seed in 0..5 {
        let job = create(&*database, &new_job(seed, Scope::IngestWrite), NOW + i64::try_from(seed / 2).unwrap()).await;
        expected.push(job.unwrap());
    }
    create(&*database, &new_job(9, Scope::TtsWrite), NOW).await.unwrap();
    expected.sort_by_key(|job| std::cmp::Reverse((job.created_at, job.id.clone())));
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = list(&*database, &[Scope::IngestWrite, Scope::ToolsExecute], after.as_ref(), 2, NOW).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(JobPosition { created_at: last.created_at, id: last.id.clone() });
        listed.extend(page);
    }
    assert_eq!(listed, expected);
    assert!(list(&*database, &[], None, 10, NOW).await.unwrap().is_empty());
}

#[tokio::test]
async fn queues_interrupted_jobs_again_and_runs_the_oldest_first() {
    let database = database().await;
    let older = create(&*database, &new_job(1, Scope::IngestWrite), NOW).await.unwrap();
    create(&*database, &new_job(2, Scope::IngestWrite), NOW + 1).await.unwrap();
    claim_next(&*database, NOW + 2).await.unwrap();
    assert_eq!(resume(&*database, NOW + 3).await.unwrap(), 1);
    assert_eq!(claim_next(&*database, NOW + 4).await.unwrap().unwrap().job.id, older.id);
}

#[tokio::test]
async fn counts_a_job_without_items_as_one_part() {
    let database = database().await;
    let new = NewJob { kind: JobKind::Speech, items: Vec::new(), ..new_job(1, Scope::TtsWrite) };
    let job = create(&*database, &new, NOW).await.unwrap();
    assert_eq!((job.done, job.total), (0, 1));
    claim_next(&*database, NOW).await.unwrap();
    finish(&*database, &job.id, &[], &Ending::Succeeded(json!(1)), NOW, TTL).await.unwrap();
    assert_eq!(get(&*database, &job.id, NOW).await.unwrap().unwrap().done, 1);
}

#[tokio::test]
async fn refuses_a_job_over_the_bound_until_one_of_the_open_ones_ends() {
    let database = database().await;
    let first = create(&*database, &new_job(0, Scope::IngestWrite), NOW).await.unwrap();
    for seed in 1..u64::from(MAX_OPEN) {
        create(&*database, &new_job(seed, Scope::IngestWrite), NOW + 1).await.unwrap();
    }
    claim_next(&*database, NOW + 2).await.unwrap();
    let one_more = || new_job(u64::from(MAX_OPEN), Scope::IngestWrite);
    let refused = create(&*database, &one_more(), NOW + 2).await.unwrap_err();
    assert!(matches!(refused, StoreError::TooManyJobs { limit: MAX_OPEN }), "{refused:?}");
    assert_eq!(refused.code(), ErrorCode::RateLimited);
    assert_eq!(get(&*database, &one_more().id, NOW + 2).await.unwrap(), None);
    finish(&*database, &first.id, &[], &Ending::Succeeded(json!(1)), NOW + 3, TTL).await.unwrap();
    create(&*database, &one_more(), NOW + 3).await.unwrap();
}

#[tokio::test]
async fn leaves_no_item_of_a_cancelled_job_open() {
    let database = database().await;
    let job = create(&*database, &new_job(1, Scope::IngestWrite), NOW).await.unwrap();
    claim_next(&*database, NOW).await.unwrap();
    let items = [outcome("doc-1", JobStatus::Succeeded, None), outcome("doc-2", JobStatus::Running, None)];
    progress(&*database, &job.id, &items, NOW).await.unwrap();
    let cancelled = cancel(&*database, &job.id, NOW + 1, TTL).await.unwrap().unwrap();
    assert_eq!((&cancelled.items[0], cancelled.done), (&items[0], 2));
    assert!(cancelled.items[1].status == JobStatus::Failed && cancelled.items[1].error.is_some());
    let new = NewJob { items: Vec::new(), ..new_job(2, Scope::TtsWrite) };
    let whole = create(&*database, &new, NOW).await.unwrap();
    let cancelled = cancel(&*database, &whole.id, NOW + 1, TTL).await.unwrap().unwrap();
    assert!(cancelled.items.is_empty() && cancelled.done == 0);
}

#[tokio::test]
async fn keeps_place_items_and_what_is_known_of_a_job_that_waits() {
    let database = database().await;
    let job = create(&*database, &new_job(1, Scope::IngestWrite), NOW).await.unwrap();
    assert!(!requeue(&*database, &job.id, &job.items, &json!(1), NOW).await.unwrap(), "it is not running");
    claim_next(&*database, NOW).await.unwrap();
    let mut items = job.items.clone();
    items[0].status = JobStatus::Succeeded;
    assert!(requeue(&*database, &job.id, &items, &json!({"a": 1}), NOW + 1).await.unwrap());
    let waits = get(&*database, &job.id, NOW + 1).await.unwrap().unwrap();
    assert_eq!((waits.status, &waits.items), (JobStatus::Queued, &items));
    assert!(matches!(result(&*database, &job.id, NOW + 1).await.unwrap(), Some(JobResult::NotReady)));
    let claimed = claim_next(&*database, NOW + 2).await.unwrap().unwrap();
    assert_eq!((claimed.job.id, claimed.so_far), (job.id, Some(json!({"a": 1}))));
}
