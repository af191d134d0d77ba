//! Reads columns of rows.

use super::{DatabaseError, Row, Value};

/// A row read column by column; a column of another type is a damaged store.
pub(crate) struct Columns<'a> {
    row: &'a Row,
    next: usize,
}

impl<'a> Columns<'a> {
    pub(crate) fn of(row: &'a Row) -> Self {
        Self { row, next: 0 }
    }

    fn value(&mut self) -> Option<&'a Value> {
        let value = self.row.get(self.next);
        self.next += 1;
        value
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, DatabaseError> {
        match self.value() {
            Some(Value::Text(text)) => Ok(text),
            _ => Err(self.damaged("text")),
        }
    }

    pub(crate) fn integer(&mut self) -> Result<i64, DatabaseError> {
        match self.value() {
            Some(Value::Integer(number)) => Ok(*number),
            _ => Err(self.damaged("an integer")),
        }
    }

    /// An integer that is a size or a position.
    pub(crate) fn size(&mut self) -> Result<usize, DatabaseError> {
        let number = self.integer()?;
        usize::try_from(number).map_err(|_| self.damaged("a size"))
    }

    /// A double. A host whose numbers are all doubles gives a whole one as an integer.
    pub(crate) fn real(&mut self) -> Result<f64, DatabaseError> {
        match self.value() {
            Some(Value::Real(number)) => Ok(*number),
            #[expect(clippy::cast_precision_loss, reason = "it was a double before")]
            Some(Value::Integer(number)) => Ok(*number as f64),
            _ => Err(self.damaged("a double")),
        }
    }

    pub(crate) fn blob(&mut self) -> Result<&'a [u8], DatabaseError> {
        match self.value() {
            Some(Value::Blob(bytes)) => Ok(bytes),
            _ => Err(self.damaged("bytes")),
        }
    }

    /// JSON text.
    pub(crate) fn json(&mut self) -> Result<serde_json::Value, DatabaseError> {
        let text = self.text()?;
        serde_json::from_str(text).map_err(|_| self.damaged("JSON"))
    }

    /// JSON text of a list of strings.
    pub(crate) fn strings(&mut self) -> Result<Vec<String>, DatabaseError> {
        let text = self.text()?;
        serde_json::from_str(text).map_err(|_| self.damaged("a list of strings"))
    }

    fn damaged(&self, expected: &str) -> DatabaseError {
        DatabaseError::Refused { index: 0, reason: format!("column {} does not hold {expected}", self.next) }
    }
}
