//! Values across JavaScript's border, which has one type for all numbers.

use reference_core::ports::Value;
use worker::{js_sys, wasm_bindgen::JsValue};

/// The greatest whole number up to which a double holds every whole number.
const EXACT: i64 = (1 << 53) - 1;

/// `sql` with every parameter that is an integer read as one. JavaScript's numbers are bound as doubles, with which SQLite
/// divides and prints differently, so integers travel as text; unary `+` takes away the affinity that `CAST` would lend them.
pub(super) fn typed(sql: &str, params: &[Value]) -> String {
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
        if matches!(value, Some(Value::Integer(_))) {
            typed.push_str("(+CAST(?");
            typed.push_str(&number);
            typed.push_str(" AS INTEGER))");
        } else {
            typed.push('?');
            typed.push_str(&number);
        }
    }
    typed
}

/// The value to bind; `None` for an integer that could not be read back.
pub(super) fn bound(value: &Value) -> Option<JsValue> {
    Some(match value {
        Value::Null => JsValue::NULL,
        Value::Integer(number) if (-EXACT..=EXACT).contains(number) => JsValue::from_str(&number.to_string()),
        Value::Integer(_) => return None,
        Value::Real(number) => JsValue::from_f64(*number),
        Value::Text(text) => JsValue::from_str(text),
        Value::Blob(bytes) => js_sys::Uint8Array::from(bytes.as_slice()).into(),
    })
}

/// A column that was read. A whole number is taken for an integer: the border does not say which of the two it was.
pub(super) fn read(value: &JsValue) -> Option<Value> {
    if value.is_null() || value.is_undefined() {
        return Some(Value::Null);
    }
    if let Some(text) = value.as_string() {
        return Some(Value::Text(text));
    }
    if let Some(number) = value.as_f64() {
        #[expect(clippy::cast_possible_truncation, reason = "only a whole number within the exact range is cast")]
        let whole = js_sys::Number::is_safe_integer(value).then_some(number as i64);
        return Some(whole.map_or(Value::Real(number), Value::Integer));
    }
    let is_bytes = js_sys::ArrayBuffer::is_view(value) || value.has_type::<js_sys::ArrayBuffer>();
    is_bytes.then(|| Value::Blob(js_sys::Uint8Array::new(value).to_vec()))
}
