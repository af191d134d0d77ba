//! Any OpenAPI 3.1 document as a contract: what ours always says and others may leave out is filled in, and what our model does not
//! know is left out, so that the catalogue can be made of it. The lint of our own contract sees nothing of this.

mod content;
mod schema;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value, json};

use super::{Contract, bundle, operation};
use crate::{pointer::join, sources::SourceError};

/// Methods that a path may list.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
/// Headers that OpenAPI says are described elsewhere.
const DESCRIBED_ELSEWHERE: [&str; 3] = ["accept", "content-type", "authorization"];

/// Somebody else's document as a contract.
#[derive(Debug, Clone)]
pub struct Foreign {
    /// The contract. Every operation is open: whom it lets in is not known.
    pub contract: Contract,
    /// Operations whose request cannot be made here, each with the reason.
    pub unsendable: Vec<(String, String)>,
    /// Operations whose request may come without a body.
    pub optional_bodies: BTreeSet<String>,
    /// Statuses that are documented by their number, as `operation status`.
    pub statuses: BTreeSet<String>,
}

impl Foreign {
    /// Reads a document, which `file` names in messages.
    ///
    /// # Errors
    ///
    /// [`SourceError::Shape`] names the pointer of whatever is no OpenAPI 3.1.
    pub fn from_document(document: Value, file: &Path) -> Result<Self, SourceError> {
        let mut reader = Reader { file: file.to_path_buf(), ..Reader::default() };
        let document = reader.document(document)?;
        let operations = operation::operations(&document, file)?;
        let mut schemas = schemas(&document).clone();
        for operation in &operations {
            if let Some(parameters) = operation.parameter_schema() {
                schemas.insert(operation.parameters_type(), parameters);
            }
        }
        let contract = Contract { document, schemas, operations, rules: Vec::new(), tools: Vec::new() };
        reader.valid(&contract)?;
        Ok(Self {
            contract,
            unsendable: reader.unsendable,
            optional_bodies: reader.optional_bodies,
            statuses: reader.statuses,
        })
    }
}

fn schemas(document: &Value) -> &Map<String, Value> {
    static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    document.pointer("/components/schemas").and_then(Value::as_object).unwrap_or(&NONE)
}

#[derive(Default)]
struct Reader {
    file: PathBuf,
    ids: BTreeSet<String>,
    unsendable: Vec<(String, String)>,
    optional_bodies: BTreeSet<String>,
    statuses: BTreeSet<String>,
}

impl Reader {
    fn fault(&self, pointer: &str, expected: impl Into<String>) -> SourceError {
        SourceError::Shape { path: self.file.clone(), pointer: pointer.to_owned(), expected: expected.into() }
    }

    fn document(&mut self, mut document: Value) -> Result<Value, SourceError> {
        let version = document.get("openapi").and_then(Value::as_str).unwrap_or("none");
        if !version.starts_with("3.1") {
            return Err(self.fault("/openapi", format!("expected an OpenAPI 3.1 document, found {version}")));
        }
        if !document.get("paths").is_some_and(Value::is_object) {
            return Err(self.fault("/paths", "expected a map of paths"));
        }
        self.only_local(&document, "")?;
        if !document["components"].is_object() {
            document["components"] = json!({});
        }
        if !document["components"]["schemas"].is_object() {
            document["components"]["schemas"] = json!({});
        }
        let examples = document.pointer("/components/examples").cloned().unwrap_or_default();
        if let Some(named) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
            named.values_mut().for_each(schema::normalise);
        }
        bundle::inline_components(&mut document, &self.file)?;
        let mut named = schemas(&document).clone();
        let paths = document["paths"].take();
        let mut written = Map::new();
        for (template, item) in paths.as_object().into_iter().flatten().filter(|(path, _)| path.starts_with('/')) {
            let mut operations = Map::new();
            let shared: Vec<Value> = item["parameters"].as_array().cloned().unwrap_or_default();
            for method in METHODS {
                if let Some(raw) = item.get(method) {
                    let pointer = join(&join("/paths", template), method);
                    let context = Context { template, method, pointer: &pointer, examples: &examples };
                    operations.insert(method.to_owned(), self.operation(raw, &shared, &context, &mut named)?);
                }
            }
            written.insert(template.clone(), Value::Object(operations));
        }
        document["paths"] = Value::Object(written);
        document["components"]["schemas"] = Value::Object(named);
        if let Some(fields) = document.as_object_mut() {
            // Whom an operation lets in is not known: the caller's own headers go with every request.
            fields.shift_remove("security");
        }
        Ok(document)
    }

    /// Only references within the document are followed.
    fn only_local(&self, value: &Value, pointer: &str) -> Result<(), SourceError> {
        match value {
            Value::Object(fields) => fields.iter().try_for_each(|(key, field)| {
                let pointer = join(pointer, key);
                match field.as_str().filter(|_| key == "$ref") {
                    Some(reference) if !reference.starts_with('#') => {
                        let expected =
                            format!("`{reference}` lies outside the document; bundle it into one file first");
                        Err(self.fault(&pointer, expected))
                    }
                    Some(_) | None => self.only_local(field, &pointer),
                }
            }),
            Value::Array(items) => items
                .iter()
                .enumerate()
                .try_for_each(|(index, item)| self.only_local(item, &join(pointer, &index.to_string()))),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
        }
    }

    fn operation(
        &mut self,
        raw: &Value,
        shared: &[Value],
        context: &Context<'_>,
        named: &mut Map<String, Value>,
    ) -> Result<Value, SourceError> {
        let id = self.id(raw, context);
        let line = format!("{} {}", context.method.to_uppercase(), context.template);
        let text = |key: &str| raw.get(key).and_then(Value::as_str).unwrap_or(&line).to_owned();
        let mut written = json!({
            "operationId": id, "tags": ["api"], "summary": text("summary"), "description": text("description"),
            "parameters": Self::parameters(raw, shared, context, named),
            "responses": self.responses(&id, raw, context)?,
        });
        if let Some(body) = raw.get("requestBody") {
            if body["required"] != Value::Bool(true) {
                self.optional_bodies.insert(id.clone());
            }
            match content::request_body(&id, body, context.examples, named) {
                Some(body) => written["requestBody"] = body,
                None if body["required"] == Value::Bool(true) => {
                    self.unsendable.push((id, "its request body is no JSON".to_owned()));
                }
                None => {}
            }
        }
        Ok(written)
    }

    /// A unique id in the form of run records, made from the method and the path where the document gives none.
    fn id(&mut self, raw: &Value, context: &Context<'_>) -> String {
        let given = raw.get("operationId").and_then(Value::as_str).map(str::to_owned);
        let given = given.unwrap_or_else(|| format!("{} {}", context.method, context.template));
        let plain: String = given.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let words = crate::generate::naming::snake(&plain);
        let words: Vec<&str> = words.split('_').filter(|word| !word.is_empty()).collect();
        let mut id: String = words.join("_").chars().take(56).collect();
        if !id.starts_with(|c: char| c.is_ascii_lowercase()) {
            id = format!("op_{id}");
        }
        let mut unique = id.clone();
        let mut number = 2;
        while !self.ids.insert(unique.clone()) {
            unique = format!("{id}_{number}");
            number += 1;
        }
        unique
    }

    /// The operation's parameters and those of its path that it does not replace; no cookies.
    fn parameters(raw: &Value, shared: &[Value], context: &Context<'_>, named: &Map<String, Value>) -> Vec<Value> {
        let own: Vec<Value> = raw["parameters"].as_array().cloned().unwrap_or_default();
        let same = |a: &Value, b: &Value| a["name"] == b["name"] && a["in"] == b["in"];
        let inherited = shared.iter().filter(|parameter| !own.iter().any(|own| same(own, parameter)));
        let all = inherited.chain(&own).filter(|parameter| {
            let name = parameter["name"].as_str().unwrap_or_default().to_ascii_lowercase();
            let elsewhere = parameter["in"] == "header" && DESCRIBED_ELSEWHERE.contains(&name.as_str());
            parameter["in"] != "cookie" && !elsewhere
        });
        let written = all.map(|parameter| {
            let media = parameter["content"].as_object().and_then(|content| content.values().next());
            let found = parameter.get("schema").or_else(|| media?.get("schema")).cloned();
            let mut found = found.unwrap_or_else(|| json!({}));
            schema::normalise(&mut found);
            let examples = content::examples(parameter, context.examples);
            if !examples.is_empty() {
                found = schema::with_examples(&found, examples, named);
            }
            json!({
                "name": parameter["name"], "in": parameter["in"], "description": "",
                // A path parameter is always there.
                "required": parameter["in"] == "path" || parameter["required"] == Value::Bool(true),
                "schema": found,
            })
        });
        written.collect()
    }

    fn responses(&mut self, id: &str, raw: &Value, context: &Context<'_>) -> Result<Value, SourceError> {
        let pointer = join(context.pointer, "responses");
        let list = raw.get("responses").and_then(Value::as_object);
        let list = list.ok_or_else(|| self.fault(&pointer, "expected the documented statuses"))?;
        let mut written = Map::new();
        for (status, response) in list {
            if status.len() == 3 && status.parse::<u16>().is_ok() {
                self.statuses.insert(format!("{id} {status}"));
                written.insert(status.clone(), content::response(response));
            }
        }
        // A range or `default` documents every status that nothing narrower does.
        let mut fill = |statuses: std::ops::Range<u16>, response: &Value| {
            for status in statuses {
                written.entry(status.to_string()).or_insert_with(|| content::response(response));
            }
        };
        for (status, response) in list {
            let class = status.strip_suffix("XX").or_else(|| status.strip_suffix("xx"));
            if let Some(class) = class.and_then(|class| class.parse::<u16>().ok()) {
                fill(class * 100..class * 100 + 100, response);
            }
        }
        if let Some(response) = list.get("default") {
            fill(200..600, response);
        }
        if written.is_empty() {
            return Err(self.fault(&pointer, "expected at least one status, such as `200`"));
        }
        Ok(Value::Object(written))
    }

    /// Every schema must be one, or nothing could be judged by it.
    fn valid(&self, contract: &Contract) -> Result<(), SourceError> {
        for operation in &contract.operations {
            let place = format!("/paths/{}/{}", operation.path.replace('/', "~1"), operation.method.to_lowercase());
            let of_responses = operation.responses.iter().flat_map(|response| {
                let headers = response.headers.iter().map(|header| &header.schema);
                headers.chain(response.bodies.iter().map(|body| &body.schema))
            });
            let of_request = operation.request.iter().map(|body| &body.schema);
            let of_parameters = operation.parameters.iter().map(|parameter| &parameter.schema);
            let mut seen: Vec<&Value> = Vec::new();
            for schema in of_responses.chain(of_request).chain(of_parameters) {
                if seen.contains(&schema) {
                    continue;
                }
                seen.push(schema);
                let mut whole = schema.clone();
                whole["components"] = contract.schema_document()["components"].clone();
                let options = jsonschema::options().should_validate_formats(true);
                options
                    .build(&whole)
                    .map_err(|error| self.fault(&place, format!("a schema of it is none: {error}")))?;
            }
        }
        Ok(())
    }
}

/// Where an operation stands.
struct Context<'a> {
    template: &'a str,
    method: &'a str,
    pointer: &'a str,
    /// `components/examples`, which are gone once shared parts are put in.
    examples: &'a Value,
}
