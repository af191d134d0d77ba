//! Limits of metadata, as the contract's schema `metadata` words them.

use serde_json::{Map, Value as Json};

/// Most keys of a document's metadata.
const MAX_KEYS: usize = 64;
/// Most characters of a key.
const MAX_KEY_CHARS: usize = 128;
/// Most bytes of the whole as compact JSON.
const MAX_BYTES: usize = 10_240;
/// Largest integer that every JSON reader keeps to the letter: 2^53 - 1.
const MAX_INTEGER: u64 = (1 << 53) - 1;

/// What is wrong with a document's metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MetadataFault {
    /// Too many keys.
    #[error("metadata has more than 64 keys")]
    Keys,
    /// A key that the contract does not allow.
    #[error(
        "a key of metadata must have 1 to 128 characters, hold no control characters and not begin with a dollar sign"
    )]
    Key,
    /// Too large as a whole.
    #[error("metadata is longer than 10240 bytes as compact JSON")]
    Size,
    /// An integer that does not survive.
    #[error("metadata holds an integer beyond 9007199254740991, which JSON does not keep exactly")]
    Number,
}

impl MetadataFault {
    /// The JSON Schema keyword that says the same, and its limit.
    pub fn keyword(self) -> (&'static str, Option<u64>) {
        match self {
            Self::Keys => ("maxProperties", Some(MAX_KEYS as u64)),
            Self::Key => ("propertyNames", None),
            Self::Size => ("maxLength", Some(MAX_BYTES as u64)),
            Self::Number => ("maximum", Some(MAX_INTEGER)),
        }
    }
}

/// Checks one document's metadata.
///
/// # Errors
///
/// The first [`MetadataFault`] found.
pub(super) fn check(metadata: &Map<String, Json>) -> Result<(), MetadataFault> {
    if metadata.len() > MAX_KEYS {
        return Err(MetadataFault::Keys);
    }
    let sound = |key: &String| {
        (1..=MAX_KEY_CHARS).contains(&key.chars().count())
            && !key.starts_with('$')
            && !key.chars().any(char::is_control)
    };
    if !metadata.keys().all(sound) {
        return Err(MetadataFault::Key);
    }
    if !metadata.values().all(survives) {
        return Err(MetadataFault::Number);
    }
    if serde_json::to_string(metadata).map_or(true, |text| text.len() > MAX_BYTES) {
        return Err(MetadataFault::Size);
    }
    Ok(())
}

/// Whether every number in `value` is kept by readers that hold numbers as doubles. Nesting is bounded by the parser.
fn survives(value: &Json) -> bool {
    match value {
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => integer.unsigned_abs() <= MAX_INTEGER,
            // A literal beyond 64 bits is read as a double; which digits it had is lost.
            #[expect(clippy::cast_precision_loss, reason = "2^53 - 1 is exact")]
            (None, Some(real)) => real.fract() != 0.0 || real.abs() <= MAX_INTEGER as f64,
            (None, None) => false,
        },
        Json::Array(items) => items.iter().all(survives),
        Json::Object(map) => map.values().all(survives),
        Json::Null | Json::Bool(_) | Json::String(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn refuses_what_the_contract_does_not_allow() {
        let many: Map<String, Json> = (0..65).map(|number| (number.to_string(), Json::Null)).collect();
        let cases = [
            (json!({"a": [1, -9_007_199_254_740_991_i64, 1.5], "k".repeat(128): {"$": null}}), Ok(())),
            (json!({"a": "x".repeat(10_240 - 8)}), Ok(())),
            (json!({"a": "x".repeat(10_240 - 7)}), Err(MetadataFault::Size)),
            (Json::Object(many), Err(MetadataFault::Keys)),
            (json!({"": 1}), Err(MetadataFault::Key)),
            (json!({"$gt": 1}), Err(MetadataFault::Key)),
            (json!({"a\n": 1}), Err(MetadataFault::Key)),
            (json!({"k".repeat(129): 1}), Err(MetadataFault::Key)),
            (json!({"a": {"b": [9_007_199_254_740_992_i64]}}), Err(MetadataFault::Number)),
            (json!({"a": u64::MAX}), Err(MetadataFault::Number)),
            (json!({"a": 1e20}), Err(MetadataFault::Number)),
        ];
        for (metadata, expected) in cases {
            assert_eq!(check(metadata.as_object().unwrap()), expected, "{metadata}");
        }
    }
}
