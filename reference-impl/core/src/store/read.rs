//! Reads typed values out of rows. `what` names table and column for the log.

use super::StoreError;
use crate::ports::{Row, Value};

/// Text at `column`.
pub(crate) fn text<'a>(row: &'a Row, column: usize, what: &'static str) -> Result<&'a str, StoreError> {
    optional_text(row, column, what)?.ok_or(StoreError::Damaged { what })
}

/// Text at `column`, or `None` for `NULL`.
pub(crate) fn optional_text<'a>(
    row: &'a Row,
    column: usize,
    what: &'static str,
) -> Result<Option<&'a str>, StoreError> {
    match row.get(column) {
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(Value::Null) => Ok(None),
        Some(Value::Integer(_) | Value::Real(_) | Value::Blob(_)) | None => Err(StoreError::Damaged { what }),
    }
}

/// Integer at `column`.
pub(crate) fn integer(row: &Row, column: usize, what: &'static str) -> Result<i64, StoreError> {
    optional_integer(row, column, what)?.ok_or(StoreError::Damaged { what })
}

/// Integer at `column`, or `None` for `NULL`.
pub(crate) fn optional_integer(row: &Row, column: usize, what: &'static str) -> Result<Option<i64>, StoreError> {
    match row.get(column) {
        Some(Value::Integer(number)) => Ok(Some(*number)),
        Some(Value::Null) => Ok(None),
        Some(Value::Text(_) | Value::Real(_) | Value::Blob(_)) | None => Err(StoreError::Damaged { what }),
    }
}

/// Bytes at `column`.
pub(crate) fn blob<'a>(row: &'a Row, column: usize, what: &'static str) -> Result<&'a [u8], StoreError> {
    match row.get(column) {
        Some(Value::Blob(bytes)) => Ok(bytes),
        Some(Value::Text(_) | Value::Integer(_) | Value::Real(_) | Value::Null) | None => {
            Err(StoreError::Damaged { what })
        }
    }
}
