//! Stands where the native server reads YAML: a binding is JSON, which is YAML's stricter part.

use serde_json::Value;

use super::Problem;

/// Parses one document.
pub(super) fn parse(file: &str, text: &str) -> Result<Value, Vec<Problem>> {
    serde_json::from_str(text).map_err(|error| vec![Problem::new(file, "", format!("expected JSON: {error}"))])
}

/// A key as a segment of a JSON pointer.
pub(super) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
