//! Makes tenants' contexts out of what requests present.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::token::{self, TokenSettings};
use super::{ApiKey, ApiKeyError, AuthError, Evidence, KeySet, Principal, Refusal, TenantContext};
use crate::ports::{Clock, UnixMillis};
use crate::redact::redacted;
use crate::sabotage::{self, Sabotage};
use crate::tenancy::{Credential, CredentialState, KeyDigest, Registry, Scope, TenantId, TenantSettings};

/// What a request says about its caller: these headers and nothing else. Forwarded headers are never among them.
#[derive(Clone, Copy, Default)]
pub struct Presented<'a> {
    /// Value of each `Authorization` header, as received.
    pub authorization: &'a [&'a [u8]],
    /// Value of each `x-tenant-id` header, as received.
    pub tenant: &'a [&'a [u8]],
    /// The request's host: `Host` or the authority of the target.
    pub host: Option<&'a str>,
}

redacted!(Presented<'_> { tenant, host } hides { authorization });

/// The one place where a [`TenantContext`] is made.
pub struct Authenticator {
    registry: Arc<Registry>,
    clock: Arc<dyn Clock>,
    tokens: TokenSettings,
    keys: RwLock<Arc<KeySet>>,
    unknown_key_seen: AtomicBool,
    demo: bool,
}

impl Authenticator {
    /// - `keys`: the keys that tokens are signed with; [`Authenticator::replace_keys`] changes them.
    /// - `demo`: whether published fixture keys are accepted.
    pub fn new(
        registry: Arc<Registry>,
        clock: Arc<dyn Clock>,
        tokens: TokenSettings,
        keys: KeySet,
        demo: bool,
    ) -> Self {
        let keys = RwLock::new(Arc::new(keys));
        Self { registry, clock, tokens, keys, unknown_key_seen: AtomicBool::new(false), demo }
    }

    /// Proves which tenant a request belongs to. Reads the registry, keys and clock alone; no store, model or cache.
    ///
    /// The credential decides; `x-tenant-id` and the host may only confirm.
    ///
    /// # Errors
    ///
    /// In this order: [`AuthError::DuplicateHeader`] for `authorization`, [`AuthError::Missing`],
    /// [`AuthError::NotAccepted`], [`AuthError::TenantNotFound`] (tokens only), [`AuthError::DuplicateHeader`] for
    /// `x-tenant-id`, [`AuthError::TenantMismatch`].
    pub fn authenticate(&self, presented: &Presented<'_>) -> Result<TenantContext, AuthError> {
        #[cfg(feature = "sabotage")]
        sabotage::know(self.registry.all());
        #[cfg(feature = "sabotage")]
        if sabotage::on(Sabotage::DefaultTenant)
            && presented.authorization.is_empty()
            && let Some(anybody) = self.anybody(presented)
        {
            return Ok(anybody);
        }
        let credential = match presented.authorization {
            [] => return Err(AuthError::Missing),
            [value] => bearer(value)?,
            [value, ..] if sabotage::on(Sabotage::SecondCredentialIgnored) => bearer(value)?,
            [_, _, ..] => return Err(AuthError::DuplicateHeader { header: "authorization" }),
        };
        let context = if ApiKey::is_meant(credential) {
            self.by_api_key(credential).map_err(AuthError::NotAccepted)?
        } else {
            self.by_token(credential)?
        };
        #[cfg(feature = "sabotage")]
        if sabotage::on(Sabotage::TenantHeaderBelieved)
            && let [named] = presented.tenant
            && let Some(other) = sabotage::others(&context).into_iter().find(|it| it.id().as_str().as_bytes() == *named)
        {
            return Ok(other);
        }
        self.confirm(context.id(), presented)?;
        Ok(context)
    }

    /// For the flaw of a default tenant: the tenant that `x-tenant-id` names, or else the first.
    #[cfg(feature = "sabotage")]
    fn anybody(&self, presented: &Presented<'_>) -> Option<TenantContext> {
        let named = |settings: &Arc<TenantSettings>| {
            presented.tenant.first().is_none_or(|named| *named == settings.tenant.as_str().as_bytes())
        };
        let settings = self.registry.all().into_iter().find(named)?;
        Some(TenantContext::new(settings, Principal::Maintenance, BTreeSet::from([Scope::Admin]), None))
    }

    /// A context for work that the platform takes up again by itself, such as jobs that a restart interrupted. It carries
    /// [`Scope::Admin`] and [`Principal::Maintenance`]; `None` when the tenant is not configured.
    ///
    /// Nothing that answers a request may call this, but for the page of metrics where several processes keep their counts together
    /// (`platform::SharedMetrics`): it reads counts alone, of the caller's tenant or, for an operator, of all.
    pub fn maintenance(&self, tenant: &TenantId) -> Option<TenantContext> {
        let settings = self.registry.get(tenant)?;
        Some(TenantContext::new(settings, Principal::Maintenance, BTreeSet::from([Scope::Admin]), None))
    }

    /// Whether the credential behind `context` would still be accepted with every scope it had; long streams ask this.
    pub fn still_accepted(&self, context: &TenantContext) -> bool {
        let Some(settings) = self.registry.get(context.id()) else { return false };
        let now = self.clock.now(context.id());
        match context.principal() {
            Principal::Maintenance => true,
            Principal::Subject { .. } => context.expires_at().is_none_or(|end| now < end),
            Principal::ApiKey { name } => settings.credentials.iter().any(|credential| {
                credential.name == *name
                    && self.usable(credential, now)
                    && context.scopes().is_subset(&credential.scopes)
            }),
        }
    }

    /// Puts `keys` in the place of the present ones.
    pub fn replace_keys(&self, keys: KeySet) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }

    /// Whether a token named a key that is not known, since this was last asked. The adapter that fetches keys asks once an
    /// interval, so that no number of such tokens causes more than one fetch.
    pub fn take_unknown_key_seen(&self) -> bool {
        self.unknown_key_seen.swap(false, Ordering::Relaxed)
    }

    fn by_api_key(&self, text: &str) -> Result<TenantContext, Refusal> {
        let key = ApiKey::parse(text).map_err(|error| match error {
            ApiKeyError::Form => Refusal::Malformed,
            ApiKeyError::Checksum => Refusal::Checksum,
        })?;
        let digest = key.digest();
        let settings = self.registry.get(key.tenant()).ok_or(Refusal::UnknownKey)?;
        let now = self.clock.now(key.tenant());
        let mut found = self.find(&settings, &digest, now);
        if sabotage::on(Sabotage::KeyBelievedByItsChecksum) {
            found = found.or_else(|| settings.credentials.first());
        }
        let found = found.ok_or(Refusal::UnknownKey)?;
        let (name, scopes, expires_at) = (found.name.clone(), found.scopes.clone(), found.expires_at);
        Ok(TenantContext::new(settings, Principal::ApiKey { name }, scopes, expires_at))
    }

    /// Compares with every usable credential, whether or not an earlier one fitted.
    fn find<'a>(&self, settings: &'a TenantSettings, digest: &KeyDigest, now: UnixMillis) -> Option<&'a Credential> {
        let usable = settings.credentials.iter().filter(|credential| self.usable(credential, now));
        usable.fold(None, |found, credential| {
            let equal = bool::from(credential.key_sha256.equals(digest));
            if equal { Some(credential) } else { found }
        })
    }

    fn usable(&self, credential: &Credential, now: UnixMillis) -> bool {
        let state = match credential.state {
            CredentialState::Active => true,
            CredentialState::Rotating => !sabotage::on(Sabotage::RotatingKeyRefused),
            CredentialState::Revoked => sabotage::on(Sabotage::RevokedKeyAccepted),
        };
        let fresh = credential.expires_at.is_none_or(|end| now < end) || sabotage::on(Sabotage::ExpiredKeyAccepted);
        state && fresh && (self.demo || !credential.demo)
    }

    fn by_token(&self, text: &str) -> Result<TenantContext, AuthError> {
        let keys = Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner));
        let verified = token::verify(text, &self.tokens, &keys, &*self.clock).map_err(|refusal| {
            if refusal == Refusal::UnknownKeyId {
                self.unknown_key_seen.store(true, Ordering::Relaxed);
            }
            AuthError::NotAccepted(refusal)
        })?;
        let settings = self.registry.get(&verified.tenant).ok_or_else(|| {
            if sabotage::on(Sabotage::UnknownTenantOfTokenRefused) {
                AuthError::NotAccepted(Refusal::Claims)
            } else {
                AuthError::TenantNotFound
            }
        })?;
        Ok(TenantContext::new(settings, verified.principal, verified.scopes, Some(verified.expires_at)))
    }

    fn confirm(&self, tenant: &TenantId, presented: &Presented<'_>) -> Result<(), AuthError> {
        match presented.tenant {
            [] => {}
            [value] if *value == tenant.as_str().as_bytes() => {}
            [_] if sabotage::on(Sabotage::TenantMismatchIgnored) => {}
            [value]
                if sabotage::on(Sabotage::TenantIdComparedLoosely)
                    && value.eq_ignore_ascii_case(tenant.as_str().as_bytes()) => {}
            [_] => return Err(AuthError::TenantMismatch { by: Evidence::Header }),
            [_, _, ..] => return Err(AuthError::DuplicateHeader { header: "x-tenant-id" }),
        }
        match presented.host.and_then(|host| self.registry.tenant_of_host(host)) {
            Some(owner) if owner != *tenant && !sabotage::on(Sabotage::HostMismatchIgnored) => {
                Err(AuthError::TenantMismatch { by: Evidence::Host })
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// The credential of an `Authorization: Bearer` header. Another scheme is no bearer credential at all.
fn bearer(value: &[u8]) -> Result<&str, AuthError> {
    let text = std::str::from_utf8(value).map_err(|_| AuthError::NotAccepted(Refusal::Malformed))?;
    let (scheme, credential) = text.trim().split_once(' ').ok_or(AuthError::Missing)?;
    let credential = credential.trim_start();
    if !scheme.eq_ignore_ascii_case("bearer") || credential.is_empty() {
        return Err(AuthError::Missing);
    }
    Ok(credential)
}

#[cfg(test)]
mod tests;
