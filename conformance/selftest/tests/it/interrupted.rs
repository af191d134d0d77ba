//! A run that is ended from outside leaves a record that can be read.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use contract_types::{RunRecord, RunRecordVerdict};
use harness::project_root;

use crate::{staging::Server, suite::conformance};

/// A whole run, which takes far longer than these tests watch it.
fn begin(url: &str, out: &Path) -> Child {
    Command::new(conformance())
        .args(["run", "--target", "staging", "--out"])
        .arg(out)
        .current_dir(project_root())
        .env_remove("CONFORMANCE_TARGET")
        .envs([("PLUMBLINE_STAGING_URL", url), ("PLUMBLINE_DEMO_KEYS", "1")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The record in `out`, as soon as there is one.
fn record(out: &Path) -> RunRecord {
    let until = Instant::now() + Duration::from_mins(1);
    while Instant::now() < until {
        let runs = reports::read(out).unwrap_or_default();
        if let Some(run) = runs.into_iter().next() {
            return run.record;
        }
        // A file's coming can only be polled for with a bound; this pauses the poll and orders nothing.
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("no run record in {} within a minute", out.display());
}

#[test]
fn leaves_a_record_when_it_is_killed() {
    let (server, out) = (Server::start(), tempfile::tempdir().unwrap());
    let mut run = begin(&format!("http://{}", server.address), out.path());
    record(out.path());
    run.kill().unwrap();
    run.wait().unwrap();
    let left = record(out.path());
    assert_eq!(left.verdict, RunRecordVerdict::Error);
    assert!(left.notes.iter().any(|note| note.contains("not finished")), "{:?}", left.notes);
}

#[test]
fn says_in_its_record_that_it_was_interrupted() {
    let (server, out) = (Server::start(), tempfile::tempdir().unwrap());
    let mut run = begin(&format!("http://{}", server.address), out.path());
    record(out.path());
    assert!(Command::new("kill").args(["-TERM", &run.id().to_string()]).status().unwrap().success());
    assert_eq!(run.wait().unwrap().code(), Some(1));
    let left = record(out.path());
    assert_eq!(left.verdict, RunRecordVerdict::Error);
    assert!(left.notes.iter().any(|note| note.contains("interrupted")), "{:?}", left.notes);
}
