//! The published credentials of the fixtures, which only `--demo` accepts.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The folder `credentials` that lies beside the tenants folder of the fixtures.
#[derive(Debug, Clone)]
pub struct DemoFiles {
    folder: PathBuf,
}

#[derive(Deserialize)]
struct DemoKey {
    tenant: String,
    name: String,
    key: String,
}

impl DemoFiles {
    /// Credentials beside `tenants`, the tenants folder.
    pub fn beside(tenants: &Path) -> Self {
        Self { folder: tenants.join("..").join("credentials") }
    }

    /// Where the public keys of demo tokens lie.
    pub(super) fn jwks(&self) -> PathBuf {
        self.folder.join("jwks.json")
    }

    /// A published key with every scope, for the first tenant that has one.
    pub fn any_key(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.folder.join("keys.yaml")).ok()?;
        let keys: Vec<DemoKey> = serde_yaml::from_str(&text).ok()?;
        keys.into_iter().filter(|key| key.name == "all").min_by(|a, b| a.tenant.cmp(&b.tenant)).map(|key| key.key)
    }
}
