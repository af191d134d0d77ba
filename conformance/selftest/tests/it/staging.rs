//! A deployment that already runs: the suite takes it as it is and starts nothing.

use std::{
    io::{BufRead, BufReader},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::Duration,
};

use contract_types::RunRecordVerdict;
use harness::{profile, project_root};

use crate::suite::{program, run};

/// Some of every kind: a whole run would take minutes at the pace that the profile grants a stranger's deployment.
const FILTER: [&str; 6] = [
    "get_document/",
    "retrieve/example",
    "platform/naming",
    "answer/a-quote-stands",
    "ingest/a-repeated-key",
    "search/bypass",
];

/// A reference server that is stopped when this is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    _data: tempfile::TempDir,
}

impl Server {
    pub(crate) fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut child = Command::new(program("reference-impl"))
            .args(["serve", "--demo", "--tenants", "fixtures/tenants", "--addr", &free.to_string(), "--data"])
            .arg(data.path())
            .current_dir(project_root())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        assert!(lines.any(|line| line.contains("listening on http://")), "the reference ended before it was ready");
        // Read on, so that the server never waits for its reader.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address: free.to_string(), _data: data }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn takes_a_running_deployment_and_starts_nothing() {
    let staging = profile::read(&project_root().join("conformance/targets"), "staging").unwrap();
    assert!(staging.spec.start.is_none(), "the profile of a running deployment must not start one");
    let server = Server::start();
    let url = format!("http://{}", server.address);
    let variables = [("PLUMBLINE_STAGING_URL", url.as_str()), ("PLUMBLINE_DEMO_KEYS", "1")];
    let run = run("staging", &FILTER, &variables, Duration::from_mins(2));
    assert_eq!(run.code, 0, "{}", run.said);
    let record = run.record.as_ref().unwrap();
    assert_eq!(record.verdict, RunRecordVerdict::Pass);
    assert_eq!((record.target.name.as_str(), record.target.base_url.as_str()), ("staging", url.as_str()));
    assert!(record.counts.passed >= 20, "{:?}", record.counts);
    // git tells the commit for the record; nothing else may run.
    let started: Vec<_> = run.children.iter().filter(|name| !name.starts_with("git")).collect();
    assert!(started.is_empty(), "the suite started {started:?}");
    TcpStream::connect(&server.address).expect("the deployment still runs after the suite");
}

#[test]
fn says_which_variables_a_deployment_needs() {
    let run =
        run("staging", &FILTER, &[("PLUMBLINE_STAGING_URL", ""), ("PLUMBLINE_DEMO_KEYS", "")], Duration::from_secs(30));
    assert_eq!(run.code, 2, "{}", run.said);
    assert!(run.record.is_none());
    for named in ["PLUMBLINE_STAGING_URL", "PLUMBLINE_STAGING_AURORA_ALL", "PLUMBLINE_DEMO_KEYS=1"] {
        assert!(run.said.contains(named), "{named} is not in\n{}", run.said);
    }
}
