//! Who speaks: the tenant's providers in order, each with a voice for the language.

use std::sync::Arc;

use super::{Speaker, Speech, SpeechError, SpeechRequest};
use crate::ports::{ModelError, SpeechProvider, SpeechVoice};
use crate::sabotage::{self, Sabotage};
use crate::tenancy::TenantContext;

/// The language of a text that says none.
const ENGLISH: &str = "en";

impl Speech {
    /// Those who may speak a request of the tenant, in the order in which they are tried: the provider of the voice that was
    /// asked for, then the others that have a voice for the language.
    pub(super) fn speakers(
        &self,
        tenant: &TenantContext,
        request: &SpeechRequest,
    ) -> Result<Vec<Speaker>, SpeechError> {
        let mut enabled: Vec<&Arc<dyn SpeechProvider>> = self.enabled(tenant).collect();
        if sabotage::on(Sabotage::SpeechReachesOthers) {
            let others =
                self.providers.iter().filter(|it| !tenant.settings().tts.providers.contains(&it.name().into()));
            enabled = others.chain(enabled.iter().copied()).collect();
        }
        if enabled.iter().all(|provider| provider.voices().is_empty()) {
            let model = enabled.first().map_or("none", |provider| provider.name()).to_owned();
            let reason = "no speech provider of the tenant works on this host".to_owned();
            return Err(ModelError::Unavailable { model, reason }.into());
        }
        let asked = request.voice.as_deref().filter(|_| !sabotage::on(Sabotage::SpeechVoiceIgnored));
        let language = request.language.as_deref().filter(|_| !sabotage::on(Sabotage::SpeechLanguageIgnored));
        let Some(asked) = asked else {
            let speakers: Vec<Speaker> =
                enabled.iter().filter_map(|it| speaker(it, language.unwrap_or(ENGLISH))).collect();
            return match (speakers.is_empty(), language) {
                (false, _) => Ok(speakers),
                (true, Some(_)) => Err(SpeechError::UnknownLanguage),
                (true, None) => Ok(enabled.iter().filter_map(|it| first(it)).collect()),
            };
        };
        let of = |provider: &&Arc<dyn SpeechProvider>| provider.voices().iter().any(|voice| voice.id == asked);
        let at = enabled.iter().position(of).ok_or(SpeechError::UnknownVoice)?;
        let owner = enabled.remove(at);
        let voice = owner.voices().iter().find(|voice| voice.id == asked).ok_or(SpeechError::UnknownVoice)?;
        let language = language.unwrap_or(&voice.language);
        if !voice.any_language && !same_language(&voice.language, language) {
            return Err(SpeechError::UnknownLanguage);
        }
        let own = Speaker { provider: Arc::clone(owner), voice: voice.clone(), language: language.to_owned() };
        Ok(std::iter::once(own).chain(enabled.iter().filter_map(|it| speaker(it, language))).collect())
    }
}

/// The provider with its best voice for the language, where it has one.
fn speaker(provider: &Arc<dyn SpeechProvider>, language: &str) -> Option<Speaker> {
    let fits: [&dyn Fn(&SpeechVoice) -> bool; 3] = [
        &|voice| voice.language.eq_ignore_ascii_case(language),
        &|voice| same_language(&voice.language, language),
        &|voice| voice.any_language,
    ];
    let voice = fits.iter().find_map(|fits| provider.voices().iter().find(|voice| fits(voice)))?;
    Some(Speaker { provider: Arc::clone(provider), voice: voice.clone(), language: language.to_owned() })
}

/// The provider with its first voice.
fn first(provider: &Arc<dyn SpeechProvider>) -> Option<Speaker> {
    let voice = provider.voices().first()?.clone();
    Some(Speaker { provider: Arc::clone(provider), language: voice.language.clone(), voice })
}

/// Whether two tags name one language, whatever their regions.
fn same_language(one: &str, other: &str) -> bool {
    let primary = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
    primary(one) == primary(other)
}
