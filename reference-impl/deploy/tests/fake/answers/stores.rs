//! The calls of stores: namespaces, indexes, buckets and queues.

use serde_json::{Value, json};
use wiremock::Request;

use super::super::shapes::hold;
use super::super::state::State;
use super::{asked, body, found, missing, page};

pub(super) fn namespaces(state: &mut State, request: &Request, rest: &[&str]) -> (u16, Value) {
    match (request.method.as_str(), rest) {
        ("GET", []) => {
            let all = state
                .namespaces
                .iter()
                .map(|(title, id)| json!({"id": id, "title": title, "supports_url_encoding": true}))
                .collect();
            page(state, request, "namespace", all, "")
        }
        ("POST", []) => {
            let title = body(request, "create_namespace")["title"].as_str().unwrap().to_owned();
            // The real API refuses a title that exists; a fake that does not shows a double create.
            let id = state.hex_id();
            state.namespaces.push((title.clone(), id.clone()));
            found(json!({"id": id, "title": title}))
        }
        ("DELETE", [id]) => {
            state.namespaces.retain(|(_, it)| it != id);
            found(Value::Null)
        }
        _ => missing(),
    }
}

pub(super) fn indexes(state: &mut State, request: &Request, rest: &[&str]) -> (u16, Value) {
    match (request.method.as_str(), rest) {
        ("GET", []) => found(json!(state.indexes.values().collect::<Vec<_>>())),
        ("POST", []) => {
            let index = body(request, "create_index");
            hold("answers", "index", &index);
            state.indexes.insert(index["name"].as_str().unwrap().to_owned(), index.clone());
            found(index)
        }
        ("GET", [name]) => state.indexes.get(*name).cloned().map_or_else(missing, found),
        ("DELETE", [name]) => {
            state.indexes.remove(*name);
            found(Value::Null)
        }
        ("GET", [name, "metadata_index", "list"]) => {
            let list = json!({"metadataIndexes": state.properties.get(*name).cloned().unwrap_or_default()});
            hold("answers", "metadata_indexes", &list);
            found(list)
        }
        ("POST", [name, "metadata_index", "create"]) => {
            let property = body(request, "create_metadata_index");
            state.properties.entry((*name).to_owned()).or_default().push(property);
            found(json!({"mutationId": "m"}))
        }
        ("POST", [name, "metadata_index", "delete"]) => {
            let gone: Value = serde_json::from_slice(&request.body).unwrap();
            state
                .properties
                .entry((*name).to_owned())
                .or_default()
                .retain(|it| it["propertyName"] != gone["propertyName"]);
            found(json!({"mutationId": "m"}))
        }
        _ => missing(),
    }
}

pub(super) fn buckets(state: &mut State, request: &Request, rest: &[&str]) -> (u16, Value) {
    match (request.method.as_str(), rest) {
        ("GET", []) => found(json!({"buckets": []})),
        ("POST", []) => {
            let name = body(request, "create_bucket")["name"].as_str().unwrap().to_owned();
            state.buckets.push(name.clone());
            found(json!({"name": name}))
        }
        ("GET", [name]) if state.buckets.iter().any(|it| it == name) => {
            let bucket = json!({"name": name, "creation_date": "2026-07-01T12:00:00Z"});
            hold("answers", "bucket", &bucket);
            found(bucket)
        }
        ("DELETE", [name]) => {
            state.buckets.retain(|it| it != name);
            found(Value::Null)
        }
        _ => missing(),
    }
}

pub(super) fn queues(state: &mut State, request: &Request, rest: &[&str]) -> (u16, Value) {
    match (request.method.as_str(), rest) {
        ("GET", []) => {
            let name = asked(request, "name");
            let all = state
                .queues
                .iter()
                .filter(|(it, _)| name.as_ref().is_none_or(|name| it == name))
                .map(|(name, id)| json!({"queue_name": name, "queue_id": id}))
                .collect();
            page(state, request, "queue", all, "")
        }
        ("POST", []) => {
            let name = body(request, "create_queue")["queue_name"].as_str().unwrap().to_owned();
            let id = state.hex_id();
            state.queues.push((name.clone(), id.clone()));
            found(json!({"queue_name": name, "queue_id": id}))
        }
        ("DELETE", [id]) => {
            state.queues.retain(|(_, it)| it != id);
            found(Value::Null)
        }
        _ => missing(),
    }
}
