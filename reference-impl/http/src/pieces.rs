//! Steps of the edge by themselves, for benches.

use contract_types as wire;

use crate::{
    OPERATIONS,
    edge::{BodySchemas, parse_body},
    sse::{Content, Writer},
};

/// The contract's schemas, compiled.
pub struct Checks(BodySchemas);

impl Default for Checks {
    fn default() -> Self {
        Self(BodySchemas::new())
    }
}

impl Checks {
    /// Parses a body as the edge does and holds it against the schema of the operation with this id; whether it fits.
    pub fn body(&self, operation: &str, bytes: &[u8]) -> bool {
        let operation = OPERATIONS.iter().find(|it| it.id == operation);
        operation.is_some_and(|it| parse_body(bytes).is_ok_and(|value| self.0.body(it, &value).is_ok()))
    }
}

/// Writes `tokens` as events of a stream; gives their bytes in all.
pub fn token_events(tokens: &[&str]) -> usize {
    let mut writer = Writer::new("0197b3c2-0000-7000-8000-000000000000".to_owned());
    tokens.iter().map(|text| writer.content(Content::Token((*text).to_owned())).len()).sum()
}

/// The least that such an event can cost: its text as JSON, copied into its place.
pub fn plain_events(tokens: &[&str]) -> usize {
    let event = |(index, text): (usize, &&str)| {
        let text = serde_json::to_string(text).unwrap_or_default();
        format!("event: token\ndata: {{\"index\":{index},\"text\":{text}}}\n\n").len()
    };
    tokens.iter().enumerate().map(event).sum()
}

/// A line of the log as the contract has it.
pub fn log_line() -> wire::LogLine {
    wire::LogLine::new(
        "2026-03-02T09:15:00.000Z".to_owned(),
        wire::LogLineLevel::Info,
        "request".to_owned(),
        "/search".to_owned(),
        wire::LogLineMethod::Post,
        200,
        1.5,
        "0197b3c2-0000-7000-8000-000000000000".into(),
        "0".repeat(32),
        "0".repeat(16),
    )
}
