//! What happens to one request while another one changes what it is at.

use super::*;
use crate::ports::{Database, DatabaseError, Databases, Row, Statement};

/// What happens once, right before the first batch with a statement that holds the text.
type Race = (&'static str, BoxFuture<'static, ()>);

struct Racing {
    databases: Arc<dyn Databases>,
    races: Arc<Mutex<Vec<Race>>>,
}

struct RacingDatabase {
    database: Arc<dyn Database>,
    races: Arc<Mutex<Vec<Race>>>,
}

impl Databases for Racing {
    fn open<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, Result<Arc<dyn Database>, DatabaseError>> {
        Box::pin(async move {
            let database = self.databases.open(tenant).await?;
            Ok(Arc::new(RacingDatabase { database, races: Arc::clone(&self.races) }) as Arc<dyn Database>)
        })
    }

    fn destroy<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, Result<(), DatabaseError>> {
        self.databases.destroy(tenant)
    }
}

impl Database for RacingDatabase {
    fn batch(&self, statements: Vec<Statement>) -> BoxFuture<'_, Result<Vec<Vec<Row>>, DatabaseError>> {
        Box::pin(async move {
            let race = {
                let mut races = self.races.lock().unwrap();
                let met = races.iter().position(|(text, _)| statements.iter().any(|it| it.sql.contains(text)));
                met.map(|at| races.remove(at))
            };
            if let Some((_, happening)) = race {
                happening.await;
            }
            self.database.batch(statements).await
        })
    }
}

/// A platform over the house's ports to which `races` happen.
fn raced(house: &House, races: Vec<Race>) -> Platform {
    let ports = house.platform.ports().clone();
    let races = Arc::new(Mutex::new(races));
    let databases: Arc<dyn Databases> = Arc::new(Racing { databases: Arc::clone(&ports.databases), races });
    Platform::new(Ports { databases, ..ports }, &[7; 32], INDEX_BYTES)
}

#[tokio::test]
async fn sees_a_document_that_is_replaced_again_and_again() {
    for stage in ["SELECT rowid, -bm25", "SELECT span_start"] {
        for mode in [RetrievalMode::Lexical, RetrievalMode::Hybrid] {
            let (house, owner) = filled().await;
            let races = (1..=6_u32).map(|days| {
                let (platform, owner) = (Arc::clone(&house.platform), owner.clone());
                let text = format!("A customer may ask for a refund within {days} days.");
                let happening: BoxFuture<'static, ()> = Box::pin(async move {
                    let new = [document("refund", &text, &json!({}))];
                    platform.ingest(&owner, &new, ChunkOptions::default()).await.unwrap();
                });
                (stage, happening)
            });
            let platform = raced(&house, races.collect());
            let request = RetrieveRequest { mode: Some(mode), ..RetrieveRequest::new("customer refund") };
            let found = platform.retrieve(&owner, &request).await.unwrap();
            assert!(found.chunks[0].text.contains("within 6 days"), "{stage} {mode}: {:?}", found.chunks);
        }
    }
}

#[tokio::test]
async fn writes_nothing_for_a_job_that_is_cancelled_before_the_write() {
    let house = house();
    let owner = house.tenants.owner();
    let job = house.platform.start_ingest_job(&owner, &corpus(), ChunkOptions::default()).await.unwrap();
    let (platform, caller, id) = (Arc::clone(&house.platform), owner.clone(), job.id.clone());
    let cancel: BoxFuture<'static, ()> = Box::pin(async move {
        platform.cancel_job(&caller, id.as_str()).await.unwrap();
    });
    assert_eq!(raced(&house, vec![("INSERT INTO documents", cancel)]).run_jobs(&owner).await.unwrap(), 1);
    assert!(house.platform.list_documents(&owner, 10, None).await.unwrap().items.is_empty());
    let ended = house.platform.get_job(&owner, job.id.as_str()).await.unwrap();
    assert_eq!(ended.status, JobStatus::Cancelled);
    assert!(ended.items.iter().all(|item| item.status == JobStatus::Failed && item.error.is_some()));
}

#[tokio::test]
async fn runs_the_jobs_of_a_tenant_with_one_runner() {
    let house = house();
    let owner = house.tenants.owner();
    let mut jobs = Vec::new();
    for document in corpus() {
        jobs.push(house.platform.start_ingest_job(&owner, &[document], ChunkOptions::default()).await.unwrap());
    }
    let runners: Vec<_> = house.later.0.lock().unwrap().drain(..).collect();
    assert_eq!(runners.len(), 1);
    for runner in runners {
        runner.await;
    }
    for job in jobs {
        let ended = house.platform.get_job(&owner, job.id.as_str()).await.unwrap();
        assert_eq!(ended.status, JobStatus::Succeeded);
    }
    house.platform.start_ingest_job(&owner, &corpus(), ChunkOptions::default()).await.unwrap();
    assert_eq!(house.later.0.lock().unwrap().len(), 1, "the next job finds a runner again");
}
