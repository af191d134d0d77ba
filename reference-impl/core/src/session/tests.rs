use std::sync::Arc;

use super::store::{Taken, add, give_back, take};
use super::*;
use crate::answer::Citation;
use crate::ids::SessionId;
use crate::ports::{Database, Databases};
use crate::tenancy::SessionSettings;
use crate::testkit::{MemoryDatabases, SeededIds, TestTenants};

fn kept(now: i64) -> Kept {
    Kept { now, ttl_ms: 100, settings: SessionSettings::default() }
}

fn said(speaker: Speaker, content: &str, at: i64) -> Message {
    let citation = Citation {
        marker: 1,
        document_id: "mast".to_owned(),
        chunk_id: "chk_mast".to_owned(),
        quote: "It is tall.".to_owned(),
        chunk_span: 3..14,
        answer_span: 0..11,
        confidence: 0.5,
    };
    let citations = (speaker == Speaker::Assistant).then(|| vec![citation]);
    Message { speaker, content: content.to_owned(), at, citations, tokens: content.split_whitespace().count() }
}

fn exchange(question: &str, at: i64) -> Vec<Message> {
    vec![said(Speaker::User, question, at), said(Speaker::Assistant, "It is tall.", at)]
}

async fn store() -> Arc<dyn Database> {
    MemoryDatabases::new().open(&TestTenants::new().owner()).await.unwrap()
}

fn ids(count: usize) -> Vec<SessionId> {
    let ids = SeededIds::new(5);
    (0..count).map(|_| SessionId::random(&ids)).collect()
}

#[tokio::test]
async fn keeps_what_was_said_in_order_and_apart() {
    let (store, ids) = (store().await, ids(2));
    add(&*store, &ids[0], "a", true, &exchange("  One\n two ", 10), kept(10)).await.unwrap();
    add(&*store, &ids[1], "b", true, &exchange("Other", 11), kept(11)).await.unwrap();
    assert!(matches!(take(&*store, &ids[0], "c", 60, kept(20)).await.unwrap(), Taken::Held(all) if all.len() == 2));
    add(&*store, &ids[0], "c", false, &exchange("Three", 20), kept(20)).await.unwrap();
    let found = read_session(&*store, &ids[0], kept(21)).await.unwrap();
    assert_eq!(found.messages, [exchange("  One\n two ", 10), exchange("Three", 20)].concat());
    let about = found.summary;
    assert_eq!((about.title.as_deref(), about.turns, about.expires_at), (Some("One two"), 4, 120));
    let list = read_list(&*store, None, 10, kept(21)).await.unwrap();
    assert_eq!(list.iter().map(|it| &it.id).collect::<Vec<_>>(), [&ids[0], &ids[1]]);
    let after = SessionPosition { updated_at: 20, id: ids[0].as_str().to_owned() };
    assert_eq!(read_list(&*store, Some(&after), 10, kept(21)).await.unwrap()[0].id, ids[1]);
}

#[tokio::test]
async fn lets_one_turn_in_at_a_time_whoever_asks() {
    let (store, ids) = (store().await, ids(1));
    add(&*store, &ids[0], "a", true, &exchange("One", 10), kept(10)).await.unwrap();
    assert!(matches!(take(&*store, &ids[0], "b", 60, kept(20)).await.unwrap(), Taken::Held(_)));
    assert!(matches!(take(&*store, &ids[0], "c", 61, kept(21)).await.unwrap(), Taken::Busy));
    let late = add(&*store, &ids[0], "c", false, &exchange("Late", 21), kept(21)).await;
    assert!(matches!(late, Err(SessionError::NotFound)), "only who holds it adds to it");
    give_back(&*store, &ids[0], "c").await.unwrap();
    assert!(matches!(take(&*store, &ids[0], "c", 61, kept(22)).await.unwrap(), Taken::Busy), "nor gives it back");
    assert!(matches!(take(&*store, &ids[0], "c", 99, kept(60)).await.unwrap(), Taken::Held(_)), "a hold ends");
    let late = add(&*store, &ids[0], "b", false, &exchange("Late", 61), kept(61)).await;
    assert!(matches!(late, Err(SessionError::NotFound)), "and is lost then");
    assert_eq!(read_session(&*store, &ids[0], kept(61)).await.unwrap().messages, exchange("One", 10));
}

#[tokio::test]
async fn forgets_what_has_expired_save_under_a_turn() {
    let (store, ids) = (store().await, ids(2));
    for id in &ids {
        add(&*store, id, "a", true, &exchange("One", 10), kept(10)).await.unwrap();
    }
    assert!(matches!(take(&*store, &ids[0], "b", 200, kept(109)).await.unwrap(), Taken::Held(_)));
    assert!(matches!(take(&*store, &ids[1], "b", 200, kept(110)).await.unwrap(), Taken::Missing));
    assert!(read_list(&*store, None, 10, kept(110)).await.unwrap().is_empty());
    add(&*store, &ids[0], "b", false, &exchange("Two", 120), kept(120)).await.unwrap();
    assert_eq!(read_session(&*store, &ids[0], kept(219)).await.unwrap().messages.len(), 4);
    assert!(matches!(read_session(&*store, &ids[0], kept(220)).await, Err(SessionError::NotFound)));
}

#[tokio::test]
async fn a_deleted_session_takes_no_turn_that_was_under_way() {
    let (store, ids) = (store().await, ids(1));
    add(&*store, &ids[0], "a", true, &exchange("One", 10), kept(10)).await.unwrap();
    assert!(matches!(take(&*store, &ids[0], "b", 60, kept(20)).await.unwrap(), Taken::Held(_)));
    assert_eq!(remove(&*store, &ids[0], kept(21)).await.unwrap(), 2);
    let late = add(&*store, &ids[0], "b", false, &exchange("Two", 22), kept(22)).await;
    assert!(matches!(late, Err(SessionError::NotFound)));
    assert!(matches!(remove(&*store, &ids[0], kept(23)).await, Err(SessionError::NotFound)));
    let turns = "SELECT count(*) FROM session_turns";
    let left = store.batch(vec![crate::ports::Statement::new(turns, Vec::new())]).await.unwrap();
    assert_eq!(left[0][0][0], crate::ports::Value::Integer(0), "its turns are gone with it");
}

#[tokio::test]
async fn drops_the_oldest_turns_beyond_its_bounds() {
    // Each exchange has 1 + 3 tokens.
    for (max_turns, max_tokens, expected) in [(1000, 1000, 8), (4, 1000, 4), (5, 1000, 5), (1000, 8, 4), (2, 0, 2)] {
        let (store, ids) = (store().await, ids(1));
        let settings = SessionSettings { max_turns, max_tokens, context_tokens: 0 };
        for (at, question) in (10..).zip(["One", "Two", "Three", "Four"]) {
            let kept = Kept { settings, ..kept(at) };
            if at > 10 {
                assert!(matches!(take(&*store, &ids[0], "a", 90, kept).await.unwrap(), Taken::Held(_)));
            }
            add(&*store, &ids[0], "a", at == 10, &exchange(question, at), kept).await.unwrap();
        }
        let found = read_session(&*store, &ids[0], kept(20)).await.unwrap();
        assert_eq!(
            (found.messages.len(), found.summary.turns as usize),
            (expected, expected),
            "{max_turns} {max_tokens}"
        );
        assert_eq!(found.messages[expected - 2].content, "Four", "the last exchange is whole");
    }
}
