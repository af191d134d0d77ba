//! Speech on this host: `espeak-ng` and the providers behind URLs that `platform.yaml` lists, and `ffmpeg` for the formats that
//! need a codec.

mod child;
mod espeak;
mod ffmpeg;

pub use espeak::Espeak;
pub use ffmpeg::Ffmpeg;

use std::sync::Arc;

use anyhow::Context as _;
use reference_core::policy::{Policies, PolicySettings};
use reference_core::ports::{SpeechEncoder, SpeechProvider, Timer};
use reference_core::speech::Speech;
use reference_core::tenancy::TenantSettings;
use reference_providers::{Endpoint, Fetch, ProviderSpeech};

use crate::config;
use crate::models::HttpFetch;

/// The speech of a deployment.
///
/// # Errors
///
/// When an https upstream is configured and this host's certificates cannot be read.
pub fn assemble(config: &config::Platform, timer: &Arc<dyn Timer>, policies: &Policies) -> anyhow::Result<Arc<Speech>> {
    let listed = |name: &str| config.speech_providers.iter().any(|listed| listed == name);
    let mut providers: Vec<Arc<dyn SpeechProvider>> = Vec::new();
    if listed(Espeak::NAME) {
        let places = std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2));
        // A call that waits costs nothing; a process each would take the processors from everything else.
        let policy = PolicySettings::default().with_places(places * 2);
        providers.push(policies.speech(Arc::new(Espeak::find()), policy));
    }
    for config::Configured { provider, policy } in &config.model_providers {
        if !listed(&provider.id) {
            continue;
        }
        let fetch = HttpFetch::new(provider.url.starts_with("https:"));
        let fetch = fetch.with_context(|| format!("speech provider `{}`", provider.id))?;
        let endpoint = Endpoint::new(provider.clone(), Arc::new(fetch) as Arc<dyn Fetch>, Arc::clone(timer));
        let speaks = ProviderSpeech::new(endpoint).map(|it| policies.speech(Arc::new(it), *policy));
        providers.extend(speaks);
    }
    let encoder = if providers.is_empty() { None } else { Ffmpeg::find() };
    Ok(Arc::new(Speech::new(providers, encoder.map(|it| Arc::new(it) as Arc<dyn SpeechEncoder>))))
}

/// What an operator should know of the speech that tenants want and this host cannot give, a line each.
pub fn complaints(config: &config::Platform, tenants: &[Arc<TenantSettings>]) -> Vec<String> {
    let wants = |tenant: &&Arc<TenantSettings>| tenant.tts.providers.iter().any(|name| name == Espeak::NAME);
    let wanting: Vec<&str> = tenants.iter().filter(wants).map(|tenant| tenant.tenant.as_str()).collect();
    let listed = config.speech_providers.iter().any(|name| name == Espeak::NAME);
    let mut lines = Vec::new();
    if listed && !wanting.is_empty() {
        if let Some(missing) = Espeak::find().missing() {
            let tenants = wanting.join(", ");
            lines.push(format!("speech is degraded for {tenants}: {missing}"));
        } else if Ffmpeg::find().is_none() {
            let missing = "ffmpeg with libmp3lame or libopus, or prlimit, is not found; install the packages ffmpeg and util-linux";
            lines.push(format!("speech is had as wav and pcm alone: {missing}"));
        }
    }
    lines
}
