//! YAML as JSON: what JSON cannot say is a problem, a repeated key among them.

use serde_json::{Map, Number, Value};
use serde_yaml::Value as Yaml;

use super::Problem;

/// Parses one document.
pub(super) fn parse(file: &str, text: &str) -> Result<Value, Vec<Problem>> {
    let yaml: Yaml = serde_yaml::from_str(text).map_err(|error| {
        let place = error.location().map(|at| format!("line {}, column {}", at.line(), at.column()));
        vec![Problem::new(file, place.unwrap_or_default(), format!("expected YAML: {error}"))]
    })?;
    let mut problems = Vec::new();
    let value = json(file, "", yaml, &mut problems);
    if problems.is_empty() { Ok(value) } else { Err(problems) }
}

fn json(file: &str, pointer: &str, yaml: Yaml, problems: &mut Vec<Problem>) -> Value {
    match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => Value::Bool(value),
        Yaml::String(value) => Value::String(value),
        Yaml::Number(value) => {
            let whole = value.as_u64().map(Number::from).or_else(|| value.as_i64().map(Number::from));
            match whole.or_else(|| value.as_f64().and_then(Number::from_f64)) {
                Some(number) => Value::Number(number),
                None => refuse(file, pointer, "expected a finite number", problems),
            }
        }
        Yaml::Sequence(items) => {
            let each = items.into_iter().enumerate();
            Value::Array(each.map(|(at, item)| json(file, &format!("{pointer}/{at}"), item, problems)).collect())
        }
        Yaml::Mapping(fields) => {
            let mut map = Map::new();
            for (key, value) in fields {
                let Yaml::String(key) = key else {
                    refuse(file, pointer, "expected only texts as keys; quote the others", problems);
                    continue;
                };
                let value = json(file, &format!("{pointer}/{}", escape(&key)), value, problems);
                map.insert(key, value);
            }
            Value::Object(map)
        }
        Yaml::Tagged(_) => refuse(file, pointer, "expected plain YAML without tags", problems),
    }
}

fn refuse(file: &str, pointer: &str, expected: &str, problems: &mut Vec<Problem>) -> Value {
    problems.push(Problem::new(file, pointer, expected));
    Value::Null
}

/// A key as a segment of a JSON pointer.
pub(super) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keeps_what_json_can_say() {
        let value = parse("f", "a: 1\nb: [-2, 0.5, true, ~, 'x']\nc: {d: off}\n").unwrap();
        assert_eq!(value, json!({"a": 1, "b": [-2, 0.5, true, null, "x"], "c": {"d": "off"}}));
    }

    #[test]
    fn says_where_it_cannot_be_read() {
        for (text, place) in [
            ("a: [1", "line 2, column 1"),
            ("a: 1\na: 2\n", "line 1, column 1"),
            ("a: .nan", "/a"),
            ("a: {1: x}", "/a"),
            ("a/b: !t x", "/a~1b"),
        ] {
            let problems = parse("tenant.yaml", text).unwrap_err();
            assert_eq!((problems.len(), problems[0].place.as_str()), (1, place), "{text:?} {problems:?}");
        }
    }
}
