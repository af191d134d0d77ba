//! Wire types generated from the contract, and the contract itself as text.
//!
//! Everything in `generated` is written by `cargo run -p contracts -- generate`.

#[expect(
    clippy::pedantic,
    clippy::derivable_impls,
    clippy::too_many_arguments,
    clippy::type_complexity,
    missing_docs,
    reason = "generated from the contract"
)]
#[rustfmt::skip]
mod generated {
    pub(crate) mod wire;
}

use std::sync::LazyLock;

pub use generated::wire::*;

/// The contract as one self-contained OpenAPI 3.1 document, in JSON.
pub const OPENAPI: &str = include_str!("generated/openapi.json");

/// Every named schema of the contract, those of configuration and records too, as `{"components": {"schemas": {…}}}`.
pub const SCHEMAS: &str = include_str!("generated/schemas.json");

/// The tools of the registry as a JSON list: each with its `descriptor`, as the wire has it, and its `examples`.
pub const TOOLS: &str = include_str!("generated/tools.json");

static PARSED: LazyLock<serde_json::Value> =
    LazyLock::new(|| serde_json::from_str(SCHEMAS).expect("the generator writes valid JSON"));

/// [`SCHEMAS`], parsed once.
pub fn schemas() -> &'static serde_json::Value {
    &PARSED
}

/// The contract's examples of the schema called `name`; empty when it has none.
pub fn examples(name: &str) -> serde_json::Value {
    PARSED["components"]["schemas"][name].get("examples").cloned().unwrap_or_else(|| serde_json::json!([]))
}

/// Reads a field whose value may be null: a null that was sent is a value, and only an absent field is `None`.
fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// Reads an integer, also one that is written with a fraction of zero: JSON Schema counts `3.0` as an integer.
fn whole<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::de::DeserializeOwned,
{
    /// Every whole number up to here is a double.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let number = <serde_json::Number as serde::Deserialize>::deserialize(deserializer)?;
    let written = match number.as_f64() {
        Some(value) if number.is_f64() && value.fract() == 0.0 && value.abs() <= EXACT => {
            #[expect(clippy::cast_possible_truncation, reason = "whole and within the range of `EXACT`")]
            let whole = value as i64;
            serde_json::Number::from(whole)
        }
        Some(_) | None => number,
    };
    serde_json::from_value(serde_json::Value::Number(written)).map_err(serde::de::Error::custom)
}

/// As [`whole`], for a field that may be absent.
fn whole_if_present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::de::DeserializeOwned,
{
    whole(deserializer).map(Some)
}
