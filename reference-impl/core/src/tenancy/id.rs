//! Tenant ids.

use std::fmt;
use std::sync::Arc;

/// Id of a tenant: 1 to 64 characters of `a-z`, `0-9` and `-`, neither starting nor ending with `-`.
///
/// A parsed id proves nothing about the caller; only [`TenantContext`](crate::tenancy::TenantContext) does. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(Arc<str>);

/// Why a text is no tenant id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a tenant id of `a-z`, `0-9` and inner `-`, at most {} characters long", TenantId::MAX_CHARS)]
pub struct TenantIdError;

impl TenantId {
    /// Most characters of an id.
    pub const MAX_CHARS: usize = 64;

    /// Parses `text` byte for byte: nothing is trimmed, folded or normalised, so that no two texts name one tenant.
    ///
    /// # Errors
    ///
    /// [`TenantIdError`] for anything that does not match `^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$`.
    pub fn parse(text: &str) -> Result<Self, TenantIdError> {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let bytes = text.as_bytes();
        let ends_well =
            matches!((bytes.first(), bytes.last()), (Some(first), Some(last)) if *first != b'-' && *last != b'-');
        if bytes.len() <= Self::MAX_CHARS && ends_well && bytes.iter().copied().all(inner) {
            Ok(Self(Arc::from(text)))
        } else {
            Err(TenantIdError)
        }
    }

    /// The id as it stands in configuration, credentials and headers.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_ids_up_to_the_bound() {
        let longest = "a".repeat(64);
        for text in ["a", "0", "ab", "a-b", "a--b", "aurora-bikes", "0-9", longest.as_str()] {
            assert_eq!(TenantId::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn refuses_every_twin_of_an_id() {
        let too_long = "a".repeat(65);
        for text in [
            "",
            "-",
            "-a",
            "a-",
            "ACME",
            "acme\u{200b}",
            "\u{430}cme",
            "acme ",
            " acme",
            "ac_me",
            "acme.",
            "%61cme",
            "\u{ff41}cme",
            "a\0",
            "acme\n",
            "../acme",
            too_long.as_str(),
        ] {
            assert_eq!(TenantId::parse(text), Err(TenantIdError), "{text:?}");
        }
    }
}
