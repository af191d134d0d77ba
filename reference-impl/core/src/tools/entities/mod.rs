//! `extract_entities`: what stands in a text, with its place. Nothing is made up: every entity is a piece of the text.

mod custom;
mod dates;
mod lists;
mod money;
mod names;
mod patterns;

use std::ops::Range;

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{Tool, ToolFault, ToolRun};
use crate::ports::BoxFuture;
use crate::sabotage::{self, Sabotage};

/// Types that are known without the caller's help.
pub const TYPES: [&str; 7] = ["person", "organisation", "place", "date", "money", "email", "url"];
/// Most entities of an answer; the contract's limit.
const MOST: usize = 10_000;

/// An entity.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    /// Its type.
    pub kind: String,
    /// Its place in UTF-8 bytes.
    pub span: Range<usize>,
    /// What a date or an amount means.
    pub value: Option<String>,
    /// How sure it is, 0 to 1.
    pub score: f64,
}

/// A type of the caller's own.
#[derive(Debug, Clone, Deserialize)]
pub struct CustomType {
    /// Its name.
    pub name: String,
    /// Terms that belong to it.
    pub terms: Option<Vec<String>>,
    /// What belongs to it.
    pub pattern: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Arguments {
    text: String,
    types: Option<Vec<String>>,
    #[serde(default)]
    custom_types: Vec<CustomType>,
}

/// The tool.
pub struct ExtractEntities;

impl Tool for ExtractEntities {
    fn run<'a>(&'a self, run: ToolRun<'a>) -> BoxFuture<'a, Result<Json, ToolFault>> {
        Box::pin(async move { answer(run.arguments) })
    }
}

fn answer(arguments: &serde_json::Map<String, Json>) -> Result<Json, ToolFault> {
    let arguments: Arguments = serde_json::from_value(Json::Object(arguments.clone()))
        .map_err(|error| ToolFault::Failed(error.to_string()))?;
    let finders = custom::finders(&arguments.custom_types)?;
    let known = |name: &str| TYPES.contains(&name) || arguments.custom_types.iter().any(|it| it.name == name);
    if let Some(types) = &arguments.types
        && let Some(index) = types.iter().position(|it| !known(it))
    {
        return Err(ToolFault::Invalid {
            pointer: format!("/types/{index}"),
            keyword: "enum",
            message: format!("expected one of {} or the name of a custom type", TYPES.join(", ")),
        });
    }
    let wanted = |name: &str| {
        arguments.types.as_ref().is_none_or(|types| types.iter().any(|it| it == name))
            || sabotage::on(Sabotage::EntityTypesIgnored)
    };
    let mut found = Vec::new();
    for finder in finders.iter().filter(|it| wanted(&it.name)) {
        found.extend(finder.find(&arguments.text));
    }
    found.extend(extract(&arguments.text, &found).into_iter().filter(|it| wanted(&it.kind)));
    found.sort_by(|one, other| {
        (one.span.start, one.span.end, &one.kind).cmp(&(other.span.start, other.span.end, &other.kind))
    });
    found.truncate(MOST);
    let shift = usize::from(sabotage::on(Sabotage::EntityPlacesShifted));
    let entities = found.into_iter().map(|it| {
        let mut told = json!({
            "type": it.kind, "text": arguments.text[it.span.clone()],
            "span": {"start": it.span.start + shift, "end": it.span.end + shift}, "score": it.score,
        });
        if let Some(value) = it.value {
            told["value"] = value.into();
        }
        told
    });
    Ok(json!({"entities": entities.collect::<Vec<_>>()}))
}

/// Entities of every known type. Those of the caller's own types, `taken`, are no names as well.
pub fn extract(text: &str, taken: &[Entity]) -> Vec<Entity> {
    let mut found = patterns::addresses(text);
    let free = |found: &[Entity], it: &Entity| !found.iter().any(|other| overlaps(&other.span, &it.span));
    for it in dates::find(text).into_iter().chain(money::find(text)) {
        if free(&found, &it) {
            found.push(it);
        }
    }
    let mut blocked: Vec<Range<usize>> = found.iter().chain(taken).map(|it| it.span.clone()).collect();
    blocked.sort_by_key(|it| it.start);
    found.extend(names::find(text, &blocked));
    found
}

pub(super) fn overlaps(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}
