//! Identifiers that core makes.

use std::fmt;

use crate::ports::{Ids, UnixMillis};

/// Crockford's base32 in lower case: no `i`, `l`, `o`, `u`.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const RANDOM_CHARS: usize = 26; // 128 random bits at 5 a character, the last two of 130 zero

/// Declares an id type: a prefix and 26 characters.
macro_rules! random_id {
    ($(#[$about:meta])* $name:ident, $prefix:literal) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// A new id with 128 random bits.
            pub fn random(ids: &dyn Ids) -> Self {
                Self(format!(concat!($prefix, "{}"), random_text(ids)))
            }

            /// Parses an id; `None` for a text that cannot be one, which a caller answers like an id that does not exist.
            pub fn parse(text: &str) -> Option<Self> {
                let rest = text.strip_prefix($prefix)?;
                let shaped = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
                (rest.len() == RANDOM_CHARS && rest.bytes().all(shaped)).then(|| Self(text.to_owned()))
            }

            /// The id's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

random_id! {
    /// Id of a job: `job_` and 26 characters.
    JobId, "job_"
}

random_id! {
    /// Id of an audit record: `aud_` and 26 characters.
    AuditId, "aud_"
}

random_id! {
    /// Id of a chat session: `ses_` and 26 characters.
    SessionId, "ses_"
}

/// Id of a request: 1 to 128 of `A-Z a-z 0-9 . _ -`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestId(String);

impl RequestId {
    /// A new `UUIDv7`: 48 bits of `now`, 74 random bits.
    pub fn random(now: UnixMillis, ids: &dyn Ids) -> Self {
        let mut bytes = [0; 16];
        ids.fill(&mut bytes);
        let [_, _, time @ ..] = now.to_be_bytes();
        bytes.iter_mut().zip(time).for_each(|(to, from)| *to = from);
        bytes[6] = (bytes[6] & 0x0f) | 0x70; // version 7
        bytes[8] = (bytes[8] & 0x3f) | 0x80; // RFC 9562 variant
        let mut text = hex::encode(bytes);
        for at in [20, 16, 12, 8] {
            text.insert(at, '-');
        }
        Self(text)
    }

    /// Takes a client's `x-request-id` over; `None` for one that is to be replaced.
    pub fn parse(text: &str) -> Option<Self> {
        let shaped = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        ((1..=128).contains(&text.len()) && text.bytes().all(shaped)).then(|| Self(text.to_owned()))
    }

    /// The id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn random_text(ids: &dyn Ids) -> String {
    let mut bytes = [0; 16];
    ids.fill(&mut bytes);
    let bits = u128::from_be_bytes(bytes);
    let digit = |shift: u32| (if shift == 0 { bits << 2 } else { bits >> (shift - 2) }) & 31;
    let digits = (0_u32..26).rev().map(|place| digit(place * 5));
    digits.filter_map(|at| usize::try_from(at).ok().and_then(|at| ALPHABET.get(at))).map(|it| char::from(*it)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::testkit::SeededIds;

    #[test]
    fn reads_back_every_id_it_makes_and_repeats_none() {
        let ids = SeededIds::new(3);
        let made: BTreeSet<_> = (0..1000).map(|_| JobId::random(&ids)).collect();
        assert_eq!(made.len(), 1000);
        assert!(made.iter().all(|id| JobId::parse(id.as_str()).as_ref() == Some(id)));
    }

    #[test]
    fn uses_all_128_random_bits() {
        struct Ones;
        impl Ids for Ones {
            fn fill(&self, bytes: &mut [u8]) {
                bytes.fill(0xff);
            }
        }
        assert_eq!(SessionId::random(&Ones).as_str(), "ses_zzzzzzzzzzzzzzzzzzzzzzzzzw");
    }

    #[test]
    fn refuses_other_texts_as_ids() {
        let id = JobId::random(&SeededIds::new(3)).as_str().to_owned();
        for text in ["", "job_", &id[4..], &id[..id.len() - 1], &id.replace("job_", "ses_"), &id.to_uppercase()] {
            assert_eq!(JobId::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn makes_request_ids_that_sort_by_time() {
        let ids = SeededIds::new(3);
        let (early, late) = (RequestId::random(1_767_225_600_000, &ids), RequestId::random(1_767_225_600_001, &ids));
        assert!(early.as_str() < late.as_str());
        assert!(early.as_str().starts_with("019b76da-a800-7"), "{early}");
        assert_eq!(RequestId::parse(early.as_str()), Some(early));
    }

    #[test]
    fn takes_over_only_harmless_request_ids() {
        let longest = "a".repeat(128);
        for text in ["a", "A.b_c-9", longest.as_str()] {
            assert!(RequestId::parse(text).is_some());
        }
        for text in ["", "a b", "a\n", "\u{e4}", "a/b", &"a".repeat(129)] {
            assert!(RequestId::parse(text).is_none(), "{text:?}");
        }
    }
}
