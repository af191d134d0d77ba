//! What the dispatcher adds to a tool that does nothing, without the commit of its record, and that commit beside it.
#![allow(missing_docs, reason = "the macros of criterion make undocumented functions")]
#![allow(clippy::allow_attributes, reason = "whether the macros need the exemption depends on their version")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use futures_util::FutureExt as _;
use reference_core::answer::Extractive;
use reference_core::ingest::UnicodeWords;
use reference_core::platform::{INDEX_BYTES, Platform, Ports};
use reference_core::ports::{Background, BoxFuture, MemoryKeyValue};
use reference_core::retrieve::HashedEmbedder;
use reference_core::testkit::{MemoryDatabases, TestTenants, TestTimer};
use reference_core::tools::{Registry, Tool, ToolCall, ToolFault, ToolRun};
use serde_json::{Value as Json, json};

/// Gives back what it is given.
struct Echo;

impl Tool for Echo {
    fn run<'a>(&'a self, run: ToolRun<'a>) -> BoxFuture<'a, Result<Json, ToolFault>> {
        Box::pin(async move { Ok(json!({"text": run.arguments["text"]})) })
    }
}

/// Nothing here is left for later.
struct Never;

impl Background for Never {
    fn spawn(&self, _: BoxFuture<'static, ()>) {}
}

fn registry() -> Registry {
    let schema = json!({"type": "object", "additionalProperties": false, "required": ["text"],
        "properties": {"text": {"type": "string", "maxLength": 4000}}});
    let mut registry = Registry::default();
    let descriptor = json!({
        "name": "echo", "version": "1.0.0", "description": "Says it again.", "arguments_schema": schema,
        "result_schema": schema, "scopes": [], "side_effects": "none", "model_callable": true,
        "limits": {"time_ms": 1000, "argument_bytes": 8000, "result_bytes": 8000, "calls_per_turn": 1},
    });
    registry.register(&descriptor, Arc::new(Echo)).expect("the descriptor is sound");
    registry
}

fn tools(criterion: &mut Criterion) {
    let tenants = TestTenants::with(|settings| settings.tools = vec!["echo".to_owned()].into_iter().collect());
    let ports = Ports {
        databases: Arc::new(MemoryDatabases::new()),
        clock: tenants.clock.clone(),
        ids: tenants.ids.clone(),
        key_value: Arc::new(MemoryKeyValue::new(1 << 20)),
        background: Arc::new(Never),
        tokenizer: Arc::new(UnicodeWords),
        embedders: vec![Arc::new(HashedEmbedder)],
        generators: vec![Arc::new(Extractive)],
        rerankers: Vec::new(),
        chat_models: Vec::new(),
        timer: Arc::new(TestTimer::default()),
    };
    let platform = Arc::new(Platform::new(ports, &[7; 32], INDEX_BYTES).with_tools(registry()));
    let tenant = tenants.owner();
    let text = "The mill turns when the wind is from the west. ".repeat(40);
    let Json::Object(arguments) = json!({"text": text}) else { unreachable!("written so") };
    let call =
        ToolCall { tool: "echo".to_owned(), arguments, timeout_ms: None, request_id: "r".to_owned(), trace_id: None };

    let mut group = criterion.benchmark_group("tools");
    group.bench_function("bare", |bencher| {
        bencher.iter(|| {
            let run = ToolRun { platform: &platform, tenant: &tenant, arguments: black_box(&call.arguments) };
            Echo.run(run).now_or_never().expect("it waits for nothing")
        });
    });
    group.bench_function("dispatched", |bencher| {
        bencher.iter(|| {
            let done = platform.execute_unrecorded(&tenant, black_box(&call)).now_or_never();
            done.expect("it waits for nothing").expect("the call is allowed")
        });
    });
    group.bench_function("recorded", |bencher| {
        bencher.iter(|| {
            let done = platform.execute_tool(&tenant, black_box(&call)).now_or_never();
            done.expect("the databases are in memory").expect("the call is allowed")
        });
    });
    group.finish();
}

criterion_group!(benches, tools);
criterion_main!(benches);
