//! The operation table: what the edge enforces and what the served document is assembled from.

use std::fmt::Write;

use serde_json::{Value, json};

use super::naming::literal;
use crate::{
    Contract,
    model::{Body, Header, Location, Operation, Parameter, Response, Scopes, component_name},
};

/// Code of the table.
pub(super) fn table(contract: &Contract) -> String {
    let mut out = String::from(
        "use contract_types as wire;\n\nuse crate::operation::{Body, Header, Location, Operation, Parameter, Response, \
         RouteClass, SchemaSource, Scopes, schema_of};\n\n",
    );
    let head = json!({
        "openapi": contract.document["openapi"],
        "info": contract.document["info"],
        "servers": contract.document["servers"],
        "tags": contract.document["tags"],
        "security": contract.document["security"],
        "paths": {},
        "components": { "securitySchemes": contract.document["components"]["securitySchemes"] },
    });
    let _ = writeln!(out, "/// What the document says before its paths, as JSON.");
    let _ = writeln!(out, "pub const HEAD: &str = {};\n", literal(&head.to_string()));
    let _ = writeln!(out, "/// `info.version` of the contract.");
    let _ = writeln!(out, "pub const CONTRACT_VERSION: &str = {};\n", literal(contract.version()));
    let shared = Shared::of(contract);
    shared.write(&mut out);
    for operation in &contract.operations {
        entry(&mut out, operation, &shared);
    }
    let names: Vec<String> = contract.operations.iter().map(|operation| format!("&{}", constant(operation))).collect();
    let _ = writeln!(out, "/// Every operation, in the order of the contract.");
    let _ = writeln!(out, "pub static OPERATIONS: &[&Operation] = &[{}];", names.join(", "));
    events(&mut out, contract);
    out
}

/// The event types of streams: no response schema refers to them, so the document names them itself.
fn events(out: &mut String, contract: &Contract) {
    let mut names: Vec<&str> = contract
        .operations
        .iter()
        .filter_map(|operation| operation.stream.as_ref()?.get("events")?.as_object())
        .flat_map(|events| events.values().filter_map(Value::as_str))
        .collect();
    names.sort_unstable();
    names.dedup();
    let sources: Vec<String> = names.iter().map(|name| format!("schema_of::<wire::{name}>")).collect();
    let _ = writeln!(out, "\n/// Schemas of stream events, which only `x-sse` refers to.");
    let _ = writeln!(
        out,
        "pub static EVENTS: &[fn(&mut schemars::SchemaGenerator) -> schemars::Schema] = &[{}];",
        sources.join(", ")
    );
}

/// Name of the operation's static.
pub(super) fn constant(operation: &Operation) -> String {
    operation.id.to_uppercase()
}

/// Headers and responses that many operations share, each written once.
struct Shared {
    headers: Vec<String>,
    responses: Vec<String>,
}

impl Shared {
    fn of(contract: &Contract) -> Self {
        let mut shared = Self { headers: Vec::new(), responses: Vec::new() };
        for response in contract.operations.iter().flat_map(|operation| &operation.responses) {
            for header in &response.headers {
                let code = header_code(header);
                if !shared.headers.contains(&code) {
                    shared.headers.push(code);
                }
            }
            let code = shared.response_code(response);
            if !shared.responses.contains(&code) {
                shared.responses.push(code);
            }
        }
        shared
    }

    fn name(list: &[String], prefix: &str, code: &str) -> String {
        let position = list.iter().position(|known| known == code).map_or(0, |index| index + 1);
        format!("{prefix}_{position}")
    }

    fn response_code(&self, response: &Response) -> String {
        let headers: Vec<String> =
            response.headers.iter().map(|header| Self::name(&self.headers, "HEADER", &header_code(header))).collect();
        let bodies: Vec<String> = response.bodies.iter().map(body).collect();
        format!(
            "Response {{ status: {}, description: {}, headers: &[{}], bodies: &[{}] }}",
            response.status,
            literal(&response.description),
            headers.join(", "),
            bodies.join(", ")
        )
    }

    fn response(&self, response: &Response) -> String {
        Self::name(&self.responses, "RESPONSE", &self.response_code(response))
    }

    fn write(&self, out: &mut String) {
        for (index, code) in self.headers.iter().enumerate() {
            let _ = writeln!(out, "const HEADER_{}: Header = {code};", index + 1);
        }
        for (index, code) in self.responses.iter().enumerate() {
            let _ = writeln!(out, "const RESPONSE_{}: Response = {code};", index + 1);
        }
        out.push('\n');
    }
}

fn entry(out: &mut String, operation: &Operation, shared: &Shared) {
    let _ = writeln!(out, "/// `{} {}`: {}", operation.method, operation.path, operation.summary);
    let _ = writeln!(out, "pub static {}: Operation = Operation {{", constant(operation));
    for (name, value) in [
        ("id", &operation.id),
        ("method", &operation.method),
        ("path", &operation.path),
        ("tag", &operation.tag),
        ("summary", &operation.summary),
        ("description", &operation.description),
    ] {
        let _ = writeln!(out, "{name}: {},", literal(value));
    }
    let _ = writeln!(out, "scopes: {},", scopes(&operation.scopes));
    let _ = writeln!(out, "route_class: RouteClass::{},", super::naming::pascal(&operation.route_class));
    let feature =
        operation.feature.as_ref().map(|name| format!("Some(wire::Feature::{})", super::naming::variant(name)));
    let _ = writeln!(out, "feature: {},", feature.unwrap_or_else(|| "None".to_owned()));
    let _ = writeln!(out, "idempotent: {},", operation.is_idempotent());
    let parameters: Vec<String> = operation.parameters.iter().map(|p| parameter(operation, p)).collect();
    let _ = writeln!(out, "parameters: &[{}],", parameters.join(", "));
    let own = operation.parameter_schema().map(|_| format!("Some({})", literal(&operation.parameters_type())));
    let _ = writeln!(out, "parameters_schema: {},", own.unwrap_or_else(|| "None".to_owned()));
    let request = operation.request.as_ref().map(|request| format!("Some({})", body(request)));
    let _ = writeln!(out, "request: {},", request.unwrap_or_else(|| "None".to_owned()));
    let _ = writeln!(out, "request_description: {},", literal(&operation.request_description));
    let responses: Vec<String> = operation.responses.iter().map(|response| shared.response(response)).collect();
    let _ = writeln!(out, "responses: &[{}],", responses.join(", "));
    let stream = operation.stream.as_ref().map(|stream| format!("Some({})", literal(&stream.to_string())));
    let _ = writeln!(out, "stream: {},\n}};\n", stream.unwrap_or_else(|| "None".to_owned()));
}

fn scopes(scopes: &Scopes) -> String {
    let list = |names: &[String]| {
        let names: Vec<String> =
            names.iter().map(|name| format!("wire::Scope::{}", super::naming::variant(name))).collect();
        names.join(", ")
    };
    match scopes {
        Scopes::Open => "Scopes::Open".to_owned(),
        Scopes::AllOf(names) => format!("Scopes::AllOf(&[{}])", list(names)),
        Scopes::AnyOf(names) => format!("Scopes::AnyOf(&[{}])", list(names)),
    }
}

fn parameter(operation: &Operation, parameter: &Parameter) -> String {
    let owner = if parameter.is_common() { "CommonParameters".to_owned() } else { operation.parameters_type() };
    let location = match parameter.location {
        Location::Path => "Path",
        Location::Query => "Query",
        Location::Header => "Header",
    };
    format!(
        "Parameter {{ name: {0}, location: Location::{location}, required: {1}, description: {2}, \
         schema: SchemaSource::Property(schema_of::<wire::{owner}>, {0}), when_invalid: {3:?} }}",
        literal(&parameter.name),
        parameter.required,
        literal(&parameter.description),
        parameter.when_invalid
    )
}

fn source(schema: &Value) -> String {
    component_name(schema).map_or_else(
        || format!("SchemaSource::Literal({})", literal(&schema.to_string())),
        |name| format!("SchemaSource::Type({}, schema_of::<wire::{name}>)", literal(name)),
    )
}

fn body(body: &Body) -> String {
    format!("Body {{ media_type: {}, schema: {} }}", literal(&body.media_type), source(&body.schema))
}

fn header_code(header: &Header) -> String {
    format!(
        "Header {{ name: {0}, required: {1}, description: {2}, schema: {3} }}",
        literal(&header.name),
        header.required,
        literal(&header.description),
        source(&header.schema)
    )
}
