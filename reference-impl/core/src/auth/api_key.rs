//! API keys: `pl_<tenant>_<32 base62 characters><6-character checksum>`.

use std::fmt;

use crate::ports::Ids;
use crate::tenancy::{KeyDigest, TenantId};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const PREFIX: &str = "pl_";
const SECRET_CHARS: usize = 32; // 190 random bits
const CHECKSUM_CHARS: usize = 6; // 62^6 exceeds 2^32

/// A well-formed API key. `Debug` hides all but the tenant.
#[derive(Clone)]
pub struct ApiKey {
    tenant: TenantId,
    text: String,
}

/// Why a text is no API key. Nothing was looked up to find out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyError {
    /// It has another form.
    #[error("expected `pl_`, a tenant id, `_` and 38 base62 characters")]
    Form,
    /// The last six characters are not the CRC-32, in base62, of all before them.
    #[error("checksum does not fit")]
    Checksum,
}

impl ApiKey {
    /// Makes a new key for `tenant`, with 32 characters drawn evenly from base62.
    pub fn generate(tenant: TenantId, ids: &dyn Ids) -> Self {
        let mut text = format!("{PREFIX}{tenant}_");
        let full = text.len() + SECRET_CHARS;
        while text.len() < full {
            let mut bytes = [0; SECRET_CHARS];
            ids.fill(&mut bytes);
            // 248 is the greatest multiple of 62 in a byte: what lies above would favour the first letters.
            let even = bytes.iter().filter(|byte| **byte < 248).filter_map(|byte| digit(u32::from(*byte) % 62));
            text.extend(even.take(full - text.len()));
        }
        let sum = checksum(&text);
        text.push_str(&sum);
        Self { tenant, text }
    }

    /// Parses a key, checksum included.
    ///
    /// # Errors
    ///
    /// [`ApiKeyError`].
    pub fn parse(text: &str) -> Result<Self, ApiKeyError> {
        let rest = text.strip_prefix(PREFIX).ok_or(ApiKeyError::Form)?;
        let (tenant, secret) = rest.split_once('_').ok_or(ApiKeyError::Form)?;
        let tenant = TenantId::parse(tenant).map_err(|_| ApiKeyError::Form)?;
        let base62 = secret.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if secret.len() != SECRET_CHARS + CHECKSUM_CHARS || !base62 {
            return Err(ApiKeyError::Form);
        }
        let (body, sum) = text.split_at_checked(text.len() - CHECKSUM_CHARS).ok_or(ApiKeyError::Form)?;
        if checksum(body) == sum { Ok(Self { tenant, text: text.to_owned() }) } else { Err(ApiKeyError::Checksum) }
    }

    /// The tenant that the key names.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// What configuration stores of the key.
    pub fn digest(&self) -> KeyDigest {
        KeyDigest::of(&self.text)
    }

    /// The key itself, to be shown once.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Whether `credential` is meant to be an API key rather than a token.
    pub(super) fn is_meant(credential: &str) -> bool {
        credential.starts_with(PREFIX)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({PREFIX}{}_..)", self.tenant)
    }
}

fn digit(value: u32) -> Option<char> {
    usize::try_from(value).ok().and_then(|at| ALPHABET.get(at)).map(|byte| char::from(*byte))
}

/// CRC-32 (IEEE) of `text` in base62, most significant digit first, padded with `0` to six characters.
fn checksum(text: &str) -> String {
    let crc = crc32fast::hash(text.as_bytes());
    (0..6).rev().filter_map(|place| digit(crc / 62_u32.pow(place) % 62)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::SeededIds;

    fn key(seed: u64) -> ApiKey {
        ApiKey::generate(TenantId::parse("aurora-bikes").unwrap(), &SeededIds::new(seed))
    }

    #[test]
    fn reads_back_what_it_makes() {
        for seed in 0..64 {
            let made = key(seed);
            let read = ApiKey::parse(made.expose()).unwrap();
            assert_eq!((read.tenant(), read.digest()), (made.tenant(), made.digest()));
            assert_eq!(made.expose().len(), "pl_aurora-bikes_".len() + 38);
        }
        assert_ne!(key(1).expose(), key(2).expose());
    }

    #[test]
    fn has_a_checksum_that_others_can_compute() {
        assert_eq!(checksum("123456789"), "3jZRME"); // CRC-32 0xCBF43926 = 3421780262
        assert_eq!(checksum(""), "000000");
    }

    #[test]
    fn notices_every_changed_character() {
        let good = key(7).expose().to_owned();
        for at in 3..good.len() {
            let mut bytes = good.clone().into_bytes();
            bytes[at] = if bytes[at] == b'a' { b'b' } else { b'a' };
            assert!(ApiKey::parse(std::str::from_utf8(&bytes).unwrap()).is_err(), "character {at}");
        }
    }

    #[test]
    fn refuses_other_forms() {
        let good = key(7).expose().to_owned();
        let twin = good.replace("aurora", "AURORA");
        let long = format!("{good}0");
        for text in ["", "pl_", "pl_a_", "pl__x", "sk_a_b", twin.as_str(), long.as_str(), &good[..good.len() - 1]] {
            assert_eq!(ApiKey::parse(text).err(), Some(ApiKeyError::Form), "{text:?}");
        }
    }

    #[test]
    fn hides_itself_from_logs() {
        assert_eq!(format!("{:?}", key(7)), "ApiKey(pl_aurora-bikes_..)");
    }
}
