//! Makes one self-contained document of `openapi.yaml` and `schemas/`.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use crate::{
    pointer::join,
    sources::{SourceError, Sources},
};

const SCHEMA_PREFIX: &str = "#/components/schemas/";

/// The name of the component schema that `schema` refers to, if it is a reference.
pub fn component_name(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix(SCHEMA_PREFIX)
}

/// True for an object schema that takes any key: it states `additionalProperties` and no `properties`.
pub fn is_free_map(schema: &Value) -> bool {
    schema.get("properties").is_none()
        && schema.get("additionalProperties").is_some_and(|additional| additional != &Value::Bool(false))
}

/// The bundled document and every named schema.
pub(super) fn bundle(sources: &Sources) -> Result<(Value, Map<String, Value>), SourceError> {
    let openapi_path = sources.root.join("openapi.yaml");
    let mut document = sources.openapi.clone();
    let names = titles(sources)?;
    rewrite(&mut document, "", &|reference| external(reference, &names), &openapi_path)?;

    let mut schemas = Map::new();
    let inline = document.pointer("/components/schemas").and_then(Value::as_object).cloned().unwrap_or_default();
    for (name, schema) in inline {
        schemas.insert(name, schema);
    }
    for (file, schema) in &sources.schemas {
        let path = sources.root.join("schemas").join(file);
        let name = names.iter().find(|(known, _)| known == file).map(|(_, title)| title.clone()).unwrap_or_default();
        let mut schema = schema.clone();
        rewrite(&mut schema, "", &|reference| external(reference, &names), &path)?;
        if let Some(fields) = schema.as_object_mut() {
            fields.shift_remove("$schema");
            fields.shift_remove("title");
        }
        if schemas.insert(name.clone(), schema).is_some() {
            return Err(SourceError::Shape {
                path,
                pointer: "/title".to_owned(),
                expected: format!("`{name}` is a component of openapi.yaml too; give one of them another name"),
            });
        }
    }
    schemas.sort_keys();
    document["components"]["schemas"] = Value::Object(schemas.clone());
    inline_components(&mut document, &openapi_path)?;
    dangling(&document, "", &schemas, &openapi_path)?;
    Ok((document, schemas))
}

/// File name and title of each schema file.
fn titles(sources: &Sources) -> Result<Vec<(String, String)>, SourceError> {
    sources
        .schemas
        .iter()
        .map(|(file, schema)| match schema.get("title").and_then(Value::as_str) {
            Some(title) => Ok((file.clone(), title.to_owned())),
            None => Err(SourceError::Shape {
                path: sources.root.join("schemas").join(file),
                pointer: "/title".to_owned(),
                expected: "expected the schema's name in PascalCase, which generated types carry".to_owned(),
            }),
        })
        .collect()
}

/// `./schemas/job.json` or `job.json` as a reference to the component of that file's title.
fn external(reference: &str, names: &[(String, String)]) -> Option<String> {
    let file = reference.rsplit('/').next()?;
    names.iter().find(|(known, _)| known == file).map(|(_, title)| format!("{SCHEMA_PREFIX}{title}"))
}

fn rewrite(
    value: &mut Value,
    pointer: &str,
    target: &dyn Fn(&str) -> Option<String>,
    path: &Path,
) -> Result<(), SourceError> {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get_mut("$ref")
                && !reference.starts_with("#/")
            {
                *reference = target(reference).ok_or_else(|| SourceError::Shape {
                    path: path.to_path_buf(),
                    pointer: join(pointer, "$ref"),
                    expected: format!("`{reference}` names no file of schemas/; network references are refused"),
                })?;
            }
            for (key, field) in fields.iter_mut() {
                if key != "examples" {
                    rewrite(field, &join(pointer, key), target, path)?;
                }
            }
            Ok(())
        }
        Value::Array(items) => items
            .iter_mut()
            .enumerate()
            .try_for_each(|(index, item)| rewrite(item, &join(pointer, &index.to_string()), target, path)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

/// Replaces references to shared parameters, headers and responses by what they refer to, and drops the shared lists.
pub(super) fn inline_components(document: &mut Value, path: &Path) -> Result<(), SourceError> {
    let components = document.get("components").cloned().unwrap_or_default();
    let mut paths = document["paths"].take();
    inline(&mut paths, &components, "/paths", path)?;
    document["paths"] = paths;
    if let Some(fields) = document["components"].as_object_mut() {
        fields.retain(|key, _| key == "schemas" || key == "securitySchemes");
    }
    Ok(())
}

fn inline(value: &mut Value, components: &Value, pointer: &str, path: &Path) -> Result<(), SourceError> {
    let shared = value.get("$ref").and_then(Value::as_str).filter(|r| !r.starts_with(SCHEMA_PREFIX)).map(str::to_owned);
    if let Some(reference) = shared {
        let target = reference.strip_prefix("#/components").and_then(|rest| components.pointer(rest));
        *value = target.cloned().ok_or_else(|| SourceError::Shape {
            path: path.to_path_buf(),
            pointer: join(pointer, "$ref"),
            expected: format!("`{reference}` names nothing in this document"),
        })?;
        return inline(value, components, pointer, path);
    }
    match value {
        Value::Object(fields) => fields
            .iter_mut()
            .filter(|(key, _)| *key != "examples")
            .try_for_each(|(key, field)| inline(field, components, &join(pointer, key), path)),
        Value::Array(items) => items
            .iter_mut()
            .enumerate()
            .try_for_each(|(index, item)| inline(item, components, &join(pointer, &index.to_string()), path)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn dangling(value: &Value, pointer: &str, schemas: &Map<String, Value>, path: &Path) -> Result<(), SourceError> {
    if let Some(name) = component_name(value)
        && !schemas.contains_key(name)
    {
        return Err(SourceError::Shape {
            path: PathBuf::from(path),
            pointer: join(pointer, "$ref"),
            expected: format!("no schema is named `{name}`; write it in openapi.yaml or as a file of schemas/"),
        });
    }
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(key, _)| *key != "examples")
            .try_for_each(|(key, field)| dangling(field, &join(pointer, key), schemas, path)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| dangling(item, &join(pointer, &index.to_string()), schemas, path)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

/// Drops the schemas that no operation reaches: configuration and records are not part of the served document.
pub(super) fn keep_reachable(document: &mut Value) {
    let mut reached = BTreeSet::new();
    let mut waiting = Vec::new();
    collect(&document["paths"], &mut waiting);
    while let Some(name) = waiting.pop() {
        if reached.insert(name.clone()) {
            collect(&document["components"]["schemas"][&name], &mut waiting);
        }
    }
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        schemas.retain(|name, _| reached.contains(name));
    }
}

fn collect(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            names.extend(component_name(value).map(str::to_owned));
            if let Some(Value::Object(events)) = value.pointer("/x-sse/events") {
                names.extend(events.values().filter_map(Value::as_str).map(str::to_owned));
            }
            fields.iter().filter(|(key, _)| *key != "examples").for_each(|(_, field)| collect(field, names));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
