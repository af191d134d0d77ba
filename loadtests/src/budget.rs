//! Budgets: what each scenario must keep to on each target, files of `loadtests/budgets`.

use std::{fs, path::Path};

use contract_types::{LoadBudget, LoadBudgets};
use harness::project_root;

/// Why budgets cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BudgetError {
    /// The file cannot be read.
    #[error("{file}: {cause}")]
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        cause: std::io::Error,
    },
    /// It is no YAML, or not of the schema `LoadBudgets`.
    #[error("{file}: expected budgets as contracts/schemas/load_budgets.json describes them: {cause}")]
    Shape {
        /// The file.
        file: String,
        /// What is wrong.
        cause: String,
    },
    /// It is for another target than its name says.
    #[error("{file}: /target: expected `{expected}`, the stem of the file, found `{found}`")]
    Target {
        /// The file.
        file: String,
        /// The stem.
        expected: String,
        /// What stands there.
        found: String,
    },
}

/// The budgets of `scenario` on the target called `target`; none where the target has no file.
///
/// # Errors
///
/// [`BudgetError`].
pub fn of(target: &str, scenario: &str) -> Result<Vec<LoadBudget>, BudgetError> {
    read(&project_root().join("loadtests/budgets"), target, scenario)
}

fn read(folder: &Path, target: &str, scenario: &str) -> Result<Vec<LoadBudget>, BudgetError> {
    let path = folder.join(format!("{target}.yaml"));
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let file = path.display().to_string();
    let text = fs::read_to_string(&path).map_err(|cause| BudgetError::Unreadable { file: file.clone(), cause })?;
    let shape = |cause: String| BudgetError::Shape { file: file.clone(), cause };
    let value: serde_json::Value = serde_yaml::from_str(&text).map_err(|error| shape(error.to_string()))?;
    let problems = schema_problems(&value);
    if let Some(problem) = problems.first() {
        return Err(shape(problem.clone()));
    }
    let budgets: LoadBudgets = serde_json::from_value(value).map_err(|error| shape(error.to_string()))?;
    if budgets.target != target {
        return Err(BudgetError::Target { file, expected: target.to_owned(), found: budgets.target });
    }
    Ok(budgets.budgets.into_iter().filter(|budget| budget.scenario == scenario).collect())
}

/// What the schema has against a file.
fn schema_problems(value: &serde_json::Value) -> Vec<String> {
    let mut document = contract_types::schemas().clone();
    document["$ref"] = serde_json::json!("#/components/schemas/LoadBudgets");
    let validator = jsonschema::options().build(&document).expect("the generator writes valid schemas");
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::ScenarioName;
    use clap::ValueEnum;

    #[test]
    fn every_enabled_scenario_has_a_budget_on_the_local_target() {
        for name in ScenarioName::value_variants() {
            assert!(!of("local", name.as_str()).expect("the file can be used").is_empty(), "{name:?}");
        }
        assert!(of("a-target-without-a-file", "search").expect("there need be none").is_empty());
    }

    #[test]
    fn says_what_is_wrong_with_a_file() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        for (text, told) in [
            ("target: other\nbudgets: []\n", "/target: expected `t`"),
            ("target: t\nbudgets: [{scenario: search, p94_ms: 3}]\n", "p94_ms"),
            ("target: t\nbudgets: [{scenario: search, errors: 2}]\n", "/budgets/0/errors"),
            ("target: [", "load_budgets.json"),
        ] {
            fs::write(folder.path().join("t.yaml"), text).expect("it can be written");
            let error = read(folder.path(), "t", "search").expect_err(text).to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
