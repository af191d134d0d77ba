//! A request of an operation as one JSON object with one schema: path, query, header and body.

use bytes::Bytes;
use contracts::model::{Location, Operation, Parameter};
use harness::{
    arbitrary::{Broken, Options, SchemaError, Schemas},
    client::{Request, percent_encode},
};
use proptest::{
    prelude::*,
    sample::select,
    strategy::{BoxedStrategy, Union},
};
use serde_json::{Map, Value, json};

use crate::{
    catalogue::request::needed,
    session::{NoObject, Session},
};

/// Longest id of a document.
const LONGEST_ID: usize = 128;

/// How requests of one operation are drawn and sent.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    pub(super) schemas: Schemas,
    schema: Value,
    operation: Operation,
    /// Ids of things that exist, for the path.
    existing: Vec<String>,
    run: String,
}

impl Shape {
    pub(super) fn new(session: &Session, operation: &Operation, schemas: Schemas) -> Self {
        let mut properties = Map::new();
        for (place, location) in [("path", Location::Path), ("query", Location::Query), ("header", Location::Header)] {
            let own: Vec<&Parameter> = operation.own_parameters().filter(|own| own.location == location).collect();
            let schema = |own: &&Parameter| (own.name.clone(), own.schema.clone());
            let required: Vec<&str> = own.iter().filter(|own| own.required).map(|own| own.name.as_str()).collect();
            properties.insert(
                place.to_owned(),
                json!({
                    "type": "object", "additionalProperties": false, "required": required,
                    "properties": own.iter().map(schema).collect::<Map<String, Value>>(),
                }),
            );
        }
        let mut required = vec!["path", "query", "header"];
        if let Some(body) = &operation.request {
            properties.insert("body".to_owned(), body.schema.clone());
            required.push("body");
        }
        let schema =
            json!({ "type": "object", "additionalProperties": false, "required": required, "properties": properties });
        // What a request takes away is made for it, never taken from others.
        let existing = if operation.method == "DELETE" { Vec::new() } else { existing(session, operation) };
        Self { schemas, schema, operation: operation.clone(), existing, run: session.run.clone() }
    }

    /// Valid requests.
    pub(super) fn valid(&self) -> Result<BoxedStrategy<Value>, SchemaError> {
        let options = Options::default();
        let plain = Options { fractions_of_zero: false, ..options };
        let mut parts: Vec<BoxedStrategy<Value>> = Vec::new();
        let mut names = Vec::new();
        for (name, schema) in self.schema["properties"].as_object().into_iter().flatten() {
            // A parameter is text: that `3.0` is an integer is said of JSON alone.
            let part = self.schemas.valid(schema, if name == "body" { options } else { plain })?;
            let part = match name.as_str() {
                "path" if !self.existing.is_empty() => Union::new([part, self.path_of_existing()]).boxed(),
                _ => part,
            };
            names.push(name.clone());
            parts.push(part);
        }
        let own = self.clone();
        let whole =
            parts.prop_map(move |values| own.with_own_ids(Value::Object(names.iter().cloned().zip(values).collect())));
        Ok(whole.boxed())
    }

    /// Requests with one keyword broken at one place that can be sent and must be refused.
    pub(super) fn near_valid(&self) -> Result<BoxedStrategy<Broken>, SchemaError> {
        let broken = self.schemas.broken(&self.schema, self.valid()?)?;
        let own = self.clone();
        Ok(broken.prop_filter("cannot be sent as broken", move |broken| own.can_be_sent(broken)).boxed())
    }

    fn path_of_existing(&self) -> BoxedStrategy<Value> {
        let name = self.operation.own_parameters().find(|own| own.location == Location::Path);
        let name = name.map(|own| own.name.clone()).unwrap_or_default();
        select(self.existing.clone()).prop_map(move |id| json!({ name.clone(): id })).boxed()
    }

    /// Puts the run's name before every id of a document that a request would make.
    fn with_own_ids(&self, mut request: Value) -> Value {
        if self.operation.id == "ingest" {
            let documents = request.pointer_mut("/body/documents").and_then(Value::as_array_mut);
            for document in documents.into_iter().flatten() {
                let id = document["id"].as_str().unwrap_or_default();
                let own: String = format!("property-{}-{id}", self.run).chars().take(LONGEST_ID).collect();
                document["id"] = Value::from(own);
            }
        }
        request
    }

    /// Whether what is broken is still broken when it is written into a request, and reaches the operation.
    fn can_be_sent(&self, broken: &Broken) -> bool {
        let mut tokens = broken.pointer.split('/').skip(1);
        let (place, name) = (tokens.next().unwrap_or_default(), tokens.next());
        match (place, name) {
            ("body", None) => broken.keyword != "required",
            ("body", Some(_)) => true,
            ("query", Some("")) | ("" | "path" | "query" | "header", None) => false,
            ("query", Some(_)) if broken.keyword == "additionalProperties" => true,
            ("query" | "path" | "header", Some(name)) => {
                let schema = &self.schema["properties"][place]["properties"][name];
                let Some(value) = broken.value.pointer(&broken.pointer) else { return place == "query" };
                let text = plain(value);
                let sendable = match place {
                    "path" => !matches!(text.as_str(), "" | "." | ".."),
                    "header" => {
                        !text.is_empty() && text.trim() == text && text.chars().all(|c| (' '..='~').contains(&c))
                    }
                    _ => true,
                };
                let read = self.as_read(schema, &text);
                sendable && self.schemas.validator(schema).is_ok_and(|validator| !validator.is_valid(&read))
            }
            _ => false,
        }
    }

    /// A parameter's text as the operation reads it.
    fn as_read(&self, schema: &Value, text: &str) -> Value {
        let is_text = self.schemas.resolve(schema)["type"] == "string";
        let parsed = if is_text { None } else { serde_json::from_str(text).ok() };
        parsed.unwrap_or_else(|| Value::from(text))
    }

    /// The request, with a credential of the main tenant; an error says what the profile lacks.
    pub(super) fn request(&self, session: &Session, value: &Value) -> Result<Request, String> {
        let mut path = self.operation.path.clone();
        for (name, part) in value["path"].as_object().into_iter().flatten() {
            path = path.replace(&format!("{{{name}}}"), &percent_encode(&plain(part)));
        }
        let pair =
            |(name, part): (&String, &Value)| format!("{}={}", percent_encode(name), percent_encode(&plain(part)));
        let pairs: Vec<String> = value["query"].as_object().into_iter().flatten().map(pair).collect();
        if !pairs.is_empty() {
            path = format!("{path}?{}", pairs.join("&"));
        }
        let mut request = Request::new(&self.operation.method, &path);
        let (tenant, scopes) = (session.bench(), needed(&self.operation));
        let credential = session.with_scope(tenant, &scopes);
        let credential = credential
            .ok_or_else(|| format!("the profile has no credential of `{tenant}` with {}", scopes.join(", ")))?;
        request = request.bearer(&credential.secret);
        for (name, part) in value["header"].as_object().into_iter().flatten() {
            request = request.header(name, &plain(part));
        }
        if self.operation.request.is_some() {
            request.body = Some(Bytes::from(value["body"].to_string()));
            request = request.header("content-type", "application/json");
        }
        Ok(request)
    }
}

/// Ids of standing things that the operation's path can name.
fn existing(session: &Session, operation: &Operation) -> Vec<String> {
    let made = |object: &Option<Result<String, NoObject>>| -> Vec<String> {
        object.iter().filter_map(|made| made.as_ref().ok().cloned()).collect()
    };
    let Some(objects) = session.objects.get(session.bench()) else { return Vec::new() };
    match operation.path.split('/').nth(1).unwrap_or_default() {
        "documents" => made(&objects.document),
        "jobs" => made(&objects.job),
        "sessions" => made(&objects.session),
        "tools" => session.facts.get(session.bench()).map(|facts| facts.tools.clone()).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// A value as it stands in a path, a query or a header.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
