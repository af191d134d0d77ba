//! The contract as the generator, the suite and the reports see it: bundled, resolved, typed where it pays.

mod bundle;
mod foreign;
mod operation;
pub mod rule;
pub mod tool;

use serde_json::{Map, Value, json};

pub use bundle::{component_name, is_free_map};
pub use foreign::Foreign;
pub use operation::{Body, Header, Location, Operation, Parameter, Response, Scopes};
pub use rule::{Level, Rule};
pub use tool::Tool;

use crate::sources::{SourceError, Sources};

/// The whole contract.
#[derive(Debug, Clone)]
pub struct Contract {
    /// One self-contained OpenAPI 3.1 document: schema files pulled into `components.schemas`, parameters, headers and
    /// responses inlined, and only the schemas that operations reach.
    pub document: Value,
    /// Every named schema, those of configuration and records too; references read `#/components/schemas/Name`.
    pub schemas: Map<String, Value>,
    /// Operations in the order they were written.
    pub operations: Vec<Operation>,
    /// Numbered rules in the order they were written.
    pub rules: Vec<Rule>,
    /// Tools of the registry, by name.
    pub tools: Vec<Tool>,
}

impl Contract {
    /// Bundles and resolves the parsed files.
    ///
    /// # Errors
    ///
    /// [`SourceError::Shape`] names the pointer of whatever is missing or not understood.
    pub fn from_sources(sources: &Sources) -> Result<Self, SourceError> {
        let (mut document, mut schemas) = bundle::bundle(sources)?;
        let operations = operation::operations(&document, &sources.root.join("openapi.yaml"))?;
        for operation in &operations {
            if let Some(parameters) = operation.parameter_schema() {
                schemas.insert(operation.parameters_type(), parameters);
            }
        }
        schemas.insert("CommonParameters".to_owned(), operation::common_parameters(&operations));
        bundle::keep_reachable(&mut document);
        let tools = tool::tools(sources)?;
        Ok(Self { document, schemas, operations, rules: rule::rules(sources)?, tools })
    }

    /// The contract of a bundled document alone, as `/openapi.json` serves it: no rules, no schemas beyond it.
    ///
    /// # Errors
    ///
    /// [`SourceError::Shape`] as for [`Contract::from_sources`].
    pub fn from_document(document: Value) -> Result<Self, SourceError> {
        let operations = operation::operations(&document, std::path::Path::new("openapi.json"))?;
        let mut schemas =
            document.pointer("/components/schemas").and_then(Value::as_object).cloned().unwrap_or_default();
        for operation in &operations {
            if let Some(parameters) = operation.parameter_schema() {
                schemas.insert(operation.parameters_type(), parameters);
            }
        }
        Ok(Self { document, schemas, operations, rules: Vec::new(), tools: Vec::new() })
    }

    /// `info.version`.
    pub fn version(&self) -> &str {
        self.document.pointer("/info/version").and_then(Value::as_str).unwrap_or("0.0.0")
    }

    /// The operation with this `operationId`.
    pub fn operation(&self, id: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.id == id)
    }

    /// Every named schema as one document that validators can point into.
    pub fn schema_document(&self) -> Value {
        json!({ "components": { "schemas": Value::Object(self.schemas.clone()) } })
    }

    /// Follows `$ref`s of named schemas until a schema that is not a bare reference.
    pub fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        while let Some(name) = component_name(schema) {
            match self.schemas.get(name) {
                Some(target) => schema = target,
                None => break,
            }
        }
        schema
    }
}
