//! The tools that a deployment has. What is not registered does not exist, and registration refuses what could deceive.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use jsonschema::Validator;
use serde_json::{Map, Value as Json};
use unicode_normalization::UnicodeNormalization;

use super::declared::Declaration;
use super::{ToolFault, entities, ingestion, intent, summarize, tagging};
use crate::platform::Platform;
use crate::ports::BoxFuture;
use crate::tenancy::TenantContext;

/// Largest schema in bytes of compact JSON.
const SCHEMA_BYTES: usize = 32 * 1024;
/// Deepest nesting of a schema's JSON.
const SCHEMA_DEPTH: usize = 32;
/// Most tools.
const MOST_TOOLS: usize = 256;

/// What a run of a tool is given: validated arguments, and the platform on behalf of one tenant.
#[derive(Clone, Copy)]
pub struct ToolRun<'a> {
    /// Ports and operations.
    pub platform: &'a Platform,
    /// Whose data it may touch.
    pub tenant: &'a TenantContext,
    /// The arguments, fit for the tool's schema.
    pub arguments: &'a Map<String, Json>,
}

/// A tool. What it reads is data, whatever it says: nothing in arguments or documents makes a tool call another one.
pub trait Tool: Send + Sync {
    /// Runs once.
    ///
    /// # Errors
    ///
    /// [`ToolFault`].
    fn run<'a>(&'a self, run: ToolRun<'a>) -> BoxFuture<'a, Result<Json, ToolFault>>;

    /// Id of the model that such a call asks in any case; `None` where it may do without one.
    fn model(&self, _run: ToolRun<'_>) -> Option<String> {
        None
    }
}

/// A tool with what was made of its declaration.
pub struct Registered {
    /// What it says of itself.
    pub declaration: Declaration,
    pub(super) arguments: Validator,
    pub(super) result: Validator,
    pub(super) tool: Arc<dyn Tool>,
}

/// Why a tool was not registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationError {
    /// The descriptor lacks something.
    #[error("tool `{tool}`: `{field}` is missing or not what the contract says")]
    Field {
        /// Its name.
        tool: String,
        /// The field.
        field: &'static str,
    },
    /// The name could be taken for another one.
    #[error("tool name `{tool}` is not 1 to 64 of a-z, 0-9 and `_`, a letter first")]
    Name {
        /// The name.
        tool: String,
    },
    /// There is a tool whose name looks the same.
    #[error("tool name `{tool}` looks like `{other}`, which is registered")]
    Duplicate {
        /// The name.
        tool: String,
        /// The one that is registered.
        other: String,
    },
    /// A schema refers to something: to the network, to a file or to itself.
    #[error("tool `{tool}`: `{schema}` holds a reference at {pointer}; a tool's schema stands alone")]
    Reference {
        /// The tool.
        tool: String,
        /// Which schema.
        schema: &'static str,
        /// Where in it.
        pointer: String,
    },
    /// A schema is too large or too deep.
    #[error("tool `{tool}`: `{schema}` is larger than 32768 bytes or nested deeper than 32 levels")]
    Oversize {
        /// The tool.
        tool: String,
        /// Which schema.
        schema: &'static str,
    },
    /// A schema is none, or not of an object.
    #[error("tool `{tool}`: `{schema}` is no JSON Schema (2020-12) of an object")]
    Schema {
        /// The tool.
        tool: String,
        /// Which schema.
        schema: &'static str,
    },
    /// There are too many tools.
    #[error("more than 256 tools")]
    TooMany,
}

/// Every tool, by name.
#[derive(Default)]
pub struct Registry {
    tools: BTreeMap<String, Registered>,
}

static BUILT_IN: LazyLock<Vec<Json>> = LazyLock::new(|| {
    let list: Vec<Json> = serde_json::from_str(contract_types::TOOLS).expect("the generator writes valid JSON");
    list.into_iter().map(|it| it["descriptor"].clone()).collect()
});

impl Registry {
    /// The contract's own tools.
    ///
    /// # Panics
    ///
    /// Where the contract declares a tool that this build does not have, which a test finds.
    pub fn built_in() -> Self {
        let mut registry = Self::default();
        for descriptor in BUILT_IN.iter() {
            let tool: Arc<dyn Tool> = match descriptor["name"].as_str().unwrap_or_default() {
                "summarize" => Arc::new(summarize::Summarize),
                "extract_entities" => Arc::new(entities::ExtractEntities),
                "classify_intent" => Arc::new(intent::ClassifyIntent),
                "tag_chunk_docs" => Arc::new(tagging::TagChunkDocs),
                "ingest_docs" => Arc::new(ingestion::IngestDocs),
                // A tool that is declared and not written would be a promise without anything behind it.
                name => unreachable!("the contract declares `{name}`, which this build does not have"),
            };
            registry.register(descriptor, tool).expect("the contract's linter lets no other declaration through");
        }
        registry
    }

    /// Takes a tool in.
    ///
    /// # Errors
    ///
    /// [`RegistrationError`]; the registry is as it was then.
    pub fn register(&mut self, descriptor: &Json, tool: Arc<dyn Tool>) -> Result<(), RegistrationError> {
        let name = descriptor["name"].as_str().unwrap_or_default().to_owned();
        if self.tools.len() >= MOST_TOOLS {
            return Err(RegistrationError::TooMany);
        }
        if let Some(other) = self.tools.keys().find(|other| skeleton(other) == skeleton(&name)) {
            return Err(RegistrationError::Duplicate { tool: name, other: other.clone() });
        }
        let shaped = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        if !first || name.len() > 64 || !name.bytes().all(shaped) || matches!(name.as_str(), "execute" | "unknown") {
            return Err(RegistrationError::Name { tool: name });
        }
        let declaration =
            Declaration::read(descriptor).map_err(|field| RegistrationError::Field { tool: name.clone(), field })?;
        let arguments = compiled(&name, "arguments_schema", &declaration.arguments_schema)?;
        let result = compiled(&name, "result_schema", &declaration.result_schema)?;
        self.tools.insert(name, Registered { declaration, arguments, result, tool });
        Ok(())
    }

    /// The tool of this name.
    pub fn get(&self, name: &str) -> Option<&Registered> {
        self.tools.get(name)
    }

    /// Every tool, by name.
    pub fn all(&self) -> impl Iterator<Item = &Registered> {
        self.tools.values()
    }
}

fn compiled(tool: &str, which: &'static str, schema: &Json) -> Result<Validator, RegistrationError> {
    if schema.to_string().len() > SCHEMA_BYTES {
        return Err(RegistrationError::Oversize { tool: tool.to_owned(), schema: which });
    }
    look(tool, which, schema, &mut String::new(), 0)?;
    let none = || RegistrationError::Schema { tool: tool.to_owned(), schema: which };
    if schema["type"] != "object" || !jsonschema::draft202012::meta::is_valid(schema) {
        return Err(none());
    }
    jsonschema::draft202012::options().build(schema).map_err(|_| none())
}

/// Refuses references and endless nesting. Without references no schema is recursive.
fn look(tool: &str, which: &'static str, value: &Json, at: &mut String, depth: usize) -> Result<(), RegistrationError> {
    if depth > SCHEMA_DEPTH {
        return Err(RegistrationError::Oversize { tool: tool.to_owned(), schema: which });
    }
    let length = at.len();
    let inner = |key: &str, value: &Json, at: &mut String| {
        at.push('/');
        at.push_str(key);
        let done = look(tool, which, value, at, depth + 1);
        at.truncate(length);
        done
    };
    match value {
        Json::Object(fields) => {
            for (key, value) in fields {
                if matches!(key.as_str(), "$ref" | "$dynamicRef" | "$recursiveRef" | "$id") && value.is_string() {
                    let pointer = format!("{at}/{key}");
                    return Err(RegistrationError::Reference { tool: tool.to_owned(), schema: which, pointer });
                }
                inner(key, value, at)?;
            }
        }
        Json::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                inner(&index.to_string(), value, at)?;
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
    Ok(())
}

/// Letters of other scripts that look like Latin ones, and digits that look like letters.
const LOOK_ALIKES: [(char, char); 30] = [
    ('а', 'a'),
    ('е', 'e'),
    ('о', 'o'),
    ('р', 'p'),
    ('с', 'c'),
    ('у', 'y'),
    ('х', 'x'),
    ('і', 'i'),
    ('ј', 'j'),
    ('ѕ', 's'),
    ('һ', 'h'),
    ('ԁ', 'd'),
    ('ԛ', 'q'),
    ('ԝ', 'w'),
    ('м', 'm'),
    ('т', 't'),
    ('к', 'k'),
    ('ո', 'n'),
    ('α', 'a'),
    ('ο', 'o'),
    ('ν', 'v'),
    ('ρ', 'p'),
    ('τ', 't'),
    ('ι', 'i'),
    ('κ', 'k'),
    ('ı', 'i'),
    ('ɡ', 'g'),
    ('0', 'o'),
    ('1', 'l'),
    ('‐', '_'),
];

/// What a name looks like: two names with one skeleton cannot be told apart by a reader.
fn skeleton(name: &str) -> String {
    let plain = name.nfkd().filter(|it| it.is_alphanumeric() || matches!(it, '_' | '-' | '‐'));
    let alike = |it: char| LOOK_ALIKES.iter().find(|(from, _)| *from == it).map_or(it, |(_, to)| *to);
    plain.flat_map(char::to_lowercase).map(alike).map(|it| if it == '-' { '_' } else { it }).collect()
}
