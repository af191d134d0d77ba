//! The axum router: one route a path, one thin function an operation.

use std::fmt::Write;

use super::{
    server::{call_type, json_type},
    table::constant,
};
use crate::{Contract, model::Operation};

/// Code of the router.
pub(super) fn router(contract: &Contract) -> String {
    let mut out = String::from(
        "use axum::{Router, extract::{Request, State}, response::{IntoResponse, Response}, routing::MethodRouter};\n\n\
         use super::{server::Api, table};\nuse crate::edge::Edge;\n\n\
         /// Routes every operation of the contract, and nothing else, to `edge`.\npub fn routes() -> Router<Edge> {\nRouter::new()\n",
    );
    let mut paths: Vec<&str> = contract.operations.iter().map(|operation| operation.path.as_str()).collect();
    paths.dedup();
    for path in paths {
        let operations: Vec<&Operation> =
            contract.operations.iter().filter(|operation| operation.path == path).collect();
        let methods: Vec<String> = operations
            .iter()
            .map(|operation| format!(".{}({})", operation.method.to_lowercase(), operation.id))
            .collect();
        let methods = methods.concat();
        let mut allow: Vec<&str> = operations.iter().map(|operation| operation.method.as_str()).collect();
        if allow.contains(&"GET") {
            allow.push("HEAD");
        }
        let _ = writeln!(
            out,
            ".route({path:?}, MethodRouter::new(){methods}.fallback(|state: State<Edge>, request: Request| async move {{ \
             state.0.method_not_allowed(request, {:?}).await }}))",
            allow.join(", ")
        );
    }
    out.push_str(
        ".fallback(|state: State<Edge>, request: Request| async move { state.0.not_found(request).await })\n}\n\n",
    );
    for operation in &contract.operations {
        handler(&mut out, operation);
    }
    out
}

fn handler(out: &mut String, operation: &Operation) {
    let serve = if call_type(operation) == "OpenCall" { "serve_open" } else { "serve" };
    let mut arguments = vec!["&call".to_owned()];
    let mut decode = String::new();
    if operation.parameter_schema().is_some() {
        let _ =
            writeln!(decode, "let parameters: contract_types::{} = input.parameters()?;", operation.parameters_type());
        arguments.push("parameters".to_owned());
    }
    if let Some(request) = &operation.request {
        let _ = writeln!(
            decode,
            "let request: {} = input.body()?;",
            json_type(request).replace("wire::", "contract_types::")
        );
        arguments.push("request".to_owned());
    }
    let input = if decode.is_empty() { "_input" } else { "input" };
    let _ = writeln!(
        out,
        "async fn {id}(State(edge): State<Edge>, request: Request) -> Response {{\n\
         edge.{serve}(&table::{constant}, request, |api, call, {input}| Box::pin(async move {{\n{decode}\
         Ok(Api::{id}(&*api, {arguments}).await.into_response())\n}})).await\n}}\n",
        id = operation.id,
        constant = constant(operation),
        arguments = arguments.join(", "),
    );
}
