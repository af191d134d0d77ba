//! Values across JavaScript's border, which has one type for all numbers.

use std::borrow::Cow;

use reference_core::ports::Value;
use worker::SqlStorageValue;

use super::message::Cell;

/// The greatest whole number up to which a double holds every whole number; every double above it is whole.
const EXACT: f64 = 9_007_199_254_740_991.0;

/// `sql` with every parameter that is an integer read as one. JavaScript's numbers are bound as doubles, with which SQLite
/// divides and prints differently, so integers travel as text; unary `+` takes away the affinity that `CAST` would lend them.
pub(super) fn typed<'a>(sql: &'a str, params: &[Cell]) -> Cow<'a, str> {
    if !params.iter().any(|cell| matches!(cell.0, Value::Integer(_))) {
        return Cow::Borrowed(sql);
    }
    let mut typed = String::with_capacity(sql.len() + 64);
    let mut quote = None;
    let mut rest = sql.chars().peekable();
    while let Some(letter) = rest.next() {
        match quote {
            Some(end) if letter == end => quote = None,
            None if matches!(letter, '\'' | '"' | '`') => quote = Some(letter),
            Some(_) | None => {}
        }
        if quote.is_some() || letter != '?' {
            typed.push(letter);
            continue;
        }
        let mut number = String::new();
        while let Some(digit) = rest.next_if(char::is_ascii_digit) {
            number.push(digit);
        }
        let value = number.parse::<usize>().ok().and_then(|at| params.get(at.wrapping_sub(1)));
        if matches!(value, Some(Cell(Value::Integer(_)))) {
            typed.push_str("(+CAST(?");
            typed.push_str(&number);
            typed.push_str(" AS INTEGER))");
        } else {
            typed.push('?');
            typed.push_str(&number);
        }
    }
    Cow::Owned(typed)
}

/// The value to bind, for a statement that [`typed`] gave.
pub(super) fn bound(value: &Value) -> SqlStorageValue {
    match value {
        Value::Null => SqlStorageValue::Null,
        Value::Integer(number) => SqlStorageValue::String(number.to_string()),
        Value::Real(number) => SqlStorageValue::Float(*number),
        Value::Text(text) => SqlStorageValue::String(text.clone()),
        Value::Blob(bytes) => SqlStorageValue::Blob(bytes.clone()),
    }
}

/// A column that was read. A whole number comes as an integer: the border does not say which of the two it was. `None` for
/// one that may have lost digits on the way.
pub(super) fn read(value: SqlStorageValue) -> Option<Value> {
    Some(match value {
        SqlStorageValue::Null => Value::Null,
        SqlStorageValue::Boolean(truth) => Value::Integer(truth.into()),
        SqlStorageValue::Integer(number) => Value::Integer(number),
        SqlStorageValue::Float(number) if number.is_finite() && number.abs() > EXACT => return None,
        SqlStorageValue::Float(number) => Value::Real(number),
        SqlStorageValue::String(text) => Value::Text(text),
        SqlStorageValue::Blob(bytes) => Value::Blob(bytes),
    })
}
