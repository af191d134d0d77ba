//! What the Worker and a tenant's object say to each other.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reference_core::ports::{Row, Value};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, Visitor},
};

/// Longest order or answer that goes by a call of the object's method, in bytes. The host takes no more than 32 MiB there, and counts
/// two bytes a letter where one of them needs it; longer ones go by a request, which has no such bound.
pub(super) const LONGEST_CALL: usize = 8 << 20;

/// An order to a tenant's object.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    /// The tenant that the sender means.
    pub(super) tenant: String,
    pub(super) work: Work,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Work {
    /// Run these as one transaction.
    Batch(Vec<SentStatement>),
    /// Remove everything.
    Destroy,
    /// Run the tenant's jobs after a while, by the object's alarm.
    WakeLater,
    /// A job is being worked on; queue it again when nothing is heard of it any more.
    AtWork {
        /// Its id.
        job: String,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SentStatement {
    pub(super) sql: String,
    pub(super) params: Vec<Cell>,
    pub(super) guard: bool,
}

/// What became of an order.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// Rows of each statement.
    Rows(Vec<Vec<Vec<Cell>>>),
    GuardFailed {
        index: usize,
    },
    Refused {
        index: usize,
        reason: String,
    },
    Unavailable {
        reason: String,
    },
}

/// A value as JSON: `null`, a number for an integer, a text, `{"blob": base64}`, `{"real": bits}`. A double travels as its
/// bits, since JSON has no infinity and no parser promises the last digit.
#[derive(Debug, Clone)]
pub(super) struct Cell(pub(super) Value);

#[derive(Serialize)]
struct Real {
    real: u64,
}

#[derive(Serialize)]
struct Blob {
    blob: String,
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Value::Null => serializer.serialize_none(),
            Value::Integer(number) => serializer.serialize_i64(*number),
            Value::Text(text) => serializer.serialize_str(text),
            Value::Real(number) => Real { real: number.to_bits() }.serialize(serializer),
            Value::Blob(bytes) => Blob { blob: STANDARD.encode(bytes) }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Cell {
    /// By hand: an untagged enum would put each value aside first to try its forms one after the other.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Cells).map(Self)
    }
}

struct Cells;

impl<'de> Visitor<'de> for Cells {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("null, an integer, a text, `{\"real\": bits}` or `{\"blob\": base64}`")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Integer(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        i64::try_from(number).map(Value::Integer).map_err(E::custom)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        match map.next_key::<&str>()? {
            Some("real") => Ok(Value::Real(f64::from_bits(map.next_value()?))),
            Some("blob") => STANDARD.decode(map.next_value::<&str>()?).map(Value::Blob).map_err(A::Error::custom),
            Some(_) | None => Err(A::Error::custom("expected `real` or `blob`")),
        }
    }
}

/// Rows as core has them.
pub(super) fn received(rows: Vec<Vec<Vec<Cell>>>) -> Vec<Vec<Row>> {
    let row = |cells: Vec<Cell>| cells.into_iter().map(|cell| cell.0).collect();
    rows.into_iter().map(|rows| rows.into_iter().map(row).collect()).collect()
}
