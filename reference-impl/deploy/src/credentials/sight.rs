//! Every value that was read as a secret in this process, so that no output holds one: not even what the API, wrangler or a program repeats.

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

/// What stands in a secret's place.
const MARK: &str = "[redacted]";
/// Shorter values are no secrets, and would be found in the middle of words.
const LEAST: usize = 8;

static HIDDEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Keeps `value` out of every output from now on, and its form inside a JSON text too.
pub(super) fn hide(value: &str) {
    let mut hidden = HIDDEN.lock().unwrap_or_else(PoisonError::into_inner);
    let quoted = serde_json::Value::from(value).to_string();
    for form in [value, &quoted[1..quoted.len() - 1]] {
        if form.len() >= LEAST && !hidden.iter().any(|it| it == form) {
            hidden.push(form.to_owned());
            // Where one holds another, the longer one goes first.
            hidden.sort_by_key(|it| std::cmp::Reverse(it.len()));
        }
    }
}

/// `text` without any of them.
pub(crate) fn redacted(text: &str) -> Cow<'_, str> {
    let hidden = HIDDEN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut text = Cow::Borrowed(text);
    for value in hidden.iter() {
        if text.contains(value.as_str()) {
            text = Cow::Owned(text.replace(value.as_str(), MARK));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{hide, redacted};

    #[test]
    fn hides_what_was_read_and_the_longest_first() {
        hide("inner-secret");
        hide("an-inner-secret-and-more");
        hide("with \"quotes\"");
        hide("short");
        assert_eq!(
            redacted("an-inner-secret-and-more, inner-secret, \"with \\\"quotes\\\"\", short"),
            "[redacted], [redacted], \"[redacted]\", short"
        );
        assert!(matches!(redacted("nothing"), std::borrow::Cow::Borrowed(_)));
    }
}
