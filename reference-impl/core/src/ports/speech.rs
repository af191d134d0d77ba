//! From text to sound, and from sound to a format.

use futures_util::stream::BoxStream;

use super::{BoxFuture, ModelError};
use crate::redact::redacted;
use crate::tenancy::TenantContext;
use crate::tenancy::scope::named;

named! {
    /// A format of sound that clients ask for.
    SpeechFormat {
        /// MPEG layer III.
        Mp3 = "mp3",
        /// RIFF with 16-bit PCM.
        Wav = "wav",
        /// Opus in Ogg.
        Opus = "opus",
        /// 16-bit PCM without a header.
        Pcm = "pcm",
    }
}

/// A voice of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpeechVoice {
    /// Name that requests know it by.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Language tag of what it speaks.
    pub language: String,
    /// Whether it speaks every other language too.
    pub any_language: bool,
    /// Samples of its sound in a second.
    pub sample_rate_hz: u32,
}

/// What a provider is asked to say.
#[derive(Clone, Copy, PartialEq)]
pub struct SpeechCall<'a> {
    /// The text, to be spoken to the letter: nothing in it is markup or an option.
    pub text: &'a str,
    /// One of the provider's voices.
    pub voice: &'a SpeechVoice,
    /// Language of the text.
    pub language: &'a str,
    /// Speed as a multiple of the usual one, 0.5 to 2.
    pub speed: f64,
}

redacted!(SpeechCall<'_> { voice, language, speed } hides { text });

/// Sound as it is made: pieces of bytes of one recording, in order. Dropping it ends the work. An error is its last item.
pub type SoundChunks = BoxStream<'static, Result<Vec<u8>, ModelError>>;

/// Speaks.
pub trait SpeechProvider: Send + Sync {
    /// Name that tenants enable it by.
    fn name(&self) -> &str;

    /// The voices that can be had now, the one for each language first; none while it cannot work.
    fn voices(&self) -> &[SpeechVoice];

    /// Most characters of one call.
    fn piece_chars(&self) -> usize;

    /// Speaks on behalf of `tenant`. Ready once the provider has accepted the call. The bytes are 16-bit PCM in
    /// little-endian order, one channel, at the voice's sample rate.
    ///
    /// # Errors
    ///
    /// [`ModelError`].
    fn speak<'a>(
        &'a self,
        tenant: &'a TenantContext,
        call: SpeechCall<'a>,
    ) -> BoxFuture<'a, Result<SoundChunks, ModelError>>;

    /// Whether it can work, as far as that is known without speaking.
    fn works(&self) -> bool {
        !self.voices().is_empty()
    }
}

/// Turns PCM into the formats that need a codec.
pub trait SpeechEncoder: Send + Sync {
    /// The formats that it makes; `wav` and `pcm` need no encoder.
    fn formats(&self) -> &[SpeechFormat];

    /// Encodes 16-bit little-endian PCM of one channel while it comes.
    ///
    /// # Errors
    ///
    /// [`ModelError`] when encoding could not begin; what fails later is an item of the stream.
    fn encode(
        &self,
        format: SpeechFormat,
        sample_rate_hz: u32,
        pcm: SoundChunks,
    ) -> BoxFuture<'_, Result<SoundChunks, ModelError>>;
}
