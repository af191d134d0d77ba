//! The server trait without default methods, and for each operation an enum of its documented statuses.

use std::fmt::Write;

use super::naming::{doc, pascal};
use crate::{
    Contract,
    model::{Body, Operation, Response, Scopes, component_name},
};

/// Code of the trait and the response enums.
pub(super) fn server(contract: &Contract) -> String {
    let mut out = String::from(
        "use axum::response::IntoResponse;\nuse contract_types as wire;\n\nuse crate::{\n    call::{BoxFuture, Call, OpenCall},\n    \
         reply::{Audio, EventStream, Problem, Reply, Written},\n};\n\n",
    );
    out.push_str(
        "/// Every operation of the contract. There are no default methods: an operation left out does not compile.\n",
    );
    out.push_str("pub trait Api: Send + Sync + 'static {\n");
    for operation in &contract.operations {
        out.push_str(&doc("    ", &format!("`{} {}`: {}", operation.method, operation.path, operation.summary)));
        let _ = writeln!(
            out,
            "fn {}<'a>(&'a self, {}) -> BoxFuture<'a, {}Response>;\n",
            operation.id,
            inputs(operation),
            operation.type_stem()
        );
    }
    out.push_str("}\n\n");
    for operation in &contract.operations {
        answers(&mut out, operation);
    }
    out
}

fn inputs(operation: &Operation) -> String {
    let mut inputs = vec![format!("call: &'a {}", call_type(operation))];
    if operation.parameter_schema().is_some() {
        inputs.push(format!("parameters: wire::{}", operation.parameters_type()));
    }
    if let Some(request) = &operation.request {
        inputs.push(format!("request: {}", json_type(request)));
    }
    inputs.join(", ")
}

/// Type of the call's context.
pub(super) fn call_type(operation: &Operation) -> &'static str {
    if operation.scopes == Scopes::Open { "OpenCall" } else { "Call" }
}

/// Rust type of a JSON body.
pub(super) fn json_type(body: &Body) -> String {
    component_name(&body.schema).map_or_else(|| "serde_json::Value".to_owned(), |name| format!("wire::{name}"))
}

/// Variant name of a status.
fn variant(status: u16) -> String {
    let name = match status {
        200 => "Ok",
        201 => "Created",
        202 => "Accepted",
        204 => "NoContent",
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        405 => "MethodNotAllowed",
        406 => "NotAcceptable",
        409 => "Conflict",
        413 => "PayloadTooLarge",
        415 => "UnsupportedMediaType",
        422 => "UnprocessableContent",
        429 => "TooManyRequests",
        500 => "InternalServerError",
        501 => "NotImplemented",
        502 => "BadGateway",
        503 => "ServiceUnavailable",
        504 => "GatewayTimeout",
        _ => return format!("Status{status}"),
    };
    name.to_owned()
}

/// How one body is held.
fn kind(body: &Body) -> (&'static str, String) {
    match body.media_type.as_str() {
        "application/json" => ("Json", json_type(body)),
        "text/event-stream" => ("EventStream", "EventStream".to_owned()),
        media if media.starts_with("audio/") => ("Audio", "Audio".to_owned()),
        _ => ("Text", "String".to_owned()),
    }
}

fn is_problem(response: &Response) -> bool {
    response.bodies.iter().any(|body| component_name(&body.schema) == Some("ErrorBody"))
}

fn answers(out: &mut String, operation: &Operation) {
    let name = format!("{}Response", operation.type_stem());
    let mut variants = String::new();
    let mut arms = String::new();
    let mut problems = String::new();
    for response in &operation.responses {
        let variant = variant(response.status);
        let status = response.status;
        variants.push_str(&doc("    ", &format!("{status}: {}", response.description)));
        if is_problem(response) {
            let _ = writeln!(variants, "{variant}(Problem),");
            let _ = writeln!(arms, "Self::{variant}(problem) => problem.respond({status}),");
            let _ = writeln!(problems, "{status} => Self::{variant}(problem),");
            continue;
        }
        let mut kinds: Vec<(&str, String)> = response.bodies.iter().map(kind).collect();
        kinds.dedup();
        match kinds.as_slice() {
            [] => {
                let _ = writeln!(variants, "{variant}(Reply<()>),");
                let _ = writeln!(arms, "Self::{variant}(reply) => reply.empty({status}),");
            }
            [(label, rust)] => {
                let _ = writeln!(variants, "{variant}(Reply<{rust}>),");
                let media = &response.bodies[0].media_type;
                let _ = writeln!(arms, "Self::{variant}(reply) => {},", respond(label, status, media));
            }
            several => {
                let body = format!("{}{variant}Body", operation.type_stem());
                let _ = writeln!(out, "/// Bodies of {status} from `{}`.\npub enum {body} {{", operation.id);
                for (label, rust) in several {
                    let boxed = if *label == "Json" { format!("Box<{rust}>") } else { rust.clone() };
                    let _ = writeln!(out, "/// As {label}.\n{label}({boxed}),");
                    if *label == "Json" {
                        out.push_str("/// As Json, written already.\nWritten(Written),\n");
                    }
                }
                out.push_str("}\n\n");
                let _ = writeln!(variants, "{variant}(Reply<{body}>),");
                let _ = writeln!(arms, "Self::{variant}(Reply {{ body, headers }}) => match body {{");
                for (label, _) in several {
                    let media = response.bodies.iter().find(|body| kind(body).0 == *label);
                    let media = media.map_or("application/json", |body| body.media_type.as_str());
                    let value = if *label == "Json" { "*body" } else { "body" };
                    let field = if value == "body" { "body".to_owned() } else { format!("body: {value}") };
                    let reply =
                        respond(label, status, media).replace("reply.", &format!("Reply {{ {field}, headers }}."));
                    let _ = writeln!(arms, "{body}::{label}(body) => {reply},");
                    if *label == "Json" {
                        let _ = writeln!(arms, "{body}::Written(body) => Reply {{ body, headers }}.written({status}),");
                    }
                }
                arms.push_str("},\n");
            }
        }
    }
    let _ = writeln!(
        out,
        "/// Answers of `{}`: one variant for each documented status.\npub enum {name} {{\n{variants}}}\n",
        operation.id
    );
    let _ = writeln!(
        out,
        "impl From<Problem> for {name} {{\n/// The variant of the problem's status; an undocumented one becomes an internal \
         error.\nfn from(problem: Problem) -> Self {{ match problem.code.status() {{\n{problems}\
         _ => Self::{}(problem.undocumented({:?})),\n}} }} }}\n",
        pascal("internal_server_error"),
        operation.id,
    );
    let _ = writeln!(
        out,
        "impl IntoResponse for {name} {{ fn into_response(self) -> axum::response::Response {{ match self {{\n{arms}}} }} }}\n"
    );
}

fn respond(label: &str, status: u16, media: &str) -> String {
    match label {
        "Json" => format!("reply.json({status})"),
        "EventStream" => format!("reply.event_stream({status})"),
        "Audio" => format!("reply.audio({status})"),
        _ => format!("reply.text({status}, {media:?})"),
    }
}
