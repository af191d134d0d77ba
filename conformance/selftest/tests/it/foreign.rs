//! Somebody else's document and server: the suite judges them by the document alone.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use harness::project_root;
use serde_json::{Value, json};

use crate::suite::{Said, command};

const CONTRACT: &str = "conformance/tests/foreign/petshop.yaml";
const KEY: &str = "authorization: Bearer petshop-secret";

/// The pet shop, stopped when this is dropped.
struct Shop {
    child: Child,
    url: String,
}

impl Shop {
    fn open(arguments: &[&str]) -> Self {
        let mut child = Command::new("node")
            .args(["conformance/tests/foreign/server.mjs", "0"])
            .args(arguments)
            .current_dir(project_root())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("`node` is not on the path: install Node 20.15 or newer");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").expect("the shop says where it is").to_owned();
        Self { child, url }
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the suite against the shop, and gives what it said and its record as text.
fn held(shop: &Shop, contract: &str, more: &[&str]) -> (Said, String) {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().to_string_lossy().into_owned();
    let mut arguments = vec!["run", "--contract", contract, "--url", &shop.url, "--out", &folder];
    arguments.extend(more);
    let said = command(&arguments, &[]);
    let files = std::fs::read_dir(out.path()).unwrap().map(|entry| entry.unwrap().path());
    let record = files.map(|file| std::fs::read_to_string(file).unwrap()).collect();
    (said, record)
}

#[test]
fn passes_a_server_that_keeps_to_its_own_document() {
    let shop = Shop::open(&[]);
    let (said, record) = held(&shop, CONTRACT, &["--header", KEY]);
    assert_eq!(said.code, 0, "{}", said.err);
    let read: Value = serde_json::from_str(&record).unwrap();
    assert_eq!(read["verdict"], "pass");
    assert_eq!(read["coverage"][0]["missing"], json!([]));
    let kinds: std::collections::BTreeSet<&str> =
        read["cases"].as_array().unwrap().iter().filter_map(|case| case["kind"].as_str()).collect();
    for kind in [
        "bound_inside",
        "bound_outside",
        "content_type",
        "example",
        "malformed_json",
        "method",
        "missing_field",
        "type_error",
        "unknown_field",
    ] {
        assert!(kinds.contains(kind), "no case of {kind}: {kinds:?}");
    }
    assert!(read["counts"]["passed"].as_u64().unwrap() > 90, "{}", read["counts"]);
    assert!(harness::judge::misfits("RunRecord", &read).unwrap().is_empty());
}

#[test]
fn fails_a_server_that_answers_an_undocumented_status() {
    let shop = Shop::open(&["--undocumented"]);
    let (said, record) = held(&shop, CONTRACT, &["--header", KEY]);
    assert_eq!(said.code, 100, "{}", said.err);
    assert!(said.err.contains("add_pet/body/name/missing: status 422 of `add_pet` is not documented"), "{}", said.err);
    assert!(!record.contains("petshop-secret") && !said.err.contains("petshop-secret"));
}

#[test]
fn says_what_a_server_lacks_that_asks_for_a_credential() {
    let shop = Shop::open(&[]);
    let (said, _) = held(&shop, CONTRACT, &["list_pets/example"]);
    assert_eq!(said.code, 100, "{}", said.err);
    assert!(said.err.contains("--header 'authorization"), "{}", said.err);
}

#[test]
fn refuses_what_is_no_document_of_openapi() {
    let shop = Shop::open(&[]);
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_string_lossy().into_owned();
    for (text, expected) in [
        ("{", "is not valid JSON"),
        ("openapi: 3.0.3\npaths: {}\n", "expected an OpenAPI 3.1 document, found 3.0.3"),
        ("openapi: 3.1.0\n", "expected a map of paths"),
        ("openapi: 3.1.0\npaths: {/a: {get: {}}}\n", "expected the documented statuses"),
        ("openapi: 3.1.0\npaths: {/a: {get: {responses: {'200': {$ref: 'other.yaml#/a'}}}}}\n", "bundle it"),
        (
            "openapi: 3.1.0\npaths: {/a: {get: {parameters: [{name: q, in: query, schema: {type: 7}}], responses: {'200': {description: d}}}}}\n",
            "a schema of it is none",
        ),
    ] {
        std::fs::write(file.path(), text).unwrap();
        let (said, record) = held(&shop, &path, &[]);
        assert_eq!(said.code, 2, "{text}: {}", said.err);
        assert!(said.err.contains(expected), "{text}: {}", said.err);
        assert!(record.is_empty());
    }
}

#[test]
fn says_that_nobody_is_there() {
    let said = command(&["run", "--contract", CONTRACT, "--url", "http://127.0.0.1:1"], &[]);
    assert_eq!(said.code, 3, "{}", said.err);
}
