//! The fault matrix: each dependency, each fault, each operation that uses it, held against its documented outcome on a running
//! server. Cells run side by side, each with a tenant of its own.

mod data;
mod judge;
mod page;
mod world;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::{Answer, exchange};
use data::{Group, Operation, Outcome};
use judge::{Seen, Stored, judge};
use world::{DEADLINE_MS, Tenant, World};

/// Groups that are under way at once.
const SIDE_BY_SIDE: usize = 12;
/// Time in which a tenant must be served wholly again once its fault is gone.
const RECOVERY: Duration = Duration::from_secs(10);

#[test]
fn every_fault_of_every_dependency_comes_to_its_documented_outcome() {
    let groups = data::matrix().groups;
    let world = World::start(&groups);
    let bystander = world.tenant("bystander", None);
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                while let Some(group) = groups.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = run(&world, group, &bystander);
                    wrong.lock().unwrap().extend(found);
                }
            });
        }
    });
    let mut wrong = wrong.into_inner().unwrap();
    wrong.sort();
    assert!(wrong.is_empty(), "{} cells are not as documented:\n{}", wrong.len(), wrong.join("\n"));
}

/// The matrix is run with outcomes that are not the documented ones; a judge that sees nothing would let it pass.
#[test]
fn the_matrix_sees_a_cell_that_is_not_as_documented() {
    let mut groups = data::matrix().groups;
    groups.retain(|group| group.name() == "generator-refused");
    for outcome in groups[0].outcomes.values_mut() {
        outcome.degraded.clear();
    }
    let world = World::start(&groups);
    let bystander = world.tenant("bystander", None);
    let wrong = run(&world, &groups[0], &bystander);
    assert_eq!(wrong.len(), groups[0].outcomes.len(), "{wrong:?}");
}

/// Flaws of the program that the matrix is there for, each with the group that must fail while it is on.
#[cfg(feature = "sabotage")]
#[test]
fn the_matrix_fails_with_each_flaw_that_it_is_there_for() {
    let flaws = [
        ("deadline-ignored", "database-hangs"),
        ("embedding-failure-fails-request", "embedding-refused"),
        ("generator-failure-fails-request", "generator-refused"),
        ("cache-failure-fails-request", "cache-refused"),
    ];
    let groups: Vec<Group> =
        data::matrix().groups.into_iter().filter(|group| flaws.iter().any(|(_, name)| *name == group.name())).collect();
    for (flaw, name) in flaws {
        let group: Vec<Group> = groups.iter().filter(|group| group.name() == name).cloned().collect();
        let world = World::start(&group);
        let bystander = world.tenant("bystander", None);
        assert_eq!(world.program.control("PUT", &format!("/sabotage/{flaw}"), None).status, 200);
        assert!(!run(&world, &group[0], &bystander).is_empty(), "{flaw} passes {name}");
    }
}

/// Everything that is wrong with the cells of a group.
fn run(world: &World, group: &Group, bystander: &Tenant) -> Vec<String> {
    let cells: Vec<(Operation, &Outcome)> =
        group.outcomes.iter().map(|(operation, outcome)| (*operation, outcome)).collect();
    let tenants: Vec<Tenant> =
        (0..cells.len()).map(|at| world.tenant(&format!("c{}-{at}", group.name()), Some(group))).collect();
    let before: Vec<_> = tenants.iter().map(|tenant| world.stored(tenant)).collect();
    world.strike(group, &tenants);
    let wrong = Mutex::new(Vec::new());
    let told = |operation: Operation, problem: String| {
        wrong.lock().unwrap().push(format!("{}: {}: {problem}", group.title(), operation.as_str()));
    };
    std::thread::scope(|scope| {
        for ((tenant, (operation, expected)), before) in tenants.iter().zip(&cells).zip(&before) {
            let told = &told;
            scope.spawn(move || {
                let call = Call::new(*operation, world.number());
                let began = Instant::now();
                let answer = call.send(world, tenant);
                let after = began.elapsed();
                let stored = compare(*operation, before, &world.stored(tenant));
                let retry_after = answer.as_ref().is_some_and(|it| it.head.contains("retry-after: "));
                let seen = Seen { outcome: answer.as_ref().and_then(outcome), after, retry_after, stored };
                for problem in judge(*operation, expected, &seen, Duration::from_millis(DEADLINE_MS)) {
                    let shown = answer.as_ref().map(|it| it.body.chars().take(300).collect::<String>());
                    told(*operation, format!("{problem} ({shown:?})"));
                }
                let other = Call::new(*operation, world.number());
                let other = Call { path: other.path.replace("/documents/bridge", "/documents/none"), ..other };
                let unharmed = other.send(world, bystander).as_ref().and_then(outcome);
                let whole = unharmed
                    .as_ref()
                    .is_some_and(|it| it.degraded.is_empty() && (it.code.is_none() || it.status == 404));
                if !whole {
                    told(*operation, format!("another tenant was harmed: {unharmed:?}"));
                }
            });
        }
    });
    world.heal(group, &tenants);
    for (tenant, (operation, _)) in tenants.iter().zip(&cells) {
        let began = Instant::now();
        loop {
            let found = Call::new(*operation, world.number()).send(world, tenant).as_ref().and_then(outcome);
            let gone = *operation == Operation::DeleteDocument && found.as_ref().is_some_and(|it| it.status == 404);
            if found.as_ref().is_some_and(|it| it.status < 300 && it.code.is_none() && it.degraded.is_empty()) || gone {
                break;
            }
            if began.elapsed() > RECOVERY {
                told(*operation, format!("not whole again after the fault: {found:?}"));
                break;
            }
        }
    }
    wrong.into_inner().unwrap()
}

/// One request.
struct Call {
    method: &'static str,
    path: String,
    headers: String,
    body: Option<Value>,
}

impl Call {
    /// How `operation` is asked; no two numbers ask the same.
    fn new(operation: Operation, number: usize) -> Self {
        let query = format!("How high is the tower of Groningen, asks visitor {number}?");
        let text = format!("The visitor number {number} has seen the tower and the bridge.");
        let document =
            json!({"documents": [{"id": format!("visit-{number}"), "content_type": "text/plain", "content": text}]});
        let said = json!([{"role": "user", "content": query.clone()}]);
        let (method, path, body) = match operation {
            Operation::Search => ("POST", "/search", Some(json!({"query": query}))),
            Operation::SearchStream => ("POST", "/search", Some(json!({"query": query, "stream": true}))),
            Operation::Retrieve => ("POST", "/retrieve", Some(json!({"query": query}))),
            Operation::Ingest | Operation::IngestOnce => ("POST", "/ingest", Some(document)),
            Operation::ListDocuments => ("GET", "/documents", None),
            Operation::GetDocument => ("GET", "/documents/tower", None),
            Operation::DeleteDocument => ("DELETE", "/documents/bridge", None),
            Operation::ListJobs => ("GET", "/jobs", None),
            Operation::Chat => ("POST", "/chat", Some(json!({"messages": said, "stream": false}))),
            Operation::ChatStream => ("POST", "/chat", Some(json!({"messages": said}))),
            Operation::ListSessions => ("GET", "/sessions", None),
        };
        let once = operation == Operation::IngestOnce;
        let headers = if once { format!("idempotency-key: once-{number}\r\n") } else { String::new() };
        Self { method, path: path.to_owned(), headers, body }
    }

    /// The answer; `None` where it broke off.
    fn send(&self, world: &World, tenant: &Tenant) -> Option<Answer> {
        let headers = format!("authorization: Bearer {}\r\n{}", tenant.key, self.headers);
        exchange(&world.program.address, self.method, &self.path, &headers, self.body.as_ref()).ok()
    }
}

/// What an answer says; `None` for a stream without an end.
fn outcome(answer: &Answer) -> Option<Outcome> {
    let mut found = Outcome { status: answer.status, code: None, in_stream: false, degraded: Vec::new() };
    let mut body = Value::Null;
    if answer.head.contains("text/event-stream") {
        let last = answer.body.strip_suffix("data: [DONE]\n\n")?.trim_end().rsplit("\n\n").next()?;
        let data = last.lines().find_map(|line| line.strip_prefix("data: "))?;
        let data: Value = serde_json::from_str(data).ok()?;
        found.in_stream = last.starts_with("event: error");
        // A search has its whole answer in its last event, a conversation has given it by then.
        body = if data["answer"].is_object() { data["answer"].clone() } else { data };
    } else if !answer.body.is_empty() {
        body = serde_json::from_str(&answer.body).ok()?;
    }
    found.code = body["error"]["code"].as_str().map(str::to_owned);
    if let Some(words) = body["degraded"].as_array() {
        found.degraded = words.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        found.degraded.sort(); // the contract gives them no order
    }
    Some(found)
}

type Stores = std::collections::BTreeMap<String, (u64, String)>;

fn compare(operation: Operation, before: &Stores, after: &Stores) -> Stored {
    if before == after {
        return Stored::Nothing;
    }
    let items = |stores: &Stores, name: &str| stores.get(name).map_or(0, |(items, _)| *items);
    let same = |name: &str| before.get(name) == after.get(name);
    let documents = ["documents", "chunks", "vectors"].iter().all(|name| same(name));
    let turn = items(after, "sessions") == items(before, "sessions") + 1
        && items(after, "turns") == items(before, "turns") + 2;
    let conversed = documents && turn && same("jobs") && same("configuration");
    let whole = same("sessions")
        && same("turns")
        && items(after, "chunks") == items(after, "vectors")
        && same("jobs")
        && same("configuration");
    let grown = |by: i64| {
        let of = |name| i64::try_from(items(after, name)).unwrap() - i64::try_from(items(before, name)).unwrap();
        of("documents") == by && of("chunks") == by
    };
    let expected = match operation {
        Operation::Ingest | Operation::IngestOnce => whole && grown(1),
        Operation::DeleteDocument => whole && grown(-1),
        Operation::Chat | Operation::ChatStream => conversed,
        Operation::Search
        | Operation::SearchStream
        | Operation::Retrieve
        | Operation::ListDocuments
        | Operation::GetDocument
        | Operation::ListJobs
        | Operation::ListSessions => false,
    };
    if expected { Stored::Whole } else { Stored::Part }
}
