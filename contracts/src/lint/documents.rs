//! Rules and error codes must be complete and refer to what exists.

use std::collections::HashSet;

use serde_json::Value;

use super::{Finding, finding};
use crate::Contract;

pub(super) fn check(contract: &Contract, findings: &mut Vec<Finding>) {
    rules(contract, findings);
    let codes = contract.schemas.get("ErrorCode");
    let named: HashSet<&str> = codes
        .and_then(|schema| schema.pointer("/x-statuses"))
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|statuses| statuses.values())
        .filter_map(Value::as_array)
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for code in codes.and_then(|schema| schema.get("enum")).and_then(Value::as_array).into_iter().flatten() {
        if code.as_str().is_none_or(|code| !named.contains(code)) {
            findings.push(finding("schemas/error_code.json", "/x-statuses", format!("{code} needs its one status")));
        }
    }
}

fn rules(contract: &Contract, findings: &mut Vec<Finding>) {
    let mut ids = HashSet::new();
    let mut bound = HashSet::new();
    for (index, rule) in contract.rules.iter().enumerate() {
        let mut say = |message: String| findings.push(finding("rules.yaml", &format!("/{index}"), message));
        let form = rule.id.split_once('-').is_some_and(|(group, number)| {
            group.chars().all(|c| c.is_ascii_uppercase())
                && number.len() == 3
                && number.chars().all(|c| c.is_ascii_digit())
        });
        if !form || !ids.insert(rule.id.clone()) {
            say(format!("rule id `{}` must be unique and look like `TEN-001`", rule.id));
        }
        if rule.text.trim().is_empty() || !rule.text.trim().ends_with('.') {
            say(format!("rule `{}` needs one whole sentence", rule.id));
        }
        for operation in rule.operations.iter().filter(|operation| *operation != "*") {
            if contract.operation(operation).is_none() {
                say(format!("rule `{}` binds `{operation}`, which is no operation", rule.id));
            }
            bound.insert(operation.clone());
        }
    }
    for operation in contract.operations.iter().filter(|operation| !bound.contains(&operation.id)) {
        findings.push(finding("rules.yaml", "", format!("no rule binds `{}` by name", operation.id)));
    }
}
