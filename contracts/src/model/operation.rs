//! Operations: method, path, who may call, what goes in, every status that can come out.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::{pointer::join, sources::SourceError};

/// Methods in the order in which a path lists them.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
/// Parameters that every operation shares and that the edge handles.
const COMMON: [&str; 3] = ["x-request-id", "traceparent", "x-tenant-id"];

/// Where a parameter travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// In the path.
    Path,
    /// In the query string.
    Query,
    /// In a request header.
    Header,
}

/// Which scopes a credential needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scopes {
    /// The operation is open: no credential.
    Open,
    /// All of these; an empty list means any valid credential.
    AllOf(Vec<String>),
    /// At least one of these.
    AnyOf(Vec<String>),
}

/// One parameter.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Name on the wire.
    pub name: String,
    /// Where it travels.
    pub location: Location,
    /// Whether a request without it is refused.
    pub required: bool,
    /// Meaning.
    pub description: String,
    /// Its JSON Schema.
    pub schema: Value,
    /// What happens to a malformed one, where that is no `VALIDATION_ERROR`.
    pub when_invalid: Option<String>,
}

impl Parameter {
    /// True for the parameters that the edge handles for every operation alike.
    pub fn is_common(&self) -> bool {
        COMMON.contains(&self.name.as_str())
    }
}

/// A request or response body in one media type.
#[derive(Debug, Clone)]
pub struct Body {
    /// Media type, without parameters.
    pub media_type: String,
    /// JSON Schema of the decoded body.
    pub schema: Value,
}

/// A response header.
#[derive(Debug, Clone)]
pub struct Header {
    /// Lower-case name.
    pub name: String,
    /// Whether every such response carries it.
    pub required: bool,
    /// Meaning.
    pub description: String,
    /// JSON Schema of its value.
    pub schema: Value,
}

/// One documented status.
#[derive(Debug, Clone)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// When it is answered.
    pub description: String,
    /// Documented headers.
    pub headers: Vec<Header>,
    /// Bodies by media type; empty when there is none.
    pub bodies: Vec<Body>,
}

/// One operation.
#[derive(Debug, Clone)]
pub struct Operation {
    /// `operationId`, `snake_case`.
    pub id: String,
    /// Upper-case method.
    pub method: String,
    /// Path template.
    pub path: String,
    /// Capability word.
    pub tag: String,
    /// One line.
    pub summary: String,
    /// A paragraph.
    pub description: String,
    /// Who may call.
    pub scopes: Scopes,
    /// `open`, `read`, `write` or `model`: the class that rate limits count by.
    pub route_class: String,
    /// The optional feature that guards it.
    pub feature: Option<String>,
    /// All parameters, common ones too.
    pub parameters: Vec<Parameter>,
    /// The request body, which is JSON everywhere in this contract.
    pub request: Option<Body>,
    /// What the request body is.
    pub request_description: String,
    /// Documented statuses, rising.
    pub responses: Vec<Response>,
    /// The `x-sse` description of a stream.
    pub stream: Option<Value>,
}

impl Operation {
    /// Name in `PascalCase`, the stem of generated types.
    pub fn type_stem(&self) -> String {
        crate::generate::naming::pascal(&self.id)
    }

    /// Name of the generated type that holds the operation's own parameters.
    pub fn parameters_type(&self) -> String {
        format!("{}Parameters", self.type_stem())
    }

    /// Parameters that are this operation's own.
    pub fn own_parameters(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter().filter(|parameter| !parameter.is_common())
    }

    /// The operation's own parameters as one object schema, or `None` when it has none.
    pub fn parameter_schema(&self) -> Option<Value> {
        let own: Vec<&Parameter> = self.own_parameters().collect();
        (!own.is_empty()).then(|| object_of(&own, &format!("Parameters of `{}`, as one object.", self.id)))
    }

    /// The documented response with this status.
    pub fn response(&self, status: u16) -> Option<&Response> {
        self.responses.iter().find(|response| response.status == status)
    }

    /// True when the operation takes an `Idempotency-Key`.
    pub fn is_idempotent(&self) -> bool {
        self.parameters.iter().any(|parameter| parameter.name.eq_ignore_ascii_case("idempotency-key"))
    }
}

/// The three parameters that the edge handles, as one object schema.
pub(super) fn common_parameters(operations: &[Operation]) -> Value {
    let mut common: Vec<&Parameter> = Vec::new();
    for parameter in operations.iter().flat_map(|operation| &operation.parameters) {
        if parameter.is_common() && !common.iter().any(|known| known.name == parameter.name) {
            common.push(parameter);
        }
    }
    object_of(&common, "Parameters that every operation shares and that the edge handles.")
}

fn object_of(parameters: &[&Parameter], description: &str) -> Value {
    let mut properties = Map::new();
    for parameter in parameters {
        let mut schema = parameter.schema.clone();
        if let Some(fields) = schema.as_object_mut() {
            fields.insert("description".to_owned(), json!(parameter.description));
        }
        properties.insert(parameter.name.clone(), schema);
    }
    let required: Vec<&str> = parameters.iter().filter(|p| p.required).map(|p| p.name.as_str()).collect();
    let mut schema = json!({
        "type": "object", "description": description, "additionalProperties": false, "properties": properties,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// Every operation of a bundled document.
pub(super) fn operations(document: &Value, path: &Path) -> Result<Vec<Operation>, SourceError> {
    let reader = Reader { path };
    let paths = reader.object(document, "/paths")?;
    let mut operations = Vec::new();
    for (template, item) in paths {
        for method in METHODS {
            if let Some(raw) = item.get(method) {
                let pointer = join(&join("/paths", template), method);
                operations.push(reader.operation(document, template, method, raw, &pointer)?);
            }
        }
    }
    Ok(operations)
}

struct Reader<'a> {
    path: &'a Path,
}

impl Reader<'_> {
    fn fault(&self, pointer: &str, expected: &str) -> SourceError {
        SourceError::Shape { path: self.path.to_path_buf(), pointer: pointer.to_owned(), expected: expected.to_owned() }
    }

    fn object<'v>(&self, document: &'v Value, pointer: &str) -> Result<&'v Map<String, Value>, SourceError> {
        document.pointer(pointer).and_then(Value::as_object).ok_or_else(|| self.fault(pointer, "expected a map"))
    }

    fn text(&self, value: &Value, key: &str, pointer: &str) -> Result<String, SourceError> {
        let found = value.get(key).and_then(Value::as_str).map(str::to_owned);
        found.ok_or_else(|| self.fault(&join(pointer, key), "expected a string"))
    }

    fn operation(
        &self,
        document: &Value,
        template: &str,
        method: &str,
        raw: &Value,
        pointer: &str,
    ) -> Result<Operation, SourceError> {
        let tag = raw.pointer("/tags/0").and_then(Value::as_str);
        Ok(Operation {
            id: self.text(raw, "operationId", pointer)?,
            method: method.to_uppercase(),
            path: template.to_owned(),
            tag: tag.ok_or_else(|| self.fault(&join(pointer, "tags"), "expected one capability word"))?.to_owned(),
            summary: self.text(raw, "summary", pointer)?,
            description: self.text(raw, "description", pointer)?,
            scopes: scopes(document, raw),
            route_class: raw.get("x-route-class").and_then(Value::as_str).unwrap_or("read").to_owned(),
            feature: raw.get("x-feature").and_then(Value::as_str).map(str::to_owned),
            parameters: self.parameters(raw, pointer)?,
            request: raw
                .get("requestBody")
                .map(|body| self.bodies(body, &join(pointer, "requestBody")))
                .transpose()?
                .and_then(|bodies| bodies.into_iter().next()),
            request_description: raw
                .pointer("/requestBody/description")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            responses: self.responses(raw, pointer)?,
            stream: raw.get("x-sse").cloned(),
        })
    }

    fn parameters(&self, raw: &Value, pointer: &str) -> Result<Vec<Parameter>, SourceError> {
        let pointer = join(pointer, "parameters");
        let list = raw.get("parameters").and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .enumerate()
            .map(|(index, parameter)| {
                let pointer = join(&pointer, &index.to_string());
                let location = match self.text(parameter, "in", &pointer)?.as_str() {
                    "path" => Location::Path,
                    "query" => Location::Query,
                    "header" => Location::Header,
                    _ => return Err(self.fault(&join(&pointer, "in"), "expected `path`, `query` or `header`")),
                };
                Ok(Parameter {
                    name: self.text(parameter, "name", &pointer)?,
                    location,
                    required: parameter.get("required") == Some(&Value::Bool(true)),
                    description: self.text(parameter, "description", &pointer)?,
                    schema: parameter
                        .get("schema")
                        .cloned()
                        .ok_or_else(|| self.fault(&pointer, "expected a `schema`"))?,
                    when_invalid: parameter.get("x-when-invalid").and_then(Value::as_str).map(str::to_owned),
                })
            })
            .collect()
    }

    fn bodies(&self, raw: &Value, pointer: &str) -> Result<Vec<Body>, SourceError> {
        let content = raw.get("content").and_then(Value::as_object);
        content
            .into_iter()
            .flatten()
            .map(|(media_type, media)| {
                let schema = media.get("schema").cloned();
                Ok(Body {
                    media_type: media_type.clone(),
                    schema: schema.ok_or_else(|| self.fault(&join(pointer, media_type), "expected a `schema`"))?,
                })
            })
            .collect()
    }

    fn responses(&self, raw: &Value, pointer: &str) -> Result<Vec<Response>, SourceError> {
        let pointer = join(pointer, "responses");
        let list = raw.get("responses").and_then(Value::as_object);
        let list = list.ok_or_else(|| self.fault(&pointer, "expected the documented statuses"))?;
        let mut responses = Vec::new();
        for (status, response) in list {
            let pointer = join(&pointer, status);
            let status = status.parse().map_err(|_| self.fault(&pointer, "expected a three-digit status"))?;
            let headers = response.get("headers").and_then(Value::as_object);
            let headers = headers.into_iter().flatten().map(|(name, header)| {
                let pointer = join(&join(&pointer, "headers"), name);
                Ok(Header {
                    name: name.to_ascii_lowercase(),
                    required: header.get("required") == Some(&Value::Bool(true)),
                    description: self.text(header, "description", &pointer)?,
                    schema: header.get("schema").cloned().ok_or_else(|| self.fault(&pointer, "expected a `schema`"))?,
                })
            });
            responses.push(Response {
                status,
                description: self.text(response, "description", &pointer)?,
                headers: headers.collect::<Result<_, SourceError>>()?,
                bodies: self.bodies(response, &pointer)?,
            });
        }
        responses.sort_by_key(|response| response.status);
        Ok(responses)
    }
}

fn scopes(document: &Value, raw: &Value) -> Scopes {
    let security = raw.get("security").or_else(|| document.get("security"));
    if security.and_then(Value::as_array).is_none_or(Vec::is_empty) {
        return Scopes::Open;
    }
    let list = |key: &str| {
        let names = raw.pointer(&format!("/x-scopes/{key}")).and_then(Value::as_array)?;
        Some(names.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>())
    };
    match list("any_of") {
        Some(names) => Scopes::AnyOf(names),
        None => Scopes::AllOf(list("all_of").unwrap_or_default()),
    }
}
