//! Numbered rules: behaviour that a schema cannot say.

use serde::{Deserialize, Serialize};

use crate::sources::{SourceError, Sources};

/// The contract version of rules that do not say since when they hold.
pub const FIRST: &str = "1.0.0";

/// How binding a rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// A deployment that breaks it fails.
    Must,
    /// A deployment that breaks it is warned.
    Should,
}

/// One rule.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Stable id, such as `TEN-001`.
    pub id: String,
    /// How binding it is.
    pub level: Level,
    /// One sentence.
    pub text: String,
    /// Operations it binds, or `*`.
    pub operations: Vec<String>,
    /// Where it comes from.
    pub source: Source,
    /// The contract version that it came with; [`FIRST`] when absent.
    #[serde(default)]
    pub since: Option<String>,
}

/// One source or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Source {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl std::fmt::Display for Source {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::One(source) => formatter.write_str(source),
            Self::Many(sources) => formatter.write_str(&sources.join(", ")),
        }
    }
}

/// Every rule of `rules.yaml`.
pub(super) fn rules(sources: &Sources) -> Result<Vec<Rule>, SourceError> {
    let path = sources.root.join("rules.yaml");
    let list = sources.rules.get("rules").unwrap_or(&sources.rules);
    let list = list.as_array().ok_or_else(|| SourceError::Shape {
        path: path.clone(),
        pointer: String::new(),
        expected: "expected a list of rules".to_owned(),
    })?;
    list.iter()
        .enumerate()
        .map(|(index, rule)| {
            serde_json::from_value(rule.clone()).map_err(|cause| SourceError::Shape {
                path: path.clone(),
                pointer: format!("/{index}"),
                expected: format!(
                    "expected a rule {{id, level, text, operations, source}} and perhaps {{since}}: {cause}"
                ),
            })
        })
        .collect()
}
