//! Tools as `tools/*.yaml` declare them.

use serde_json::{Map, Value, json};

use crate::sources::{SourceError, Sources};

/// What a declaration says of a tool, in the order in which the wire tells it.
pub const DESCRIPTOR: [&str; 11] = [
    "name",
    "version",
    "title",
    "description",
    "arguments_schema",
    "result_schema",
    "scopes",
    "side_effects",
    "data",
    "limits",
    "model_callable",
];

/// A tool of the registry.
#[derive(Debug, Clone)]
pub struct Tool {
    /// Its file, relative to the contract's folder.
    pub file: String,
    /// Its name.
    pub name: String,
    /// The whole declaration.
    pub declared: Map<String, Value>,
}

impl Tool {
    /// What the wire tells of it.
    pub fn descriptor(&self) -> Value {
        let told = DESCRIPTOR.iter().filter_map(|key| Some(((*key).to_owned(), self.declared.get(*key)?.clone())));
        Value::Object(told.collect())
    }

    /// Its examples, each with `title`, `arguments` and `expect`.
    pub fn examples(&self) -> &[Value] {
        self.declared.get("examples").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// One of its two schemas; `null` where it is missing.
    pub fn schema(&self, which: &str) -> &Value {
        self.declared.get(which).unwrap_or(&Value::Null)
    }

    /// A text of the declaration; empty where it is missing.
    pub fn text(&self, key: &str) -> &str {
        self.declared.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// What the registry of a deployment is made of.
    pub fn registered(&self) -> Value {
        json!({"descriptor": self.descriptor(), "examples": self.examples()})
    }
}

/// Every declared tool, by name.
///
/// # Errors
///
/// [`SourceError::Shape`] when a declaration is no map or has no name.
pub(super) fn tools(sources: &Sources) -> Result<Vec<Tool>, SourceError> {
    let mut tools = Vec::new();
    for (file, value) in &sources.tools {
        let shape = |pointer: &str, expected: &str| SourceError::Shape {
            path: sources.root.join("tools").join(file),
            pointer: pointer.to_owned(),
            expected: expected.to_owned(),
        };
        let declared = value.as_object().ok_or_else(|| shape("", "expected a map that declares one tool"))?;
        let name = declared.get("name").and_then(Value::as_str).ok_or_else(|| shape("/name", "expected a name"))?;
        tools.push(Tool { file: format!("tools/{file}"), name: name.to_owned(), declared: declared.clone() });
    }
    tools.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(tools)
}
