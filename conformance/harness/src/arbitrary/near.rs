//! Values that break exactly one keyword at exactly one place.

use std::{collections::BTreeMap, sync::Arc};

use proptest::{prelude::*, sample::Index, strategy::BoxedStrategy};
use serde_json::{Map, Value, json};

use super::{SchemaError, Schemas, count, join, number};

/// Longest text and list that is made to step over a bound: past it a request would be refused for its size.
const LONGEST: usize = 5000;
/// Nesting past this repeats what is already covered.
const DEEPEST: usize = 8;

/// A value that is valid but for one keyword at one place.
#[derive(Debug, Clone, PartialEq)]
pub struct Broken {
    /// The whole value.
    pub value: Value,
    /// Pointer to the place: the value that is wrong, the field that is missing or that nobody knows.
    pub pointer: String,
    /// The keyword that it breaks.
    pub keyword: &'static str,
    /// Further pointers that a refusal may name for it, such as the object that lacks a field.
    pub also: Vec<String>,
    /// Whether a place beneath `pointer` may be named too.
    pub beneath: bool,
}

impl Broken {
    /// Whether a refusal that names `pointer` names the place that is wrong.
    pub fn is_named_by(&self, pointer: &str) -> bool {
        pointer == self.pointer
            || self.also.iter().any(|also| also == pointer)
            || self.beneath && pointer.strip_prefix(&self.pointer).is_some_and(|rest| rest.starts_with('/'))
    }
}

/// A way to break a value.
struct Candidate {
    pointer: String,
    keyword: &'static str,
    /// Where a validator reports it.
    instance: String,
    also: Vec<String>,
    beneath: bool,
    change: Change,
}

/// What is done to the value.
enum Change {
    /// The value at the pointer becomes this.
    Put(Value),
    /// The field is taken out.
    TakeOut,
    /// The field is put in.
    Add(String, Value),
}

/// Breaks the values of `valid`, which are values of `schema`.
pub(super) fn strategy(
    schemas: &Schemas,
    schema: &Value,
    valid: BoxedStrategy<Value>,
) -> Result<BoxedStrategy<Broken>, SchemaError> {
    let validator = Arc::new(schemas.validator(schema)?);
    let (schemas, schema) = (schemas.clone(), schema.clone());
    let broken = (valid, any::<Index>(), any::<Index>());
    Ok(broken
        .prop_filter_map("nothing of it can be broken alone", move |(value, keyword, place)| {
            let mut found = Vec::new();
            visit(&schemas, &schema, &value, "", 0, &mut found);
            // By keyword first: of most schemas nearly everything else is a wrong type.
            let mut by_keyword: BTreeMap<&str, Vec<Candidate>> = BTreeMap::new();
            for candidate in found {
                by_keyword.entry(candidate.keyword).or_default().push(candidate);
            }
            let lists: Vec<Vec<Candidate>> = by_keyword.into_values().collect();
            let lists = turned(&lists, keyword);
            lists.flat_map(|list| turned(list, place)).find_map(|candidate| proven(&validator, &value, candidate))
        })
        .boxed())
}

/// The items from one of them on, and then those before it.
fn turned<T>(items: &[T], from: Index) -> impl Iterator<Item = &T> {
    let from = if items.is_empty() { 0 } else { from.index(items.len()) };
    items[from..].iter().chain(&items[..from])
}

/// The broken value, if a validator finds that one fault in it and no other.
fn proven(validator: &jsonschema::Validator, value: &Value, candidate: &Candidate) -> Option<Broken> {
    let mut broken = value.clone();
    match &candidate.change {
        Change::Put(wrong) => *broken.pointer_mut(&candidate.pointer)? = wrong.clone(),
        Change::TakeOut => {
            let (object, _) = candidate.pointer.rsplit_once('/')?;
            let name = unescape(candidate.pointer.rsplit('/').next()?);
            broken.pointer_mut(object)?.as_object_mut()?.shift_remove(&name)?;
        }
        Change::Add(name, added) => {
            broken.pointer_mut(&candidate.instance)?.as_object_mut()?.insert(name.clone(), added.clone());
        }
    }
    let faults: Vec<(String, String)> = validator
        .iter_errors(&broken)
        .take(2)
        .map(|error| (error.instance_path().to_string(), error.schema_path().to_string()))
        .collect();
    let [(place, path)] = faults.as_slice() else { return None };
    let mut parts = path.rsplit('/').filter(|part| part.parse::<usize>().is_err());
    // A name's own fault is reported beneath the keyword that speaks of names.
    let blames = match candidate.keyword {
        "propertyNames" => parts.any(|part| part == "propertyNames"),
        keyword => parts.next() == Some(keyword),
    };
    (*place == candidate.instance && blames).then(|| Broken {
        value: broken,
        pointer: candidate.pointer.clone(),
        keyword: candidate.keyword,
        also: candidate.also.clone(),
        beneath: candidate.beneath,
    })
}

fn unescape(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

fn visit(schemas: &Schemas, schema: &Value, value: &Value, pointer: &str, depth: usize, found: &mut Vec<Candidate>) {
    if depth > DEEPEST {
        return;
    }
    let schema = schemas.resolve(schema);
    let mut put = |keyword: &'static str, beneath: bool, wrong: Value| {
        found.push(Candidate {
            pointer: pointer.to_owned(),
            keyword,
            instance: pointer.to_owned(),
            also: Vec::new(),
            beneath,
            change: Change::Put(wrong),
        });
    };
    if schema.get("anyOf").is_some() {
        put("anyOf", true, json!([[]]));
        put("anyOf", true, json!({ "$unheard_of": 1 }));
        put("anyOf", true, json!(1e300));
        put("anyOf", true, json!("é".repeat(LONGEST / 2)));
        // One thing too many in an object that fits one of the branches.
        if let Some(fields) = value.as_object() {
            for (name, more) in [("$or", json!([])), ("$in", json!([])), ("$gt", json!(null)), ("", json!(1))] {
                let mut fields = fields.clone();
                fields.insert(name.to_owned(), more);
                put("anyOf", true, Value::Object(fields));
            }
        }
        return;
    }
    if schema.get("enum").is_some() {
        for wrong in ["no-such-value", "", " "] {
            put("enum", false, json!(wrong));
        }
        if let Some(text) = value.as_str() {
            put("enum", false, json!(format!("{text} ")));
            put("enum", false, json!(text.to_uppercase()));
        }
    }
    for wrong in [json!(null), json!(true), json!(17), json!(1.5), json!("seventeen"), json!([]), json!({})] {
        put("type", false, wrong);
    }
    match value {
        Value::String(text) => strings(schema, text, &mut put),
        Value::Number(number) => numbers(schema, number, &mut put),
        Value::Array(items) => lists(schema, items, &mut put),
        Value::Object(fields) => objects(schema, fields, pointer, found),
        Value::Null | Value::Bool(_) => {}
    }
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate().take(3) {
                let inner = schema.get("items").unwrap_or(&Value::Bool(true));
                visit(schemas, inner, item, &join(pointer, &index.to_string()), depth + 1, found);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                let known = schema.get("properties").and_then(|properties| properties.get(name));
                if let Some(inner) = known.or_else(|| schema.get("additionalProperties")) {
                    visit(schemas, inner, field, &join(pointer, name), depth + 1, found);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn strings(schema: &Value, text: &str, put: &mut dyn FnMut(&'static str, bool, Value)) {
    let characters: Vec<char> = text.chars().collect();
    if let Some(least) = count(schema, "minLength").filter(|least| *least > 0) {
        put("minLength", false, json!(characters.iter().take(least - 1).collect::<String>()));
    }
    if let Some(most) = count(schema, "maxLength").filter(|most| *most <= LONGEST) {
        // An astral character counts once: counting UTF-16 units or bytes refuses one that is allowed, never one that is not.
        let last = characters.last().copied().unwrap_or('a');
        let filled = characters.iter().copied().chain(std::iter::repeat(last)).take(most + 1);
        put("maxLength", false, json!(filled.collect::<String>()));
    }
    if schema.get("pattern").is_some() {
        for strange in ["\u{7f}", "\u{0}", "\n", " ", "/", "é", "\u{202e}", "%2F", "😀"] {
            put("pattern", false, json!(format!("{text}{strange}")));
            // In the place of the last character, where the length is fixed.
            let cut = characters.len().saturating_sub(1);
            put("pattern", false, json!(characters.iter().take(cut).collect::<String>() + strange));
        }
        put("pattern", false, json!(" ".repeat(characters.len().max(1))));
    }
    match schema.get("format").and_then(Value::as_str) {
        Some("date") => {
            for wrong in ["2026-02-29", "2026-13-01", "2026-1-1", "20260101", "2026-01-00", "０２０２６-０１"] {
                put("format", false, json!(wrong));
            }
        }
        Some(_) => put("format", false, json!("not of this format")),
        None => {}
    }
}

fn numbers(schema: &Value, value: &serde_json::Number, put: &mut dyn FnMut(&'static str, bool, Value)) {
    let whole = schema.get("type").and_then(Value::as_str) == Some("integer");
    if whole {
        let (least, most) = number::whole_bounds(schema);
        put("type", false, json!(value.as_f64().unwrap_or(0.0).trunc() + 0.5));
        for (keyword, exclusive, wrong) in
            [("minimum", "exclusiveMinimum", least - 1), ("maximum", "exclusiveMaximum", most + 1)]
        {
            put(if schema.get(exclusive).is_some() { exclusive } else { keyword }, false, json!(wrong));
        }
        return;
    }
    for (keyword, sign) in [("minimum", -1.0), ("maximum", 1.0), ("exclusiveMinimum", 0.0), ("exclusiveMaximum", 0.0)] {
        if let Some(bound) = schema.get(keyword).and_then(Value::as_f64) {
            for step in [1e-9, 0.01, 1.0, 1e9] {
                put(keyword, false, json!(bound + sign * step * bound.abs().max(1.0)));
            }
        }
    }
}

fn lists(schema: &Value, items: &[Value], put: &mut dyn FnMut(&'static str, bool, Value)) {
    if let Some(least) = count(schema, "minItems").filter(|least| *least > 0) {
        put("minItems", false, Value::Array(items.iter().take(least - 1).cloned().collect()));
    }
    let unique = schema.get("uniqueItems") == Some(&Value::Bool(true));
    if let (Some(most), Some(last)) = (count(schema, "maxItems").filter(|most| *most <= LONGEST / 10), items.last()) {
        let different = |number: usize| match last.as_str() {
            // A number behind it keeps most texts of the contract within their own schema.
            Some(text) if unique => json!(format!("{text}{number}")),
            Some(_) | None => last.clone(),
        };
        put("maxItems", false, Value::Array((0..=most).map(different).collect()));
    }
    if unique && let Some(first) = items.first() {
        // Once before and once behind, so that the list may have had one item or several.
        let twice = items.iter().chain(std::iter::once(first)).cloned().collect();
        put("uniqueItems", true, Value::Array(twice));
    }
}

fn objects(schema: &Value, fields: &Map<String, Value>, pointer: &str, found: &mut Vec<Candidate>) {
    let names = |list: Option<&Value>| -> Vec<String> {
        list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    for name in names(schema.get("required")) {
        found.push(Candidate {
            pointer: join(pointer, &name),
            keyword: "required",
            instance: pointer.to_owned(),
            also: vec![pointer.to_owned()],
            beneath: false,
            change: Change::TakeOut,
        });
    }
    let mut add = |keyword: &'static str, name: String, value: Value| {
        let also = if keyword == "propertyNames" { vec![pointer.to_owned()] } else { Vec::new() };
        found.push(Candidate {
            pointer: join(pointer, &name),
            keyword,
            instance: pointer.to_owned(),
            also,
            beneath: false,
            change: Change::Add(name, value),
        });
    };
    if schema.get("additionalProperties") == Some(&Value::Bool(false)) {
        // Near misses of what is known, beside what nobody knows.
        let known = schema.get("properties").and_then(Value::as_object).and_then(|known| known.keys().next().cloned());
        let near =
            known.into_iter().flat_map(|name| [name.to_uppercase(), format!("{name} "), format!("{name}\u{200b}")]);
        for name in near.chain(["unheard_of", "", "__proto__", "a/b~c", "tenant_id"].map(str::to_owned)) {
            if !fields.contains_key(&name) {
                add("additionalProperties", name, json!("value"));
            }
        }
    }
    if schema.get("propertyNames").is_some() {
        for name in ["", "$where", "a\u{1}b", "\u{7f}", "a\nb"].map(str::to_owned) {
            add("propertyNames", name, json!(1));
        }
        add("propertyNames", "k".repeat(129), json!(1));
    }
    let mut put = |keyword: &'static str, wrong: Map<String, Value>| {
        found.push(Candidate {
            pointer: pointer.to_owned(),
            keyword,
            instance: pointer.to_owned(),
            also: Vec::new(),
            beneath: false,
            change: Change::Put(Value::Object(wrong)),
        });
    };
    if count(schema, "minProperties").is_some_and(|least| least > 0) {
        put("minProperties", Map::new());
    }
    if let (Some(most), None) = (count(schema, "maxProperties"), schema.get("properties")) {
        let value = fields.values().next().cloned().unwrap_or(json!(1));
        let more = (0..=most).map(|number| (format!("key{number}"), value.clone()));
        put("maxProperties", more.collect());
    }
}
