//! JSON that means one thing: UTF-8, one value, no repeated keys, bounded depth.

use std::fmt;

use contract_types::ErrorCode;
use reference_core::sabotage::{self, Sabotage};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::reply::{Problem, detail};

/// Parses a body.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<Strict>();
    if sabotage::on(Sabotage::TextAfterJsonAccepted)
        && let Some(Ok(first)) = values.next()
    {
        return Ok(first.0);
    }
    serde_json::from_slice::<Strict>(bytes).map(|strict| strict.0).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        let what = match error.classify() {
            serde_json::error::Category::Eof => "it ends too early",
            serde_json::error::Category::Data => "a key is repeated or a number is out of range",
            serde_json::error::Category::Syntax | serde_json::error::Category::Io => "it is not valid JSON in UTF-8",
        };
        let particular = detail(format!("{what}, at {place}"));
        Problem::new(ErrorCode::MalformedJson, "the body is not one JSON value").detail(particular)
    })
}

/// A JSON value whose objects name no key twice.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Strict)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = fields.next_key::<String>()? {
            let Strict(value) = fields.next_value()?;
            if map.insert(key, value).is_some() && !sabotage::on(Sabotage::RepeatedJsonKeysAccepted) {
                return Err(de::Error::custom("repeated key"));
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::parse;

    #[test]
    fn refuses_what_could_be_read_in_two_ways() {
        let deep = "[".repeat(10_000);
        for bad in [
            &b"{\"a\":1,\"a\":2}"[..],
            b"{\"x\":{\"b\":1,\"b\":1}}",
            b"1e400",
            b"\"\xff\"",
            b"",
            b"{} {}",
            deep.as_bytes(),
        ] {
            assert!(parse(bad).is_err(), "{}", String::from_utf8_lossy(&bad[..bad.len().min(40)]));
        }
    }

    #[test]
    fn keeps_what_was_sent() {
        let text = r#"{"b":[1,-2,2.5,true,null,"\u00e9"],"a":{"__proto__":1}}"#;
        assert_eq!(parse(text.as_bytes()).unwrap(), json!({"b": [1, -2, 2.5, true, null, "é"], "a": {"__proto__": 1}}));
    }
}
