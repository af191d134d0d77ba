//! The tenants of a run, their credentials, and what is asked of them.

use std::collections::BTreeSet;

use contract_types::Feature;
use harness::credential::Credential;

use super::Session;

impl Session {
    /// The tenant that most cases use.
    pub fn main_tenant(&self) -> &str {
        self.profile.spec.tenants.first().map_or("", |tenant| tenant.as_str())
    }

    /// The tenant that generated requests go to; empty where the profile has none.
    pub fn bench(&self) -> &str {
        self.bench_tenant().unwrap_or_default()
    }

    /// The tenant that generated requests go to.
    pub fn bench_tenant(&self) -> Option<&str> {
        let bench = self.profile.spec.bench.as_ref().map(|tenant| tenant.as_str());
        bench.or_else(|| self.profile.spec.tenants.first().map(|tenant| tenant.as_str()))
    }

    /// A tenant that is not the bench: the one whose things the isolation matrix reaches for.
    pub fn stranger(&self) -> Option<&str> {
        let bench = self.bench_tenant();
        let tenants = self.profile.spec.tenants.iter().map(|tenant| tenant.as_str());
        let mut others = tenants.filter(|tenant| Some(*tenant) != bench);
        // The second tenant of the profile, where there are three: the first is the one that most cases watch.
        let first = others.next();
        others.next().or(first)
    }

    /// Another tenant of the target.
    pub fn foreign_tenant(&self) -> Option<&str> {
        self.profile.spec.tenants.get(1).map(|tenant| tenant.as_str())
    }

    /// Why `rule` does not bind the target yet: it came with a later contract version than the one that the target serves.
    pub fn comes_later(&self, rule: Option<&str>) -> Option<String> {
        let rule = self.contract.rules.iter().find(|known| Some(known.id.as_str()) == rule)?;
        let serves = self.facts.values().find_map(|facts| facts.contract_version.as_deref())?;
        let since = rule.since.as_deref().filter(|_| !rule.binds(serves))?;
        Some(format!("{} came with contract {since}, and the target serves {serves}", rule.id))
    }

    /// Whether only cases that change nothing may run.
    pub fn is_safe_only(&self) -> bool {
        self.profile.spec.safe_only.unwrap_or(false)
    }

    /// The features that `tenant` declares.
    pub fn features(&self, tenant: &str) -> BTreeSet<Feature> {
        self.facts.get(tenant).map(|facts| facts.features.clone()).unwrap_or_default()
    }

    /// The credential that a tenant's cases use unless they say otherwise: `all`, or the first.
    pub fn principal(&self, tenant: &str) -> Option<&Credential> {
        let first = || self.profile.credentials.iter().find(|credential| credential.tenant == tenant);
        self.profile.credential(tenant, "all").or_else(first)
    }

    /// A credential of `tenant` with all of `scopes`.
    pub fn with_scope(&self, tenant: &str, scopes: &[String]) -> Option<&Credential> {
        let fits = |credential: &&Credential| scopes.iter().all(|scope| credential.holds(scope));
        self.profile.credential(tenant, "all").filter(fits).or_else(|| {
            let usable =
                |credential: &&Credential| !matches!(credential.name.as_str(), "revoked" | "expired" | "rotating");
            self.profile.credentials.iter().filter(|c| c.tenant == tenant).filter(usable).find(fits)
        })
    }

    /// Every tenant of the profile.
    pub fn tenants(&self) -> BTreeSet<String> {
        self.profile.spec.tenants.iter().map(ToString::to_string).collect()
    }
}
