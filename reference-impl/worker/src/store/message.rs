//! What the Worker and a tenant's object say to each other.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reference_core::ports::{Row, Value};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

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

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Form {
    Integer(i64),
    Text(String),
    Real { real: u64 },
    Blob { blob: String },
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Value::Null => serializer.serialize_none(),
            Value::Integer(number) => serializer.serialize_i64(*number),
            Value::Text(text) => serializer.serialize_str(text),
            Value::Real(number) => Form::Real { real: number.to_bits() }.serialize(serializer),
            Value::Blob(bytes) => Form::Blob { blob: STANDARD.encode(bytes) }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Option::<Form>::deserialize(deserializer)? {
            None => Value::Null,
            Some(Form::Integer(number)) => Value::Integer(number),
            Some(Form::Text(text)) => Value::Text(text),
            Some(Form::Real { real }) => Value::Real(f64::from_bits(real)),
            Some(Form::Blob { blob }) => Value::Blob(STANDARD.decode(blob).map_err(D::Error::custom)?),
        }))
    }
}

/// Rows as core has them.
pub(super) fn received(rows: Vec<Vec<Vec<Cell>>>) -> Vec<Vec<Row>> {
    let row = |cells: Vec<Cell>| cells.into_iter().map(|cell| cell.0).collect();
    rows.into_iter().map(|rows| rows.into_iter().map(row).collect()).collect()
}
