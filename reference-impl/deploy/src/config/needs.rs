//! Which bindings and secrets a Worker needs for what its tenant has.

use contract_types::{DeployBinding, DeployBindingKind, Feature, TenantConfig, VectorSettingsCandidates};

/// Something that a Worker must have.
#[derive(Debug, Clone, Copy)]
pub struct Need {
    /// Name of the binding or secret.
    pub name: &'static str,
    /// Kind of the binding; `None` for a secret.
    pub kind: Option<DeployBindingKind>,
    /// What needs it, for people.
    pub because: &'static str,
    applies: fn(&TenantConfig) -> bool,
}

/// Every need, in the order in which it is told.
pub const NEEDS: [Need; 6] = [
    Need {
        name: "TENANTS",
        kind: Some(DeployBindingKind::DurableObject),
        because: "every tenant's store is a Durable Object",
        applies: |_| true,
    },
    Need { name: "CURSOR_SECRET", kind: None, because: "cursors are authenticated with it", applies: |_| true },
    Need {
        name: "AI",
        kind: Some(DeployBindingKind::Ai),
        because: "a model of the tenant runs on Workers AI",
        applies: |tenant| {
            let models = &tenant.models;
            [&models.embedding, &models.generation, &models.rerank].iter().any(|model| model.0.starts_with("@cf/"))
        },
    },
    Need {
        name: "PASSAGES",
        kind: Some(DeployBindingKind::Vectorize),
        because: "the index that names candidates for the tenant's vectors is there",
        applies: |tenant| {
            let chosen = tenant.vectors.as_ref().map(|it| it.candidates);
            tenant.models.embedding.0.starts_with("@cf/") || chosen == Some(VectorSettingsCandidates::Vectorize)
        },
    },
    Need {
        name: "AUDIO",
        kind: Some(DeployBindingKind::R2Bucket),
        because: "the feature `tts` keeps audio there",
        applies: |tenant| tenant.features.contains(&Feature::Tts),
    },
    Need {
        name: "METRICS",
        kind: Some(DeployBindingKind::Analytics),
        because: "the feature `metrics` writes there",
        applies: |tenant| tenant.features.contains(&Feature::Metrics),
    },
];

impl Need {
    /// Whether `tenant` has it.
    pub fn applies(&self, tenant: &TenantConfig) -> bool {
        (self.applies)(tenant)
    }

    /// Whether one of `bindings` is it.
    pub(super) fn met_by(&self, bindings: &[DeployBinding]) -> bool {
        bindings.iter().any(|binding| binding.name == self.name && Some(binding.kind) == self.kind)
    }
}

/// The kind as files spell it.
pub(crate) fn kind_name(kind: DeployBindingKind) -> &'static str {
    match kind {
        DeployBindingKind::KvNamespace => "kv_namespace",
        DeployBindingKind::Vectorize => "vectorize",
        DeployBindingKind::R2Bucket => "r2_bucket",
        DeployBindingKind::Queue => "queue",
        DeployBindingKind::Ai => "ai",
        DeployBindingKind::DurableObject => "durable_object",
        DeployBindingKind::Analytics => "analytics",
    }
}
