//! What a proxy does to an answer.

use contracts::{Contract, model::component_name};
use harness::client::{Request, Response};
use serde_json::{Value, json};

use super::slow::Slow;

/// A change of one answer's body: what goes out, from what came in and what was asked.
type Change = fn(&Request, &mut Response);

/// A change of one block of an event stream, by its place: `None` drops it.
pub(super) type BlockChange = fn(usize, &str) -> Option<String>;

/// What a proxy does to the answers of one operation.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// Leaves out the first required field of the body that is there.
    DropField,
    /// Puts a list in the place of the first field that is none, or a text in the place of one that is.
    WidenType,
    /// Adds a field that the contract does not name.
    AddField,
    /// Answers with a status that the contract does not name.
    Status(u16),
    /// Leaves out the first required header of the answer that is no content type.
    DropHeader,
    /// Calls the body something else.
    ContentType(&'static str),
    /// Sends the body cut in half.
    CutBody,
    /// Gives an error another code than its status has.
    SwapCode,
    /// Anything else about a whole answer.
    Change(Change),
    /// Rewrites the text of an event stream, block by block: `None` drops a block.
    Stream(BlockChange),
    /// Adds to the end of an event stream.
    StreamTail(&'static str),
    /// Changes nothing and is slow with some answers.
    Slow(Slow),
}

/// Applies a fault to a whole answer; gives whether there was anything to break.
pub(super) fn apply(
    fault: &Fault,
    contract: &Contract,
    operation: &str,
    request: &Request,
    response: &mut Response,
) -> bool {
    match fault {
        Fault::DropField => body(response, |body| {
            let schema = schema(contract, operation, response_status(body), body);
            drop_required(contract, &schema, &mut body.value)
        }),
        Fault::WidenType => body(response, |body| widen(&mut body.value)),
        Fault::AddField => body(response, |body| {
            let object = body.value.as_object_mut();
            object.is_some_and(|object| object.insert("unheard_of".to_owned(), json!(1)).is_none())
        }),
        Fault::Status(status) => {
            response.status = *status;
            true
        }
        Fault::DropHeader => drop_header(contract, operation, response),
        Fault::ContentType(kind) => {
            response.headers.retain(|(name, _)| name != "content-type");
            response.headers.push(("content-type".to_owned(), (*kind).to_owned()));
            true
        }
        Fault::CutBody => {
            let half = response.body.len() / 2;
            response.body.truncate(half);
            half > 0
        }
        Fault::SwapCode => body(response, |body| {
            let code = body.value.pointer_mut("/error/code");
            code.is_some_and(|code| {
                *code = json!(if *code == "NOT_FOUND" { "FORBIDDEN" } else { "NOT_FOUND" });
                true
            })
        }),
        Fault::Change(change) => {
            change(request, response);
            true
        }
        Fault::Stream(_) | Fault::StreamTail(_) | Fault::Slow(_) => false,
    }
}

struct Body {
    value: Value,
    status: u16,
}

fn response_status(body: &Body) -> u16 {
    body.status
}

/// Changes a JSON body; gives whether it was changed.
fn body(response: &mut Response, change: impl FnOnce(&mut Body) -> bool) -> bool {
    let Some(value) = response.json() else { return false };
    let mut body = Body { value, status: response.status };
    let changed = change(&mut body);
    if changed {
        response.body = body.value.to_string().into();
    }
    changed
}

/// The schema of the JSON body that an operation answers with this status.
fn schema(contract: &Contract, operation: &str, status: u16, _: &Body) -> Value {
    let response = contract.operation(operation).and_then(|operation| operation.response(status));
    let bodies = response.into_iter().flat_map(|response| &response.bodies);
    let json = bodies.filter(|body| body.media_type == "application/json").map(|body| body.schema.clone()).next();
    json.unwrap_or_else(|| json!({ "$ref": "#/components/schemas/ErrorBody" }))
}

fn drop_required(contract: &Contract, schema: &Value, value: &mut Value) -> bool {
    let resolved = if component_name(schema).is_some() { contract.resolve(schema) } else { schema };
    let branches = resolved["anyOf"].as_array().cloned().unwrap_or_default();
    for branch in &branches {
        if drop_required(contract, branch, value) {
            return true;
        }
    }
    let required: Vec<&str> = resolved["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let Some(object) = value.as_object_mut() else { return false };
    let Some(name) = required.iter().find(|name| object.contains_key(**name)) else { return false };
    object.shift_remove(*name);
    true
}

/// A list or a text where the contract has something else.
fn widen(value: &mut Value) -> bool {
    let Some(object) = value.as_object_mut() else { return false };
    let Some((_, first)) = object.iter_mut().next() else { return false };
    *first = if first.is_array() { json!("not a list") } else { json!([first.clone(), null]) };
    true
}

fn drop_header(contract: &Contract, operation: &str, response: &mut Response) -> bool {
    let documented = contract.operation(operation).and_then(|operation| operation.response(response.status));
    let required = documented.into_iter().flat_map(|response| &response.headers).filter(|header| header.required);
    let names: Vec<String> = required.map(|header| header.name.to_ascii_lowercase()).collect();
    let there = |name: &&String| response.headers.iter().any(|(known, _)| known == *name);
    let Some(name) = names.iter().find(there).cloned() else { return false };
    response.headers.retain(|(known, _)| *known != name);
    true
}
