//! A tenant's settings that shape answers, as the keys of the cache know them, written down once for each change of the settings.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::tenancy::{TenantContext, TenantId, TenantSettings};

/// What of the settings is part of every key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    /// How is retrieved, what is filtered, and the prompt.
    pub(super) settings: Arc<str>,
    /// What the tenant has of the platform.
    pub(super) features: Arc<str>,
}

impl Shape {
    pub(super) fn of(settings: &TenantSettings) -> Self {
        let TenantSettings { retrieval, safety, link_hosts, answer_prompt, features, .. } = settings;
        let features: Vec<String> = features.iter().map(|it| format!("{it:?}")).collect();
        Self {
            settings: format!("{retrieval:?} {safety:?} {link_hosts:?} {answer_prompt:?}").into(),
            features: features.join(" ").into(),
        }
    }
}

/// The shapes of all tenants. Settings are never changed in their place, so the same ones have the same shape.
#[derive(Debug, Default)]
pub(crate) struct Shapes(RwLock<HashMap<TenantId, (Arc<TenantSettings>, Shape)>>);

impl Shapes {
    pub(super) fn of(&self, tenant: &TenantContext) -> Shape {
        let settings = tenant.shared_settings();
        if let Some((of, shape)) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(tenant.id())
            && Arc::ptr_eq(of, settings)
        {
            return shape.clone();
        }
        let shape = Shape::of(settings);
        let known = (Arc::clone(settings), shape.clone());
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(tenant.id().clone(), known);
        shape
    }

    /// Forgets a tenant that is gone.
    pub(crate) fn forget(&self, tenant: &TenantId) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(tenant);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenancy::Feature;
    use crate::testkit::TestTenants;

    #[test]
    fn tells_changed_settings_from_those_before() {
        let one = TestTenants::new();
        let longer = TestTenants::with(|settings| settings.retrieval.top_k += 1);
        let other = TestTenants::with(|settings| {
            if !settings.features.remove(&Feature::SpellCorrection) {
                settings.features.insert(Feature::SpellCorrection);
            }
        });
        let shapes = Shapes::default();
        let first = shapes.of(&one.owner());
        assert_eq!(shapes.of(&one.owner()), first);
        assert_ne!(shapes.of(&longer.owner()).settings, first.settings);
        assert_ne!(shapes.of(&other.owner()).features, first.features);
        assert_eq!(shapes.of(&one.owner()), first, "and back again");
    }
}
