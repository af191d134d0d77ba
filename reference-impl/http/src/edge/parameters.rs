//! Parameters of path, query and headers, read as one object and validated by the contract.

use axum::http::{Uri, request::Parts};
use contract_types::ErrorCode;
use reference_core::sabotage::{self, Sabotage};
use serde_json::{Map, Value};

use super::validate::{self, Schemas};
use crate::{
    operation::{Location, Operation, Parameter},
    reply::{Problem, detail},
};

/// The operation's own parameters as one object.
///
/// An unknown query parameter, a repeated one or one that does not fit is refused, and so is the wish to resume a stream. A path id that does not fit names
/// nothing, and answers as an id that does not exist.
pub(super) fn read(operation: &Operation, parts: &Parts, schemas: &Schemas) -> Result<Value, Problem> {
    if operation.stream.is_some() && parts.headers.contains_key("last-event-id") {
        let message = "streams cannot be resumed; send the request anew without this header";
        return Err(refuse("/header/last-event-id", "not", message));
    }
    let mut values = Map::new();
    for (name, value) in query(&parts.uri)? {
        let known = operation.parameters.iter().find(|p| p.location == Location::Query && p.name == name);
        let Some(parameter) = known else {
            if sabotage::on(Sabotage::UnknownParametersIgnored) {
                continue;
            }
            // A name of the client's own making: escaped as a pointer asks, without control characters.
            let shown: String = name.chars().take(64).map(|c| if c.is_control() { '?' } else { c }).collect();
            let shown = shown.replace('~', "~0").replace('/', "~1");
            return Err(refuse(
                &format!("/query/{shown}"),
                "additionalProperties",
                "this operation has no such query parameter",
            ));
        };
        if values.insert(name.clone(), typed(operation, parameter, value)).is_some() {
            return Err(refuse(&format!("/query/{name}"), "maxItems", "send this query parameter once"));
        }
    }
    for parameter in operation.parameters.iter().filter(|parameter| !common(parameter)) {
        match parameter.location {
            Location::Query => {}
            Location::Path => {
                let value = segment(operation.path, parts.uri.path(), parameter.name).ok_or_else(missing)?;
                values.insert(parameter.name.to_owned(), Value::String(value));
            }
            Location::Header => {
                let mut sent = parts.headers.get_all(parameter.name).iter();
                if let Some(first) = sent.next() {
                    let pointer = format!("/header/{}", parameter.name.to_ascii_lowercase());
                    let text = first.to_str().map_err(|_| refuse(&pointer, "pattern", "send visible ASCII"))?;
                    if sent.next().is_some() {
                        return Err(refuse(&pointer, "maxItems", "send this header once"));
                    }
                    values.insert(parameter.name.to_owned(), Value::String(text.to_owned()));
                }
            }
        }
    }
    let values = Value::Object(values);
    schemas.parameters(operation, &values)?;
    Ok(values)
}

fn common(parameter: &Parameter) -> bool {
    ["x-request-id", "traceparent", "x-tenant-id"].contains(&parameter.name)
}

fn refuse(pointer: &str, keyword: &str, message: &str) -> Problem {
    let mut particular = detail(message);
    particular.pointer = Some(pointer.to_owned());
    particular.keyword = Some(keyword.to_owned());
    Problem::new(ErrorCode::ValidationError, "a parameter is not as the contract says").detail(particular)
}

/// The answer for an id that names nothing.
pub(crate) fn missing() -> Problem {
    Problem::new(ErrorCode::NotFound, "there is nothing with this id")
}

/// Query parameters, decoded, in the order they were sent.
fn query(uri: &Uri) -> Result<Vec<(String, String)>, Problem> {
    let pairs = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = (decode(&name.replace('+', " ")), decode(&value.replace('+', " ")));
            match decoded {
                (Some(name), Some(value)) => Ok((name, value)),
                (None, _) | (_, None) => {
                    Err(refuse("/query", "format", "the query string is not percent-encoded UTF-8"))
                }
            }
        })
        .collect()
}

/// Percent-decodes; `None` when that is no UTF-8.
fn decode(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let escaped = (bytes[index] == b'%').then(|| text.get(index + 1..index + 3)).flatten();
        if let Some(byte) = escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            decoded.push(byte);
            index += 3;
        } else {
            decoded.push(bytes[index]);
            index += 1;
        }
    }
    String::from_utf8(decoded).ok()
}

/// The segment of `path` at the place of `{name}` in `template`, decoded.
fn segment(template: &str, path: &str, name: &str) -> Option<String> {
    let place =
        template.split('/').position(|part| part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) == Some(name))?;
    decode(path.split('/').nth(place)?)
}

/// The text as the type that the parameter's schema asks for; text that is not of it stays text, and fails the schema.
fn typed(operation: &Operation, parameter: &Parameter, text: String) -> Value {
    match validate::parameter_type(operation, parameter.name) {
        Some("integer") => text.parse::<i64>().map(Value::from).unwrap_or(Value::String(text)),
        Some("number") => text.parse::<f64>().map(Value::from).unwrap_or(Value::String(text)),
        Some("boolean") if text == "true" => Value::Bool(true),
        Some("boolean") if text == "false" => Value::Bool(false),
        _ => Value::String(text),
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, segment};

    #[test]
    fn finds_and_decodes_the_segment_of_a_template() {
        assert_eq!(segment("/documents/{id}/chunks", "/documents/a%20b/chunks", "id").as_deref(), Some("a b"));
        assert_eq!(segment("/documents/{id}", "/documents/..%2Fetc", "id").as_deref(), Some("../etc"));
        assert_eq!(segment("/documents/{id}", "/documents/%ff", "id"), None);
    }

    #[test]
    fn leaves_a_stray_percent_sign_alone() {
        assert_eq!(decode("100%").as_deref(), Some("100%"));
        assert_eq!(decode("%e2%82%ac").as_deref(), Some("€"));
    }
}
