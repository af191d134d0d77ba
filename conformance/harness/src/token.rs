//! Access tokens made for a test: right in everything but what a case asks to be wrong.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Map, Value, json};

/// Seconds that a token is valid for unless its claims say otherwise.
const LIFETIME_S: u64 = 600;

/// A private key of the deployment's issuer. `Debug` does not show it.
#[derive(Clone)]
pub struct TokenKey {
    /// Its id in the JWKS.
    pub kid: String,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenKey({})", self.kid)
    }
}

impl TokenKey {
    /// Reads a key from PKCS #8 in PEM; `algorithm` is `RS256` or `ES256`.
    ///
    /// # Errors
    ///
    /// A message that says what the text is not.
    pub fn read(kid: &str, algorithm: &str, pem: &str) -> Result<Self, String> {
        let (key, algorithm) = match algorithm {
            "RS256" => (EncodingKey::from_rsa_pem(pem.as_bytes()), Algorithm::RS256),
            "ES256" => (EncodingKey::from_ec_pem(pem.as_bytes()), Algorithm::ES256),
            other => return Err(format!("`{other}` is neither RS256 nor ES256")),
        };
        let key = key.map_err(|error| format!("is no private key for {algorithm:?} as PKCS #8 in PEM: {error}"))?;
        Ok(Self { kid: kid.to_owned(), algorithm, key })
    }
}

/// What tokens of a deployment look like.
#[derive(Debug, Clone)]
pub struct TokenMaker {
    /// The `iss` that is expected.
    pub issuer: String,
    /// The `aud` that is expected.
    pub audience: String,
    /// The keys, the usual one first.
    pub keys: Vec<TokenKey>,
}

/// What is different from a token that is right. A null leaves a field out.
#[derive(Debug, Clone, Default)]
pub struct Difference {
    /// Fields of the header.
    pub header: Map<String, Value>,
    /// Claims.
    pub claims: Map<String, Value>,
}

impl TokenMaker {
    /// A compact JWT of `tenant` with `scopes`, made at `now` in seconds since 1970 and signed by the key `kid`, or by the
    /// first. `None` when there is no such key.
    ///
    /// # Panics
    ///
    /// Never: a key that was read can sign.
    pub fn make(
        &self,
        kid: Option<&str>,
        tenant: &str,
        scopes: &[String],
        now: u64,
        difference: &Difference,
    ) -> Option<String> {
        let key = match kid {
            Some(kid) => self.keys.iter().find(|key| key.kid == kid),
            None => self.keys.first(),
        }?;
        let mut header = json!({ "alg": format!("{:?}", key.algorithm), "typ": "at+jwt", "kid": key.kid });
        let mut claims = json!({
            "iss": self.issuer, "aud": self.audience, "sub": "conformance", "tenant": tenant, "scopes": scopes,
            "iat": now, "exp": now + LIFETIME_S,
        });
        for (part, different) in [(&mut header, &difference.header), (&mut claims, &difference.claims)] {
            for (name, value) in different {
                part[name.as_str()] = value.clone();
            }
            if let Some(fields) = part.as_object_mut() {
                fields.retain(|_, value| !value.is_null());
            }
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&header), part(&claims));
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key.key, key.algorithm);
        Some(format!("{message}.{}", signature.expect("a key that was read can sign")))
    }
}

/// The token with one letter of its signature changed.
pub fn altered(token: &str) -> String {
    let Some((message, signature)) = token.rsplit_once('.') else { return token.to_owned() };
    let mut letters: Vec<char> = signature.chars().collect();
    // In the middle: the last letter may hold bits that decoding leaves out.
    let middle = letters.len() / 2;
    if let Some(letter) = letters.get_mut(middle) {
        *letter = if *letter == 'A' { 'B' } else { 'A' };
    }
    format!("{message}.{}", letters.into_iter().collect::<String>())
}

/// The token without its signature.
pub fn unsigned(token: &str) -> String {
    token.rsplit_once('.').map_or_else(|| token.to_owned(), |(message, _)| format!("{message}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maker() -> TokenMaker {
        let fixtures = fixtures::Fixtures::load(&fixtures::Fixtures::embedded_root()).unwrap();
        let keys = fixtures.signing_keys().iter();
        let keys = keys.map(|key| TokenKey::read(&key.kid, &key.algorithm, &key.pem).unwrap()).collect();
        TokenMaker { issuer: "i".to_owned(), audience: "a".to_owned(), keys }
    }

    fn parts(token: &str) -> Vec<Value> {
        let parts = token.split('.').take(2);
        parts.map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()).collect()
    }

    #[test]
    fn differs_only_where_it_is_told_to() {
        let difference = Difference {
            header: Map::from_iter([("typ".to_owned(), Value::Null)]),
            claims: Map::from_iter([("aud".to_owned(), json!("other"))]),
        };
        let token = maker().make(None, "t", &["admin".to_owned()], 1000, &difference).unwrap();
        let [header, claims] = &parts(&token)[..] else { panic!("two parts") };
        assert!(header.get("typ").is_none() && header["kid"].is_string());
        assert_eq!((&claims["aud"], &claims["iss"], &claims["exp"]), (&json!("other"), &json!("i"), &json!(1600)));
    }

    #[test]
    fn signs_with_every_kind_of_key() {
        let maker = maker();
        for key in &maker.keys {
            let token = maker.make(Some(&key.kid), "t", &[], 0, &Difference::default()).unwrap();
            assert_eq!(parts(&token)[0]["kid"], json!(key.kid));
            assert!(altered(&token) != token && altered(&token).len() == token.len());
            assert!(unsigned(&token).ends_with('.'));
        }
        assert!(maker.make(Some("nobody"), "t", &[], 0, &Difference::default()).is_none());
    }
}
