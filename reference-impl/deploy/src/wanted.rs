//! What a configuration asks for, worked out without asking anybody: resources, bindings, routes, and the version to upload.

mod artefact;
mod metadata;
mod wrangler;

use contract_types::{DeployBinding, DeployBindingKind, DeployBindingMetric, MetadataIndexType};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::config::Deployment;

pub use artefact::{Artefact, ArtefactError};
pub(crate) use metadata::at_once;
pub use metadata::{Migrate, metadata};
pub use wrangler::wrangler_config;

/// Something in the account that a Worker is bound to and that must be there first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    /// A KV namespace, by its title.
    Namespace(String),
    /// A Vectorize index.
    Index {
        /// Its name.
        name: String,
        /// Its dimensions.
        dimensions: u64,
        /// How it compares.
        metric: &'static str,
        /// Properties that it filters by, with their types.
        properties: Vec<(String, &'static str)>,
    },
    /// An R2 bucket.
    Bucket(String),
    /// A queue.
    Queue(String),
}

/// All that one deployment wants.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The configuration.
    pub deployment: Deployment,
    /// The code.
    pub artefact: Artefact,
    /// Resources, in the order in which they are made.
    pub resources: Vec<Resource>,
    /// Mark of the version: of the code and of every setting that is part of a version.
    pub tag: String,
    /// Whether a run began this and was cut off, so that it may have traffic without having been tried.
    pub cut_off: bool,
}

impl Wanted {
    /// Works it out.
    pub fn new(deployment: Deployment, artefact: Artefact) -> Self {
        let resources = deployment.settings.bindings.iter().filter_map(resource).collect();
        let tag = tag(&deployment, &artefact);
        Self { deployment, artefact, resources, tag, cut_off: false }
    }

    /// Name of the Worker.
    pub fn worker(&self) -> &str {
        &self.deployment.settings.worker
    }

    /// Names of the secrets.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.deployment.settings.secrets.iter().flatten().map(|secret| secret.name.as_str())
    }

    /// Text that a version is uploaded with and that its traffic is shared out with.
    pub fn message(&self) -> String {
        if self.artefact.hash.is_empty() {
            return "plumbline: back to an earlier version".to_owned();
        }
        format!("plumbline artefact {}", self.artefact.hash)
    }

    /// Whether `tag` marks a version of exactly this.
    pub fn is_of(&self, tag: &str) -> bool {
        tag.strip_prefix(&self.tag).is_some_and(|rest| rest.is_empty() || rest.starts_with('r'))
    }
}

/// The hash of the artefact that a version's message names.
pub fn artefact_of(message: &str) -> Option<&str> {
    message.strip_prefix("plumbline artefact ")
}

fn resource(binding: &DeployBinding) -> Option<Resource> {
    let name = binding.resource.clone();
    match binding.kind {
        DeployBindingKind::KvNamespace => name.map(Resource::Namespace),
        DeployBindingKind::R2Bucket => name.map(Resource::Bucket),
        DeployBindingKind::Queue => name.map(Resource::Queue),
        DeployBindingKind::Vectorize => Some(Resource::Index {
            name: name?,
            dimensions: binding.dimensions?,
            metric: metric(binding.metric),
            properties: binding
                .metadata_indexes
                .iter()
                .flatten()
                .map(|it| (it.property.clone(), kind(it.r#type)))
                .collect(),
        }),
        DeployBindingKind::Ai | DeployBindingKind::DurableObject | DeployBindingKind::Analytics => None,
    }
}

fn metric(metric: Option<DeployBindingMetric>) -> &'static str {
    match metric {
        None | Some(DeployBindingMetric::Cosine) => "cosine",
        Some(DeployBindingMetric::Euclidean) => "euclidean",
        Some(DeployBindingMetric::DotProduct) => "dot-product",
    }
}

fn kind(kind: MetadataIndexType) -> &'static str {
    match kind {
        MetadataIndexType::String => "string",
        MetadataIndexType::Number => "number",
        MetadataIndexType::Boolean => "boolean",
    }
}

/// The platform takes tags of 25 characters; 17 leave room for the mark of a version that was uploaded again.
fn tag(deployment: &Deployment, artefact: &Artefact) -> String {
    let settings = &deployment.settings;
    let of = json!([
        artefact.hash,
        deployment.config_text,
        settings.worker,
        settings.compatibility_date,
        settings.compatibility_flags,
        settings.bindings,
        settings.vars,
        settings.secrets.iter().flatten().map(|secret| &secret.name).collect::<Vec<_>>(),
        deployment.migrations,
    ]);
    let hash = hex::encode(Sha256::digest(of.to_string().as_bytes()));
    format!("p{}", &hash[..16])
}
