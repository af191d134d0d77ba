//! Lists, maps and any JSON at all.

use proptest::{collection::vec, prelude::*, strategy::BoxedStrategy};
use serde_json::{Map, Value, json};

use super::{Builder, EXACT, SchemaError, count, join, text};

/// How often a field that may be absent is there.
const PRESENT: f64 = 0.4;

impl Builder<'_> {
    pub(super) fn array(&self, schema: &Value, place: &str, depth: u32) -> Result<BoxedStrategy<Value>, SchemaError> {
        let least = count(schema, "minItems").unwrap_or(0);
        let most = count(schema, "maxItems").unwrap_or(usize::MAX).min(least + self.options.items);
        let items = schema.get("items").unwrap_or(&Value::Bool(true));
        let item = match self.of(items, &join(place, "items"), depth) {
            Err(SchemaError::Endless { .. }) if least == 0 => return Ok(Just(json!([])).boxed()),
            item => item?,
        };
        let list = vec(item, least..=most);
        if schema.get("uniqueItems") != Some(&Value::Bool(true)) {
            return Ok(list.prop_map(Value::Array).boxed());
        }
        let distinct = |list: Vec<Value>| {
            let mut kept: Vec<Value> = Vec::new();
            for item in list {
                if !kept.iter().any(|known| same(known, &item)) {
                    kept.push(item);
                }
            }
            kept
        };
        let enough = move |list: &Vec<Value>| list.len() >= least;
        Ok(list
            .prop_map(distinct)
            .prop_filter("fewer distinct items than minItems", enough)
            .prop_map(Value::Array)
            .boxed())
    }

    pub(super) fn object(&self, schema: &Value, place: &str, depth: u32) -> Result<BoxedStrategy<Value>, SchemaError> {
        let required: Vec<&str> =
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let properties = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        let (mut names, mut fields) = (Vec::new(), Vec::new());
        for (name, property) in &properties {
            let needed = required.contains(&name.as_str());
            let field = match self.of(property, &join(&join(place, "properties"), name), depth) {
                Err(SchemaError::Endless { .. }) if !needed => continue,
                field => field?,
            };
            let field: BoxedStrategy<Option<Value>> =
                if needed { field.prop_map(Some).boxed() } else { proptest::option::weighted(PRESENT, field).boxed() };
            names.push(name.clone());
            fields.push(field);
        }
        let least = count(schema, "minProperties").unwrap_or(0);
        let most = count(schema, "maxProperties").unwrap_or(usize::MAX);
        let more = self.additional(schema, place, depth, least, most.saturating_sub(properties.len()))?;
        let dependent = schema.get("dependentRequired").and_then(Value::as_object).cloned().unwrap_or_default();
        let known = properties;
        let joined = (fields, more).prop_map(move |(values, more)| {
            let mut object = Map::new();
            for (name, value) in names.iter().zip(values) {
                if let Some(value) = value {
                    object.insert(name.clone(), value);
                }
            }
            object.extend(more.into_iter().filter(|(name, _)| !known.contains_key(name)));
            without_lonely(&mut object, &dependent);
            object
        });
        let enough = move |object: &Map<String, Value>| (least..=most).contains(&object.len());
        Ok(joined.prop_filter("fewer fields than minProperties", enough).prop_map(Value::Object).boxed())
    }

    /// The fields that no property names.
    fn additional(
        &self,
        schema: &Value,
        place: &str,
        depth: u32,
        least: usize,
        most: usize,
    ) -> Result<BoxedStrategy<Vec<(String, Value)>>, SchemaError> {
        let none = Just(Vec::new()).boxed();
        let open = match schema.get("additionalProperties") {
            Some(Value::Bool(false)) => return Ok(none),
            // Without the keyword everything is allowed, which the profile admits beside no `properties` alone.
            None if schema.get("properties").is_some() => return Ok(none),
            Some(open) => open,
            None => &Value::Bool(true),
        };
        let value = match self.of(open, &join(place, "additionalProperties"), depth) {
            Err(SchemaError::Endless { .. }) if least == 0 => return Ok(none),
            value => value?,
        };
        let name = match schema.get("propertyNames") {
            Some(names) => {
                let named = self.of(names, &join(place, "propertyNames"), depth)?;
                named.prop_map(|name| name.as_str().unwrap_or_default().to_owned()).boxed()
            }
            None => text::adversarial(0, 24),
        };
        let least = least.min(most);
        Ok(vec((name, value), least..=most.min(least + self.options.items)).boxed())
    }
}

/// Takes out every field whose companions are missing, until none is.
fn without_lonely(object: &mut Map<String, Value>, dependent: &Map<String, Value>) {
    loop {
        let lonely = dependent.iter().find(|(name, needs)| {
            let mut needs = needs.as_array().into_iter().flatten().filter_map(Value::as_str);
            object.contains_key(*name) && !needs.all(|need| object.contains_key(need))
        });
        let Some((name, _)) = lonely else { return };
        object.shift_remove(name);
    }
}

/// Any JSON: nested a little, numbers kept to what every reader holds exactly.
pub(super) fn anything() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        4 => text::adversarial(0, 30).prop_map(Value::from),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        2 => proptest::sample::select(vec![0, 1, -1, EXACT, -EXACT, 4_294_967_296]).prop_map(Value::from),
        2 => (-EXACT..=EXACT).prop_map(Value::from),
        1 => (-1_000_000_i32..1_000_000).prop_map(|thousandths| json!(f64::from(thousandths) / 1000.0)),
    ];
    let nested = leaf.prop_recursive(3, 12, 3, |inner| {
        let map = vec((text::adversarial(0, 12), inner.clone()), 0..4);
        prop_oneof![
            vec(inner, 0..4).prop_map(Value::Array),
            map.prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    });
    nested.boxed()
}

/// Equal as JSON Schema counts it: numbers by value.
fn same(a: &Value, b: &Value) -> bool {
    a == b || a.is_number() && b.is_number() && a.as_f64() == b.as_f64()
}
