//! How good the tools are, on the half of the labelled cases that nobody tuned by, with the neural embedder.

use std::collections::{BTreeSet, HashMap};

use reference_core::auth::ApiKey;
use reference_core::retrieve::words::words;
use reference_core::tenancy::TenantId;
use reference_impl::ids::OsIds;
use serde_json::{Value, json};

use crate::program::Program;

/// Least F1 of entities, intents and tags.
const LEAST_F1: f64 = 0.8;
/// Least mean ROUGE-L of summaries.
const LEAST_ROUGE: f64 = 0.3;

struct Bench {
    program: Program,
    key: String,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = Program::start(folder.path());
        let key = ApiKey::generate(TenantId::parse("tool-bench").unwrap(), &OsIds);
        let config = json!({
            "tenant": "tool-bench", "display_name": "Bench", "features": ["tools"],
            "tools": ["classify_intent", "extract_entities", "ingest_docs", "summarize", "tag_chunk_docs"],
            "models": {"embedding": "all-minilm-l6-v2-int8", "generation": "extractive-v1", "rerank": "off"},
            "rate_limits": {"tenant_requests": 100_000, "credential_requests": 100_000, "read_requests": 100_000,
                "write_requests": 100_000, "model_requests": 100_000},
            "credentials": [{"name": "all", "key_sha256": key.digest().to_hex(), "state": "active",
                "scopes": ["ingest:write", "documents:read", "tools:read", "tools:execute"]}],
        });
        let made = program.control("PUT", "/tenants/tool-bench", Some(&config));
        assert_eq!(made.status, 201, "{made:?}");
        Self { program, key: key.expose().to_owned(), _folder: folder }
    }

    fn call(&self, tool: &str, arguments: &Value) -> Value {
        let body = json!({"tool": tool, "arguments": arguments});
        let answer = self.program.call("POST", "/tools/execute", Some(&self.key), Some(&body));
        assert_eq!(answer.status, 200, "{tool}: {answer:?}");
        answer.json()["result"].clone()
    }
}

/// The cases that figures are told of.
fn cases(tool: &str) -> Vec<Value> {
    let path = format!("{}/../../fixtures/tools/{tool}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let all: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(all.len() >= 100, "{tool}: {}", all.len());
    all.into_iter().filter(|case| case["split"] == "test").collect()
}

#[derive(Default)]
struct Counts {
    right: usize,
    answered: usize,
    wanted: usize,
}

impl Counts {
    fn add<T: Ord>(&mut self, answered: &BTreeSet<T>, wanted: &BTreeSet<T>) {
        self.right += answered.intersection(wanted).count();
        self.answered += answered.len();
        self.wanted += wanted.len();
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of labels are small")]
    fn f1(&self) -> f64 {
        2.0 * self.right as f64 / (self.answered + self.wanted).max(1) as f64
    }
}

fn texts(list: &Value) -> BTreeSet<String> {
    list.as_array().into_iter().flatten().map(|it| it.as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn finds_entities_well_enough() {
    let bench = Bench::start();
    let mut counts = Counts::default();
    for case in cases("extract_entities") {
        let result = bench.call("extract_entities", &case["arguments"]);
        let place = |it: &Value, at: &Value| {
            (it["type"].as_str().unwrap().to_owned(), at["start"].as_u64().unwrap(), at["end"].as_u64().unwrap())
        };
        let answered = result["entities"].as_array().unwrap().iter().map(|it| place(it, &it["span"])).collect();
        let wanted = case["gold"]["entities"].as_array().unwrap().iter().map(|it| place(it, it)).collect();
        counts.add(&answered, &wanted);
    }
    assert!(counts.f1() >= LEAST_F1, "F1 {:.3}", counts.f1());
}

#[test]
fn tells_intents_well_enough() {
    let bench = Bench::start();
    let mut counts = Counts::default();
    for case in cases("classify_intent") {
        let result = bench.call("classify_intent", &case["arguments"]);
        let answered = result["labels"].as_array().unwrap().iter().map(|it| it["label"].as_str().unwrap().to_owned());
        counts.add(&answered.collect(), &texts(&case["gold"]["labels"]));
    }
    assert!(counts.f1() >= LEAST_F1, "F1 {:.3}", counts.f1());
}

#[test]
fn tags_documents_well_enough() {
    let bench = Bench::start();
    let (mut counts, mut extracted) = (Counts::default(), HashMap::<&str, Counts>::new());
    for case in cases("tag_chunk_docs") {
        let document = bench.call("tag_chunk_docs", &case["arguments"])["documents"][0].clone();
        let answered = texts(&document["tags"]);
        match case["gold"]["any_of"].as_array() {
            Some(terms) => {
                let hit = terms.iter().filter_map(Value::as_str).any(|it| answered.contains(&it.to_lowercase()));
                counts.right += usize::from(hit);
                counts.answered += 1;
                counts.wanted += 1;
            }
            None => counts.add(&answered, &texts(&case["gold"]["tags"])),
        }
        for field in ["title", "language"] {
            let one = |it: &Value| it.as_str().map(str::to_owned).into_iter().collect();
            let counts = extracted.entry(field).or_default();
            counts.add::<String>(&one(&document["extracted"][field]), &one(&case["gold"]["extracted"][field]));
        }
        for field in ["dates", "authors", "headings"] {
            let counts = extracted.entry(field).or_default();
            counts.add(&texts(&document["extracted"][field]), &texts(&case["gold"]["extracted"][field]));
        }
    }
    assert!(counts.f1() >= LEAST_F1, "F1 {:.3}", counts.f1());
    for (field, counts) in extracted {
        assert!(counts.f1() >= LEAST_F1, "{field}: F1 {:.3}", counts.f1());
    }
}

#[test]
fn reads_out_of_documents_exactly_what_stands_in_them() {
    let bench = Bench::start();
    for case in cases("ingest_docs") {
        let result = bench.call("ingest_docs", &case["arguments"]);
        let sent = case["arguments"]["documents"].as_array().unwrap();
        let texts = case["gold"]["texts"].as_array().unwrap();
        for ((document, told), text) in sent.iter().zip(result["documents"].as_array().unwrap()).zip(texts) {
            let id = document["id"].as_str().unwrap();
            assert!(told["error"].is_null(), "{id}: {told}");
            let held = bench.program.call("GET", &format!("/documents/{id}"), Some(&bench.key), None).json();
            assert_eq!(held["text"], *text, "{id}");
        }
    }
}

#[test]
fn summarizes_near_enough_to_what_readers_wrote() {
    let bench = Bench::start();
    let mut scores = Vec::new();
    for case in cases("summarize") {
        let result = bench.call("summarize", &case["arguments"]);
        let said = words(result["summary"].as_str().unwrap());
        let written = case["gold"]["summaries"].as_array().unwrap();
        scores.push(written.iter().map(|it| rouge_l(&said, &words(it.as_str().unwrap()))).fold(0.0, f64::max));
    }
    #[expect(clippy::cast_precision_loss, reason = "there are about fifty cases")]
    let mean = scores.iter().sum::<f64>() / scores.len() as f64;
    assert!(mean >= LEAST_ROUGE, "ROUGE-L {mean:.3}");
}

/// F-measure of the longest common subsequence.
#[expect(clippy::cast_precision_loss, reason = "counts of words are small")]
fn rouge_l(one: &[String], other: &[String]) -> f64 {
    let mut row = vec![0_usize; other.len() + 1];
    for word in one {
        let mut corner = 0;
        for (at, its) in other.iter().enumerate() {
            let above = row[at + 1];
            row[at + 1] = if word == its { corner + 1 } else { above.max(row[at]) };
            corner = above;
        }
    }
    2.0 * row[other.len()] as f64 / (one.len() + other.len()).max(1) as f64
}
