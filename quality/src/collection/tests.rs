//! Tests of reading collections, of good ones and of every kind of broken one.

use std::{fs, path::Path};

use super::{read, read::markdown};

const DOCUMENTS: &str = r#"{"id": "a", "title": "Bolts", "text": "Use *M5* bolts. Torque is 6 Nm.", "sents": [[0, 15], [16, 31]], "meta": {"page": 1.5}}
{"id": "b", "title": "", "text": "1. Nuts"}
{"id": "c", "title": "", "text": " "}"#;
const QUERIES: &str = "{\"id\": \"1\", \"text\": \"which bolts\"}\n{\"id\": \"2\", \"text\": \"who sings\"}";
const QRELS: &str = "query_id\tdoc_id\tgrade\n1\ta\t2\n1\tb\t-1\n1\tc\t1";

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("t").rand_bytes(8).suffix("x").tempdir().unwrap();
    let all = [("docs.jsonl", DOCUMENTS), ("queries.jsonl", QUERIES), ("qrels.tsv", QRELS)];
    let replaced = |name: &str| files.iter().any(|(other, _)| *other == name);
    for (name, text) in all.iter().filter(|(name, _)| !replaced(name)).chain(files) {
        fs::write(named(&folder).join(name), text).unwrap();
    }
    folder
}

/// Random names of folders may hold upper-case letters, so the collection lies one deeper.
fn named(folder: &tempfile::TempDir) -> std::path::PathBuf {
    let path = folder.path().join("tiny");
    fs::create_dir_all(&path).unwrap();
    path
}

fn refused(files: &[(&str, &str)], expected: &str) {
    let folder = folder(files);
    let error = read(&named(&folder)).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}\nlacks {expected}");
}

#[test]
fn reads_documents_questions_and_gold() {
    let answers = r#"{"query_id": "1", "doc_id": "a", "answer": "6 Nm", "start": 26, "end": 30}"#;
    let evidence = r#"{"query_id": "1", "doc_id": "a", "sentences": [1]}
{"query_id": "not-ours", "doc_id": "a", "sentences": [9]}"#;
    let folder = folder(&[("answers.jsonl", answers), ("evidence.jsonl", evidence)]);
    let found = read(&named(&folder)).unwrap();
    assert_eq!((found.name.as_str(), found.prefix.as_str(), found.empty), ("tiny", "tiny:", vec!["c".to_owned()]));
    assert_eq!(found.documents[0].id, "tiny:a");
    assert_eq!(found.documents[0].content, "# Bolts\n\nUse \\*M5\\* bolts. Torque is 6 Nm.");
    assert_eq!(found.documents[0].metadata["meta"]["page"], 1.5);
    let question = &found.questions[0];
    assert_eq!(question.judgements["b"], 0);
    let gold: Vec<(&str, bool)> = question.gold.iter().map(|gold| (gold.text.as_str(), gold.answers)).collect();
    assert_eq!(gold, [("6 Nm", true), ("Torque is 6 Nm.", false)]);
    assert!(question.is_answerable() && !found.questions[1].is_answerable());
}

#[test]
fn makes_mark_up_plain() {
    for (title, text, expected) in [
        ("", "1. Nuts", "1\\. Nuts"),
        ("A # b", "- x\n+ y", "# A \\# b\n\n\\- x\n\\+ y"),
        ("", "p < 0.05 & more", "p \\< 0.05 \\& more"),
        ("", "    indented", "indented"),
    ] {
        assert_eq!(markdown(title, text), expected);
    }
}

#[test]
fn names_file_and_line_of_what_is_wrong() {
    refused(&[("qrels.tsv", "1\ta\t1\n1\tz\t1")], "qrels.tsv:2: document `z` is not in docs.jsonl");
    refused(&[("qrels.tsv", "9\ta\t1")], "qrels.tsv:1: query `9` is not in queries.jsonl");
    refused(&[("qrels.tsv", "1 a 1")], "qrels.tsv:1: expected three fields parted by tabs");
    refused(&[("qrels.tsv", "1\ta\thigh")], "qrels.tsv:1: expected a whole grade, found `high`");
    refused(&[("qrels.tsv", "1\ta\t1\n1\ta\t2")], "qrels.tsv:2: query `1` and document `a` are judged already");
    refused(&[("qrels.tsv", "1\ta\t0")], "expected at least one judgement of grade 1 or more");
    refused(&[("docs.jsonl", "{\"id\": \"a\"}")], "docs.jsonl:1: expected one JSON object");
    refused(&[("docs.jsonl", &format!("{DOCUMENTS}\nnot json"))], "docs.jsonl:4: expected one JSON object");
    refused(
        &[("docs.jsonl", &format!("{DOCUMENTS}\n{{\"id\": \"a\", \"text\": \"x\"}}"))],
        "docs.jsonl:4: document `a` is there already, in line 1",
    );
    refused(&[("docs.jsonl", "{\"id\": \"a b\", \"text\": \"x\"}")], "docs.jsonl:1: document id `a b`");
    refused(&[("queries.jsonl", "{\"id\": \"1\", \"text\": \" \"}")], "queries.jsonl:1: query `1`: expected a text");
    refused(
        &[("queries.jsonl", "{\"id\": \"1\", \"text\": \"x\"}\n{\"id\": \"1\", \"text\": \"y\"}")],
        "queries.jsonl:2: query `1` is there already",
    );
    refused(
        &[("answers.jsonl", "{\"query_id\": \"1\", \"doc_id\": \"a\", \"answer\": \"7 Nm\"}")],
        "answers.jsonl:1: answer `7 Nm` does not stand",
    );
    refused(
        &[("evidence.jsonl", "{\"query_id\": \"1\", \"doc_id\": \"a\", \"sentences\": [5]}")],
        "evidence.jsonl:1: document `a` has no sentence 5",
    );
    let error = read(Path::new("/nowhere/at-all")).unwrap_err().to_string();
    assert!(error.contains("/nowhere/at-all: expected a folder"), "{error}");
}
