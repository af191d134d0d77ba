//! The tenants that a deployment serves.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::{SettingsError, TenantId, TenantSettings};

/// All tenants' settings. Readers see one whole state; a change replaces it.
#[derive(Debug, Default)]
pub struct Registry {
    tenants: RwLock<Arc<Tenants>>,
}

#[derive(Debug, Default, Clone)]
struct Tenants {
    by_id: BTreeMap<TenantId, Arc<TenantSettings>>,
    by_hostname: BTreeMap<String, TenantId>,
}

/// Why a tenant was not taken in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// The id is in use.
    #[error("tenant `{tenant}` is already configured")]
    TenantExists {
        /// The id.
        tenant: TenantId,
    },
    /// The host name is another tenant's, or stands twice.
    #[error("host name `{hostname}` is already taken")]
    HostnameTaken {
        /// The name.
        hostname: String,
    },
    /// The settings contradict themselves.
    #[error("settings of tenant `{tenant}` are not usable")]
    Invalid {
        /// The id.
        tenant: TenantId,
        /// The rule that is broken.
        #[source]
        source: SettingsError,
    },
}

impl Registry {
    /// A registry of `tenants`.
    ///
    /// # Errors
    ///
    /// As [`Registry::add`].
    pub fn new(tenants: impl IntoIterator<Item = TenantSettings>) -> Result<Self, RegistryError> {
        let registry = Self::default();
        tenants.into_iter().try_for_each(|settings| registry.add(settings))?;
        Ok(registry)
    }

    /// Settings of the tenant, if it is configured.
    pub fn get(&self, tenant: &TenantId) -> Option<Arc<TenantSettings>> {
        self.snapshot().by_id.get(tenant).cloned()
    }

    /// The tenant that `host` belongs to alone, if any. `host` is a `Host` header's value: case, port and one final dot
    /// are looked past.
    pub fn tenant_of_host(&self, host: &str) -> Option<TenantId> {
        canonical_host(host).and_then(|name| self.snapshot().by_hostname.get(&name).cloned())
    }

    /// Settings of every tenant, by id.
    pub fn all(&self) -> Vec<Arc<TenantSettings>> {
        self.snapshot().by_id.values().cloned().collect()
    }

    /// Takes a new tenant in.
    ///
    /// # Errors
    ///
    /// [`RegistryError`]; nothing has changed then.
    pub fn add(&self, settings: TenantSettings) -> Result<(), RegistryError> {
        self.change(|tenants| {
            if tenants.by_id.contains_key(&settings.tenant) {
                return Err(RegistryError::TenantExists { tenant: settings.tenant.clone() });
            }
            tenants.insert(settings)
        })
    }

    /// Puts `settings` in the place of the tenant's present ones, or takes the tenant in.
    ///
    /// # Errors
    ///
    /// [`RegistryError`]; nothing has changed then.
    pub fn replace(&self, settings: TenantSettings) -> Result<(), RegistryError> {
        self.change(|tenants| {
            tenants.remove(&settings.tenant);
            tenants.insert(settings)
        })
    }

    /// Takes the tenant out; from now on none of its credentials is accepted. Returns the settings it had.
    pub fn remove(&self, tenant: &TenantId) -> Option<Arc<TenantSettings>> {
        let mut guard = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut guard).remove(tenant)
    }

    fn snapshot(&self) -> Arc<Tenants> {
        Arc::clone(&self.tenants.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, edit: impl FnOnce(&mut Tenants) -> Result<(), RegistryError>) -> Result<(), RegistryError> {
        let mut guard = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        let mut edited = Tenants::clone(&guard);
        edit(&mut edited)?;
        *guard = Arc::new(edited);
        Ok(())
    }
}

impl Tenants {
    fn insert(&mut self, settings: TenantSettings) -> Result<(), RegistryError> {
        settings.check().map_err(|source| RegistryError::Invalid { tenant: settings.tenant.clone(), source })?;
        for hostname in &settings.hostnames {
            if self.by_hostname.insert(hostname.clone(), settings.tenant.clone()).is_some() {
                return Err(RegistryError::HostnameTaken { hostname: hostname.clone() });
            }
        }
        self.by_id.insert(settings.tenant.clone(), Arc::new(settings));
        Ok(())
    }

    fn remove(&mut self, tenant: &TenantId) -> Option<Arc<TenantSettings>> {
        self.by_hostname.retain(|_, owner| owner != tenant);
        self.by_id.remove(tenant)
    }
}

/// The host name of a `Host` header in lower case, without port and without one final dot; `None` when nothing is left.
pub(super) fn canonical_host(host: &str) -> Option<String> {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    (!name.is_empty()).then(|| name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(id: &str, hostnames: &[&str]) -> TenantSettings {
        let mut settings = TenantSettings::new(TenantId::parse(id).unwrap(), id);
        settings.hostnames = hostnames.iter().map(|name| (*name).to_owned()).collect();
        settings
    }

    fn id(text: &str) -> TenantId {
        TenantId::parse(text).unwrap()
    }

    #[test]
    fn finds_a_host_whatever_its_case_port_and_final_dot() {
        let registry = Registry::new([settings("a", &["a.example"])]).unwrap();
        for host in ["a.example", "A.Example", "a.example:8787", "a.example.", "a.example.:80"] {
            assert_eq!(registry.tenant_of_host(host), Some(id("a")), "{host}");
        }
        for host in ["", ":80", "b.example", "a.example..", "xa.example", "[::1]:80", "a.example:x"] {
            assert_eq!(registry.tenant_of_host(host), None, "{host}");
        }
    }

    #[test]
    fn refuses_a_second_owner_and_changes_nothing() {
        let registry = Registry::new([settings("a", &["a.example"])]).unwrap();
        assert!(matches!(registry.add(settings("a", &[])), Err(RegistryError::TenantExists { .. })));
        let taken = settings("b", &["b.example", "a.example"]);
        assert!(matches!(registry.add(taken), Err(RegistryError::HostnameTaken { .. })));
        assert_eq!(registry.tenant_of_host("b.example"), None);
        assert_eq!(registry.all().len(), 1);
    }

    #[test]
    fn forgets_a_removed_tenant_with_its_hosts() {
        let registry = Registry::new([settings("a", &["a.example"]), settings("b", &[])]).unwrap();
        assert!(registry.remove(&id("a")).is_some());
        assert!(registry.remove(&id("a")).is_none());
        assert_eq!((registry.get(&id("a")), registry.tenant_of_host("a.example")), (None, None));
        registry.add(settings("c", &["a.example"])).unwrap();
        assert_eq!(registry.tenant_of_host("a.example"), Some(id("c")));
    }

    #[test]
    fn replaces_settings_as_a_whole() {
        let registry = Registry::new([settings("a", &["old.example"])]).unwrap();
        registry.replace(settings("a", &["new.example"])).unwrap();
        assert_eq!(registry.tenant_of_host("old.example"), None);
        assert_eq!(registry.tenant_of_host("new.example"), Some(id("a")));
    }
}
