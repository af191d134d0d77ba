//! What a tool says of itself.

use serde::Deserialize;
use serde_json::Value as Json;

use crate::tenancy::Scope;
use crate::tenancy::scope::named;

named! {
    /// What a tool does to stored data.
    SideEffects {
        /// Nothing at all.
        None = "none",
        /// It reads it.
        Read = "read",
        /// It changes it.
        Write = "write",
    }
}

/// Bounds of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Limits {
    /// Longest run in milliseconds.
    pub time_ms: u64,
    /// Largest arguments in bytes of compact JSON.
    pub argument_bytes: usize,
    /// Largest result in bytes of compact JSON.
    pub result_bytes: usize,
    /// Most calls of a model in one chat turn.
    pub calls_per_turn: u32,
}

/// A tool's declaration.
#[derive(Debug, Clone, PartialEq)]
pub struct Declaration {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// JSON Schema of its arguments.
    pub arguments_schema: Json,
    /// JSON Schema of its result.
    pub result_schema: Json,
    /// Scopes beside `tools:execute`.
    pub scopes: Vec<Scope>,
    /// What it does to stored data.
    pub side_effects: SideEffects,
    /// Bounds of a call.
    pub limits: Limits,
    /// Whether a model may call it within a chat turn.
    pub model_callable: bool,
    /// All of it, as the wire tells it.
    pub descriptor: Json,
}

impl Declaration {
    /// Reads a wire descriptor; the name of the field that is missing or unfit otherwise.
    ///
    /// # Errors
    ///
    /// The field.
    pub fn read(descriptor: &Json) -> Result<Self, &'static str> {
        let text = |field: &'static str| descriptor[field].as_str().map(str::to_owned).ok_or(field);
        let scopes = descriptor["scopes"].as_array().ok_or("scopes")?.iter();
        let scope = |it: &Json| it.as_str().and_then(Scope::parse);
        Ok(Self {
            name: text("name")?,
            version: text("version")?,
            arguments_schema: descriptor["arguments_schema"].clone(),
            result_schema: descriptor["result_schema"].clone(),
            scopes: scopes.map(scope).collect::<Option<_>>().ok_or("scopes")?,
            side_effects: SideEffects::parse(&text("side_effects")?).ok_or("side_effects")?,
            limits: Limits::deserialize(&descriptor["limits"]).map_err(|_| "limits")?,
            model_callable: descriptor["model_callable"].as_bool().ok_or("model_callable")?,
            descriptor: descriptor.clone(),
        })
    }
}
