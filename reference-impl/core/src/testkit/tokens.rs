//! Tokens signed with keys that only tests trust.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use crate::auth::TokenSettings;
use crate::ports::UnixMillis;

/// The `iss` of test tokens.
pub const ISSUER: &str = "https://id.plumbline.example";
/// The `aud` of test tokens.
pub const AUDIENCE: &str = "plumbline";
/// The public halves of [`SigningKey`].
pub const JWKS: &str = include_str!("keys/jwks.json");

/// A key pair that only tests trust; no deployment knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SigningKey {
    /// RSA, 2048 bits, `kid` `test-rs256`.
    Rs256,
    /// P-256, `kid` `test-es256`.
    Es256,
}

impl SigningKey {
    /// Header of an access token signed with this key.
    pub fn header(self) -> Value {
        match self {
            Self::Rs256 => json!({"alg": "RS256", "typ": "at+jwt", "kid": "test-rs256"}),
            Self::Es256 => json!({"alg": "ES256", "typ": "at+jwt", "kid": "test-es256"}),
        }
    }
}

/// Settings that accept test tokens, otherwise the contract's defaults.
pub fn token_settings() -> TokenSettings {
    TokenSettings::new(ISSUER, AUDIENCE)
}

/// Claims of a test token for `tenant`, made at `now` and valid for ten minutes.
pub fn claims(tenant: &str, scopes: &[&str], now: UnixMillis) -> Value {
    let seconds = now.div_euclid(1000);
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "tenant": tenant, "scopes": scopes,
        "iat": seconds, "exp": seconds + 600,
    })
}

/// A compact JWT of exactly this header and these claims.
///
/// # Panics
///
/// Never: the keys are part of the source.
pub fn sign(key: SigningKey, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let (key, algorithm) = match key {
        SigningKey::Rs256 => (EncodingKey::from_rsa_der(include_bytes!("keys/rs256.der")), Algorithm::RS256),
        SigningKey::Es256 => (EncodingKey::from_ec_der(include_bytes!("keys/es256.der")), Algorithm::ES256),
    };
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, algorithm).expect("test keys are well-formed");
    format!("{message}.{signature}")
}
