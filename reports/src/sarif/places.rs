//! Where a rule or an operation stands in the contract's files, found in their text line by line.

use std::sync::LazyLock;

use contract_types::CaseRecordLevel;

/// Path of the rules, from the root of the project.
pub const RULES: &str = "contracts/rules.yaml";
/// Path of the operations, from the root of the project.
pub const OPERATIONS: &str = "contracts/openapi.yaml";

/// The place of one rule or operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulePlace {
    /// Id of the rule (`TEN-004`) or of the operation (`search`); the two never look alike.
    pub id: String,
    /// Path of the file from the root of the project: [`RULES`] or [`OPERATIONS`].
    pub file: &'static str,
    /// Line of the id, the first line being 1.
    pub line: usize,
    /// What the rule says, or the operation's summary; may be empty.
    pub text: String,
    /// The rule's level; operations have none.
    pub level: Option<CaseRecordLevel>,
}

/// The places of the contract that this program was built with.
pub fn contract_places() -> &'static [RulePlace] {
    static PLACES: LazyLock<Vec<RulePlace>> = LazyLock::new(|| {
        let rules = include_str!("../../../contracts/rules.yaml");
        let operations = include_str!("../../../contracts/openapi.yaml");
        rule_places(rules).into_iter().chain(operation_places(operations)).collect()
    });
    &PLACES
}

/// Every rule in the text of `rules.yaml`: an item that begins with `- id:`, its fields on lines of their own.
pub fn rule_places(text: &str) -> Vec<RulePlace> {
    let mut places: Vec<RulePlace> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if let Some(id) = line.strip_prefix("- id:") {
            let id = scalar(id);
            places.push(RulePlace { id, file: RULES, line: index + 1, text: String::new(), level: None });
        } else if let Some(place) = places.last_mut() {
            if let Some(value) = line.strip_prefix("  text:") {
                place.text = scalar(value);
            } else if let Some(value) = line.strip_prefix("  level:") {
                place.level = scalar(value).parse().ok();
            }
        }
    }
    places
}

/// Every operation in the text of `openapi.yaml`: the line of its `operationId`.
pub fn operation_places(text: &str) -> Vec<RulePlace> {
    let lines = text.lines().enumerate();
    let found = lines.filter_map(|(index, line)| {
        let id = scalar(line.trim_start().strip_prefix("operationId:")?);
        Some(RulePlace { id, file: OPERATIONS, line: index + 1, text: String::new(), level: None })
    });
    found.collect()
}

/// A value of one line, without its quotes.
fn scalar(text: &str) -> String {
    let text = text.trim();
    serde_json::from_str(text).unwrap_or_else(|_| text.trim_matches(['"', '\'']).to_owned())
}
