//! The models of this host: those that every host has, and those behind URLs and bindings.

use std::sync::Arc;

use reference_core::answer::{Extractive, ExtractiveBrief};
use reference_core::policy::{Policies, PolicySettings};
use reference_core::ports::{SpeechProvider, Timer};
use reference_core::retrieve::{Evidence, HashedEmbedder, TermOverlap};
use reference_core::speech::Speech;
use reference_providers::{Endpoint, Fetch, HostModels, Provider, ProviderSpeech};
use worker::Env;

use crate::cloud::AiFetch;
use crate::config::{self, Models};
use crate::fetch::JsFetch;

/// What tenants of this host may choose from, beside the models behind URLs.
pub(crate) fn models() -> Models {
    Models {
        embedding: vec![HashedEmbedder::MODEL.to_owned()],
        generation: vec![Extractive::MODEL.to_owned(), ExtractiveBrief::MODEL.to_owned()],
        rerank: vec![Evidence::MODEL.to_owned(), TermOverlap::MODEL.to_owned()],
    }
}

/// How calls to `provider` travel: through its binding, or over the network.
fn endpoint(env: &Env, provider: &Provider, timer: &Arc<dyn Timer>) -> worker::Result<Endpoint> {
    let fetch: Arc<dyn Fetch> = match &provider.binding {
        None => Arc::new(JsFetch),
        Some(name) => {
            let missing = || format!("model provider `{}`: expected a binding `{name}` of the kind ai", provider.id);
            Arc::new(AiFetch::new(env, name).ok_or_else(|| worker::Error::RustError(missing()))?)
        }
    };
    Ok(Endpoint::new(provider.clone(), fetch, Arc::clone(timer)))
}

/// Those that every host has and those of `config`.
///
/// # Errors
///
/// When a binding that a provider names is missing.
pub(crate) fn assemble(env: &Env, config: &config::Platform, timer: &Arc<dyn Timer>) -> worker::Result<HostModels> {
    let mut all = HostModels::own();
    for config::Configured { provider, .. } in &config.model_providers {
        all.add(&endpoint(env, provider, timer)?);
    }
    Ok(all)
}

/// The numbers of a model's policy: its own where it is behind a URL, else the deployment's.
pub(crate) fn policy(config: &config::Platform, model: &str) -> PolicySettings {
    let own = config.model_providers.iter().find(|it| it.provider.id == model);
    own.map_or_else(PolicySettings::default, |it| it.policy)
}

/// The speech of a deployment: providers behind URLs and bindings that `platform.yaml` lists. There is no encoder, so that
/// recordings are had as `wav` and `pcm`.
///
/// # Errors
///
/// When a binding that a provider names is missing.
pub(crate) fn speech(
    env: &Env,
    config: &config::Platform,
    timer: &Arc<dyn Timer>,
    policies: &Policies,
) -> worker::Result<Arc<Speech>> {
    let mut providers: Vec<Arc<dyn SpeechProvider>> = Vec::new();
    for config::Configured { provider, policy } in &config.model_providers {
        if !config.speech_providers.iter().any(|listed| *listed == provider.id) {
            continue;
        }
        let speaks = ProviderSpeech::new(endpoint(env, provider, timer)?);
        providers.extend(speaks.map(|it| policies.speech(Arc::new(it), *policy)));
    }
    Ok(Arc::new(Speech::new(providers, None)))
}
