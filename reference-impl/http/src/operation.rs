//! What the contract says of an operation, as the edge enforces it and as the served document repeats it.

use contract_types::{Feature, Scope};
use schemars::{JsonSchema, Schema, SchemaGenerator};

/// Makes a type's schema, or a reference to it.
pub(crate) type MakeSchema = fn(&mut SchemaGenerator) -> Schema;

/// The schema of `T`: a reference when it is a named one.
pub(crate) fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// Where a schema comes from.
#[derive(Debug, Clone, Copy)]
pub enum SchemaSource {
    /// A named type.
    Type(&'static str, MakeSchema),
    /// A field of a named type: how parameters get their schemas.
    Property(MakeSchema, &'static str),
    /// Written out: bodies that are no JSON.
    Literal(&'static str),
}

/// Where a parameter travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// In the path.
    Path,
    /// In the query string.
    Query,
    /// In a header.
    Header,
}

/// Class of operations that share a rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteClass {
    /// Answers without a credential and without a limit.
    Open,
    /// Reads what is stored.
    Read,
    /// Changes what is stored.
    Write,
    /// Calls a model.
    Model,
}

/// Scopes that a caller needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scopes {
    /// No credential.
    Open,
    /// All of these.
    AllOf(&'static [Scope]),
    /// One of these.
    AnyOf(&'static [Scope]),
}

/// One parameter.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Name on the wire.
    pub name: &'static str,
    /// Where it travels.
    pub location: Location,
    /// Whether it must be there.
    pub required: bool,
    /// Meaning.
    pub description: &'static str,
    /// Its schema.
    pub schema: SchemaSource,
    /// What happens to a malformed one, where that is no `VALIDATION_ERROR`.
    pub when_invalid: Option<&'static str>,
}

/// A body in one media type.
#[derive(Debug, Clone, Copy)]
pub struct Body {
    /// Media type.
    pub media_type: &'static str,
    /// Its schema.
    pub schema: SchemaSource,
}

/// A response header.
#[derive(Debug, Clone, Copy)]
pub struct Header {
    /// Lower-case name.
    pub name: &'static str,
    /// Whether every such response carries it.
    pub required: bool,
    /// Meaning.
    pub description: &'static str,
    /// Its schema.
    pub schema: SchemaSource,
}

/// One documented status.
#[derive(Debug, Clone, Copy)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// When it is answered.
    pub description: &'static str,
    /// Documented headers.
    pub headers: &'static [Header],
    /// Bodies by media type.
    pub bodies: &'static [Body],
}

/// One operation.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// `operationId`.
    pub id: &'static str,
    /// Upper-case method.
    pub method: &'static str,
    /// Path template.
    pub path: &'static str,
    /// Capability word.
    pub tag: &'static str,
    /// One line.
    pub summary: &'static str,
    /// A paragraph.
    pub description: &'static str,
    /// Who may call.
    pub scopes: Scopes,
    /// Which limit counts it.
    pub route_class: RouteClass,
    /// The optional feature that guards it.
    pub feature: Option<Feature>,
    /// Whether it takes an `Idempotency-Key`.
    pub idempotent: bool,
    /// All parameters.
    pub parameters: &'static [Parameter],
    /// Name of the schema of its own parameters as one object.
    pub parameters_schema: Option<&'static str>,
    /// The request body.
    pub request: Option<Body>,
    /// What the request body is.
    pub request_description: &'static str,
    /// Documented statuses, rising.
    pub responses: &'static [Response],
    /// `x-sse`, as JSON.
    pub stream: Option<&'static str>,
}

impl Operation {
    /// Media types of successful answers.
    pub fn answer_media_types(&self) -> impl Iterator<Item = &'static str> {
        self.responses.iter().filter(|r| r.status < 300).flat_map(|r| r.bodies.iter().map(|body| body.media_type))
    }
}
