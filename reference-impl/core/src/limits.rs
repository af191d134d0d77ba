//! The tenant's size limits, checked.

use contract_types::ErrorCode;

/// What a request has too much of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// The body is larger than the tenant allows.
    #[error("the request body exceeds {limit} bytes")]
    Body {
        /// The tenant's limit in bytes.
        limit: u64,
    },
    /// A text to be spoken is longer than the tenant allows.
    #[error("the text exceeds {limit} characters")]
    Speech {
        /// The tenant's limit in Unicode characters.
        limit: u64,
    },
    /// A text has too many Unicode characters.
    #[error("expected at most {limit} characters")]
    Chars {
        /// JSON pointer to the text.
        pointer: String,
        /// The tenant's limit.
        limit: u64,
    },
    /// A list has too many items.
    #[error("expected at most {limit} items")]
    Items {
        /// JSON pointer to the list.
        pointer: String,
        /// The tenant's limit.
        limit: u64,
    },
    /// A number is too large.
    #[error("expected a number of at most {limit}")]
    Number {
        /// JSON pointer to the number.
        pointer: String,
        /// The tenant's limit.
        limit: u64,
    },
}

impl LimitError {
    /// Contract code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Body { .. } | Self::Speech { .. } => ErrorCode::PayloadTooLarge,
            Self::Chars { .. } | Self::Items { .. } | Self::Number { .. } => ErrorCode::ValidationError,
        }
    }

    /// The limit, for the error's details.
    pub fn limit(&self) -> u64 {
        match self {
            Self::Body { limit }
            | Self::Speech { limit }
            | Self::Chars { limit, .. }
            | Self::Items { limit, .. }
            | Self::Number { limit, .. } => *limit,
        }
    }

    /// JSON pointer to what is too large; `None` for the whole body.
    pub fn pointer(&self) -> Option<&str> {
        match self {
            Self::Body { .. } => None,
            Self::Speech { .. } => Some("/text"),
            Self::Chars { pointer, .. } | Self::Items { pointer, .. } | Self::Number { pointer, .. } => Some(pointer),
        }
    }

    /// JSON Schema keyword that would say the same.
    pub fn keyword(&self) -> Option<&'static str> {
        match self {
            Self::Body { .. } => None,
            Self::Speech { .. } | Self::Chars { .. } => Some("maxLength"),
            Self::Items { .. } => Some("maxItems"),
            Self::Number { .. } => Some("maximum"),
        }
    }
}

/// Checks a body's size in bytes, as received.
///
/// # Errors
///
/// [`LimitError::Body`].
pub fn check_body(bytes: u64, limit: u64) -> Result<(), LimitError> {
    if bytes > limit { Err(LimitError::Body { limit }) } else { Ok(()) }
}

/// Checks the length, in Unicode characters, of a text to be spoken.
///
/// # Errors
///
/// [`LimitError::Speech`].
pub fn check_speech(text: &str, limit: u32) -> Result<(), LimitError> {
    if exceeds(text, limit) { Err(LimitError::Speech { limit: limit.into() }) } else { Ok(()) }
}

/// Checks the length of `text`, in Unicode characters; `pointer` says where it stands.
///
/// # Errors
///
/// [`LimitError::Chars`].
pub fn check_chars(pointer: &str, text: &str, limit: u32) -> Result<(), LimitError> {
    let error = || LimitError::Chars { pointer: pointer.to_owned(), limit: limit.into() };
    if exceeds(text, limit) { Err(error()) } else { Ok(()) }
}

/// Checks the number of items of a list; `pointer` says where it stands.
///
/// # Errors
///
/// [`LimitError::Items`].
pub fn check_items(pointer: &str, items: usize, limit: u32) -> Result<(), LimitError> {
    let error = || LimitError::Items { pointer: pointer.to_owned(), limit: limit.into() };
    if u32::try_from(items).is_ok_and(|items| items <= limit) { Ok(()) } else { Err(error()) }
}

/// Checks a number; `pointer` says where it stands.
///
/// # Errors
///
/// [`LimitError::Number`].
pub fn check_number(pointer: &str, number: u32, limit: u32) -> Result<(), LimitError> {
    let error = || LimitError::Number { pointer: pointer.to_owned(), limit: limit.into() };
    if number > limit { Err(error()) } else { Ok(()) }
}

/// Whether `text` has more than `limit` characters, without counting a long text to its end.
fn exceeds(text: &str, limit: u32) -> bool {
    usize::try_from(limit).is_ok_and(|limit| text.len() > limit && text.chars().nth(limit).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_characters_not_bytes() {
        for (text, limit, fits) in
            [("", 0, true), ("a", 0, false), ("\u{1f6b2}\u{1f6b2}", 2, true), ("\u{e4}b", 1, false)]
        {
            assert_eq!(check_chars("/query", text, limit).is_ok(), fits, "{text:?}");
        }
    }

    #[test]
    fn says_what_is_too_large_and_by_which_limit() {
        let cases = [
            (check_body(11, 10), None, None, ErrorCode::PayloadTooLarge),
            (check_speech("abc", 2), Some("/text"), Some("maxLength"), ErrorCode::PayloadTooLarge),
            (check_chars("/query", "abc", 2), Some("/query"), Some("maxLength"), ErrorCode::ValidationError),
            (check_items("/documents", 3, 2), Some("/documents"), Some("maxItems"), ErrorCode::ValidationError),
            (check_number("/options/size", 3, 2), Some("/options/size"), Some("maximum"), ErrorCode::ValidationError),
        ];
        for (outcome, pointer, keyword, code) in cases {
            let error = outcome.unwrap_err();
            assert_eq!((error.pointer(), error.keyword(), error.code()), (pointer, keyword, code));
        }
    }

    #[test]
    fn lets_the_limit_itself_through() {
        assert!(
            check_body(10, 10).is_ok() && check_items("/documents", 2, 2).is_ok() && check_number("/n", 2, 2).is_ok()
        );
    }
}
