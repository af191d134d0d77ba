//! The models of this host: those that every host has, the neural one, and those behind URLs.

use std::sync::Arc;

use anyhow::Context as _;
use minilm::MiniLm;
use reference_core::policy::PolicySettings;
use reference_core::ports::Timer;
use reference_providers::{Endpoint, Fetch, HostModels};

use crate::config;
use crate::models::{HttpFetch, MiniLmEmbedder};

/// The models that `config` has beside those of every host.
///
/// # Errors
///
/// When an https upstream is configured and this host's certificates cannot be read.
pub(crate) fn assemble(
    config: &config::Platform,
    minilm: &Arc<MiniLm>,
    timer: &Arc<dyn Timer>,
) -> anyhow::Result<HostModels> {
    let places = std::thread::available_parallelism().map_or(1, usize::from);
    let mut all = HostModels::own();
    all.embedders.push(Arc::new(MiniLmEmbedder::new(Arc::clone(minilm), places)));
    for config::Configured { provider, .. } in &config.model_providers {
        let fetch = HttpFetch::new(provider.url.starts_with("https:"));
        let fetch = fetch.with_context(|| format!("model provider `{}`", provider.id))?;
        all.add(&Endpoint::new(provider.clone(), Arc::new(fetch) as Arc<dyn Fetch>, Arc::clone(timer)));
    }
    Ok(all)
}

/// The numbers of a model's policy: its own where it is behind a URL, else the deployment's.
pub(crate) fn policy(config: &config::Platform, model: &str) -> PolicySettings {
    let own = config.model_providers.iter().find(|it| it.provider.id == model);
    own.map_or_else(PolicySettings::default, |it| it.policy)
}
