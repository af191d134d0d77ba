//! The permission matrix of tools, made from the registry: every tool, for a tenant that lists it and one that does not, by
//! credentials with all scopes that it needs, with one of them missing, and with others.
//!
//! Each cell is a case like a written one. The arguments fit no tool, so that no cell changes anything: whoever may call is told
//! so, and whoever may not learns nothing of them.

use std::path::Path;

use contracts::Contract;
use serde_json::{Value, json};

use crate::{
    suite::SuiteError,
    written::{Case, made},
};

/// Scopes that have nothing to do with tools.
const OTHER: [&str; 2] = ["search:read", "documents:read"];
const READ: &str = "tools:read";
const EXECUTE: &str = "tools:execute";

/// A tool, and the scopes that it asks for beside those of its operation.
struct Tool {
    name: String,
    scopes: Vec<String>,
}

/// A credential of the matrix.
struct Holder {
    name: String,
    scopes: Vec<String>,
}

/// Every cell, tool by tool.
///
/// # Errors
///
/// [`SuiteError`] for a cell that is no sound case.
pub(crate) fn all(folder: &Path, contract: &Contract) -> Result<Vec<Case>, SuiteError> {
    let registry: Vec<Value> = serde_json::from_str(contract_types::TOOLS).unwrap_or_default();
    let tools: Vec<Tool> = registry.iter().map(|it| tool(&it["descriptor"])).collect();
    let mut cases = Vec::new();
    for tool in &tools {
        for listed in [true, false] {
            for holder in holders(tool) {
                let stem = format!(
                    "may-{}-{}-{}",
                    tool.name.replace('_', "-"),
                    if listed { "listed" } else { "unlisted" },
                    holder.name
                );
                let file = folder.join("tools").join(format!("{stem}.yaml"));
                cases.push(made(&file, cell(tool, &tools, listed, &holder), contract)?);
            }
        }
    }
    Ok(cases)
}

fn tool(descriptor: &Value) -> Tool {
    let scopes = descriptor["scopes"].as_array().into_iter().flatten();
    Tool {
        name: descriptor["name"].as_str().unwrap_or_default().to_owned(),
        scopes: scopes.filter_map(Value::as_str).map(str::to_owned).collect(),
    }
}

fn holders(tool: &Tool) -> Vec<Holder> {
    let needed = || [READ, EXECUTE].into_iter().map(str::to_owned).chain(tool.scopes.iter().cloned());
    let holder = |name: &str, scopes: Vec<String>| Holder { name: name.to_owned(), scopes };
    let mut holders = vec![
        holder("all", needed().collect()),
        holder("others", OTHER.iter().map(|it| (*it).to_owned()).collect()),
        holder("operation-alone", OTHER.iter().copied().chain([READ, EXECUTE]).map(str::to_owned).collect()),
    ];
    holders.extend(needed().map(|missing| {
        let name = format!("no-{}", missing.replace([':', '_'], "-"));
        holder(&name, needed().filter(|it| *it != missing).collect())
    }));
    // Where the tool asks for no scope of its own, the operation's are all.
    holders.retain(|it| !tool.scopes.is_empty() || it.name != "operation-alone");
    holders
}

fn cell(tool: &Tool, tools: &[Tool], listed: bool, holder: &Holder) -> Value {
    let has = |scope: &str| holder.scopes.iter().any(|it| it == scope);
    let scoped = tool.scopes.iter().all(|it| has(it));
    let may = listed && scoped;
    let (rule, polarity) = match (listed, scoped && has(READ) && has(EXECUTE)) {
        (true, true) => ("TOL-001", "positive"),
        (false, true) => ("TOL-002", "negative"),
        (_, false) => ("TOL-005", "negative"),
    };
    let allowed: Vec<&str> =
        tools.iter().map(|it| it.name.as_str()).filter(|name| (*name == tool.name) == listed).collect();
    let list = if !has(READ) {
        json!({"status": 403, "code": "FORBIDDEN"})
    } else if may {
        json!({"status": 200, "body": [{"path": "$.tools[*].name", "any_equals": tool.name}]})
    } else {
        json!({"status": 200, "body": [{"path": "$.tools[*].name", "none_equals": tool.name}]})
    };
    let call = match (has(EXECUTE), may) {
        (false, _) => json!({"status": 403, "code": "FORBIDDEN"}),
        (true, true) => json!({"status": 400, "code": "VALIDATION_ERROR"}),
        (true, false) => json!({"status": 403, "code": "TOOL_NOT_ALLOWED"}),
    };
    let id = "{{case}}-{{run}}";
    let caller = json!({"tenant": "main", "jwt": {"claims": {"tenant": id, "scopes": holder.scopes}}});
    json!({
        "rule": rule,
        "level": "MUST",
        "polarity": polarity,
        "why": format!("{} for a tenant that {} it, by a credential with the scopes {}.", tool.name,
            if listed { "lists" } else { "does not list" }, holder.scopes.join(", ")),
        "catalogue": ["TL-01"],
        "needs": ["control", "tokens"],
        "features": ["tools"],
        "setup": [
            {
                "name": "see which models there are",
                "request": {"method": "GET", "path": "/capabilities"},
                "expect": {"status": 200},
                "capture": {"embedding": "$.embedding.model", "generation": "$.generator.model"},
            },
            {
                "name": "make a tenant of its own",
                "as": "control",
                "request": {"method": "PUT", "path": format!("/tenants/{id}"), "body": {
                    "tenant": id, "display_name": "A tenant of one case", "credentials": [], "features": ["tools"],
                    "models": {"embedding": "{{embedding}}", "generation": "{{generation}}", "rerank": "off"},
                    "tools": allowed,
                }},
                "expect": {"status": 201},
            },
        ],
        "steps": [
            {"name": "list the tools", "as": caller, "request": {"method": "GET", "path": "/tools"}, "expect": list},
            {
                "name": "call it with arguments that fit no tool",
                "as": caller,
                "request": {"method": "POST", "path": "/tools/execute",
                    "body": {"tool": tool.name, "arguments": {"fits_no_tool": true}}},
                "expect": call,
            },
        ],
        "cleanup": [{
            "name": "delete the tenant",
            "as": "control",
            "request": {"method": "DELETE", "path": format!("/tenants/{id}")},
            "expect": {"status": 200, "body": [{"path": "$.verified", "equals": true}]},
        }],
    })
}
