//! `reindex` over the files that a server left.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;

use crate::program::{Program, fixtures, key};

fn reindex(data: &Path, tenant: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_reference-impl"))
        .args(["reindex", "--demo", "--tenant", tenant, "--data"])
        .arg(data)
        .arg("--tenants")
        .arg(fixtures().join("tenants"))
        .env_remove("PLUMBLINE_ENV")
        .output()
        .unwrap()
}

fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn gives_new_vectors_once_the_server_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let key = key("aurora-bikes", "all");
    let program = Program::start(folder.path());
    let facts: Vec<String> = (0..40).map(|at| format!("Fact {at} is about gear {}.", at * 3)).collect();
    let content = facts.join(" ");
    let document = json!({"id": "gears", "content_type": "text/plain", "content": content});
    let answer = program.call("POST", "/ingest", Some(&key), Some(&json!({"documents": [document]})));
    assert_eq!(answer.status, 200, "{answer:?}");
    let chunks = answer.json()["documents"][0]["chunks"].clone();
    let query = json!({"query": "which fact is about gear 21"});
    let before = program.call("POST", "/retrieve", Some(&key), Some(&query)).json();
    assert!(before["chunks"][0]["document_id"] == "gears", "{before}");

    let (code, out, err) = told(&reindex(folder.path(), "aurora-bikes"));
    assert!(code == Some(2) && out.is_empty() && err.contains("in use by another server"), "{out}{err}");
    program.kill();

    let (code, out, err) = told(&reindex(folder.path(), "aurora-bikes"));
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.starts_with(&format!("aurora-bikes: {chunks} chunks from ")), "{out}");
    let (code, _, err) = told(&reindex(folder.path(), "nobody"));
    assert!(code == Some(2) && err.contains("no tenant `nobody`"), "{err}");
    let (code, _, err) = told(&reindex(&folder.path().join("elsewhere"), "aurora-bikes"));
    assert!(code == Some(2) && err.contains("no data folder"), "{err}");

    let program = Program::start(folder.path());
    let after = program.call("POST", "/retrieve", Some(&key), Some(&query)).json();
    assert_eq!(after["chunks"], before["chunks"]);
    let again = program.call("POST", "/ingest", Some(&key), Some(&json!({"documents": [document]}))).json();
    assert_eq!(again["documents"][0]["status"], "unchanged", "{again}");
}
