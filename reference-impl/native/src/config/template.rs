//! One prompt template, given as JSON: checked against the contract and against itself.

use contract_types as wire;
use reference_core::answer::{PromptTemplate, Variable};
use serde_json::Value;

use super::{Problem, schema};

/// Checks and reads a template; `file` is where it came from.
pub(crate) fn from_value(file: &str, value: Value) -> Result<PromptTemplate, Vec<Problem>> {
    let problems = schema::PROMPT.check(file, &value);
    if !problems.is_empty() {
        return Err(problems);
    }
    let read: wire::PromptTemplate = schema::PROMPT.read(file, value).map_err(|problem| vec![problem])?;
    let template = PromptTemplate {
        name: read.name,
        version: read.version,
        variables: read
            .variables
            .into_iter()
            .map(|it| Variable { name: it.name, description: it.description, required: it.required })
            .collect(),
        system: read.system,
        user: read.user,
    };
    let problems: Vec<Problem> =
        template.check().iter().map(|problem| Problem::new(file, problem.place(), problem.expected())).collect();
    if problems.is_empty() { Ok(template) } else { Err(problems) }
}
