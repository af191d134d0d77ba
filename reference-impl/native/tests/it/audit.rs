//! The audit log under many calls at once and a server that is killed among them.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::{Program, exchange, fixtures, key};

const TENANT: &str = "proving-ground";
/// Callers at once.
const CALLERS: usize = 100;
/// Where the moments of the kills come from.
const SEED: u64 = 20_261_126;
const ROUNDS: u64 = 4;

/// A call, and how it ends where the server lives.
fn call(turn: usize, id: &str) -> (Value, u16, &'static str) {
    let document = json!({"id": id, "content": format!("A lamp of {id}."), "content_type": "text/plain"});
    match turn % 5 {
        0 => (json!({"tool": "summarize", "arguments": {"text": "The mill turns. It is old."}}), 200, "succeeded"),
        1 => (json!({"tool": "ingest_docs", "arguments": {"documents": [document]}}), 200, "succeeded"),
        2 => (json!({"tool": "summarize", "arguments": {"text": 7}}), 400, "invalid"),
        3 => (json!({"arguments": {"text": "No tool is named."}}), 400, "invalid"),
        _ => (json!({"tool": "no_such_tool", "arguments": {}}), 403, "denied"),
    }
}

/// The `round`th moment: after so many answers, however fast the machine is.
fn moment(round: u64) -> u64 {
    // One step of SplitMix64.
    let mut value = SEED.wrapping_add((round + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    5 + (value ^ (value >> 31)) % 60
}

/// Calls until the server is gone; each call that was answered, with the outcome that its record must tell.
fn caller(address: &str, bearer: &str, round: u64, who: usize, all: &AtomicU64) -> Vec<(String, &'static str)> {
    let mut answered = Vec::new();
    for turn in 0.. {
        let id = format!("kill-{round}-{who}-{turn}");
        let (body, status, outcome) = call(who + turn, &id);
        let headers = format!("{bearer}x-request-id: {id}\r\n");
        let Ok(answer) = exchange(address, "POST", "/tools/execute", &headers, Some(&body)) else { break };
        // An answer that was cut off was not given.
        if serde_json::from_str::<Value>(&answer.body).is_err() {
            break;
        }
        assert_eq!(answer.status, status, "{id}: {answer:?}");
        answered.push((id, outcome));
        all.fetch_add(1, Relaxed);
    }
    answered
}

/// Every item of a paged list.
fn all(program: &Program, key: &str, path: &str, field: &str) -> Vec<Value> {
    let (mut found, mut next) = (Vec::new(), String::new());
    loop {
        let page = program.call("GET", &format!("{path}?limit=100{next}"), Some(key), None).json();
        found.extend(page[field].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => return found,
        }
    }
}

#[test]
fn has_one_record_of_each_call_whenever_the_server_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let key = key(TENANT, "all");
    let bearer = format!("authorization: Bearer {key}\r\n");
    let mut answered = BTreeMap::new();
    for round in 0..ROUNDS {
        let program = Program::start(folder.path());
        let count = Arc::<AtomicU64>::default();
        let callers: Vec<_> = (0..CALLERS)
            .map(|who| {
                let (address, bearer) = (program.address.clone(), bearer.clone());
                let count = Arc::clone(&count);
                std::thread::spawn(move || caller(&address, &bearer, round, who, &count))
            })
            .collect();
        let began = Instant::now();
        while count.load(Relaxed) < moment(round) && began.elapsed() < Duration::from_mins(1) {
            std::thread::sleep(Duration::from_millis(1));
        }
        program.kill();
        answered.extend(callers.into_iter().flat_map(|it| it.join().unwrap()));
    }
    assert!(answered.len() > 20, "hardly anything was called: {}", answered.len());

    let program = Program::start(folder.path());
    // A call that the last kill cut off is settled soon after the start, in the background.
    let began = Instant::now();
    let (mut by_call, mut missing);
    loop {
        by_call = BTreeMap::<String, Vec<String>>::new();
        for record in all(&program, &key, "/audit", "records") {
            let text = |field: &str| record[field].as_str().unwrap().to_owned();
            by_call.entry(text("request_id")).or_default().push(text("outcome"));
        }
        // What was written has a record, whether its caller heard of it or not.
        let written = all(&program, &key, "/documents", "documents");
        let ids = written.iter().map(|it| it["id"].as_str().unwrap().to_owned());
        missing = ids.filter(|id| id.starts_with("kill-") && !by_call.contains_key(id)).collect::<Vec<_>>();
        if missing.is_empty() || began.elapsed() > Duration::from_secs(10) {
            break;
        }
    }
    assert!(missing.is_empty(), "written without a record: {missing:?}");
    for (id, outcome) in &answered {
        assert_eq!(by_call.get(id).map(Vec::as_slice), Some(&[(*outcome).to_owned()][..]), "{id}");
    }
    for (id, outcomes) in &by_call {
        let [outcome] = &outcomes[..] else { panic!("{id} has {} records", outcomes.len()) };
        let told = ["succeeded", "invalid", "denied", "unknown", "cancelled"].contains(&outcome.as_str());
        assert!(told, "{id} ended as {outcome}");
    }
    drop(program);
    let verified = Command::new(env!("CARGO_BIN_EXE_reference-impl"))
        .args(["audit", "verify", "--demo", "--tenant", TENANT, "--data"])
        .arg(folder.path())
        .arg("--tenants")
        .arg(fixtures().join("tenants"))
        .output()
        .unwrap();
    assert!(verified.status.success(), "{verified:?}");
    let said = String::from_utf8(verified.stdout).unwrap();
    assert!(said.contains(&format!("{} records hold", by_call.len())), "{said}");
}
