//! The operation table and example requests that load scenarios draw from.

use std::fmt::Write;

use super::naming::literal;
use crate::{Contract, model::component_name};

/// Code of the table.
pub(super) fn operations(contract: &Contract) -> String {
    let mut out = String::from(
        "/// One operation as a load scenario needs it.\n#[derive(Debug, Clone, Copy)]\npub struct Operation {\n/// `operationId`.\n\
         pub id: &'static str,\n/// Method.\npub method: &'static str,\n/// Path template.\npub path: &'static str,\n\
         /// Example bodies, as JSON texts; empty when it takes none.\npub examples: &'static [&'static str],\n}\n\n",
    );
    for operation in &contract.operations {
        let examples = operation.request.as_ref().map(|body| contract.resolve(&body.schema).get("examples").cloned());
        let examples = examples.flatten().and_then(|examples| examples.as_array().cloned()).unwrap_or_default();
        let examples: Vec<String> = examples.iter().map(|example| literal(&example.to_string())).collect();
        let _ = writeln!(out, "/// `{} {}`: {}", operation.method, operation.path, operation.summary);
        let _ = writeln!(
            out,
            "pub const {}: Operation = Operation {{ id: {}, method: {}, path: {}, examples: &[{}] }};\n",
            operation.id.to_uppercase(),
            literal(&operation.id),
            literal(&operation.method),
            literal(&operation.path),
            examples.join(", ")
        );
        if let Some(name) = operation.request.as_ref().and_then(|body| component_name(&body.schema)) {
            builder(&mut out, contract, &operation.id, name);
        }
    }
    let names: Vec<String> = contract.operations.iter().map(|operation| operation.id.to_uppercase()).collect();
    let _ = writeln!(
        out,
        "/// Every operation, in the order of the contract.\npub const OPERATIONS: &[Operation] = &[{}];",
        names.join(", ")
    );
    out
}

/// A function that makes the least request of an operation from its required fields.
fn builder(out: &mut String, contract: &Contract, id: &str, schema: &str) {
    let Some(schema) = contract.schemas.get(schema) else { return };
    let required = schema.get("required").and_then(|required| required.as_array()).cloned().unwrap_or_default();
    let required: Vec<&str> = required.iter().filter_map(|name| name.as_str()).collect();
    let inputs: Vec<String> =
        required.iter().map(|name| format!("{}: &serde_json::Value", super::naming::field(name))).collect();
    let fields: Vec<String> =
        required.iter().map(|name| format!("{}: {}", literal(name), super::naming::field(name))).collect();
    let _ = writeln!(
        out,
        "/// The least body of `{id}`: its required fields alone.\npub fn {id}_body({}) -> serde_json::Value {{ serde_json::json!({{ {} }}) }}\n",
        inputs.join(", "),
        fields.join(", ")
    );
}
