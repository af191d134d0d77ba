//! Levels of conformance for deployments that are only a part of the platform: core, search, chat, tools, speech, operations.

use std::collections::BTreeSet;

use contract_types::{CaseRecord, Feature};

use crate::engine::fails;

/// Levels from the first to the last, each with the operations that it adds and the features that it asks for.
const LEVELS: [(&str, &[&str], &[Feature]); 6] = [
    (
        "core",
        &[
            "get_health",
            "get_openapi",
            "get_docs",
            "get_capabilities",
            "ingest",
            "list_documents",
            "get_document",
            "delete_document",
            "list_document_chunks",
        ],
        &[],
    ),
    ("search", &["retrieve", "search", "list_jobs", "get_job", "cancel_job", "get_job_result"], &[]),
    ("chat", &["chat", "list_sessions", "get_session", "delete_session"], &[Feature::Chat, Feature::Sessions]),
    ("tools", &["list_tools", "get_tool", "execute_tool", "mcp"], &[Feature::Tools]),
    ("speech", &["synthesize_speech", "list_voices"], &[Feature::Tts]),
    ("operations", &["get_usage", "list_audit", "get_metrics"], &[Feature::Usage, Feature::Audit, Feature::Metrics]),
];

/// The note that names the highest level reached: every level up to it is declared and nothing of it fails.
pub(crate) fn note(cases: &[CaseRecord], features: &BTreeSet<Feature>) -> Option<String> {
    let failing: BTreeSet<&str> =
        cases.iter().filter(|case| fails(case)).map(|case| case.operation.as_deref().unwrap_or("")).collect();
    let holds = |(_, operations, needed): &&(&str, &[&str], &[Feature])| {
        needed.iter().all(|feature| features.contains(feature))
            && !operations.iter().any(|operation| failing.contains(operation))
            && !failing.contains("")
    };
    if cases.is_empty() {
        return None;
    }
    let reached = LEVELS.iter().take_while(holds).count();
    let highest = reached.checked_sub(1).map_or("none", |last| LEVELS[last].0);
    let next = LEVELS.get(reached).map(|(name, _, _)| format!(", next: {name}")).unwrap_or_default();
    Some(format!("level: {highest} (highest reached){next}"))
}
