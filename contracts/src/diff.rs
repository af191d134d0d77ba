//! What changed between a blessed contract and this one: breaking, compatible, or words alone.

use serde_json::Value;

use crate::pointer::join;

/// How much a change asks of clients and deployments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Words, examples and titles.
    Documentation,
    /// What was right before is right now.
    Compatible,
    /// Something that was right before is wrong now.
    Breaking,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// How much it asks.
    pub weight: Weight,
    /// JSON pointer in the bundled document.
    pub pointer: String,
    /// What changed.
    pub what: String,
}

/// Whether a schema is read from the request's or the response's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Request,
    Response,
}

/// Every change from `base` to `now`, both bundled documents; heaviest first.
pub fn diff(base: &Value, now: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    let sides = Sides { request: reached(now, base, Side::Request), response: reached(now, base, Side::Response) };
    walk(base, now, "", &sides, &mut changes);
    changes.sort_by(|a, b| b.weight.cmp(&a.weight).then_with(|| a.pointer.cmp(&b.pointer)));
    changes
}

/// Names of the schemas that requests and responses reach.
struct Sides {
    request: Vec<String>,
    response: Vec<String>,
}

impl Sides {
    /// Sides on which a change at `pointer` is felt.
    fn of(&self, pointer: &str) -> Vec<Side> {
        let mut sides = Vec::new();
        let name =
            pointer.strip_prefix("/components/schemas/").map(|rest| rest.split('/').next().unwrap_or(rest).to_owned());
        let within = |list: &Vec<String>| name.as_ref().is_some_and(|name| list.contains(name));
        if within(&self.request) || pointer.contains("/requestBody") || pointer.contains("/parameters") {
            sides.push(Side::Request);
        }
        if within(&self.response) || pointer.contains("/responses") {
            sides.push(Side::Response);
        }
        sides
    }
}

fn reached(now: &Value, base: &Value, side: Side) -> Vec<String> {
    let mut names = Vec::new();
    for document in [now, base] {
        let paths = document.get("paths").and_then(Value::as_object);
        for operation in paths.into_iter().flatten().flat_map(|(_, item)| item.as_object().into_iter().flatten()) {
            match side {
                Side::Request => {
                    collect(document, operation.1.get("requestBody"), &mut names);
                    collect(document, operation.1.get("parameters"), &mut names);
                }
                Side::Response => collect(document, operation.1.get("responses"), &mut names),
            }
        }
    }
    names
}

fn collect(document: &Value, value: Option<&Value>, names: &mut Vec<String>) {
    match value {
        Some(Value::Object(fields)) => {
            if let Some(name) = value.and_then(crate::model::component_name)
                && !names.iter().any(|known| known == name)
            {
                names.push(name.to_owned());
                collect(document, document.pointer(&join("/components/schemas", name)), names);
            }
            fields
                .iter()
                .filter(|(key, _)| *key != "examples")
                .for_each(|(_, field)| collect(document, Some(field), names));
        }
        Some(Value::Array(items)) => items.iter().for_each(|item| collect(document, Some(item), names)),
        _ => {}
    }
}

fn walk(base: &Value, now: &Value, pointer: &str, sides: &Sides, changes: &mut Vec<Change>) {
    if base == now {
        return;
    }
    let keyword = pointer.rsplit('/').next().unwrap_or_default();
    match (base, now) {
        (Value::Object(before), Value::Object(after)) => {
            for (key, value) in before {
                let place = join(pointer, key);
                match after.get(key) {
                    Some(changed) => walk(value, changed, &place, sides, changes),
                    None => changes.push(removed(key, &place, sides)),
                }
            }
            for (key, value) in after.iter().filter(|(key, _)| !before.contains_key(*key)) {
                changes.push(added(key, value, &join(pointer, key), sides));
            }
        }
        (Value::Array(before), Value::Array(after)) if ["enum", "required", "type"].contains(&keyword) => {
            for value in before.iter().filter(|value| !after.contains(value)) {
                changes.push(member(keyword, value, pointer, false, sides));
            }
            for value in after.iter().filter(|value| !before.contains(value)) {
                changes.push(member(keyword, value, pointer, true, sides));
            }
        }
        (Value::Array(before), Value::Array(after)) if keyword == "parameters" => {
            named(before, after, pointer, sides, changes);
        }
        (Value::Array(_), Value::Array(_)) if keyword == "examples" || pointer.contains("/examples/") => {
            changes.push(change(Weight::Documentation, pointer, "examples changed"));
        }
        _ => changes.push(scalar(base, now, keyword, pointer, sides)),
    }
}

fn change(weight: Weight, pointer: &str, what: impl Into<String>) -> Change {
    Change { weight, pointer: pointer.to_owned(), what: what.into() }
}

const WORDS: [&str; 9] =
    ["description", "summary", "title", "examples", "example", "tags", "contact", "license", "servers"];

fn in_properties(pointer: &str) -> bool {
    pointer.rsplit('/').nth(1) == Some("properties")
}

fn named(before: &[Value], after: &[Value], pointer: &str, sides: &Sides, changes: &mut Vec<Change>) {
    let key = |parameter: &Value| (parameter.get("in").cloned(), parameter.get("name").cloned());
    for parameter in before {
        let place = join(pointer, parameter.get("name").and_then(Value::as_str).unwrap_or("?"));
        match after.iter().find(|other| key(other) == key(parameter)) {
            Some(other) => walk(parameter, other, &place, sides, changes),
            None => changes.push(change(Weight::Breaking, &place, "parameter removed")),
        }
    }
    for parameter in after.iter().filter(|parameter| !before.iter().any(|other| key(other) == key(parameter))) {
        let place = join(pointer, parameter.get("name").and_then(Value::as_str).unwrap_or("?"));
        let required = parameter.get("required") == Some(&Value::Bool(true));
        let weight = if required { Weight::Breaking } else { Weight::Compatible };
        changes.push(change(
            weight,
            &place,
            if required { "required parameter added" } else { "optional parameter added" },
        ));
    }
}

/// A constraint gone: more is allowed than before. For answers that is a break, for requests it is not.
fn loosened(pointer: &str, what: String, sides: &Sides) -> Change {
    let weight = if sides.of(pointer).contains(&Side::Response) { Weight::Breaking } else { Weight::Compatible };
    change(weight, pointer, what)
}

/// A constraint new or narrower. For requests that is a break, for answers it is not.
fn tightened(pointer: &str, what: String, sides: &Sides) -> Change {
    let weight = if sides.of(pointer).contains(&Side::Request) { Weight::Breaking } else { Weight::Compatible };
    change(weight, pointer, what)
}

fn removed(key: &str, place: &str, sides: &Sides) -> Change {
    if in_properties(place) {
        return change(Weight::Breaking, place, format!("property `{key}` removed"));
    }
    if WORDS.contains(&key) {
        return change(Weight::Documentation, place, format!("`{key}` removed"));
    }
    let constraint = crate::lint::KEYWORDS.contains(&key) && place.contains("schema");
    if constraint {
        loosened(place, format!("`{key}` removed"), sides)
    } else {
        change(Weight::Breaking, place, format!("`{key}` removed"))
    }
}

fn added(key: &str, value: &Value, place: &str, sides: &Sides) -> Change {
    if in_properties(place) {
        // Unknown response fields are violations, so a new one breaks clients that follow the contract.
        let response = sides.of(place).contains(&Side::Response);
        let weight = if response { Weight::Breaking } else { Weight::Compatible };
        return change(weight, place, format!("property `{key}` added"));
    }
    if WORDS.contains(&key) {
        return change(Weight::Documentation, place, format!("`{key}` added"));
    }
    let constraint = crate::lint::KEYWORDS.contains(&key) && place.contains("schema");
    if constraint {
        return tightened(place, format!("`{key}: {value}` added"), sides);
    }
    change(Weight::Compatible, place, format!("`{key}` added"))
}

fn member(keyword: &str, value: &Value, pointer: &str, added: bool, sides: &Sides) -> Change {
    let what = format!("`{keyword}` {} {value}", if added { "gained" } else { "lost" });
    let narrower = (keyword == "required") == added;
    if narrower { tightened(pointer, what, sides) } else { loosened(pointer, what, sides) }
}

fn scalar(base: &Value, now: &Value, keyword: &str, pointer: &str, sides: &Sides) -> Change {
    let what = format!("`{keyword}` was {base}, is {now}");
    if WORDS.contains(&keyword) || pointer.contains("/examples/") {
        return change(Weight::Documentation, pointer, format!("`{keyword}` reworded"));
    }
    if pointer == "/info/version" {
        return change(Weight::Compatible, pointer, what);
    }
    let (Some(before), Some(after)) = (base.as_f64(), now.as_f64()) else {
        return change(Weight::Breaking, pointer, what);
    };
    let narrower = match keyword {
        "minimum" | "exclusiveMinimum" | "minLength" | "minItems" | "minProperties" => after > before,
        "maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" | "maxProperties" => after < before,
        _ => return change(Weight::Breaking, pointer, what),
    };
    if narrower { tightened(pointer, what, sides) } else { loosened(pointer, what, sides) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Weight, diff};

    fn document(request: &Value, answer: &Value) -> Value {
        let body = |name: &str| json!({"content": {"application/json": {"schema": {"$ref": format!("#/components/schemas/{name}")}}}});
        json!({
            "paths": {"/search": {"post": {"requestBody": body("In"), "responses": {"200": body("Out")}}}},
            "components": {"schemas": {"In": request, "Out": answer}}
        })
    }

    #[test]
    fn weighs_each_change_by_the_side_that_feels_it() {
        let text = |most: u64| json!({"type": "object", "properties": {"q": {"type": "string", "maxLength": most}}, "required": ["q"]});
        let optional =
            json!({"type": "object", "properties": {"q": {"type": "string", "maxLength": 9}}, "required": []});
        for (base, now, wanted) in [
            (document(&text(9), &text(9)), document(&text(8), &text(9)), Weight::Breaking),
            (document(&text(9), &text(9)), document(&text(10), &text(9)), Weight::Compatible),
            (document(&text(9), &text(9)), document(&text(9), &text(10)), Weight::Breaking),
            (document(&text(9), &text(9)), document(&text(9), &text(8)), Weight::Compatible),
            (document(&text(9), &text(9)), document(&optional, &text(9)), Weight::Compatible),
            (document(&text(9), &text(9)), document(&text(9), &optional), Weight::Breaking),
        ] {
            let changes = diff(&base, &now);
            assert_eq!(changes.iter().map(|change| change.weight).max(), Some(wanted), "{changes:?}");
        }
    }

    #[test]
    fn calls_words_documentation() {
        let base = json!({"info": {"description": "a"}});
        let changes = diff(&base, &json!({"info": {"description": "b"}}));
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0].weight, Weight::Documentation);
    }
}
