use std::sync::Mutex;

use serde_json::{Map, Value as Json, json};

use super::*;
use crate::answer::Extractive;
use crate::audit::Outcome;
use crate::ingest::UnicodeWords;
use crate::platform::{INDEX_BYTES, JobReport, Platform, Ports};
use crate::ports::{Background, BoxFuture, MemoryKeyValue};
use crate::retrieve::HashedEmbedder;
use crate::store::jobs::JobStatus;
use crate::tenancy::{Scope, TenantContext};
use crate::testkit::{MemoryDatabases, TestTenants, TestTimer};
use std::sync::Arc;

mod limits;
mod registration;

/// Keeps work until it is asked to run it.
#[derive(Default)]
struct Later(Mutex<Vec<BoxFuture<'static, ()>>>);

impl Background for Later {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        self.0.lock().unwrap().push(work);
    }
}

struct Shed {
    platform: Arc<Platform>,
    tenants: TestTenants,
    timer: Arc<TestTimer>,
    later: Arc<Later>,
    databases: Arc<MemoryDatabases>,
}

const ALL: [&str; 5] = ["classify_intent", "extract_entities", "ingest_docs", "summarize", "tag_chunk_docs"];

fn shed_with(registry: Option<Registry>) -> Shed {
    let tenants = TestTenants::with(|settings| {
        settings.tools = ALL.iter().chain(&["probe"]).map(|it| (*it).to_owned()).collect();
    });
    let (timer, later, databases) =
        (Arc::new(TestTimer::default()), Arc::new(Later::default()), Arc::new(MemoryDatabases::new()));
    let ports = Ports {
        databases: databases.clone(),
        clock: tenants.clock.clone(),
        ids: tenants.ids.clone(),
        key_value: Arc::new(MemoryKeyValue::new(1 << 20)),
        background: later.clone(),
        tokenizer: Arc::new(UnicodeWords),
        embedders: vec![Arc::new(HashedEmbedder)],
        generators: vec![Arc::new(Extractive)],
        rerankers: Vec::new(),
        chat_models: Vec::new(),
        timer: timer.clone(),
    };
    let platform = Platform::new(ports, &[7; 32], INDEX_BYTES);
    let platform = Arc::new(match registry {
        Some(registry) => platform.with_tools(registry),
        None => platform,
    });
    Shed { platform, tenants, timer, later, databases }
}

fn shed() -> Shed {
    shed_with(None)
}

fn call(tool: &str, arguments: Json) -> ToolCall {
    let Json::Object(arguments) = arguments else { panic!("arguments are an object") };
    ToolCall { tool: tool.to_owned(), arguments, timeout_ms: None, request_id: "r1".to_owned(), trace_id: None }
}

async fn run(shed: &Shed, tool: &str, arguments: Json) -> Result<Json, ToolError> {
    shed.platform.execute_tool(&shed.tenants.owner(), &call(tool, arguments)).await.map(|it| it.result)
}

async fn outcomes(shed: &Shed, tenant: &TenantContext) -> Vec<String> {
    let page = shed.platform.list_audit(tenant, 100, None).await.unwrap();
    page.items.iter().rev().map(|it| it["outcome"].as_str().unwrap().to_owned()).collect()
}

/// The value at a path such as `$.labels[0].label`.
fn at<'a>(value: &'a Json, path: &str) -> &'a Json {
    let pointer = path.trim_start_matches('$').replace('[', ".").replace(']', "").replace('.', "/");
    value.pointer(&pointer).unwrap_or(&Json::Null)
}

fn holds(found: &Json, word: &str, expected: &Json) -> bool {
    let length = found.as_array().map_or_else(|| found.as_str().map_or(0, |it| it.chars().count()), Vec::len) as u64;
    match word {
        "equals" => found == expected,
        "length" => expected.as_u64() == Some(length),
        "min_length" => expected.as_u64().is_some_and(|it| length >= it),
        "matches" => {
            regex::Regex::new(expected.as_str().unwrap()).unwrap().is_match(found.as_str().unwrap_or_default())
        }
        word => panic!("an example asks for `{word}`, which nobody checks"),
    }
}

#[tokio::test]
async fn gives_for_each_documented_example_what_is_documented() {
    let shed = shed();
    let list: Vec<Json> = serde_json::from_str(contract_types::TOOLS).unwrap();
    let mut checked = 0;
    for tool in &list {
        let name = tool["descriptor"]["name"].as_str().unwrap();
        for example in tool["examples"].as_array().unwrap() {
            let result = run(&shed, name, example["arguments"].clone()).await.unwrap();
            for expected in example["expect"].as_array().unwrap() {
                let path = expected["path"].as_str().unwrap();
                for (word, value) in expected.as_object().unwrap().iter().filter(|(word, _)| *word != "path") {
                    assert!(
                        holds(at(&result, path), word, value),
                        "{name}, {}: {path} {word} {value}: {result}",
                        example["title"]
                    );
                    checked += 1;
                }
            }
        }
    }
    assert!(checked >= 12, "{checked}");
}

#[tokio::test]
async fn refuses_unlisted_and_unknown_tools_and_missing_scopes_alike_and_before_the_arguments() {
    let shed = shed();
    let owner = shed.tenants.owner();
    let narrow = shed.tenants.scoped(owner.id(), "narrow", &[Scope::ToolsExecute]);
    for (tenant, tool) in [(&owner, "no_such_tool"), (&narrow, "ingest_docs")] {
        let refused = shed.platform.execute_tool(tenant, &call(tool, json!({"zzz": 1}))).await;
        assert!(matches!(refused, Err(ToolError::NotAllowed)), "{tool}");
    }
    assert!(shed.platform.get_tool(&narrow, "ingest_docs").is_none());
    assert_eq!(shed.platform.list_tools(&narrow).len(), 4);
    assert_eq!(shed.platform.tool_counts(owner.id()), ToolCounts::default());
    assert_eq!(outcomes(&shed, &owner).await, ["denied", "denied"]);
}

#[tokio::test]
async fn leaves_one_record_of_each_call_whatever_becomes_of_it() {
    let shed = shed();
    let owner = shed.tenants.owner();
    run(&shed, "summarize", json!({"text": "The mill turns. It grinds."})).await.unwrap();
    let invalid = run(&shed, "summarize", json!({"text": 7, "zzz": 1})).await.unwrap_err();
    let ToolError::Invalid { faults } = invalid else { panic!("{invalid}") };
    let pointers: Vec<&str> = faults.iter().map(|it| it.0.as_str()).collect();
    assert!(pointers.contains(&"/text") && pointers.contains(&"/zzz"), "{pointers:?}");
    assert!(faults.iter().all(|it| !it.2.contains('7')), "no value is told back: {faults:?}");
    run(&shed, "extract_entities", json!({"text": "x", "types": ["zzz"]})).await.unwrap_err();
    run(
        &shed,
        "ingest_docs",
        json!({"documents": [{"id": "a", "content": "The lamp.", "content_type": "text/plain"}]}),
    )
    .await
    .unwrap();
    assert_eq!(outcomes(&shed, &owner).await, ["succeeded", "invalid", "invalid", "succeeded"]);
    assert_eq!(shed.platform.tool_counts(owner.id()), ToolCounts { runs: 3, writes: 1 });
    let stranger = shed.tenants.stranger();
    assert!(outcomes(&shed, &stranger).await.is_empty());
}

#[tokio::test]
async fn lets_no_call_count_that_cannot_be_recorded() {
    let shed = shed();
    shed.databases.set_down(true);
    let failed = run(&shed, "summarize", json!({"text": "The mill turns."})).await;
    assert!(matches!(failed, Err(ToolError::Database(_))), "{failed:?}");
}

#[tokio::test]
async fn records_a_call_that_nobody_waits_for_any_longer_as_cancelled() {
    let shed = shed_with(Some(limits::registry()));
    let owner = shed.tenants.owner();
    {
        let asked = call("probe", json!({"hang": true}));
        let mut waiting = Box::pin(shed.platform.execute_tool(&owner, &asked));
        assert!(futures_util::FutureExt::now_or_never(&mut waiting).is_none());
    }
    let work = std::mem::take(&mut *shed.later.0.lock().unwrap());
    futures_util::future::join_all(work).await;
    assert_eq!(outcomes(&shed, &owner).await, [Outcome::Cancelled.as_str()]);
}

#[tokio::test]
async fn gives_as_a_job_what_it_gives_at_once_and_records_it_once() {
    let shed = shed();
    let owner = shed.tenants.owner();
    let asked = call("summarize", json!({"text": "The mill has four sails. It was built in 1821."}));
    let direct = shed.platform.execute_tool(&owner, &asked).await.unwrap();
    let job = shed.platform.start_tool_job(&owner, &asked).await.unwrap();
    assert_eq!(outcomes(&shed, &owner).await, ["succeeded"], "a job is recorded when it ends");
    shed.platform.run_jobs(&owner).await.unwrap();
    let JobReport::Tool(output) = shed.platform.job_result(&owner, job.id.as_str()).await.unwrap() else { panic!() };
    assert_eq!((output.result, output.version), (direct.result, direct.version));
    assert_eq!(outcomes(&shed, &owner).await, ["succeeded", "succeeded"]);
    let refused = shed.platform.start_tool_job(&owner, &call("summarize", json!({}))).await;
    assert!(matches!(refused, Err(ToolError::Invalid { .. })));
    assert_eq!(shed.platform.list_jobs(&owner, 10, None).await.unwrap().items.len(), 1, "no job of a refused call");
}

#[tokio::test]
async fn records_a_cancelled_job_once() {
    let shed = shed();
    let owner = shed.tenants.owner();
    let job = shed.platform.start_tool_job(&owner, &call("summarize", json!({"text": "The mill."}))).await.unwrap();
    let cancelled = shed.platform.cancel_job(&owner, job.id.as_str()).await.unwrap();
    assert_eq!(cancelled.status, JobStatus::Cancelled);
    shed.platform.run_jobs(&owner).await.unwrap();
    assert_eq!(outcomes(&shed, &owner).await, ["cancelled"]);
}

#[tokio::test]
async fn takes_empty_huge_and_foreign_texts() {
    let shed = shed();
    let huge = "The valve is shut in Berlin on 5 May 2026 for €12. ".repeat(4000);
    let texts = [
        " ",
        "\n\n",
        "🎉🎉",
        "…",
        "مرحبا بالعالم. القاهرة جميلة.",
        "風車は丘の上にある。粉を挽く。",
        "a",
        huge.as_str(),
    ];
    for text in texts {
        let fits: Map<String, Json> = json!({"text": text}).as_object().unwrap().clone();
        for tool in ["summarize", "extract_entities"] {
            let asked = ToolCall { arguments: fits.clone(), ..call(tool, json!({})) };
            let output = shed.platform.execute_tool(&shed.tenants.owner(), &asked).await.unwrap();
            for place in
                output.result["sentences"].as_array().into_iter().chain(output.result["entities"].as_array()).flatten()
            {
                let at = |key: &str| usize::try_from(place["span"][key].as_u64().unwrap()).unwrap();
                let (from, to) = (at("start"), at("end"));
                assert_eq!(place["text"], text[from..to], "{tool}");
            }
        }
        let short: String = text.chars().take(100_000).collect();
        run(&shed, "classify_intent", json!({"text": short, "categories": ["a", "b"]})).await.unwrap();
        let documents = json!({"documents": [{"id": "a", "content": text}]});
        let tagged = run(&shed, "tag_chunk_docs", documents).await.unwrap();
        let chunks = tagged["documents"][0]["chunks"].as_array().unwrap();
        assert_eq!(chunks.last().map_or(0, |it| it["span"]["end"].as_u64().unwrap()), text.len() as u64);
    }
}

#[tokio::test]
async fn keeps_to_words_and_formats_of_summaries() {
    let shed = shed();
    let text = "The committee met on Monday and talked for three hours about the old bridge over the river. \
                The bridge is closed because two of its beams have rusted through. A new bridge would cost 4 million. \
                Nobody could say who would pay. The committee meets again in June, after the survey of the beams is done.";
    for most in [5, 9, 20, 40] {
        let result = run(&shed, "summarize", json!({"text": text, "max_words": most})).await.unwrap();
        let words = result["summary"].as_str().unwrap().split_whitespace().count();
        assert!(words > 0 && words <= most, "{most}: {result}");
    }
    let headline = run(&shed, "summarize", json!({"text": text, "format": "headline"})).await.unwrap();
    let line = headline["summary"].as_str().unwrap();
    assert!(line.split_whitespace().count() <= 12 && !line.ends_with('.') && text.contains(line), "{line}");
}

#[tokio::test]
async fn refuses_files_that_the_host_cannot_read_and_ingests_the_others() {
    let shed = shed();
    let documents = json!([
        {"id": "p", "content": "JVBERi0xLjQK", "content_type": "application/pdf"},
        {"id": "c", "content": "part,price\nbell,\"12,50\"\nlamp,\n", "content_type": "text/csv"},
        {"id": "bad", "content": "a,b\n1,2,3\n", "content_type": "text/csv"},
    ]);
    let result = run(&shed, "ingest_docs", json!({"documents": documents})).await.unwrap();
    let told: Vec<&str> =
        result["documents"].as_array().unwrap().iter().map(|it| it["status"].as_str().unwrap()).collect();
    assert_eq!(told, ["failed", "created", "failed"], "{result}");
    assert!(result["documents"][0]["error"]["message"].as_str().unwrap().contains("cannot read PDF"));
    assert!(result["documents"][2]["error"]["message"].as_str().unwrap().contains("line 2"), "{result}");
    let held = shed.platform.get_document(&shed.tenants.owner(), "c").await.unwrap();
    assert_eq!(held.text, "part: bell; price: 12,50\npart: lamp");
}
