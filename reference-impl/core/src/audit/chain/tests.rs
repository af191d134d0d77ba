use super::super::verify::{Broken, verify};
use super::*;
use crate::ids::AuditId;
use crate::ports::Databases;
use crate::testkit::{MemoryDatabases, SeededIds, TestTenants};

fn called(ids: &SeededIds, tenant: &TenantId) -> Called {
    Called {
        id: AuditId::random(ids).as_str().to_owned(),
        at: record::time(1_767_225_600_125),
        tenant: tenant.as_str().to_owned(),
        principal: format!("hmac-sha256:{}", "0".repeat(64)),
        tool: "summarize".to_owned(),
        arguments_hash: format!("hmac-sha256:{}", "1".repeat(64)),
        request_id: "r".to_owned(),
        trace_id: None,
    }
}

struct Desk {
    tenants: TestTenants,
    journal: Journal,
    ids: SeededIds,
    database: Arc<dyn Database>,
}

async fn desk() -> Desk {
    let tenants = TestTenants::new();
    let database = MemoryDatabases::new().open(&tenants.owner()).await.unwrap();
    Desk { tenants, journal: Journal::default(), ids: SeededIds::new(5), database }
}

impl Desk {
    async fn write(&self, outcome: Outcome) -> Called {
        let owner = self.tenants.owner();
        let called = called(&self.ids, owner.id());
        self.journal.close(owner.id(), &*self.database, &called, outcome, 8250).await.unwrap();
        called
    }

    async fn sql(&self, sql: &'static str) -> Result<Vec<Vec<Row>>, DatabaseError> {
        self.database.batch(vec![Statement::new(sql, Vec::new())]).await
    }

    async fn verify(&self) -> Result<super::super::Verified, Broken> {
        verify(&*self.database, self.tenants.owner().id().as_str(), None).await
    }
}

#[tokio::test]
async fn chains_records_and_pages_through_them() {
    let desk = desk().await;
    for _ in 0..3 {
        desk.write(Outcome::Succeeded).await;
    }
    let page = Journal::list(&*desk.database, None, 2).await.unwrap();
    assert_eq!(page.iter().map(|(sequence, _)| *sequence).collect::<Vec<_>>(), [3, 2]);
    assert_eq!(page[0].1["previous_hash"], page[1].1["hash"]);
    assert_eq!(page[0].1["latency_ms"], 8.25);
    let last = Journal::list(&*desk.database, Some(2), 2).await.unwrap();
    assert_eq!((last.len(), &last[0].1["previous_hash"]), (1, &Json::from(FIRST_PREVIOUS)));
    assert_eq!(desk.verify().await.unwrap().records, 3);
}

#[tokio::test]
async fn records_a_call_once_whoever_closes_it() {
    let desk = desk().await;
    let owner = desk.tenants.owner();
    let called = desk.write(Outcome::Cancelled).await;
    desk.journal.close(owner.id(), &*desk.database, &called, Outcome::Succeeded, 1).await.unwrap();
    let records = Journal::list(&*desk.database, None, 10).await.unwrap();
    assert_eq!((records.len(), &records[0].1["outcome"]), (1, &Json::from("cancelled")));
}

#[tokio::test]
async fn makes_no_fork_of_many_at_once() {
    let desk = desk().await;
    futures_util::future::join_all((0..50).map(|_| desk.write(Outcome::Succeeded))).await;
    assert_eq!(desk.verify().await.unwrap().records, 50);
}

#[tokio::test]
async fn makes_no_fork_of_many_that_take_no_turns() {
    let desk = Desk { journal: Journal::apart(), ..desk().await };
    futures_util::future::join_all((0..50).map(|_| desk.write(Outcome::Succeeded))).await;
    assert_eq!(desk.verify().await.unwrap().records, 50);
}

#[tokio::test]
async fn finds_an_open_call_as_unknown_after_a_restart() {
    let desk = desk().await;
    let owner = desk.tenants.owner();
    let (ended, lost) = (called(&desk.ids, owner.id()), called(&desk.ids, owner.id()));
    for called in [&ended, &lost] {
        desk.journal.open(&*desk.database, called).await.unwrap();
    }
    desk.journal.close(owner.id(), &*desk.database, &ended, Outcome::Succeeded, 1).await.unwrap();
    let again = Journal::default();
    assert_eq!(again.settle(owner.id(), &*desk.database).await.unwrap(), 1);
    assert_eq!(again.settle(owner.id(), &*desk.database).await.unwrap(), 0);
    let records = Journal::list(&*desk.database, None, 10).await.unwrap();
    let outcomes: Vec<_> = records.iter().map(|(_, it)| it["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["unknown", "succeeded"]);
}

#[tokio::test]
async fn lets_no_record_be_changed_or_deleted() {
    let desk = desk().await;
    desk.write(Outcome::Succeeded).await;
    for sql in ["DELETE FROM audit", "UPDATE audit SET record = '{}'"] {
        assert!(matches!(desk.sql(sql).await, Err(DatabaseError::Refused { .. })), "{sql}");
    }
}

#[tokio::test]
async fn names_the_first_record_that_was_tampered_with() {
    type Check = fn(&Broken) -> bool;
    let table: [(&'static str, Check); 3] = [
        ("DELETE FROM audit WHERE sequence = 2", |it| matches!(it, Broken::Gap { expected: 2, found: 3 })),
        ("UPDATE audit SET record = replace(record, 'succeeded', 'denied') WHERE sequence = 2", |it| {
            matches!(it, Broken::Changed { sequence: 2 })
        }),
        ("DELETE FROM audit WHERE sequence = 1", |it| matches!(it, Broken::Gap { expected: 1, found: 2 })),
    ];
    for (tamper, expected) in table {
        let desk = desk().await;
        for _ in 0..4 {
            desk.write(Outcome::Succeeded).await;
        }
        // As someone with the file would who knows the schema.
        for sql in ["DROP TRIGGER audit_is_not_changed", "DROP TRIGGER audit_is_not_deleted", tamper] {
            desk.sql(sql).await.unwrap();
        }
        let broken = desk.verify().await.unwrap_err();
        assert!(expected(&broken), "{tamper}: {broken}");
    }
}

#[tokio::test]
async fn sees_a_record_that_was_written_anew_with_a_fitting_hash() {
    let desk = desk().await;
    for _ in 0..3 {
        desk.write(Outcome::Succeeded).await;
    }
    let rows = desk.sql("SELECT record FROM audit WHERE sequence = 2").await.unwrap();
    let Value::Text(record) = &rows[0][0][0] else { panic!("text") };
    let forged = record.replace("succeeded", "denied");
    desk.sql("DROP TRIGGER audit_is_not_changed").await.unwrap();
    let params = vec![text(&forged), Value::Text(record::hash(&forged))];
    let sql = "UPDATE audit SET record = ?1, hash = ?2 WHERE sequence = 2";
    desk.database.batch(vec![Statement::new(sql, params)]).await.unwrap();
    assert!(matches!(desk.verify().await.unwrap_err(), Broken::Unlinked { sequence: 3 }));
}

#[tokio::test]
async fn sees_an_end_that_was_cut_off_by_the_head_of_an_earlier_look() {
    let desk = desk().await;
    for _ in 0..3 {
        desk.write(Outcome::Succeeded).await;
    }
    let head = desk.verify().await.unwrap().head;
    desk.sql("DROP TRIGGER audit_is_not_deleted").await.unwrap();
    desk.sql("DELETE FROM audit WHERE sequence = 3").await.unwrap();
    assert_eq!(desk.verify().await.unwrap().records, 2, "what is left holds by itself");
    let owner = desk.tenants.owner();
    let cut = verify(&*desk.database, owner.id().as_str(), Some(&head)).await.unwrap_err();
    assert!(matches!(cut, Broken::CutOff { .. }));
}
