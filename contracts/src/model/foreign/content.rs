//! Bodies, headers and examples of somebody else's document in the form that the model reads.

use serde_json::{Map, Value, json};

use super::schema;
use crate::model::component_name;

/// The examples that stand beside a schema, those of `components/examples` looked up.
pub(super) fn examples(beside: &Value, shared: &Value) -> Vec<Value> {
    if let Some(example) = beside.get("example") {
        return vec![example.clone()];
    }
    let named = beside.get("examples").and_then(Value::as_object).into_iter().flat_map(Map::values);
    let named = named.filter_map(|example| match example.get("$ref").and_then(Value::as_str) {
        Some(reference) => shared.get(reference.strip_prefix("#/components/examples/")?)?.get("value"),
        None => example.get("value"),
    });
    named.cloned().collect()
}

/// A media type without its parameters, in lower case.
fn plain(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether a media type holds JSON.
fn is_json(media_type: &str) -> bool {
    matches!(plain(media_type).as_str(), "application/json" | "*/*" | "application/*")
        || plain(media_type).ends_with("+json")
}

/// The JSON form of a request body, its schema given a name; `None` where it has no such form.
pub(super) fn request_body(id: &str, body: &Value, shared: &Value, named: &mut Map<String, Value>) -> Option<Value> {
    let mut media: Vec<(&String, &Value)> =
        body["content"].as_object()?.iter().filter(|(kind, _)| is_json(kind)).collect();
    media.sort_by_key(|(kind, _)| plain(kind) != "application/json");
    let (kind, media) = *media.first()?;
    let kind = if kind.contains('*') { "application/json".to_owned() } else { plain(kind) };
    let mut found = media.get("schema").cloned().unwrap_or_else(|| json!({}));
    schema::normalise(&mut found);
    let beside = examples(media, shared);
    let mut content = Map::new();
    if component_name(&found).is_some() && beside.is_empty() {
        content.insert(kind, json!({ "schema": found }));
        return Some(json!({ "content": content }));
    }
    if !beside.is_empty() {
        found = schema::with_examples(&found, beside, named);
    }
    let mut name = format!("{}RequestBody", crate::generate::naming::pascal(id));
    while named.contains_key(&name) {
        name.push('_');
    }
    content.insert(kind, json!({ "schema": { "$ref": format!("#/components/schemas/{name}") } }));
    named.insert(name, found);
    Some(json!({ "content": content }))
}

/// A documented response, with what our model asks for.
pub(super) fn response(raw: &Value) -> Value {
    let mut content = Map::new();
    for (kind, media) in raw["content"].as_object().into_iter().flatten() {
        let mut found = media.get("schema").cloned().unwrap_or_else(|| json!({}));
        schema::normalise(&mut found);
        content.insert(plain(kind), json!({ "schema": found }));
    }
    let mut headers = Map::new();
    for (name, header) in raw["headers"].as_object().into_iter().flatten() {
        if name.eq_ignore_ascii_case("content-type") {
            continue;
        }
        let scalar =
            matches!(header.pointer("/schema/type").and_then(Value::as_str), Some("string" | "integer" | "number"));
        // Lists and maps travel in forms of their own, which are not taken apart here.
        let mut found = header.get("schema").filter(|_| scalar).cloned().unwrap_or_else(|| json!({}));
        schema::normalise(&mut found);
        let required = header["required"] == Value::Bool(true);
        headers.insert(name.clone(), json!({ "description": "", "required": required, "schema": found }));
    }
    json!({ "description": raw["description"].as_str().unwrap_or_default(), "headers": headers, "content": content })
}
