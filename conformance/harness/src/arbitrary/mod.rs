//! Arbitrary values of the contract's schemas, and values that break one keyword at one place: strategies of `proptest`, so
//! that whatever fails can be shrunk.
//!
//! A strategy is right by construction; nothing is thrown away for not fitting but texts that miss their pattern. What the
//! keyword profile of the contract does not know is refused with its place, never guessed at.

mod collection;
mod draw;
mod near;
mod number;
#[cfg(test)]
mod tests;
mod text;

use contracts::{Contract, model::component_name};
use proptest::{
    prelude::*,
    sample::select,
    strategy::{BoxedStrategy, Union},
};
use serde_json::Value;

pub use draw::{DrawError, Drawer, seed_of};
pub use near::Broken;
pub use text::adversarial;

/// Largest integer that every reader of JSON keeps exactly.
const EXACT: i64 = 9_007_199_254_740_991;
/// Keywords that say nothing about which values are valid, or that are read beside the one that they belong to.
const SILENT: [&str; 6] = ["$schema", "default", "deprecated", "description", "examples", "title"];
/// Keywords that are understood.
const UNDERSTOOD: [&str; 23] = [
    "$ref",
    "additionalProperties",
    "anyOf",
    "dependentRequired",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "pattern",
    "properties",
    "propertyNames",
    "required",
    "type",
    "uniqueItems",
];

/// Why there is no strategy for a schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// A keyword, a type or a format that values cannot be drawn from.
    #[error("schema at `{place}`: {message}; teach `harness::arbitrary` or keep to the contract's keyword profile")]
    Unsupported {
        /// Pointer within the schema.
        place: String,
        /// What was found.
        message: String,
    },
    /// References go round without an end.
    #[error("schema at `{place}`: every value of it is endless")]
    Endless {
        /// Pointer within the schema.
        place: String,
    },
}

impl SchemaError {
    fn unsupported(place: &str, message: impl Into<String>) -> Self {
        Self::Unsupported { place: place.to_owned(), message: message.into() }
    }
}

/// How large values grow, whatever their schema allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Most characters of an ordinary text.
    pub text: usize,
    /// Most characters of a text that is one long run or stands at its bound.
    pub long_text: usize,
    /// Most items of a list and keys of a map, beyond the least that is allowed.
    pub items: usize,
    /// Most references that are followed from the outside in.
    pub depth: u32,
    /// Whether an integer is sometimes spelled with a fraction of zero, which JSON Schema counts as the same.
    pub fractions_of_zero: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { text: 60, long_text: 2200, items: 4, depth: 12, fractions_of_zero: true }
    }
}

/// The contract's named schemas, from which values are drawn.
#[derive(Debug, Clone)]
pub struct Schemas {
    components: Value,
}

impl Schemas {
    /// The schemas of `contract`.
    pub fn new(contract: &Contract) -> Self {
        Self { components: contract.schema_document()["components"].clone() }
    }

    /// The schema that `schema` refers to, or itself.
    pub fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        while let Some(target) = component_name(schema).and_then(|name| self.components["schemas"].get(name)) {
            schema = target;
        }
        schema
    }

    /// A validator of `schema`, formats included.
    ///
    /// # Errors
    ///
    /// [`SchemaError::Unsupported`] when it is no JSON Schema.
    pub fn validator(&self, schema: &Value) -> Result<jsonschema::Validator, SchemaError> {
        let mut document = schema.clone();
        if document.is_object() {
            document["components"] = self.components.clone();
        }
        let built = jsonschema::options().should_validate_formats(true).build(&document);
        built.map_err(|error| SchemaError::unsupported("", error.to_string()))
    }

    /// Valid values of `schema`.
    ///
    /// # Errors
    ///
    /// [`SchemaError`] names the place that no value can be drawn from.
    pub fn valid(&self, schema: &Value, options: Options) -> Result<BoxedStrategy<Value>, SchemaError> {
        Builder { schemas: self, options }.of(schema, "", 0)
    }

    /// Values of `schema` with one keyword broken at one place.
    ///
    /// # Errors
    ///
    /// As [`Schemas::valid`].
    pub fn near_valid(&self, schema: &Value, options: Options) -> Result<BoxedStrategy<Broken>, SchemaError> {
        let valid = self.valid(schema, options)?;
        self.broken(schema, valid)
    }

    /// As [`Schemas::near_valid`], breaking values that `valid` gives.
    ///
    /// # Errors
    ///
    /// [`SchemaError::Unsupported`] when `schema` is no JSON Schema.
    pub fn broken(&self, schema: &Value, valid: BoxedStrategy<Value>) -> Result<BoxedStrategy<Broken>, SchemaError> {
        near::strategy(self, schema, valid)
    }
}

/// Builds the strategy of a schema from those of its parts.
struct Builder<'a> {
    schemas: &'a Schemas,
    options: Options,
}

impl Builder<'_> {
    fn of(&self, schema: &Value, place: &str, depth: u32) -> Result<BoxedStrategy<Value>, SchemaError> {
        if depth > self.options.depth {
            return Err(SchemaError::Endless { place: place.to_owned() });
        }
        let depth = depth + u32::from(component_name(schema).is_some());
        let schema = self.schemas.resolve(schema);
        let fields = match schema {
            Value::Bool(true) => return Ok(collection::anything()),
            Value::Object(fields) => fields,
            Value::Null | Value::Bool(false) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                return Err(SchemaError::unsupported(place, format!("found {schema} where a schema belongs")));
            }
        };
        let strange = fields
            .keys()
            .map(String::as_str)
            .find(|key| !UNDERSTOOD.contains(key) && !SILENT.contains(key) && !key.starts_with("x-"));
        if let Some(strange) = strange {
            return Err(SchemaError::unsupported(place, format!("the keyword `{strange}` is not understood")));
        }
        if let Some(values) = fields.get("enum").and_then(Value::as_array).filter(|values| !values.is_empty()) {
            return Ok(select(values.clone()).boxed());
        }
        if let Some(branches) = fields.get("anyOf").and_then(Value::as_array) {
            if fields.contains_key("type") || fields.contains_key("properties") {
                return Err(SchemaError::unsupported(place, "`anyOf` beside other keywords is not understood"));
            }
            let branches = branches.iter().enumerate();
            return union(
                branches.map(|(index, branch)| self.of(branch, &format!("{place}/anyOf/{index}"), depth)),
                place,
            );
        }
        match fields.get("type") {
            Some(Value::String(kind)) => self.of_type(kind, schema, place, depth),
            Some(Value::Array(kinds)) => {
                let kinds = kinds.iter().filter_map(Value::as_str);
                union(kinds.map(|kind| self.of_type(kind, schema, place, depth)), place)
            }
            Some(other) => Err(SchemaError::unsupported(place, format!("`type` is {other}"))),
            None if fields.contains_key("properties") => self.object(schema, place, depth),
            None => Ok(collection::anything()),
        }
    }

    fn of_type(
        &self,
        kind: &str,
        schema: &Value,
        place: &str,
        depth: u32,
    ) -> Result<BoxedStrategy<Value>, SchemaError> {
        match kind {
            "null" => Ok(Just(Value::Null).boxed()),
            "boolean" => Ok(any::<bool>().prop_map(Value::from).boxed()),
            "integer" => Ok(number::integers(schema, self.options.fractions_of_zero)),
            "number" => Ok(number::numbers(schema)),
            "string" => text::strings(self.schemas, schema, place, self.options),
            "array" => self.array(schema, place, depth),
            "object" => self.object(schema, place, depth),
            _ => Err(SchemaError::unsupported(place, format!("`{kind}` is no type"))),
        }
    }
}

/// One of several, leaving out those that never end.
fn union(
    branches: impl Iterator<Item = Result<BoxedStrategy<Value>, SchemaError>>,
    place: &str,
) -> Result<BoxedStrategy<Value>, SchemaError> {
    let mut finite = Vec::new();
    for branch in branches {
        match branch {
            Ok(branch) => finite.push(branch),
            Err(SchemaError::Endless { .. }) => {}
            Err(error @ SchemaError::Unsupported { .. }) => return Err(error),
        }
    }
    if finite.is_empty() {
        return Err(SchemaError::Endless { place: place.to_owned() });
    }
    Ok(Union::new(finite).boxed())
}

/// Reads a keyword that counts.
fn count(schema: &Value, keyword: &str) -> Option<usize> {
    schema.get(keyword).and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok())
}

/// Appends one reference token to a JSON pointer, escaped.
fn join(pointer: &str, token: &str) -> String {
    format!("{pointer}/{}", token.replace('~', "~0").replace('/', "~1"))
}
