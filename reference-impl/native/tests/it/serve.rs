//! The program from start to stop.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use contract_types::LogLine;
use serde_json::json;

use crate::program::{Program, fixtures, key};

#[test]
fn answers_from_the_first_request_to_a_clean_stop() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path());
    let all = key("aurora-bikes", "all");

    let health = program.call("GET", "/health", None, None);
    assert_eq!((health.status, &health.json()["status"]), (200, &json!("ok")), "{health:?}");
    let docs = program.call("GET", "/docs", None, None);
    assert!(docs.status == 200 && docs.body.contains("SwaggerUIBundle({ url: \"/openapi.json\""));
    assert_eq!(program.call("GET", "/openapi.json", None, None).json()["openapi"], "3.1.0");
    let refused = program.call("GET", "/capabilities", None, None);
    assert!(refused.status == 401 && refused.head.contains("www-authenticate: Bearer"), "{refused:?}");
    let capabilities = program.call("GET", "/capabilities", Some(&all), None).json();
    assert_eq!(capabilities["isolation"], "store_per_tenant", "{capabilities}");

    let body = json!({"documents": [{"id": "tower", "content_type": "text/plain", "content": "The tower of Groningen is 97 metres high."}]});
    let ingested = program.call("POST", "/ingest", Some(&all), Some(&body));
    assert_eq!(ingested.status, 200, "{ingested:?}");
    let query = json!({"query": "How high is the tower of Groningen?"});
    let found = program.call("POST", "/search", Some(&all), Some(&query));
    assert!(found.status == 200 && found.json()["answer"].as_str().unwrap().contains("97 metres"), "{found:?}");
    let stranger = program.call("POST", "/retrieve", Some(&key("meridian-lab", "all")), Some(&query));
    assert_eq!((stranger.status, &stranger.json()["chunks"]), (200, &json!([])), "{stranger:?}");
    assert_eq!(program.call("GET", "/documents/tower", Some(&key("meridian-lab", "all")), None).status, 404);
    assert_eq!(program.call("GET", "/documents/tower", Some(&key("aurora-bikes", "revoked")), None).status, 401);

    #[cfg(unix)]
    {
        let (code, output) = program.stop();
        assert_eq!(code, Some(0));
        let lines: Vec<LogLine> = output.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 10, "one line a request: {output:#?}");
        assert!(!output.iter().any(|line| line.contains("tower") || line.contains("pl_")), "no content, no key");
    }
}

#[test]
fn an_answer_of_the_cache_differs_from_the_first_in_what_is_a_request_s_own_alone() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path());
    let all = key("aurora-bikes", "all");
    let content = "The tower of Groningen is 97 metres high. It was built in 1482.";
    let body = json!({"documents": [{"id": "tower", "content_type": "text/plain", "content": content}]});
    assert_eq!(program.call("POST", "/ingest", Some(&all), Some(&body)).status, 200);
    let ask = |query: &str| {
        let answer = program.call("POST", "/search", Some(&all), Some(&json!({"query": query})));
        assert_eq!(answer.status, 200, "{answer:?}");
        let json = answer.json();
        let id = json["request_id"].as_str().unwrap();
        assert!(answer.head.contains(&format!("x-request-id: {id}")), "{answer:?}");
        json
    };
    let names = |answer: &serde_json::Value| answer.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let query = "How high is the tower of Groningen?";
    let first = ask(query);
    assert_eq!(first["cache"]["hit"], false, "{first}");
    let mut ids = vec![first["request_id"].clone()];
    for _ in 0..3 {
        let hit = ask(query);
        assert_eq!((hit["cache"]["hit"].as_bool(), names(&hit)), (Some(true), names(&first)), "{hit}");
        let own = ["cache", "timings_ms", "usage", "request_id"];
        for name in names(&first).iter().filter(|name| !own.contains(&name.as_str())) {
            assert_eq!(hit[name], first[name], "{name}");
        }
        assert_eq!(hit["usage"]["tokens_out"], 0, "{hit}");
        assert!(hit["timings_ms"]["total"].as_f64().unwrap() > 0.0 && hit["timings_ms"]["generate"] == 0.0, "{hit}");
        ids.push(hit["request_id"].clone());
    }
    assert!((1..ids.len()).all(|at| !ids[..at].contains(&ids[at])), "each request has an id of its own: {ids:?}");
    let loud = ask("HOW HIGH is the tower of Groningen?");
    assert_eq!(
        (&loud["cache"]["hit"], &loud["query"]["original"]),
        (&json!(true), &json!("HOW HIGH is the tower of Groningen?"))
    );
    assert_eq!(ask(query)["query"]["original"], query, "and the first way of asking is told as it was");
}

#[test]
fn refuses_a_data_folder_that_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let _program = Program::start(folder.path());
    let second = Command::new(env!("CARGO_BIN_EXE_reference-impl"))
        .args(["serve", "--demo", "--addr", "127.0.0.1:0", "--data"])
        .arg(folder.path())
        .arg("--tenants")
        .arg(fixtures().join("tenants"))
        .output()
        .unwrap();
    let told = String::from_utf8(second.stderr).unwrap();
    assert!(second.status.code() == Some(2) && told.contains("is in use by another server"), "{told}");
}

#[test]
fn says_in_one_message_that_an_address_is_taken() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let second = Command::new(env!("CARGO_BIN_EXE_reference-impl"))
        .args(["serve", "--demo", "--addr", &taken.local_addr().unwrap().to_string(), "--tenants"])
        .arg(fixtures().join("tenants"))
        .output()
        .unwrap();
    let told = String::from_utf8(second.stderr).unwrap();
    assert!(second.status.code() == Some(2) && told.contains("choose another with --addr"), "{told}");
}

/// A client that writes all of its body before it reads, as many do, is to read why it was refused.
#[test]
fn tells_a_client_that_is_still_sending_why_it_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path());
    let body = vec![b'x'; 20 << 20];
    let authorized = format!("Authorization: Bearer {}\r\n", key("aurora-bikes", "all"));
    for (credential, status) in [(authorized.as_str(), "413"), ("", "401")] {
        let mut stream = TcpStream::connect(&program.address).unwrap();
        let length = body.len();
        let head = format!(
            "POST /ingest HTTP/1.1\r\nHost: x\r\n{credential}Content-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&body).unwrap_or_else(|error| panic!("{status}: {error}"));
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap_or_else(|error| panic!("{status}: {error}: {answer}"));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
}
