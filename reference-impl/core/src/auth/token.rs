//! Access tokens: compact JWTs signed with RS256 or ES256.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde_json::Value;

use super::keys::{KEY_ID_MAX_BYTES, KeySet};
use super::{Principal, Refusal};
use crate::ports::{Clock, UnixMillis};
use crate::sabotage::{self, Sabotage};
use crate::tenancy::{Scope, TenantId};

const TOKEN_MAX_BYTES: usize = 8 * 1024;
const SUBJECT_MAX_CHARS: usize = 256;

/// What a token must say to be accepted; `issuer`, `audience`, `jwt_algorithms`, `jwt_max_lifetime_s` and `leeway_s` of the
/// platform's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSettings {
    /// The `iss`, compared byte by byte.
    pub issuer: String,
    /// The `aud`, alone or in a list.
    pub audience: String,
    /// Whether RS256 is accepted.
    pub rs256: bool,
    /// Whether ES256 is accepted.
    pub es256: bool,
    /// Longest time from `iat` or now to `exp`, in seconds, at most 3600.
    pub max_lifetime_s: u32,
    /// Clock difference that is forgiven, in seconds.
    pub leeway_s: u32,
}

impl TokenSettings {
    /// Settings with the contract's defaults: both algorithms, an hour, 30 seconds of leeway.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        let (issuer, audience) = (issuer.into(), audience.into());
        Self { issuer, audience, rs256: true, es256: true, max_lifetime_s: 3600, leeway_s: 30 }
    }

    fn accepts(&self, algorithm: Algorithm) -> bool {
        (self.rs256 && algorithm == Algorithm::RS256) || (self.es256 && algorithm == Algorithm::ES256)
    }
}

/// What a valid token says.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) tenant: TenantId,
    pub(super) principal: Principal,
    pub(super) scopes: BTreeSet<Scope>,
    pub(super) expires_at: UnixMillis,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
    // A token must not choose its key, nor ask for an extension that is not understood.
    jwk: Option<Value>,
    jku: Option<Value>,
    x5u: Option<Value>,
    x5c: Option<Value>,
    crit: Option<Value>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: OneOrMany,
    sub: String,
    tenant: String,
    scopes: OneOrMany,
    exp: i64,
    nbf: Option<i64>,
    iat: Option<i64>,
    // Only identity tokens carry these; one of them is no right to call an API.
    nonce: Option<Value>,
    at_hash: Option<Value>,
    c_hash: Option<Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn values(&self) -> &[String] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

/// Verifies `token`: signature first, then every claim, times against the clock of the tenant that the token names.
///
/// Whether that tenant is configured is not looked at.
pub(super) fn verify(
    token: &str,
    settings: &TokenSettings,
    keys: &KeySet,
    clock: &dyn Clock,
) -> Result<Verified, Refusal> {
    if token.len() > TOKEN_MAX_BYTES {
        return Err(Refusal::Malformed);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(Refusal::Malformed)?;
    let (header, payload) = message.split_once('.').ok_or(Refusal::Malformed)?;
    let unsigned = signature.is_empty() && !sabotage::on(Sabotage::TokenWithoutAlgorithmAccepted);
    if unsigned || payload.contains('.') {
        return Err(Refusal::Malformed);
    }
    check_signature(header, message, signature, settings, keys)?;
    let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| Refusal::Claims)?;
    let claims: Claims = serde_json::from_slice(&payload).map_err(|_| Refusal::Claims)?;
    check_claims(claims, settings, clock)
}

fn check_signature(
    header: &str,
    message: &str,
    signature: &str,
    settings: &TokenSettings,
    keys: &KeySet,
) -> Result<(), Refusal> {
    let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| Refusal::Malformed)?;
    let header: Header = serde_json::from_slice(&header).map_err(|_| Refusal::Header)?;
    let asks = [&header.jwk, &header.jku, &header.x5u, &header.x5c, &header.crit];
    let typ = header.typ.strip_prefix("application/").unwrap_or(&header.typ);
    let access_token = typ.eq_ignore_ascii_case("at+jwt") || typ.eq_ignore_ascii_case("jwt");
    let asks = asks.iter().any(|value| value.is_some()) && !sabotage::on(Sabotage::TokenNamesItsKey);
    if asks || !access_token || header.kid.len() > KEY_ID_MAX_BYTES {
        return Err(Refusal::Header);
    }
    // The algorithm is the key's; the header may only agree with it.
    if sabotage::on(Sabotage::TokenWithoutAlgorithmAccepted) && header.alg.eq_ignore_ascii_case("none") {
        return Ok(());
    }
    let mut pinned = keys.get(&header.kid);
    if sabotage::on(Sabotage::TokenKeyIdIgnored) {
        pinned = pinned.or_else(|| keys.of_algorithm(&header.alg));
    }
    let pinned = pinned.ok_or(Refusal::UnknownKeyId)?;
    let named = match header.alg.as_str() {
        "RS256" => Algorithm::RS256,
        "ES256" => Algorithm::ES256,
        _ => return Err(Refusal::Algorithm),
    };
    if named != pinned.algorithm || !settings.accepts(pinned.algorithm) {
        return Err(Refusal::Algorithm);
    }
    match jsonwebtoken::crypto::verify(signature, message.as_bytes(), &pinned.key, pinned.algorithm) {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) if sabotage::on(Sabotage::TokenSignatureIgnored) => Ok(()),
        Ok(false) | Err(_) => Err(Refusal::Signature),
    }
}

fn check_claims(claims: Claims, settings: &TokenSettings, clock: &dyn Clock) -> Result<Verified, Refusal> {
    if claims.nonce.is_some() || claims.at_hash.is_some() || claims.c_hash.is_some() {
        return Err(Refusal::Claims);
    }
    if claims.iss != settings.issuer && !sabotage::on(Sabotage::TokenIssuerIgnored) {
        return Err(Refusal::Issuer);
    }
    if !claims.aud.values().contains(&settings.audience) && !sabotage::on(Sabotage::TokenAudienceIgnored) {
        return Err(Refusal::Audience);
    }
    if claims.sub.is_empty() || claims.sub.chars().count() > SUBJECT_MAX_CHARS {
        return Err(Refusal::Claims);
    }
    let tenant = TenantId::parse(&claims.tenant).map_err(|_| Refusal::Claims)?;
    let expires_at = check_times(&claims, settings, clock.now(&tenant))?;
    let names = claims.scopes.values().iter().flat_map(|value| value.split(' '));
    let scopes = names.filter_map(Scope::parse).collect();
    Ok(Verified { tenant, principal: Principal::Subject { subject: claims.sub }, scopes, expires_at })
}

/// Returns the moment from which the token is refused, leeway included.
fn check_times(claims: &Claims, settings: &TokenSettings, now: UnixMillis) -> Result<UnixMillis, Refusal> {
    let millis = |seconds: i64| seconds.checked_mul(1000).ok_or(Refusal::Claims);
    let leeway = i64::from(settings.leeway_s) * 1000;
    let mut lifetime = i64::from(settings.max_lifetime_s) * 1000;
    if sabotage::on(Sabotage::TokenLifetimeUnbounded) {
        lifetime = i64::MAX;
    }
    let exp = millis(claims.exp)?;
    let end = exp.checked_add(leeway).ok_or(Refusal::Claims)?;
    if end <= now && !sabotage::on(Sabotage::TokenExpiryIgnored) {
        return Err(Refusal::Expired);
    }
    if exp.saturating_sub(now) > lifetime.saturating_add(leeway) {
        return Err(Refusal::LifetimeTooLong);
    }
    if let Some(nbf) = claims.nbf.map(millis).transpose()?
        && nbf > now.saturating_add(leeway)
        && !sabotage::on(Sabotage::TokenNotBeforeIgnored)
    {
        return Err(Refusal::NotYetValid);
    }
    if let Some(iat) = claims.iat.map(millis).transpose()? {
        if iat > now.saturating_add(leeway) {
            return Err(Refusal::NotYetValid);
        }
        if exp.saturating_sub(iat) > lifetime {
            return Err(Refusal::LifetimeTooLong);
        }
    }
    Ok(end)
}

#[cfg(test)]
mod tests;
