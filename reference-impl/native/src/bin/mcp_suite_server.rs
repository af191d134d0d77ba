//! The server with the tools that the conformance suite of the Model Context Protocol calls by name: the contract's own tools
//! are none of these, and all of them have arguments, so that the suite cannot see a plain call or a failing tool there.
//!
//! `mcp_suite_server TENANTS DATA` serves the folder's tenants on a free port, which it tells on standard error.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use reference_core::ports::BoxFuture;
use reference_core::tools::{Registry, Tool, ToolFault, ToolRun};
use reference_impl::config::{self, DemoFiles};
use reference_impl::data_folder::DataFolder;
use reference_impl::deployment::{self, Deployment};
use reference_impl::server;
use reference_impl::telemetry::JsonLines;
use serde_json::{Value, json};

/// A tool that always gives the same, or always fails.
struct Fixed {
    fails: bool,
}

impl Tool for Fixed {
    fn run<'a>(&'a self, _run: ToolRun<'a>) -> BoxFuture<'a, Result<Value, ToolFault>> {
        let failure = || ToolFault::Failed("this tool always fails".to_owned());
        let done = if self.fails { Err(failure()) } else { Ok(json!({ "done": true })) };
        Box::pin(async { done })
    }
}

/// Tools without arguments, as the suite calls them by name.
const TOOLS: [(&str, bool); 4] = [
    ("test_error_handling", true),
    ("test_logging_tool", false),
    ("test_simple_text", false),
    ("test_streaming_elicitation", false),
];

fn tools() -> anyhow::Result<Registry> {
    let mut registry = Registry::default();
    for (name, fails) in TOOLS {
        let schema =
            |properties: Value| json!({ "type": "object", "additionalProperties": false, "properties": properties });
        let descriptor = json!({
            "name": name,
            "version": "1.0.0",
            "title": name,
            "description": "A tool of the conformance suite of the Model Context Protocol.",
            "arguments_schema": schema(json!({})),
            "result_schema": schema(json!({ "done": { "type": "boolean" } })),
            "scopes": [],
            "side_effects": "none",
            "data": [],
            "limits": { "time_ms": 1000, "argument_bytes": 1024, "result_bytes": 1024, "calls_per_turn": 1 },
            "model_callable": false,
        });
        registry.register(&descriptor, Arc::new(Fixed { fails }))?;
    }
    Ok(registry)
}

fn main() -> anyhow::Result<()> {
    let folders: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [tenants, data] = folders.as_slice() else { anyhow::bail!("usage: mcp_suite_server TENANTS DATA") };
    let loaded = config::load(tenants, &deployment::models(), Some(&DemoFiles::beside(tenants)))?;
    let data = DataFolder::open(data)?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let limits = loaded.platform.server;
        let telemetry = Arc::new(JsonLines::new(Box::new(std::io::stdout()), Box::new(std::io::stderr())));
        let deployment = Deployment::assemble_with(loaded, &data, telemetry, true, false, tools()?)?;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.context("no free port")?;
        writeln!(std::io::stderr(), "listening on http://{}", listener.local_addr()?)?;
        server::serve(listener, deployment.router.clone(), limits, server::stop_signal()).await;
        Ok(())
    })
}
