//! Cases from the request body's schema.

use serde_json::{Value, json};

use super::{
    Base, Case, Expect, Kind, Payload,
    values::{self, Edge, EdgeValue, Judge},
};
use crate::{
    Contract,
    model::{Operation, component_name},
    pointer::join,
};

/// The contract's own examples, as they stand.
pub(super) fn examples(contract: &Contract, operation: &Operation, base: &Base) -> Vec<Case> {
    let Some(body) = &operation.request else {
        return vec![Case::new(operation, base, Kind::Example, "example", Expect::Success)];
    };
    let mut examples = values::examples(contract, &body.schema);
    if examples.is_empty() {
        examples.extend(base.body.clone());
    }
    let examples = examples.into_iter().enumerate();
    examples
        .map(|(index, value)| Case {
            payload: Payload::Json { value },
            ..Case::new(operation, base, Kind::Example, &format!("example/{index}"), Expect::Success)
        })
        .collect()
}

/// Every way to break, or just not to break, one keyword of the body's schema.
pub(super) fn mutations(contract: &Contract, judge: &Judge, operation: &Operation, base: &Base) -> Vec<Case> {
    let (Some(body), Some(value)) = (&operation.request, &base.body) else { return Vec::new() };
    let Some(schema_name) = component_name(&body.schema) else { return Vec::new() };
    let mut walk = Walk { contract, judge, operation, base, schema_name, root: value.clone(), cases: Vec::new() };
    walk.visit(&body.schema, "", 0);
    walk.cases
}

struct Walk<'a> {
    contract: &'a Contract,
    judge: &'a Judge,
    operation: &'a Operation,
    base: &'a Base,
    schema_name: &'a str,
    /// The body with the place under way filled in.
    root: Value,
    cases: Vec<Case>,
}

/// Nesting past this repeats what is already covered.
const DEEPEST: usize = 6;

impl Walk<'_> {
    fn visit(&mut self, schema: &Value, pointer: &str, depth: usize) {
        if depth > DEEPEST {
            return;
        }
        let contract = self.contract;
        let schema = contract.resolve(schema);
        for (word, wrong) in values::wrong_types(schema) {
            self.refused(Kind::TypeError, "type", &format!("type/{word}"), pointer, wrong);
        }
        for edge in values::edges(contract, schema) {
            self.edge(edge, pointer);
        }
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            self.object(schema, properties, pointer, depth);
        }
        if let Some(items) = schema.get("items").filter(|items| items.is_object()) {
            let first = join(pointer, "0");
            if self.root.pointer(&first).is_some() {
                self.visit(items, &first, depth + 1);
            }
        }
        if let Some(additional) = schema.get("additionalProperties").filter(|additional| additional.is_object()) {
            let key = self.root.pointer(pointer).and_then(Value::as_object).and_then(|map| map.keys().next().cloned());
            if let Some(key) = key {
                self.visit(additional, &join(pointer, &key), depth + 1);
            }
        }
        if let Some(branches) = schema.get("anyOf").and_then(Value::as_array) {
            self.union(branches, pointer, depth);
        }
    }

    fn object(&mut self, schema: &Value, properties: &serde_json::Map<String, Value>, pointer: &str, depth: usize) {
        let required: Vec<&str> =
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        for name in required {
            let mut body = self.root.clone();
            let Some(Value::Object(fields)) = body.pointer_mut(pointer) else { continue };
            fields.shift_remove(name);
            let place = join(pointer, name);
            self.push(Kind::MissingField, "required", "missing", &place, Payload::Json { value: body }, false);
        }
        if schema.get("additionalProperties") == Some(&Value::Bool(false)) {
            let mut body = self.root.clone();
            if let Some(Value::Object(fields)) = body.pointer_mut(pointer) {
                fields.insert("unheard_of".to_owned(), json!("value"));
                let payload = Payload::Json { value: body };
                self.push(Kind::UnknownField, "additionalProperties", "unknown", pointer, payload, false);
            }
        }
        for (name, property) in properties {
            let place = join(pointer, name);
            let before = self.root.clone();
            if self.root.pointer(&place).is_none()
                && let Some(Value::Object(fields)) = self.root.pointer_mut(pointer)
            {
                fields.insert(name.clone(), values::sample(self.contract, property));
            }
            // A sample that the contract refuses would blame every case for the wrong thing.
            if self.judge.fits(self.schema_name, &self.root) == Some(true) {
                self.visit(property, &place, depth + 1);
            }
            self.root = before;
        }
    }

    fn union(&mut self, branches: &[Value], pointer: &str, depth: usize) {
        for branch in branches {
            let before = self.root.clone();
            let sample = values::sample(self.contract, branch);
            if let Some(place) = self.root.pointer_mut(pointer) {
                *place = sample;
            }
            if self.judge.fits(self.schema_name, &self.root) == Some(true) {
                let name =
                    component_name(branch).or_else(|| branch.get("type").and_then(Value::as_str)).unwrap_or("branch");
                let payload = Payload::Json { value: self.root.clone() };
                self.push(Kind::BoundInside, "anyOf", &format!("any_of/{name}"), pointer, payload, true);
                if component_name(branch).is_some() {
                    self.visit(branch, pointer, depth + 1);
                }
            }
            self.root = before;
        }
        self.refused(Kind::TypeError, "anyOf", "any_of/none", pointer, json!([[]]));
    }

    fn edge(&mut self, edge: Edge, pointer: &str) {
        let kind = if edge.inside { Kind::BoundInside } else { Kind::BoundOutside };
        let side = if edge.inside { "inside" } else { "outside" };
        let what = match &edge.value {
            EdgeValue::Plain(Value::String(text)) if edge.keyword == "enum" && edge.inside => {
                format!("enum/{}", super::super::generate::naming::snake(text))
            }
            EdgeValue::Plain(_) | EdgeValue::Text { .. } | EdgeValue::Items { .. } => {
                format!("{}/{side}", super::super::generate::naming::snake(edge.keyword))
            }
        };
        let mut body = self.root.clone();
        let Some(place) = (if pointer.is_empty() { Some(&mut body) } else { body.pointer_mut(pointer) }) else {
            return;
        };
        let payload = match edge.value {
            EdgeValue::Plain(value) => {
                *place = value;
                Payload::Json { value: body }
            }
            EdgeValue::Text { unit, count } => {
                *place = json!("");
                Payload::Filled { value: body, pointer: pointer.to_owned(), unit, count }
            }
            EdgeValue::Items { item, count } if count <= 3 => {
                *place = Value::Array((0..count).map(|_| item.clone()).collect());
                Payload::Json { value: body }
            }
            EdgeValue::Items { item, count } => {
                *place = json!([item]);
                Payload::Repeated { value: body, pointer: pointer.to_owned(), count }
            }
        };
        self.push(kind, edge.keyword, &what, pointer, payload, edge.inside);
    }

    fn refused(&mut self, kind: Kind, keyword: &str, what: &str, pointer: &str, value: Value) {
        let mut body = self.root.clone();
        if pointer.is_empty() {
            body = value;
        } else if let Some(place) = body.pointer_mut(pointer) {
            *place = value;
        }
        self.push(kind, keyword, what, pointer, Payload::Json { value: body }, false);
    }

    /// Adds the case, unless the contract itself says otherwise of its body.
    fn push(&mut self, kind: Kind, keyword: &str, what: &str, pointer: &str, payload: Payload, valid: bool) {
        let body = payload.json().unwrap_or_default();
        if self.judge.fits(self.schema_name, &body) != Some(valid) {
            return;
        }
        let expect = if valid { Expect::Valid } else { super::refusal(400, "VALIDATION_ERROR") };
        let id = if pointer.is_empty() { format!("body/{what}") } else { format!("body{pointer}/{what}") };
        self.cases.push(Case {
            place: Some(format!("/body{pointer}")),
            keyword: Some(keyword.to_owned()),
            payload,
            ..Case::new(self.operation, self.base, kind, &id, expect)
        });
    }
}

impl Payload {
    /// The JSON value that is sent, written out; `None` when there is no body or it is not JSON.
    pub fn json(&self) -> Option<Value> {
        match self {
            Self::None | Self::Raw { .. } => None,
            Self::Json { value } => Some(value.clone()),
            Self::Filled { value, pointer, unit, count } => {
                let mut value = value.clone();
                *value.pointer_mut(pointer)? = json!(unit.repeat(usize::try_from(*count).ok()?));
                Some(value)
            }
            Self::Repeated { value, pointer, count } => {
                let mut value = value.clone();
                let list = value.pointer_mut(pointer)?;
                let item = list.get(0)?.clone();
                *list = Value::Array((0..*count).map(|_| item.clone()).collect());
                Some(value)
            }
        }
    }
}
