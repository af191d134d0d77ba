use std::sync::Arc;

use super::*;
use crate::ports::{
    BoxFuture, Clock, Database, DatabaseError, Databases, MemoryKeyValue, Row, Scores, Statement, Value,
};
use crate::tenancy::{RequestMark, TenantContext};
use crate::testkit::{ManualClock, MemoryDatabases, SeededIds, TestTenants};

const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn point() -> TracePoint {
    TracePoint::parse(CALLER).unwrap()
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::default())
}

/// A tenant within a request, and its trail.
fn traced(sampled: bool) -> (TenantContext, Option<Arc<Trail>>) {
    let trace = TracePoint { sampled, ..point() };
    let trail = sampled.then(|| Trail::new(trace.span_id, clock()));
    let mark =
        RequestMark { request_id: "r-1".to_owned(), trace, state: None, deadline_us: None, trail: trail.clone() };
    (TestTenants::new().owner().for_request(mark), trail)
}

#[test]
fn reads_valid_traces_and_no_others() {
    assert_eq!(point().to_string(), CALLER);
    let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    assert!(TracePoint::parse(&format!("01-{trace}-{parent}-00-later")).is_some_and(|it| !it.sampled));
    for bad in [
        format!("00-{}-{parent}-01", "0".repeat(32)),
        format!("00-{trace}-{}-01", "0".repeat(16)),
        format!("ff-{trace}-{parent}-01"),
        format!("00-{}-{parent}-01", trace.to_uppercase()),
        format!("00-{trace}-{parent}-01-extra"),
        format!("00-{trace}-{parent}-1"),
        format!("00-{trace}-+0f067aa0ba902b7-01"),
        "00-zz-11-01".to_owned(),
        String::new(),
    ] {
        assert_eq!(TracePoint::parse(&bad), None, "{bad}");
    }
}

#[test]
fn a_share_of_the_traces_is_drawn_by_their_ids_alone() {
    let ids = SeededIds::new(3);
    let drawn = |ratio: f64| {
        let of = |_| {
            let mut bytes = [0; 16];
            crate::ports::Ids::fill(&ids, &mut bytes);
            let trace = TracePoint { trace_id: u128::from_be_bytes(bytes), ..point() };
            assert_eq!(trace.falls_within(ratio), trace.at(9).falls_within(ratio));
            usize::from(trace.falls_within(ratio))
        };
        (0..4000).map(of).sum::<usize>()
    };
    assert_eq!((drawn(0.0), drawn(1.0), drawn(-1.0), drawn(2.0)), (0, 4000, 0, 4000));
    let tenth = drawn(0.1);
    assert!((320..480).contains(&tenth), "{tenth}");
}

#[test]
fn steps_stand_under_the_steps_that_they_are_part_of() {
    let (owner, trail) = traced(true);
    let (within, outer) = owner.step(StepName::Retrieve);
    let (innermost, inner) = within.step(StepName::Embed);
    assert_ne!(innermost.traceparent(), within.traceparent());
    inner.end(StepOutcome::TimedOut);
    outer.end(StepOutcome::Ok);
    drop(owner.step(StepName::Tool));
    let taken = trail.unwrap().taken();
    let told: Vec<_> = taken.iter().map(|step| (step.name, step.outcome)).collect();
    assert_eq!(
        told,
        [
            (StepName::Retrieve, StepOutcome::Ok),
            (StepName::Embed, StepOutcome::TimedOut),
            (StepName::Tool, StepOutcome::Error),
        ],
        "in the order of their starts, and what is dropped was cut off"
    );
    assert_eq!(taken[0].parent, None);
    assert_eq!(taken[1].parent.unwrap().get(), taken[0].span_id);
    assert_eq!(innermost.traceparent().unwrap(), point().at(taken[1].span_id).to_string());
    assert_eq!(owner.traceparent().unwrap(), CALLER);
}

#[test]
fn work_that_is_not_sampled_leaves_no_steps_and_still_tells_its_trace() {
    let (owner, _) = traced(false);
    let (within, step) = owner.step(StepName::Embed);
    step.end(StepOutcome::Ok);
    assert!(!within.is_traced());
    assert_eq!(within.traceparent().as_deref(), Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"));
    assert_eq!(within.beside_request().traceparent(), None);
}

#[test]
fn keeps_a_bounded_number_of_steps_of_which_no_two_share_an_id() {
    let (owner, trail) = traced(true);
    (0..1000).for_each(|_| owner.step(StepName::Database).1.end(StepOutcome::Ok));
    let ids: std::collections::BTreeSet<u64> = trail.unwrap().taken().iter().map(|step| step.span_id).collect();
    assert_eq!(ids.len(), 256);
}

#[tokio::test]
async fn calls_of_stores_are_steps_where_work_is_sampled() {
    for sampled in [true, false] {
        let (owner, trail) = traced(sampled);
        let databases = traced_databases(Arc::new(MemoryDatabases::default()));
        let database = databases.open(&owner).await.unwrap();
        database.batch(vec![Statement::new("SELECT 1", Vec::new())]).await.unwrap();
        assert!(database.batch(vec![Statement::guard("SELECT 1 WHERE 0", Vec::new())]).await.is_err());
        assert!(database.batch(vec![Statement::new("SELECT x", Vec::new())]).await.is_err());
        let cache = traced_key_value(Arc::new(MemoryKeyValue::new(1024)));
        cache.put(&owner, "key", "value".to_owned(), i64::MAX).await.unwrap();
        let told: Vec<_> = trail.iter().flat_map(|it| it.taken()).map(|it| (it.name, it.outcome)).collect();
        let (store, cache) = (StepName::Database, StepName::Cache);
        let all =
            [(store, StepOutcome::Ok), (store, StepOutcome::Ok), (store, StepOutcome::Error), (cache, StepOutcome::Ok)];
        assert_eq!(told, if sampled { &all[..] } else { &[] });
    }
}

/// A host that answers each way of asking in its own way.
struct ByWay;

impl Database for ByWay {
    fn batch(&self, _: Vec<Statement>) -> BoxFuture<'_, Result<Vec<Vec<Row>>, DatabaseError>> {
        Box::pin(async { Ok(vec![vec![vec![Value::Integer(1)]]]) })
    }

    fn batch_counts(&self, _: Vec<Statement>) -> BoxFuture<'_, Result<Vec<Vec<Row>>, DatabaseError>> {
        Box::pin(async { Ok(vec![vec![vec![Value::Integer(2)]]]) })
    }

    fn read_scores(&self, _: Statement, _: Statement) -> BoxFuture<'_, Result<(Scores, Vec<Row>), DatabaseError>> {
        Box::pin(async { Ok((vec![(4, 0.5)], Vec::new())) })
    }

    fn read_state(&self, _: &'static [&'static str]) -> BoxFuture<'_, Result<Arc<Vec<Vec<Row>>>, DatabaseError>> {
        Box::pin(async { Ok(Arc::new(vec![vec![vec![Value::Integer(3)]]])) })
    }
}

impl Databases for ByWay {
    fn open<'a>(&'a self, _: &'a TenantContext) -> BoxFuture<'a, Result<Arc<dyn Database>, DatabaseError>> {
        Box::pin(async { Ok(Arc::new(Self) as Arc<dyn Database>) })
    }

    fn destroy<'a>(&'a self, _: &'a TenantContext) -> BoxFuture<'a, Result<(), DatabaseError>> {
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test]
async fn a_traced_database_is_asked_in_the_way_that_was_meant() {
    let (owner, trail) = traced(true);
    let database = traced_databases(Arc::new(ByWay)).open(&owner).await.unwrap();
    let batch = database.batch(Vec::new()).await.unwrap();
    let counts = database.batch_counts(Vec::new()).await.unwrap();
    let state = database.read_state(&["SELECT 1"]).await.unwrap();
    let select = || Statement::new("SELECT 1", Vec::new());
    let scores = database.read_scores(select(), select()).await.unwrap().0;
    let told = [&batch, &counts, &*state].map(|rows| rows[0][0][0].clone());
    assert_eq!((told, scores), ([1, 2, 3].map(Value::Integer), vec![(4, 0.5)]));
    assert_eq!(trail.unwrap().taken().len(), 4, "each of them is a step");
}

#[test]
fn work_remembers_the_request_that_started_it() {
    let (owner, _) = traced(true);
    let work = WorkOrigin::stamp(&owner, serde_json::json!({"documents": []}));
    let origin = WorkOrigin::read(&work).unwrap();
    assert_eq!((origin.request_id.as_str(), origin.trace), ("r-1", point()));
    assert_eq!(WorkOrigin::read(&WorkOrigin::stamp(&owner.beside_request(), serde_json::json!({}))), None);
    let job = (crate::ids::JobId::random(&SeededIds::new(1)), crate::store::jobs::JobKind::Ingest);
    let (within, followed) = Followed::begin(&owner.beside_request(), job, &work, &clock(), &SeededIds::new(2));
    assert!(followed.is_some() && within.is_traced());
    assert!(within.traceparent().unwrap().starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
    assert_eq!(within.request().unwrap().deadline_us, None);
}
