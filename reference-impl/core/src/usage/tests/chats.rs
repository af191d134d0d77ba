//! Chats, which are counted while they stream.

use super::*;

fn text(text: &str) -> ChatDelta {
    ChatDelta::Text(text.to_owned())
}

#[tokio::test]
async fn a_chat_is_counted_when_it_ends_by_its_host_or_by_what_was_written() {
    let finish = || ChatDelta::Finish(ChatFinish::Stop);
    let counted = ChatDelta::Usage { tokens_in: 90, tokens_out: 80 };
    for (says, expected) in [
        (vec![text("one two"), text(" three"), finish()], (4, 3)),
        (vec![text("one two"), finish(), counted.clone()], (90, 80)),
        (vec![counted, text("one"), finish()], (90, 80)),
        (vec![text("it broke")], (4, 2)),
    ] {
        let rig = rig(Some(1_000));
        *rig.models.says.lock().unwrap() = says;
        let owner = rig.tenants.owner();
        let pieces = rig.chat(&owner, 50).await.unwrap().collect::<Vec<_>>().await;
        assert!(pieces.iter().all(Result::is_ok));
        let row = (CHAT.to_owned(), 1, expected.0, expected.1);
        assert_eq!(rig.today(&owner).await, [row], "written down before the end was heard of");
        assert!(rig.later.0.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_chat_that_is_cut_counts_what_was_written_until_then() {
    let rig = rig(Some(60));
    *rig.models.says.lock().unwrap() = vec![text("one two"), text(" three"), text(" four")];
    {
        let owner = rig.tenants.owner();
        let mut deltas = rig.chat(&owner, 50).await.unwrap();
        assert!(deltas.next().await.is_some() && deltas.next().await.is_some());
        assert!(rig.chat(&rig.tenants.owner(), 50).await.is_ok(), "54 of 60 are held");
        assert!(over(&rig.chat(&rig.tenants.owner(), 50).await), "two hold more than there is");
    }
    rig.run_later().await;
    let owner = rig.tenants.owner();
    let rows = rig.today(&owner).await;
    assert_eq!(rows, [(CHAT.to_owned(), 2, 8, 3)], "the second was cut before its first piece");
    assert!(rig.chat(&owner, 50).await.is_ok());
}

#[tokio::test]
async fn a_turn_that_waits_for_tools_keeps_its_place_in_the_budget() {
    let rig = rig(Some(10));
    *rig.models.says.lock().unwrap() = vec![text("calls a tool"), ChatDelta::Finish(ChatFinish::ToolCalls)];
    let owner = rig.tenants.owner();
    for _ in 0..3 {
        rig.chat(&owner, 5).await.unwrap().collect::<Vec<_>>().await;
    }
    assert_eq!(rig.today(&owner).await, [(CHAT.to_owned(), 1, 12, 9)]);
    assert!(over(&rig.chat(&rig.tenants.owner(), 5).await));
}
