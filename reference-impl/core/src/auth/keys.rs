//! The public keys that tokens are signed with.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

/// Longest `kid` that is looked at, in bytes; longer ones are not known.
pub(super) const KEY_ID_MAX_BYTES: usize = 128;
/// RSA keys below 2048 bits are refused (RFC 7518, section 3.3).
const RSA_MODULUS_MIN_BYTES: usize = 256;
/// And above 8192: checking a signature would cost too much.
const RSA_MODULUS_MAX_BYTES: usize = 1024;
const P256_COORDINATE_BYTES: usize = 32;

/// A JWK set, each key pinned to one algorithm.
#[derive(Default, Clone)]
pub struct KeySet {
    keys: BTreeMap<String, PinnedKey>,
}

/// A key and the one algorithm that it verifies.
#[derive(Clone)]
pub(super) struct PinnedKey {
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

/// Why a JWK set was refused as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Not a JSON object with a list `keys`.
    #[error("expected a JWK set: an object with a list `keys`")]
    Form,
    /// A private or symmetric key has no place here.
    #[error("key `{kid}` holds secret material; a JWK set must be public")]
    Secret {
        /// Its `kid`, or empty.
        kid: String,
    },
    /// Two keys share a `kid`, so a token could not tell which is meant.
    #[error("key id `{kid}` occurs twice")]
    DuplicateKeyId {
        /// The `kid`.
        kid: String,
    },
    /// An RSA or P-256 signature key with a missing, malformed or weak parameter.
    #[error("key `{kid}` is not a usable RSA (2048 to 8192 bits) or P-256 key with a `kid`")]
    Unusable {
        /// Its `kid`, or empty.
        kid: String,
    },
}

impl KeySet {
    /// Reads the text of a JWK set (RFC 7517). Keys for encryption and of other types than RSA and P-256 are passed over.
    ///
    /// A key's algorithm is its `alg`, or what its type implies: RS256 for RSA, ES256 for P-256.
    ///
    /// # Errors
    ///
    /// [`KeySetError`].
    pub fn parse(jwks: &str) -> Result<Self, KeySetError> {
        let set: Value = serde_json::from_str(jwks).map_err(|_| KeySetError::Form)?;
        let list = set.get("keys").and_then(Value::as_array).ok_or(KeySetError::Form)?;
        let mut keys = BTreeMap::new();
        for jwk in list {
            let kid = text(jwk, "kid").unwrap_or_default().to_owned();
            if jwk.get("d").is_some() || jwk.get("k").is_some() {
                return Err(KeySetError::Secret { kid });
            }
            if text(jwk, "use").is_some_and(|purpose| purpose != "sig") {
                continue;
            }
            let Some(pinned) = pinned_key(jwk).map_err(|()| KeySetError::Unusable { kid: kid.clone() })? else {
                continue;
            };
            if kid.is_empty() || kid.len() > KEY_ID_MAX_BYTES {
                return Err(KeySetError::Unusable { kid });
            }
            if keys.insert(kid.clone(), pinned).is_some() {
                return Err(KeySetError::DuplicateKeyId { kid });
            }
        }
        Ok(Self { keys })
    }

    /// Number of usable keys.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether no token can be verified.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(super) fn get(&self, kid: &str) -> Option<&PinnedKey> {
        self.keys.get(kid)
    }

    /// The first key of this algorithm, for the flaw of not looking at the key's id.
    pub(super) fn of_algorithm(&self, alg: &str) -> Option<&PinnedKey> {
        self.keys.values().find(|key| format!("{:?}", key.algorithm) == alg)
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.keys.keys()).finish()
    }
}

/// `Ok(None)` for a key that is fine but not for us.
fn pinned_key(jwk: &Value) -> Result<Option<PinnedKey>, ()> {
    let bytes = |name| text(jwk, name).and_then(|value| URL_SAFE_NO_PAD.decode(value).ok()).ok_or(());
    match (text(jwk, "kty"), text(jwk, "alg"), text(jwk, "crv")) {
        (Some("RSA"), None | Some("RS256"), _) => {
            let (modulus, exponent) = (bytes("n")?, bytes("e")?);
            let well_sized = (RSA_MODULUS_MIN_BYTES..=RSA_MODULUS_MAX_BYTES).contains(&modulus.len());
            if !well_sized || modulus.first().is_none_or(|first| *first == 0) || !(1..=8).contains(&exponent.len()) {
                return Err(());
            }
            let key = DecodingKey::from_rsa_raw_components(&modulus, &exponent);
            Ok(Some(PinnedKey { algorithm: Algorithm::RS256, key }))
        }
        (Some("EC"), None | Some("ES256"), Some("P-256")) => {
            let (x, y) = (text(jwk, "x").ok_or(())?, text(jwk, "y").ok_or(())?);
            if bytes("x")?.len() != P256_COORDINATE_BYTES || bytes("y")?.len() != P256_COORDINATE_BYTES {
                return Err(());
            }
            let key = DecodingKey::from_ec_components(x, y).map_err(|_| ())?;
            Ok(Some(PinnedKey { algorithm: Algorithm::ES256, key }))
        }
        _ => Ok(None),
    }
}

fn text<'a>(jwk: &'a Value, name: &str) -> Option<&'a str> {
    jwk.get(name).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::JWKS;

    #[test]
    fn pins_each_key_to_its_algorithm() {
        let keys = KeySet::parse(JWKS).unwrap();
        assert_eq!(keys.len(), 2);
        assert_eq!(keys.get("test-rs256").unwrap().algorithm, Algorithm::RS256);
        assert_eq!(keys.get("test-es256").unwrap().algorithm, Algorithm::ES256);
        assert!(keys.get("test-RS256").is_none());
    }

    #[test]
    fn passes_over_keys_for_other_purposes() {
        for jwk in [
            r#"{"kty":"RSA","kid":"a","alg":"RS512","n":"AQ","e":"AQAB"}"#,
            r#"{"kty":"RSA","kid":"a","use":"enc","n":"AQ","e":"AQAB"}"#,
            r#"{"kty":"EC","kid":"a","crv":"P-384","x":"AQ","y":"AQ"}"#,
            r#"{"kty":"OKP","kid":"a","crv":"Ed25519","x":"AQ"}"#,
        ] {
            assert!(KeySet::parse(&format!(r#"{{"keys":[{jwk}]}}"#)).unwrap().is_empty(), "{jwk}");
        }
    }

    #[test]
    fn refuses_weak_secret_and_ambiguous_keys() {
        let twice = JWKS.replace("test-es256", "test-rs256");
        let nameless = JWKS.replace("test-es256", "");
        for set in [
            "",
            "[]",
            r#"{"keys":{}}"#,
            r#"{"keys":[{"kty":"oct","kid":"a","k":"AQ"}]}"#,
            r#"{"keys":[{"kty":"RSA","kid":"a","n":"AQ","e":"AQAB","d":"AQ"}]}"#,
            r#"{"keys":[{"kty":"RSA","kid":"a","n":"AQ","e":"AQAB"}]}"#,
            r#"{"keys":[{"kty":"RSA","kid":"a","e":"AQAB"}]}"#,
            r#"{"keys":[{"kty":"EC","kid":"a","crv":"P-256","x":"AQ","y":"AQ"}]}"#,
            twice.as_str(),
            nameless.as_str(),
        ] {
            assert!(KeySet::parse(set).is_err(), "{set}");
        }
    }
}
