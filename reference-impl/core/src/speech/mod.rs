//! From a text to a recording: a voice is chosen, the text is cut at its sentences, the pieces are spoken in order by a provider
//! that the tenant has enabled, and their sound is joined under one header.

mod choose;
mod error;
mod format;
mod speak;
mod split;
#[cfg(test)]
mod tests;

pub use error::SpeechError;
pub use format::{Recording, collected};
pub use split::pieces;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::ports::{SpeechEncoder, SpeechFormat, SpeechProvider, SpeechVoice};
use crate::redact::redacted;
use crate::tenancy::{Feature, TenantContext, TenantId};
use crate::usage::Meter;

/// The name that stands for no provider.
pub const NONE: &str = "none";

/// What is to be said, and how.
#[derive(Clone, PartialEq)]
pub struct SpeechRequest {
    /// The text.
    pub text: String,
    /// A voice; `None` leaves it to the provider.
    pub voice: Option<String>,
    /// Language of the text; `None` means the voice's, or English without one.
    pub language: Option<String>,
    /// Format of the recording.
    pub format: SpeechFormat,
    /// Speed as a multiple of the usual one, 0.5 to 2.
    pub speed: f64,
}

redacted!(SpeechRequest { voice, language, format, speed } hides { text });

impl SpeechRequest {
    /// Characters of the text.
    pub fn characters(&self) -> u64 {
        u64::try_from(self.text.chars().count()).unwrap_or(u64::MAX)
    }
}

/// A voice and whose it is.
#[derive(Clone)]
pub struct Speaker {
    /// The provider.
    pub provider: Arc<dyn SpeechProvider>,
    /// One of its voices.
    pub voice: SpeechVoice,
    /// Language that it is to speak.
    pub language: String,
}

/// The deployment's speech: its providers, its encoder, and what was asked of them.
#[derive(Default)]
pub struct Speech {
    providers: Vec<Arc<dyn SpeechProvider>>,
    encoder: Option<Arc<dyn SpeechEncoder>>,
    calls: Mutex<BTreeMap<(TenantId, String), u64>>,
    meter: OnceLock<Meter>,
}

impl Speech {
    /// Speech by `providers`, each of which a tenant must enable by name; without an encoder there are `wav` and `pcm` alone.
    pub fn new(providers: Vec<Arc<dyn SpeechProvider>>, encoder: Option<Arc<dyn SpeechEncoder>>) -> Self {
        Self { providers, encoder, calls: Mutex::default(), meter: OnceLock::new() }
    }

    /// Has what is spoken counted by a platform's meter; the first that is given stays.
    pub(crate) fn count_with(&self, meter: Meter) {
        let _ = self.meter.set(meter);
    }

    /// Whether the tenant has a provider at all, be it up or down.
    pub fn is_enabled(&self, tenant: &TenantContext) -> bool {
        let settings = tenant.settings();
        settings.has_feature(Feature::Tts) && self.enabled(tenant).next().is_some()
    }

    /// The formats that a tenant with speech can have.
    pub fn formats(&self) -> Vec<SpeechFormat> {
        let encoded = self.encoder.as_ref().map(|encoder| encoder.formats()).unwrap_or_default();
        let has =
            |format: &SpeechFormat| matches!(format, SpeechFormat::Wav | SpeechFormat::Pcm) || encoded.contains(format);
        SpeechFormat::ALL.iter().copied().filter(has).collect()
    }

    /// The tenant's providers, in the order in which they are tried.
    fn enabled(&self, tenant: &TenantContext) -> impl Iterator<Item = &Arc<dyn SpeechProvider>> {
        let names = tenant.settings().tts.providers.iter().filter(|name| name.as_str() != NONE);
        names.filter_map(|name| self.providers.iter().find(|provider| provider.name() == name))
    }

    /// The voices of the tenant's providers, by id, each with the name of its provider. Of two voices with one id, the one of
    /// the provider that is tried first is meant.
    ///
    /// # Errors
    ///
    /// [`SpeechError::NotEnabled`].
    pub fn voices(&self, tenant: &TenantContext) -> Result<Vec<(SpeechVoice, String)>, SpeechError> {
        if !self.is_enabled(tenant) {
            return Err(SpeechError::NotEnabled);
        }
        let mut voices: BTreeMap<String, (SpeechVoice, String)> = BTreeMap::new();
        for provider in self.enabled(tenant) {
            for voice in provider.voices() {
                let entry = || (voice.clone(), provider.name().to_owned());
                voices.entry(voice.id.clone()).or_insert_with(entry);
            }
        }
        Ok(voices.into_values().collect())
    }

    /// Whether every provider of the deployment can work; `None` where it has none.
    pub fn works(&self) -> Option<bool> {
        (!self.providers.is_empty()).then(|| self.providers.iter().all(|provider| provider.works()))
    }

    /// Calls so far by the name of the provider, of one tenant or of all.
    pub fn calls(&self, tenant: Option<&TenantId>) -> BTreeMap<String, u64> {
        let mut calls: BTreeMap<String, u64> = self.providers.iter().map(|it| (it.name().to_owned(), 0)).collect();
        for ((id, name), count) in &*self.lock() {
            if tenant.is_none_or(|tenant| tenant == id) {
                *calls.entry(name.clone()).or_default() += count;
            }
        }
        calls
    }

    /// Counts from nothing.
    pub fn reset(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(TenantId, String), u64>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a text that a provider has taken.
    fn charge(&self, tenant: &TenantContext, provider: &dyn SpeechProvider, text: &str) {
        if let Some(meter) = self.meter.get() {
            let characters = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
            meter.charge_speech(tenant, provider.name(), characters);
        }
    }

    fn count(&self, tenant: &TenantContext, provider: &dyn SpeechProvider) {
        *self.lock().entry((tenant.id().clone(), provider.name().to_owned())).or_default() += 1;
    }
}
