//! Response headers against their schemas.

use std::sync::Arc;

use contracts::model::Header;
use serde_json::Value;

use super::{
    Violation, ViolationKind,
    validators::{Check, Validators},
};
use crate::client::Response;

/// What the contract says of one header of one status.
#[derive(Debug)]
pub(super) struct HeaderRule {
    name: String,
    required: bool,
    number: bool,
    check: Arc<Check>,
}

impl HeaderRule {
    pub(super) fn new(header: &Header, validators: &mut Validators) -> Self {
        Self {
            name: header.name.to_ascii_lowercase(),
            required: header.required,
            number: validators.is_number(&header.schema),
            check: validators.of(&header.schema),
        }
    }

    fn violation(&self, response: &Response) -> Option<Violation> {
        let mut values = response.headers.iter().filter(|(name, _)| *name == self.name).map(|(_, value)| value);
        let Some(value) = values.next() else {
            let message = format!("header `{}` is missing from status {}", self.name, response.status);
            return self.required.then(|| Violation::new(ViolationKind::Header, message));
        };
        if values.next().is_some() {
            let message = format!("header `{}` is there more than once", self.name);
            return Some(Violation::new(ViolationKind::Header, message));
        }
        let read = if self.number { value.parse::<Value>().ok().filter(Value::is_number) } else { None };
        let problems = self.check.problems(&read.unwrap_or_else(|| Value::from(value.as_str())));
        let message = || format!("header `{}`{}", self.name, problems.join("; "));
        (!problems.is_empty()).then(|| Violation::new(ViolationKind::Header, message()))
    }
}

/// Every header that is missing or does not fit.
pub(super) fn violations(rules: &[HeaderRule], response: &Response) -> Vec<Violation> {
    rules.iter().filter_map(|rule| rule.violation(response)).collect()
}
