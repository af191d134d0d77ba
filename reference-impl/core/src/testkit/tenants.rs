//! Two tenants whose contexts come from the real authenticator.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{JWKS, ManualClock, SeededIds, token_settings};
use crate::auth::{ApiKey, Authenticator, KeySet, Presented, TenantContext};
use crate::ports::{Clock, Ids};
use crate::tenancy::{Credential, CredentialState, Feature, Registry, Scope, TenantId, TenantSettings};

/// A credential to make for a test tenant.
#[derive(Debug, Clone)]
pub struct TestCredential {
    /// The key, as a client sends it.
    pub key: ApiKey,
    /// What configuration stores of it.
    pub stored: Credential,
}

impl TestCredential {
    /// A new active, unexpiring key named `name` for `tenant`.
    pub fn new(tenant: &TenantId, name: &str, scopes: &[Scope], ids: &dyn Ids) -> Self {
        let key = ApiKey::generate(tenant.clone(), ids);
        let stored = Credential {
            name: name.to_owned(),
            key_sha256: key.digest(),
            scopes: scopes.iter().copied().collect(),
            state: CredentialState::Active,
            expires_at: None,
            demo: false,
        };
        Self { key, stored }
    }
}

/// Tenants `aurora-bikes` and `meridian-lab`, each with an `admin` key and host name `<tenant>.plumbline.example`, all
/// features, and everything else at its default.
pub struct TestTenants {
    /// Their settings.
    pub registry: Arc<Registry>,
    /// Their clock.
    pub clock: Arc<ManualClock>,
    /// Seeded randomness.
    pub ids: Arc<SeededIds>,
    /// What makes their contexts; it trusts [`JWKS`] and refuses demo keys.
    pub authenticator: Arc<Authenticator>,
    /// The first tenant's `admin` key.
    pub owner_key: ApiKey,
    /// The second tenant's `admin` key.
    pub stranger_key: ApiKey,
}

impl TestTenants {
    /// The two tenants.
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// The two tenants, `change` applied to the settings of each.
    ///
    /// # Panics
    ///
    /// When the changed settings contradict themselves.
    pub fn with(change: impl Fn(&mut TenantSettings)) -> Self {
        let (clock, ids) = (Arc::new(ManualClock::default()), Arc::new(SeededIds::new(1)));
        let registry = Arc::new(Registry::default());
        let add = |text: &str| {
            let tenant = TenantId::parse(text).expect("a literal id");
            let admin = TestCredential::new(&tenant, "admin", &[Scope::Admin], &*ids);
            let mut settings = TenantSettings::new(tenant, text);
            settings.hostnames = vec![format!("{text}.plumbline.example")];
            settings.credentials = vec![admin.stored];
            settings.features = Feature::ALL.iter().copied().collect::<BTreeSet<_>>();
            change(&mut settings);
            registry.add(settings).expect("usable settings");
            admin.key
        };
        let (owner_key, stranger_key) = (add("aurora-bikes"), add("meridian-lab"));
        let keys = KeySet::parse(JWKS).expect("the set is part of the source");
        let port: Arc<dyn Clock> = clock.clone();
        let authenticator = Authenticator::new(registry.clone(), port, token_settings(), keys, false);
        Self { registry, clock, ids, authenticator: Arc::new(authenticator), owner_key, stranger_key }
    }

    /// Context of `aurora-bikes`, through its key; settings as they are now.
    pub fn owner(&self) -> TenantContext {
        self.context(&self.owner_key)
    }

    /// Context of `meridian-lab`, through its key; settings as they are now.
    pub fn stranger(&self) -> TenantContext {
        self.context(&self.stranger_key)
    }

    /// Context of a further key, added to the settings of `tenant`, that carries `scopes` alone.
    ///
    /// # Panics
    ///
    /// When `tenant` is not one of the two, or has a credential of this name.
    pub fn scoped(&self, tenant: &TenantId, name: &str, scopes: &[Scope]) -> TenantContext {
        let credential = TestCredential::new(tenant, name, scopes, &*self.ids);
        let settings = self.registry.get(tenant).expect("a test tenant");
        let mut settings = TenantSettings::clone(&settings);
        settings.credentials.push(credential.stored);
        self.registry.replace(settings).expect("an unused name");
        self.context(&credential.key)
    }

    /// Context of a tenant that no registry knows and no credential reaches, under which a host keeps what belongs to no tenant.
    ///
    /// # Panics
    ///
    /// Never: its settings are the default.
    pub fn nobody(&self) -> TenantContext {
        let id = TenantId::parse("nobody").expect("a literal id");
        let registry = Registry::new([TenantSettings::new(id.clone(), "nobody")]).expect("usable settings");
        let clock: Arc<dyn Clock> = self.clock.clone();
        let authenticator = Authenticator::new(Arc::new(registry), clock, token_settings(), KeySet::default(), false);
        authenticator.maintenance(&id).expect("it is in the registry")
    }

    fn context(&self, key: &ApiKey) -> TenantContext {
        let header = format!("Bearer {}", key.expose());
        let presented = Presented { authorization: &[header.as_bytes()], ..Presented::default() };
        self.authenticator.authenticate(&presented).expect("the tenant's own key")
    }
}

impl Default for TestTenants {
    fn default() -> Self {
        Self::new()
    }
}
