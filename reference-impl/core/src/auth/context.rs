//! The proof that a caller belongs to a tenant.

use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::ports::UnixMillis;
use crate::sabotage::{self, Sabotage};
use crate::tenancy::{Scope, TenantId, TenantSettings};
use crate::trace::{Step, StepName, TracePoint, Trail};
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
pub struct TenantContext {
    inner: Arc<Inner>,
    mark: Option<Arc<RequestMark>>,
    /// The step that it acts in; `None` directly under the request.
    within: Option<NonZeroU64>,
}

/// The request that a context acts in: what upstreams are told of it, how long it may take, and where its steps are kept.
#[derive(Debug, Clone)]
pub struct RequestMark {
    /// Its id, as the client sees it.
    pub request_id: String,
    /// Its own span in its trace.
    pub trace: TracePoint,
    /// The caller's `tracestate`, which goes on unchanged.
    pub state: Option<String>,
    /// When its time is over, in microseconds of [`Clock::monotonic_us`](crate::ports::Clock::monotonic_us); `None` for work
    /// that goes on when the request has been answered.
    pub deadline_us: Option<u64>,
    /// Its steps, where its trace is sampled.
    pub trail: Option<Arc<Trail>>,
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
        let inner = Arc::new(Inner { settings, principal, scopes, expires_at, tally: Tally::default() });
        Self { inner, mark: None, within: None }
    }

    /// The same caller within a request. It changes nothing of what the caller may do.
    #[must_use]
    pub fn for_request(&self, mark: RequestMark) -> Self {
        Self { inner: Arc::clone(&self.inner), mark: Some(Arc::new(mark)), within: None }
    }

    /// The same caller for work that goes on when the request has been answered, and so has no deadline of it.
    #[must_use]
    pub fn beside_request(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), mark: None, within: None }
    }

    /// The request that the caller acts in; `None` for work beside requests.
    pub fn request(&self) -> Option<&RequestMark> {
        self.mark.as_deref()
    }

    /// `traceparent` for a call that the caller makes here, in W3C's form; `None` beside requests.
    pub fn traceparent(&self) -> Option<String> {
        let trace = self.request()?.trace;
        Some(self.within.map_or(trace, |step| trace.at(step.get())).to_string())
    }

    /// Whether steps are recorded.
    pub fn is_traced(&self) -> bool {
        self.request().is_some_and(|request| request.trail.is_some())
    }

    /// Begins a step: the caller within it, and what ends it. Calls of upstreams that are made with that context carry the
    /// step's id.
    pub fn step(&self, name: StepName) -> (Self, Step) {
        let Some(trail) = self.request().and_then(|request| request.trail.as_ref()) else {
            return (self.clone(), Step::unseen());
        };
        let (id, step) = trail.begin(name, self.within);
        (Self { within: Some(id), ..self.clone() }, step)
    }

    /// The same caller with another tally, for a piece of work of its own.
    fn with_tally(&self, tally: Tally) -> Self {
        let Inner { settings, principal, scopes, expires_at, .. } = &*self.inner;
        let (settings, principal, scopes) = (Arc::clone(settings), principal.clone(), scopes.clone());
        let inner = Arc::new(Inner { settings, principal, scopes, expires_at: *expires_at, tally });
        Self { inner, mark: self.mark.clone(), within: self.within }
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
        Self::new(settings, self.inner.principal.clone(), self.inner.scopes.clone(), self.inner.expires_at)
    }

    /// The tenant.
    pub fn id(&self) -> &TenantId {
        &self.inner.settings.tenant
    }

    /// The tenant's settings.
    pub fn settings(&self) -> &TenantSettings {
        &self.inner.settings
    }

    /// The settings as they are shared with the registry: the same ones until they are replaced.
    pub(crate) fn shared_settings(&self) -> &Arc<TenantSettings> {
        &self.inner.settings
    }

    /// What this request has used so far. A context is made for each request, and its clones share this.
    pub fn tally(&self) -> &Tally {
        &self.inner.tally
    }

    /// Who acts.
    pub fn principal(&self) -> &Principal {
        &self.inner.principal
    }

    /// Whether the credential carries `scope`; `admin` carries all but `operator`.
    pub fn has_scope(&self, scope: Scope) -> bool {
        let scopes = &self.inner.scopes;
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
        &self.inner.scopes
    }

    /// When the credential stops being accepted; `None` does not expire.
    pub fn expires_at(&self) -> Option<UnixMillis> {
        self.inner.expires_at
    }

    /// Whether the credential is no longer accepted at `now`, the tenant's time, for work that goes on after the request was
    /// let in.
    pub fn has_expired(&self, now: UnixMillis) -> bool {
        let accepted = match self.inner.principal {
            Principal::ApiKey { .. } => sabotage::on(Sabotage::ExpiredKeyAccepted),
            Principal::Subject { .. } => sabotage::on(Sabotage::TokenExpiryIgnored),
            Principal::Maintenance => true,
        };
        !accepted && self.inner.expires_at.is_some_and(|end| now >= end)
    }
}
