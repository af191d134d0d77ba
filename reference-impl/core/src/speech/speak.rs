//! Speaks: each of a tenant's providers in turn until one does, piece by piece.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::{StreamExt, stream};

use super::format::{Recording, chunks, collected, media_type, network_order, wav};
use super::split::pieces;
use super::{NONE, Speaker, Speech, SpeechError, SpeechRequest};
use crate::limits;
use crate::ports::{ModelError, SoundChunks, SpeechCall, SpeechFormat};
use crate::sabotage::{self, Sabotage};
use crate::tenancy::TenantContext;

/// Sound that any text may make, and that each of its characters may add at the usual speed, in seconds. Names of signs and
/// long numbers are what takes the longest; speech takes less than a tenth of a second a character.
const LEAST_SECONDS: f64 = 10.0;
const SECONDS_A_CHAR: f64 = 4.0;
/// Sound that no text may make more of, in bytes of PCM: some 25 minutes at 22,050 samples a second.
const MOST_BYTES: f64 = 67_108_864.0;
/// The silence that a flaw answers with, in bytes of PCM.
const SILENCE_BYTES: usize = 4_410;

impl Speech {
    /// What can be said of a request before anybody speaks.
    ///
    /// # Errors
    ///
    /// Every [`SpeechError`] that is the request's own fault, and [`SpeechError::NotEnabled`].
    pub fn check(&self, tenant: &TenantContext, request: &SpeechRequest) -> Result<(), SpeechError> {
        if !self.is_enabled(tenant) {
            return Err(SpeechError::NotEnabled);
        }
        if !sabotage::on(Sabotage::SpeechLimitIgnored) {
            limits::check_speech(&request.text, tenant.settings().limits.tts_max_chars)?;
        }
        if !self.formats().contains(&request.format) {
            return Err(SpeechError::UnknownFormat);
        }
        if is_blank(&request.text) && !sabotage::on(Sabotage::SpeechOfNothing) {
            return Err(SpeechError::NothingToSay);
        }
        self.speakers(tenant, request).map(drop)
    }

    /// Speaks for the tenant. With `whole` the recording is there when this returns, and any failure so far had the next provider
    /// speak; otherwise the recording goes on while it is read, and only what fails before its first sound has.
    ///
    /// A WAV file states its length at its beginning and is always made whole.
    ///
    /// # Errors
    ///
    /// [`SpeechError`].
    pub async fn record(
        self: &Arc<Self>,
        tenant: &TenantContext,
        request: &SpeechRequest,
        whole: bool,
    ) -> Result<Recording, SpeechError> {
        self.check(tenant, request)?;
        let whole = whole || request.format == SpeechFormat::Wav;
        let mut last = SpeechError::NotEnabled;
        for speaker in self.speakers(tenant, request)? {
            let failed = match self.sound(tenant, request, &speaker, whole).await {
                Ok(pcm) => return self.recording(request, &speaker, pcm).await,
                Err(error) => error,
            };
            let again = sabotage::on(Sabotage::SpeechRefusalRetried);
            let over = sabotage::on(Sabotage::SpeechFallbackNotTaken);
            // What one provider finds fault with is not sent to another.
            let refused =
                matches!(failed, SpeechError::Model(ModelError::Rejected { .. }) | SpeechError::NothingToSay) && !again;
            if refused || over {
                return Err(failed);
            }
            last = failed;
        }
        Err(last)
    }

    /// The PCM of the whole text by one speaker, its first sound made.
    async fn sound(
        self: &Arc<Self>,
        tenant: &TenantContext,
        request: &SpeechRequest,
        speaker: &Speaker,
        whole: bool,
    ) -> Result<SoundChunks, SpeechError> {
        if sabotage::on(Sabotage::SpeechOfNothing) && is_blank(&request.text) {
            return Ok(chunks(vec![0; SILENCE_BYTES]));
        }
        let mut sound = self.bounded(tenant, request, speaker);
        if whole {
            let pcm = collected(sound).await?;
            return if pcm.is_empty() { Err(SpeechError::NothingToSay) } else { Ok(chunks(pcm)) };
        }
        match sound.next().await {
            Some(first) => {
                let first = first?;
                Ok(stream::iter([Ok(first)]).chain(sound).boxed())
            }
            None => Err(SpeechError::NothingToSay),
        }
    }

    /// The PCM of all pieces in order, none of them empty, and no more of it than the text explains.
    fn bounded(self: &Arc<Self>, tenant: &TenantContext, request: &SpeechRequest, speaker: &Speaker) -> SoundChunks {
        let most = most_bytes(request, speaker.voice.sample_rate_hz);
        let model = speaker.provider.name().to_owned();
        let sound = self.joined(tenant, request, speaker);
        let state = (sound, 0_usize, Some(model));
        let counted = stream::unfold(state, move |(mut sound, held, model)| async move {
            let model = model?;
            match sound.next().await? {
                Ok(chunk) if held + chunk.len() <= most => {
                    let held = held + chunk.len();
                    Some((Ok(chunk), (sound, held, Some(model))))
                }
                Ok(_) => {
                    let reason = "it made more sound than the text explains".to_owned();
                    Some((Err(ModelError::Unusable { model, reason }), (sound, held, None)))
                }
                Err(error) => Some((Err(error), (sound, held, None))),
            }
        });
        counted.filter(|chunk| std::future::ready(chunk.as_ref().map_or(true, |chunk| !chunk.is_empty()))).boxed()
    }

    /// The PCM of one piece after the other; the next is asked for when the one before has been read.
    fn joined(self: &Arc<Self>, tenant: &TenantContext, request: &SpeechRequest, speaker: &Speaker) -> SoundChunks {
        let mut left: VecDeque<String> =
            pieces(&request.text, speaker.provider.piece_chars()).into_iter().map(str::to_owned).collect();
        if sabotage::on(Sabotage::SpeechOrderSwapped) && left.len() > 1 {
            left.swap(0, 1);
        }
        if sabotage::on(Sabotage::SpeechTextTruncated) {
            left.truncate(1);
        }
        let speed = if sabotage::on(Sabotage::SpeechSpeedIgnored) { 1.0 } else { request.speed };
        let (speech, tenant, speaker) = (Arc::clone(self), tenant.clone(), speaker.clone());
        stream::unfold(Some((None::<SoundChunks>, left)), move |state| {
            let (speech, tenant, speaker) = (Arc::clone(&speech), tenant.clone(), speaker.clone());
            async move {
                let (mut current, mut left) = state?;
                loop {
                    if let Some(sound) = &mut current
                        && let Some(chunk) = sound.next().await
                    {
                        let state = chunk.is_ok().then_some((current, left));
                        return Some((chunk.map(quiet), state));
                    }
                    let piece = left.pop_front()?;
                    let Speaker { provider, voice, language } = &speaker;
                    speech.count(&tenant, &**provider);
                    match provider.speak(&tenant, SpeechCall { text: &piece, voice, language, speed }).await {
                        Ok(sound) => {
                            speech.charge(&tenant, &**provider, &piece);
                            current = Some(sound);
                        }
                        Err(error) => return Some((Err(error), None)),
                    }
                }
            }
        })
        .boxed()
    }

    async fn recording(
        &self,
        request: &SpeechRequest,
        speaker: &Speaker,
        pcm: SoundChunks,
    ) -> Result<Recording, SpeechError> {
        let rate = speaker.voice.sample_rate_hz;
        let sound = match request.format {
            SpeechFormat::Pcm => network_order(pcm),
            SpeechFormat::Wav => chunks(wav(rate, &collected(pcm).await?)),
            format @ (SpeechFormat::Mp3 | SpeechFormat::Opus) => {
                let encoder = self.encoder.as_ref().ok_or(SpeechError::UnknownFormat)?;
                encoder.encode(format, rate, pcm).await?
            }
        };
        let provider =
            if sabotage::on(Sabotage::SpeechProviderMisnamed) { NONE } else { speaker.provider.name() }.to_owned();
        Ok(Recording { provider, media_type: media_type(request.format, rate), sound })
    }
}

/// Whether there is nothing in a text that could be said.
fn is_blank(text: &str) -> bool {
    text.chars().all(|it| it.is_whitespace() || it.is_control())
}

/// Nothing to hear, in the flaw of that.
fn quiet(mut chunk: Vec<u8>) -> Vec<u8> {
    if sabotage::on(Sabotage::SpeechIsSilence) {
        chunk.fill(0);
    }
    chunk
}

/// The most PCM that a text explains, in bytes.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a bound")]
fn most_bytes(request: &SpeechRequest, sample_rate_hz: u32) -> usize {
    let seconds = LEAST_SECONDS + SECONDS_A_CHAR * request.text.chars().count() as f64 / request.speed.max(0.1);
    (seconds * f64::from(sample_rate_hz) * 2.0).min(MOST_BYTES) as usize
}
