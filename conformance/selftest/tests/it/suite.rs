//! Runs the suite's program as a child process, within a bound, and reads what it leaves behind.

use std::{
    collections::BTreeSet,
    fs::OpenOptions,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use contract_types::{CaseRecord, CaseRecordOutcome, RunRecord};
use harness::project_root;
use serde_json::Value;

/// Every exit code that the suite documents.
pub(crate) const DOCUMENTED: [i32; 5] = [0, 1, 2, 3, 100];

/// How a run of the suite ended.
#[derive(Debug)]
pub(crate) struct Run {
    /// Its exit code.
    pub(crate) code: i32,
    /// All that it said.
    pub(crate) said: String,
    /// Its run record, where a run began.
    pub(crate) record: Option<RunRecord>,
    /// How long it took.
    pub(crate) took: Duration,
    /// Names of the programs that it was seen to run, where the system tells.
    pub(crate) children: BTreeSet<String>,
}

impl Run {
    /// The cases that ended so.
    pub(crate) fn cases(&self, outcome: CaseRecordOutcome) -> impl Iterator<Item = &CaseRecord> {
        self.record.iter().flat_map(|record| &record.cases).filter(move |case| case.outcome == outcome)
    }
}

/// Builds the program of a package once and gives its path.
pub(crate) fn program(package: &str) -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args(["build", "-p", package, "--message-format=json"])
        .current_dir(project_root())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "`cargo build -p {package}` failed; its messages stand above");
    let messages = String::from_utf8(output.stdout).unwrap();
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let program = messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next_back();
    program.unwrap_or_else(|| panic!("cargo named no program of {package}"))
}

/// The suite's program.
pub(crate) fn conformance() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| program("conformance"))
}

/// Runs `conformance run --target TARGET FILTER…` and fails when it does not end by itself within `bound`.
pub(crate) fn run(target: &str, filter: &[&str], variables: &[(&str, &str)], bound: Duration) -> Run {
    let out = tempfile::tempdir().unwrap();
    let log = tempfile::NamedTempFile::new().unwrap();
    let appended = OpenOptions::new().append(true).open(log.path()).unwrap();
    let began = Instant::now();
    let mut child = Command::new(conformance())
        .args(["run", "--target", target, "--out"])
        .arg(out.path())
        .args(filter)
        .current_dir(project_root())
        .env_remove("CONFORMANCE_TARGET")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(appended.try_clone().unwrap())
        .stderr(appended)
        .spawn()
        .unwrap();
    let mut children = BTreeSet::new();
    let status = ended(&mut child, bound, &mut children);
    let said = std::fs::read(log.path()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap();
    let status = status.unwrap_or_else(|| panic!("the suite did not end within {bound:?}; it said:\n{said}"));
    let code = status.code().unwrap_or_else(|| panic!("the suite was killed by a signal; it said:\n{said}"));
    assert!(!said.contains("panicked at"), "the suite panicked:\n{said}");
    Run { code, said, record: record(out.path()), took: began.elapsed(), children }
}

/// What a command said, by its streams.
#[derive(Debug)]
pub(crate) struct Said {
    /// Its exit code.
    pub(crate) code: i32,
    /// Data.
    pub(crate) out: String,
    /// What it said to a person.
    pub(crate) err: String,
}

/// Runs a command to its end.
pub(crate) fn said(command: &mut Command) -> Said {
    let output = command.env_remove("CONFORMANCE_TARGET").stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert!(!err.contains("panicked at"), "the suite panicked:\n{err}");
    Said { code: output.status.code().expect("no signal ends it"), out, err }
}

/// Runs the suite's program with these arguments in the project.
pub(crate) fn command(arguments: &[&str], variables: &[(&str, &str)]) -> Said {
    said(Command::new(conformance()).args(arguments).current_dir(project_root()).envs(variables.iter().copied()))
}

/// The status of a child that ends within `bound`; one that does not is killed.
fn ended(child: &mut Child, bound: Duration, children: &mut BTreeSet<String>) -> Option<std::process::ExitStatus> {
    let until = Instant::now() + bound;
    while Instant::now() < until {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        children.extend(programs_of(child.id()));
        // A child's end can only be polled for with a bound; this pauses the poll and orders nothing.
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

/// Names of the programs that a process runs at this moment; none where there is no `/proc`.
fn programs_of(process: u32) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    let ids: Vec<String> =
        lists.flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect();
    let name = |id: &String| std::fs::read_to_string(format!("/proc/{id}/comm")).ok();
    ids.iter().filter_map(name).map(|name| name.trim().to_owned()).collect()
}

/// The one run record in a folder.
fn record(folder: &Path) -> Option<RunRecord> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|kind| kind == "json")).collect();
    assert!(files.len() < 2, "more than one run record: {files:?}");
    let text = std::fs::read_to_string(files.first()?).unwrap();
    Some(serde_json::from_str(&text).unwrap())
}
