//! What there is to reach: every operation, documented status, parameter, and keyword of a request schema.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Contract, model::Operation, pointer::join};

/// Everything that a run could have reached, as stable names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denominator {
    /// `search`.
    pub operations: BTreeSet<String>,
    /// `search 200`.
    pub statuses: BTreeSet<String>,
    /// `list_jobs query limit`.
    pub parameters: BTreeSet<String>,
    /// `search /body/query maxLength`.
    pub keywords: BTreeSet<String>,
}

/// Keywords that refuse something.
const ASSERTING: [&str; 18] = [
    "type",
    "enum",
    "required",
    "additionalProperties",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "anyOf",
];

/// The contract's denominator.
pub fn denominator(contract: &Contract) -> Denominator {
    let mut found = Denominator::default();
    for operation in &contract.operations {
        found.operations.insert(operation.id.clone());
        for response in &operation.responses {
            found.statuses.insert(format!("{} {}", operation.id, response.status));
        }
        for parameter in &operation.parameters {
            let location = format!("{:?}", parameter.location).to_lowercase();
            let name = parameter.name.to_ascii_lowercase();
            found.parameters.insert(format!("{} {location} {name}", operation.id));
            if !parameter.is_common() {
                visit(contract, operation, &parameter.schema, &join(&format!("/{location}"), &name), 0, &mut found);
            }
        }
        if let Some(body) = &operation.request {
            visit(contract, operation, &body.schema, "/body", 0, &mut found);
        }
    }
    found
}

fn visit(
    contract: &Contract,
    operation: &Operation,
    schema: &Value,
    place: &str,
    depth: usize,
    found: &mut Denominator,
) {
    let schema = contract.resolve(schema);
    let Some(fields) = schema.as_object().filter(|_| depth < 8) else { return };
    for keyword in fields.keys().filter(|keyword| ASSERTING.contains(&keyword.as_str())) {
        let open = keyword == "additionalProperties" && schema["additionalProperties"] != Value::Bool(false);
        let text = keyword == "type" && !place.starts_with("/body") && schema["type"] == "string";
        let none = keyword == "required" && schema["required"].as_array().is_some_and(Vec::is_empty);
        if !open && !text && !none {
            found.keywords.insert(format!("{} {place} {keyword}", operation.id));
        }
    }
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        visit(contract, operation, property, &join(place, name), depth + 1, found);
    }
    if let Some(items) = schema.get("items") {
        visit(contract, operation, items, &join(place, "0"), depth + 1, found);
    }
}
