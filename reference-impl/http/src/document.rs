//! The document that `/openapi.json` serves, assembled with `utoipa` from the operations that are really routed and the types
//! that they really take and give.

use schemars::{Schema as Derived, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};
use utoipa::openapi::{
    Content, HttpMethod, OpenApi, Paths, RefOr, Required, Schema,
    extensions::Extensions,
    header::Header as DocumentHeader,
    path::{OperationBuilder, Parameter as DocumentParameter, ParameterBuilder, ParameterIn},
    request_body::RequestBodyBuilder,
    response::{Response as DocumentResponse, ResponseBuilder},
    security::SecurityRequirement,
};

use crate::{
    generated::table::{EVENTS, HEAD, OPERATIONS},
    operation::{Body, Location, Operation, Parameter, Response, RouteClass, SchemaSource, Scopes},
};

/// The contract as this deployment serves it.
///
/// # Panics
///
/// When the generated table contradicts itself, which a test of this crate would show first.
pub fn document() -> Value {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.definitions_path = "/components/schemas".into());
    let mut assembly = Assembly { generator: settings.into_generator() };
    let mut paths = Paths::new();
    for operation in OPERATIONS {
        assembly.add(&mut paths, operation);
    }
    for event in EVENTS {
        let _reference = event(&mut assembly.generator);
    }
    let mut head: OpenApi = serde_json::from_str(HEAD).expect("the generator writes a valid head");
    head.paths = paths;
    let components = head.components.get_or_insert_default();
    // Parameters are documented where they are taken, not as objects of their own.
    let parameters = |name: &str| {
        name == "CommonParameters" || OPERATIONS.iter().any(|operation| operation.parameters_schema == Some(name))
    };
    for (name, schema) in assembly.generator.take_definitions(true).into_iter().filter(|(name, _)| !parameters(name)) {
        components.schemas.insert(name, RefOr::T(read(schema)));
    }
    let mut document = serde_json::to_value(head).expect("an OpenAPI document is JSON");
    mark_required_headers(&mut document);
    document
}

/// `utoipa`'s header has no `required`, so it is set on the finished document.
fn mark_required_headers(document: &mut Value) {
    for operation in OPERATIONS {
        let item = &mut document["paths"][operation.path][operation.method.to_lowercase()]["responses"];
        for response in operation.responses {
            for header in response.headers.iter().filter(|header| header.required) {
                item[response.status.to_string()]["headers"][header.name]["required"] = json!(true);
            }
        }
    }
}

fn read(schema: Value) -> Schema {
    serde_json::from_value(schema).expect("the keyword profile leaves out what the document's model cannot hold")
}

struct Assembly {
    generator: SchemaGenerator,
}

impl Assembly {
    fn add(&mut self, paths: &mut Paths, operation: &'static Operation) {
        let method = match operation.method {
            "GET" => HttpMethod::Get,
            "PUT" => HttpMethod::Put,
            "POST" => HttpMethod::Post,
            "PATCH" => HttpMethod::Patch,
            _ => HttpMethod::Delete,
        };
        let mut builder = OperationBuilder::new()
            .operation_id(Some(operation.id))
            .tag(operation.tag)
            .summary(Some(operation.summary))
            .description(Some(operation.description))
            .extensions(Some(extensions(operation)));
        if operation.scopes == Scopes::Open {
            builder = builder.securities(Some(Vec::<SecurityRequirement>::new()));
        }
        for parameter in operation.parameters {
            builder = builder.parameter(self.parameter(parameter));
        }
        if let Some(body) = operation.request {
            let content = Content::new(Some(self.schema(&body.schema)));
            let request = RequestBodyBuilder::new().content(body.media_type, content).required(Some(Required::True));
            builder = builder.request_body(Some(request.description(Some(operation.request_description)).build()));
        }
        for response in operation.responses {
            builder = builder.response(response.status.to_string(), self.response(response));
        }
        paths.add_path_operation(operation.path, vec![method], builder.build());
    }

    fn parameter(&mut self, parameter: &Parameter) -> DocumentParameter {
        let place = match parameter.location {
            Location::Path => ParameterIn::Path,
            Location::Query => ParameterIn::Query,
            Location::Header => ParameterIn::Header,
        };
        ParameterBuilder::new()
            .name(parameter.name)
            .parameter_in(place)
            .required(if parameter.required { Required::True } else { Required::False })
            .description(Some(parameter.description))
            .schema(Some(self.schema(&parameter.schema)))
            .extensions(parameter.when_invalid.map(|word| extension("x-when-invalid", &json!(word))))
            .build()
    }

    fn response(&mut self, response: &Response) -> DocumentResponse {
        let mut builder = ResponseBuilder::new().description(response.description);
        for header in response.headers {
            let mut document = DocumentHeader::new(self.schema(&header.schema));
            document.description = Some(header.description.to_owned());
            builder = builder.header(header.name, document);
        }
        for Body { media_type, schema } in response.bodies {
            builder = builder.content(*media_type, Content::new(Some(self.schema(schema))));
        }
        builder.build()
    }

    fn schema(&mut self, source: &SchemaSource) -> RefOr<Schema> {
        let value = match source {
            SchemaSource::Type(_, make) => make(&mut self.generator).to_value(),
            SchemaSource::Property(make, name) => self.property(*make, name),
            SchemaSource::Literal(text) => serde_json::from_str(text).expect("the generator writes valid JSON"),
        };
        serde_json::from_value(value).expect("the keyword profile leaves out what the document's model cannot hold")
    }

    /// The schema of one field; the description stands on the parameter already.
    fn property(&mut self, make: fn(&mut SchemaGenerator) -> Derived, name: &str) -> Value {
        let owner = make(&mut self.generator).to_value();
        let owner_name = owner["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()).unwrap_or_default();
        let definition = self.generator.definitions().get(owner_name).cloned().unwrap_or_default();
        let mut schema = definition["properties"][name].clone();
        if let Some(fields) = schema.as_object_mut() {
            fields.shift_remove("description");
        }
        schema
    }
}

fn extension(name: &str, value: &Value) -> Extensions {
    serde_json::from_value(json!({ name: value })).expect("an extension is a map of one key")
}

fn extensions(operation: &Operation) -> Extensions {
    let mut fields = Map::new();
    let names = |scopes: &[contract_types::Scope]| scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>();
    match operation.scopes {
        Scopes::Open => {}
        Scopes::AllOf(scopes) => drop(fields.insert("x-scopes".to_owned(), json!({ "all_of": names(scopes) }))),
        Scopes::AnyOf(scopes) => drop(fields.insert("x-scopes".to_owned(), json!({ "any_of": names(scopes) }))),
    }
    let class = match operation.route_class {
        RouteClass::Open => "open",
        RouteClass::Read => "read",
        RouteClass::Write => "write",
        RouteClass::Model => "model",
    };
    fields.insert("x-route-class".to_owned(), json!(class));
    if let Some(feature) = operation.feature {
        fields.insert("x-feature".to_owned(), json!(feature));
    }
    if let Some(stream) = operation.stream {
        fields.insert("x-sse".to_owned(), serde_json::from_str(stream).expect("the generator writes valid JSON"));
    }
    serde_json::from_value(Value::Object(fields)).expect("extensions are a map")
}

#[cfg(test)]
mod tests;
