//! A process that writes is killed at random, again and again over the same files: every acknowledged batch is there
//! afterwards, and none is there in part.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use reference_core::answer::Extractive;
use reference_core::ingest::{ChunkOptions, ContentType, DocumentInput, DocumentStatus, UnicodeWords};
use reference_core::platform::{INDEX_BYTES, Platform, Ports};
use reference_core::ports::{Databases, Ids, KeyValue, MemoryKeyValue, Statement, Value};
use reference_core::retrieve::HashedEmbedder;
use reference_core::testkit::{TestTenants, TestTimer};
use reference_impl::ids::OsIds;
use reference_impl::sqlite::SqliteDatabases;
use reference_impl::tasks::Tasks;
use serde_json::json;

use crate::program::{Program, exchange, key};

const FOLDER: &str = "PLUMBLINE_TEST_KILL_FOLDER";
const ROUND: &str = "PLUMBLINE_TEST_KILL_ROUND";
/// Documents that are replaced over and over.
const DOCUMENTS: usize = 7;

fn platform(tenants: &TestTenants, folder: &Path) -> Platform {
    let ports = Ports {
        databases: Arc::new(SqliteDatabases::new(folder)),
        clock: tenants.clock.clone(),
        ids: tenants.ids.clone(),
        key_value: Arc::new(MemoryKeyValue::new(1 << 20)) as Arc<dyn KeyValue>,
        background: Arc::new(Tasks::new(tokio::runtime::Handle::current(), 1)),
        tokenizer: Arc::new(UnicodeWords),
        embedders: vec![Arc::new(HashedEmbedder)],
        generators: vec![Arc::new(Extractive)],
        rerankers: Vec::new(),
        chat_models: Vec::new(),
        timer: Arc::new(TestTimer::default()),
    };
    Platform::new(ports, &[0; 32], INDEX_BYTES)
}

/// The child: writes until it is killed. Does nothing when the tests run by themselves.
#[tokio::test(flavor = "multi_thread")]
async fn writes_until_it_is_killed() {
    let (Ok(folder), Ok(round)) = (std::env::var(FOLDER), std::env::var(ROUND)) else { return };
    let tenants = TestTenants::new();
    let (platform, owner) = (platform(&tenants, Path::new(&folder)), tenants.owner());
    for written in 0.. {
        let id = format!("doc-{}", written % DOCUMENTS);
        let version = format!("r{round}w{written}");
        let content = format!("This sentence belongs to version {version}. ").repeat(60);
        let document = DocumentInput {
            id: id.clone(),
            content,
            content_type: ContentType::Plain,
            metadata: serde_json::Map::new(),
        };
        let report = platform.ingest(&owner, &[document], ChunkOptions::default()).await.unwrap();
        assert_ne!(report.documents[0].status, DocumentStatus::Failed, "{report:?}");
        let mut out = std::io::stdout().lock();
        writeln!(out, "acknowledged {id} {version} {}", report.documents[0].chunks).unwrap();
        out.flush().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_every_acknowledged_batch_whole_when_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged: BTreeMap<String, String> = BTreeMap::new();
    let (mut count, mut seed) = (0, [0; 10]);
    OsIds.fill(&mut seed);
    for (round, random) in seed.into_iter().enumerate() {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::writes_until_it_is_killed", "--nocapture"])
            .env(FOLDER, folder.path())
            .env(ROUND, round.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let reader = std::thread::spawn(move || {
            let lines = output.lines().map_while(Result::ok);
            lines.filter_map(|line| Some(line.split_once("acknowledged ")?.1.to_owned())).collect::<Vec<_>>()
        });
        std::thread::sleep(Duration::from_millis(60 + 2 * u64::from(random)));
        child.kill().unwrap();
        child.wait().unwrap();
        for line in reader.join().unwrap() {
            let (id, version) = line.split_once(' ').unwrap();
            acknowledged.insert(id.to_owned(), version.to_owned());
            count += 1;
        }
        check(folder.path(), &acknowledged, round).await;
    }
    assert!(count > 20, "the child hardly wrote: {count} batches");
}

async fn check(folder: &Path, acknowledged: &BTreeMap<String, String>, round: usize) {
    let tenants = TestTenants::new();
    let database = SqliteDatabases::new(folder).open(&tenants.owner()).await.unwrap();
    let read = |sql| Statement::new(sql, Vec::new());
    let answers = database
        .batch(vec![
            read("PRAGMA integrity_check"),
            read("SELECT id, text, chunks FROM documents ORDER BY id"),
            read("SELECT document_id, ordinal, span_start, span_end, text FROM chunks ORDER BY document_id, ordinal"),
            read("SELECT (SELECT count(*) FROM chunks), (SELECT count(*) FROM chunks_fts_docsize)"),
            read("SELECT count(*) FROM chunks WHERE rowid NOT IN (SELECT id FROM chunks_fts_docsize)"),
        ])
        .await
        .unwrap();
    assert_eq!(answers[0], [[Value::Text("ok".to_owned())]], "round {round}");
    let mut found = BTreeMap::new();
    for document in &answers[1] {
        let [Value::Text(id), Value::Text(text), Value::Integer(chunks)] = &document[..] else {
            panic!("{document:?}")
        };
        let version = text.split("version ").nth(1).unwrap().split('.').next().unwrap().to_owned();
        let sentences = text.matches(&format!("version {version}.")).count();
        assert_eq!((sentences, text.matches("version").count()), (60, 60), "round {round}: {id} is of two versions");
        let own: Vec<_> = answers[2].iter().filter(|chunk| chunk[0] == Value::Text(id.clone())).collect();
        assert_eq!(i64::try_from(own.len()).unwrap(), *chunks, "round {round}: chunks of {id} are missing");
        for chunk in own {
            let [_, _, Value::Integer(start), Value::Integer(end), Value::Text(part)] = &chunk[..] else {
                panic!("{chunk:?}")
            };
            let (start, end) = (usize::try_from(*start).unwrap(), usize::try_from(*end).unwrap());
            assert_eq!(&text[start..end], part, "round {round}: a chunk of {id} is of another version");
        }
        found.insert(id.clone(), (version, *chunks));
    }
    assert!(matches!(&answers[3][0][..], [chunks, indexed] if chunks == indexed), "round {round}: {:?}", answers[3]);
    assert_eq!(answers[4], [[Value::Integer(0)]], "round {round}: chunks are not indexed");
    for (id, line) in acknowledged {
        let (version, chunks) = line.split_once(' ').unwrap();
        let (stored, held) = found.get(id).unwrap_or_else(|| panic!("round {round}: {id} is lost"));
        // A batch that was written but not yet acknowledged may be there; an older one may not.
        if stored == version {
            assert_eq!(held.to_string(), chunks, "round {round}: {id}");
        } else {
            assert!(order(stored) > order(version), "round {round}: {id} fell back from {version} to {stored}");
        }
    }
}

/// `r<round>w<written>`, to be compared.
fn order(version: &str) -> (u64, u64) {
    let (round, written) = version[1..].split_once('w').unwrap();
    (round.parse().unwrap(), written.parse().unwrap())
}

#[test]
fn serves_every_acknowledged_document_after_a_kill_and_ends_its_jobs() {
    let folder = tempfile::tempdir().unwrap();
    let key = key("aurora-bikes", "all");
    let document = |id: &str| json!({"id": id, "content_type": "text/plain", "content": format!("Facts about {id}. ").repeat(200)});
    let program = Program::start(folder.path());
    let (address, bearer) = (program.address.clone(), format!("authorization: Bearer {key}\r\n"));
    let writer = std::thread::spawn(move || {
        let mut acknowledged = Vec::new();
        for written in 0.. {
            let id = format!("kill-{written}");
            let body = json!({"documents": [document(&id)]});
            match exchange(&address, "POST", "/ingest", &bearer, Some(&body)) {
                Ok(answer) if answer.status == 200 => acknowledged.push(id),
                Ok(answer) => panic!("{answer:?}"),
                Err(_) => break, // the server is gone
            }
        }
        acknowledged
    });
    let many: Vec<_> = (0..60).map(|at| document(&format!("job-{at}"))).collect();
    let started = program.call("POST", "/ingest", Some(&key), Some(&json!({"documents": many, "async": true})));
    assert_eq!(started.status, 202, "{started:?}");
    let job = format!("/jobs/{}", started.json()["id"].as_str().unwrap());
    std::thread::sleep(Duration::from_millis(300));
    program.kill();
    let acknowledged = writer.join().unwrap();
    assert!(!acknowledged.is_empty());

    let program = Program::start(folder.path());
    for id in &acknowledged {
        let answer = program.call("GET", &format!("/documents/{id}"), Some(&key), None);
        assert_eq!(answer.status, 200, "{id}: {answer:?}");
    }
    let ended = (0..200).find_map(|_| {
        std::thread::sleep(Duration::from_millis(50));
        let state = program.call("GET", &job, Some(&key), None).json();
        (state["status"] != "queued" && state["status"] != "running").then_some(state)
    });
    assert_eq!(ended.expect("the job ends")["status"], "succeeded");
    for at in 0..60 {
        let answer = program.call("GET", &format!("/documents/job-{at}"), Some(&key), None);
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}
