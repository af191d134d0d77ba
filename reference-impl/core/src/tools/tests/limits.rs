//! A tool of the tests, and what bounds it.

use super::*;

/// Does what its arguments say.
struct Probe;

impl Tool for Probe {
    fn run<'a>(&'a self, run: ToolRun<'a>) -> BoxFuture<'a, Result<Json, ToolFault>> {
        Box::pin(async move {
            let asked = |key: &str| run.arguments.get(key) == Some(&Json::Bool(true));
            if asked("hang") {
                std::future::pending::<()>().await;
            }
            if asked("fail") {
                return Err(ToolFault::Failed("secret reason".to_owned()));
            }
            Ok(if asked("odd") {
                json!({"other": 1})
            } else {
                json!({"text": "x".repeat(if asked("long") { 500 } else { 1 })})
            })
        })
    }
}

pub(super) fn descriptor(name: &str) -> Json {
    json!({
        "name": name, "version": "1.0.0", "description": "A probe.",
        "arguments_schema": {"type": "object", "additionalProperties": {"type": "boolean"}},
        "result_schema": {"type": "object", "required": ["text"], "additionalProperties": false, "properties": {"text": {"type": "string"}}},
        "scopes": [], "side_effects": "none", "data": [], "model_callable": true,
        "limits": {"time_ms": 1000, "argument_bytes": 100, "result_bytes": 200, "calls_per_turn": 2},
    })
}

pub(super) fn probe() -> Arc<dyn Tool> {
    Arc::new(Probe)
}

pub(super) fn registry() -> Registry {
    let mut registry = Registry::default();
    registry.register(&descriptor("probe"), probe()).unwrap();
    registry
}

#[tokio::test]
async fn holds_results_to_schema_and_size_and_arguments_to_size() {
    let shed = shed_with(Some(registry()));
    assert!(run(&shed, "probe", json!({})).await.is_ok());
    for asked in ["fail", "odd", "long"] {
        let failed = run(&shed, "probe", json!({asked: true})).await.unwrap_err();
        assert!(
            matches!(failed, ToolError::Failed { .. }) && failed.to_string() == "the tool failed",
            "{asked}: {failed}"
        );
    }
    let wide = run(&shed, "probe", json!({"x".repeat(100): true})).await;
    assert!(matches!(wide, Err(ToolError::TooLarge { limit: 100 })), "{wide:?}");
    let owner = shed.tenants.owner();
    assert_eq!(outcomes(&shed, &owner).await, ["succeeded", "failed", "failed", "failed", "invalid"]);
}

#[tokio::test]
async fn gives_up_a_run_at_the_shorter_of_limit_and_wish() {
    for (wish, expected) in [(None, 1000), (Some(300), 300), (Some(5000), 1000)] {
        let shed = shed_with(Some(registry()));
        let owner = shed.tenants.owner();
        let asked = ToolCall { timeout_ms: wish, ..call("probe", json!({"hang": true})) };
        let mut waiting = Box::pin(shed.platform.execute_tool(&owner, &asked));
        assert!(futures_util::FutureExt::now_or_never(&mut waiting).is_none());
        shed.timer.pass(expected - 1);
        assert!(futures_util::FutureExt::now_or_never(&mut waiting).is_none());
        shed.timer.pass(1);
        let done = waiting.await;
        assert!(matches!(done, Err(ToolError::TimedOut { after_ms }) if after_ms == expected), "{done:?}");
        assert_eq!(outcomes(&shed, &owner).await, ["timed_out"]);
    }
}

#[test]
fn bounds_the_calls_of_a_turn_and_lets_a_write_run_only_when_the_user_asks() {
    let built_in = Registry::built_in();
    let declared = |name: &str| &built_in.get(name).unwrap().declaration;
    let mut turn = ToolTurn::new("When does the pump room open?");
    assert!(!turn.admit(declared("ingest_docs")));
    let admitted = (0..10).filter(|_| turn.admit(declared("classify_intent"))).count();
    assert_eq!(admitted, 4);
    let mut turn = ToolTurn::new("Please store this document: the pump room opens at nine.");
    assert!(turn.admit(declared("ingest_docs")) && !turn.admit(declared("ingest_docs")), "one call in a turn");
}
