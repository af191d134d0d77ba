//! The proof that a caller belongs to a tenant.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::ports::UnixMillis;
use crate::sabotage::{self, Sabotage};
use crate::tenancy::{Scope, TenantId, TenantSettings};
use crate::usage::Tally;

/// Who acts for the tenant.
#[derive(Clone, PartialEq, Eq)]
pub enum Principal {
    /// An API key.
    ApiKey {
        /// Name of the credential in the tenant's settings.
        name: String,
    },
    /// A person or service that an identity provider vouches for.
    Subject {
        /// The token's `sub`; an identifier of a person, which no log may hold in plain.
        subject: String,
    },
    /// The platform itself, resuming work that a credential started.
    Maintenance,
}

impl Principal {
    /// A stable name to count and audit by that holds no identifier of a person: a subject appears as 32 hexadecimal
    /// digits of its SHA-256.
    pub fn key(&self) -> String {
        match self {
            Self::ApiKey { name } => format!("key:{name}"),
            Self::Subject { subject } => {
                let digest = hex::encode(Sha256::digest(subject.as_bytes()));
                format!("sub:{}", digest.get(..32).unwrap_or(&digest))
            }
            Self::Maintenance => "maintenance".to_owned(),
        }
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key())
    }
}

/// A tenant that a caller has proved to belong to. Everything that touches stored data takes one.
///
/// Only [`Authenticator`](crate::auth::Authenticator) makes it; there is no public constructor and no default. Cheap to
/// clone. It holds the settings as they were when it was made.
#[derive(Debug, Clone)]
pub struct TenantContext(Arc<Inner>, Option<Arc<RequestMark>>);

/// The request that a context acts in: what upstreams are told of it, and how long it may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestMark {
    /// Its id, as the client sees it.
    pub request_id: String,
    /// `traceparent` for calls that it makes, in W3C's form.
    pub traceparent: String,
    /// When its time is over, in microseconds of [`Clock::monotonic_us`](crate::ports::Clock::monotonic_us).
    pub deadline_us: u64,
}

#[derive(Debug)]
struct Inner {
    settings: Arc<TenantSettings>,
    principal: Principal,
    scopes: BTreeSet<Scope>,
    expires_at: Option<UnixMillis>,
    tally: Tally,
}

impl TenantContext {
    pub(super) fn new(
        settings: Arc<TenantSettings>,
        principal: Principal,
        scopes: BTreeSet<Scope>,
        expires_at: Option<UnixMillis>,
    ) -> Self {
        Self(Arc::new(Inner { settings, principal, scopes, expires_at, tally: Tally::default() }), None)
    }

    /// The same caller within a request. It changes nothing of what the caller may do.
    #[must_use]
    pub fn for_request(&self, mark: RequestMark) -> Self {
        Self(Arc::clone(&self.0), Some(Arc::new(mark)))
    }

    /// The same caller for work that goes on when the request has been answered, and so has no deadline of it.
    #[must_use]
    pub fn beside_request(&self) -> Self {
        Self(Arc::clone(&self.0), None)
    }

    /// The request that the caller acts in; `None` for work beside requests.
    pub fn request(&self) -> Option<&RequestMark> {
        self.1.as_deref()
    }

    /// The same caller with another tally, for a piece of work of its own.
    fn with_tally(&self, tally: Tally) -> Self {
        let Inner { settings, principal, scopes, expires_at, .. } = &*self.0;
        let (settings, principal, scopes) = (Arc::clone(settings), principal.clone(), scopes.clone());
        Self(Arc::new(Inner { settings, principal, scopes, expires_at: *expires_at, tally }), self.1.clone())
    }

    /// The same caller at the beginning of a piece of work that is counted, and refused by the budget, by itself.
    pub(crate) fn anew(&self) -> Self {
        self.with_tally(Tally::default())
    }

    /// The same caller for the upkeep of what is stored, which is counted and which no budget refuses.
    pub(crate) fn for_upkeep(&self) -> Self {
        self.with_tally(Tally::exempt())
    }

    /// The same caller in another tenant, for the flaws that confuse tenants.
    #[cfg(feature = "sabotage")]
    pub(crate) fn moved_to(&self, settings: Arc<TenantSettings>) -> Self {
        Self::new(settings, self.0.principal.clone(), self.0.scopes.clone(), self.0.expires_at)
    }

    /// The tenant.
    pub fn id(&self) -> &TenantId {
        &self.0.settings.tenant
    }

    /// The tenant's settings.
    pub fn settings(&self) -> &TenantSettings {
        &self.0.settings
    }

    /// The settings as they are shared with the registry: the same ones until they are replaced.
    pub(crate) fn shared_settings(&self) -> &Arc<TenantSettings> {
        &self.0.settings
    }

    /// What this request has used so far. A context is made for each request, and its clones share this.
    pub fn tally(&self) -> &Tally {
        &self.0.tally
    }

    /// Who acts.
    pub fn principal(&self) -> &Principal {
        &self.0.principal
    }

    /// Whether the credential carries `scope`; `admin` carries all but `operator`.
    pub fn has_scope(&self, scope: Scope) -> bool {
        let scopes = &self.0.scopes;
        if sabotage::on(Sabotage::AdminLacksScopes) {
            return scopes.contains(&scope);
        }
        if sabotage::on(Sabotage::OperatorOpensEverything) && scopes.contains(&Scope::Operator) {
            return true;
        }
        scopes.contains(&scope) || (scope != Scope::Operator && scopes.contains(&Scope::Admin))
    }

    /// Scopes that the credential was given, as given.
    pub fn scopes(&self) -> &BTreeSet<Scope> {
        &self.0.scopes
    }

    /// When the credential stops being accepted; `None` does not expire.
    pub fn expires_at(&self) -> Option<UnixMillis> {
        self.0.expires_at
    }

    /// Whether the credential is no longer accepted at `now`, the tenant's time, for work that goes on after the request was
    /// let in.
    pub fn has_expired(&self, now: UnixMillis) -> bool {
        let accepted = match self.0.principal {
            Principal::ApiKey { .. } => sabotage::on(Sabotage::ExpiredKeyAccepted),
            Principal::Subject { .. } => sabotage::on(Sabotage::TokenExpiryIgnored),
            Principal::Maintenance => true,
        };
        !accepted && self.0.expires_at.is_some_and(|end| now >= end)
    }
}
