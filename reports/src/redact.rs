//! The last line of defence: records are redacted when they are written, and whatever still looks like a secret goes here.

use std::{borrow::Cow, sync::LazyLock};

use regex::Regex;

/// What stands in a secret's place.
const MARK: &str = "[redacted]";

/// - an API key is `pl_<tenant>_<38 characters>`; a cut one counts from 8 characters on;
/// - a JWT is three base64url parts, the first of them an object;
/// - what follows `Bearer` or `Basic` is a credential, unless it is a variable or redacted already.
static SECRETS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?<key>pl_[A-Za-z0-9][A-Za-z0-9-]*_[A-Za-z0-9]{8,})",
        r"|(?<jwt>eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?)",
        r"|(?i:(?<scheme>\b(?:bearer|basic)(?:\s|%20|\+)+)[A-Za-z0-9._~+/=-]{16,})",
        r"|(?<place>://)[^/\s@]+@",
    ))
    .expect("the pattern is valid")
});

/// Header fields whose value is a credential whatever it looks like.
const SECRET_HEADERS: [&str; 6] =
    ["authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "cf-access-client-secret"];

/// `text` without keys, tokens and the user part of addresses.
pub fn redact(text: &str) -> Cow<'_, str> {
    SECRETS.replace_all(text, |found: &regex::Captures<'_>| {
        if let Some(scheme) = found.name("scheme") {
            format!("{}{MARK}", scheme.as_str())
        } else if found.name("place").is_some() {
            format!("://{MARK}@")
        } else {
            MARK.to_owned()
        }
    })
}

/// The value of a header field, redacted as a whole where the field carries a credential.
pub(crate) fn header<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    if !SECRET_HEADERS.contains(&name.to_ascii_lowercase().as_str()) || value.contains(MARK) {
        return redact(value);
    }
    match value.split_once(' ') {
        Some((scheme @ ("Bearer" | "Basic"), _)) => Cow::Owned(format!("{scheme} {MARK}")),
        _ => Cow::Borrowed(MARK),
    }
}

#[cfg(test)]
mod tests {
    use super::{header, redact};

    const KEY: &str = "pl_aurora-bikes_0123456789abcdefghijABCDEFGHIJ01234567";

    fn check(input: &str, expected: &str) {
        assert_eq!(redact(input), expected);
    }

    #[test]
    fn removes_keys_wherever_they_stand() {
        check(&format!("key {KEY}."), "key [redacted].");
        check(&format!("Bearer%20{KEY}\""), "Bearer%20[redacted]\"");
        check("pl_aurora-bikes_01234567", "[redacted]");
    }

    #[test]
    fn removes_tokens_and_user_parts() {
        check("Bearer eyJhbGciOiJSUzI1NiJ9.eyJ0ZW5hbnQiOiJhIn0.c2ln", "Bearer [redacted]");
        check("bearer abcdefghijklmnop0123", "bearer [redacted]");
        check("https://user:word@host/path", "https://[redacted]@host/path");
    }

    #[test]
    fn leaves_other_text_alone() {
        for text in
            ["Bearer [redacted]", "Bearer $AURORA_KEY", "the basic documentation", "a@b.example", "pl_ and pl_x_y"]
        {
            check(text, text);
        }
    }

    #[test]
    fn hides_the_whole_value_of_a_credential_field() {
        assert_eq!(header("Authorization", "Bearer x"), "Bearer [redacted]");
        assert_eq!(header("cookie", "a=b; c=d"), "[redacted]");
        assert_eq!(header("etag", "\"1\""), "\"1\"");
    }
}
