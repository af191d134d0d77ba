//! The recording: its format, its media type, and the header of what needs no encoder.

use futures_util::{StreamExt, stream};

use crate::ports::{ModelError, SoundChunks, SpeechFormat};
use crate::sabotage::{self, Sabotage};

/// Bytes of a chunk of sound that was made whole before it is sent.
const CHUNK_BYTES: usize = 32 << 10;
const CHANNELS: u16 = 1;
const SAMPLE_BYTES: u16 = 2;

/// A recording while it is made.
pub struct Recording {
    /// Name of the provider that speaks.
    pub provider: String,
    /// Its media type, with parameters.
    pub media_type: String,
    /// Its bytes.
    pub sound: SoundChunks,
}

impl std::fmt::Debug for Recording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recording")
            .field("provider", &self.provider)
            .field("media_type", &self.media_type)
            .finish_non_exhaustive()
    }
}

/// The media type of a format; what has no header says its sample rate there.
pub(super) fn media_type(format: SpeechFormat, sample_rate_hz: u32) -> String {
    let format = match format {
        SpeechFormat::Wav if sabotage::on(Sabotage::SpeechFormatMislabelled) => SpeechFormat::Mp3,
        SpeechFormat::Mp3 if sabotage::on(Sabotage::SpeechFormatMislabelled) => SpeechFormat::Wav,
        SpeechFormat::Wav | SpeechFormat::Mp3 | SpeechFormat::Opus | SpeechFormat::Pcm => format,
    };
    match format {
        SpeechFormat::Mp3 => "audio/mpeg".to_owned(),
        SpeechFormat::Wav => "audio/wav".to_owned(),
        SpeechFormat::Opus => "audio/ogg".to_owned(),
        SpeechFormat::Pcm => format!("audio/L16; rate={sample_rate_hz}; channels={CHANNELS}"),
    }
}

/// Everything that comes, in one piece.
///
/// # Errors
///
/// The first that comes.
pub async fn collected(mut sound: SoundChunks) -> Result<Vec<u8>, ModelError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = sound.next().await {
        bytes.extend_from_slice(&chunk?);
    }
    Ok(bytes)
}

/// Bytes that are there already, in chunks.
pub(super) fn chunks(bytes: Vec<u8>) -> SoundChunks {
    let starts: Vec<usize> = (0..bytes.len()).step_by(CHUNK_BYTES).collect();
    let bytes = std::sync::Arc::new(bytes);
    stream::iter(starts).map(move |start| Ok(bytes.iter().skip(start).take(CHUNK_BYTES).copied().collect())).boxed()
}

/// A WAV file of little-endian PCM. Its header states the length, so all of the sound must be there.
pub(super) fn wav(sample_rate_hz: u32, pcm: &[u8]) -> Vec<u8> {
    let told_hz = if sabotage::on(Sabotage::SpeechRateMisstated) { sample_rate_hz * 2 } else { sample_rate_hz };
    let length = u32::try_from(pcm.len()).unwrap_or(u32::MAX - 36);
    let told = if sabotage::on(Sabotage::SpeechLengthMisstated) { u32::MAX - 36 } else { length };
    let frame = CHANNELS * SAMPLE_BYTES;
    let mut file = Vec::with_capacity(pcm.len() + 44);
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(told + 36).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt ");
    file.extend_from_slice(&16_u32.to_le_bytes());
    file.extend_from_slice(&1_u16.to_le_bytes()); // PCM
    file.extend_from_slice(&CHANNELS.to_le_bytes());
    file.extend_from_slice(&told_hz.to_le_bytes());
    file.extend_from_slice(&(told_hz * u32::from(frame)).to_le_bytes());
    file.extend_from_slice(&frame.to_le_bytes());
    file.extend_from_slice(&(SAMPLE_BYTES * 8).to_le_bytes());
    file.extend_from_slice(b"data");
    file.extend_from_slice(&told.to_le_bytes());
    file.extend_from_slice(pcm);
    file
}

/// The same samples in network byte order, which the type `audio/L16` has.
pub(super) fn network_order(pcm: SoundChunks) -> SoundChunks {
    // A chunk may end within a sample.
    let swapped = stream::unfold((pcm, None::<u8>), |(mut pcm, half)| async move {
        let chunk = match pcm.next().await? {
            Ok(chunk) => chunk,
            Err(error) => return Some((Err(error), (pcm, None))),
        };
        let bytes: Vec<u8> = half.into_iter().chain(chunk).collect();
        let mut samples = bytes.chunks_exact(usize::from(SAMPLE_BYTES));
        let mut swapped = Vec::with_capacity(bytes.len());
        for sample in &mut samples {
            swapped.extend(sample.iter().rev());
        }
        let half = samples.remainder().first().copied();
        Some((Ok(swapped), (pcm, half)))
    });
    swapped.filter(|chunk| std::future::ready(chunk.as_ref().map_or(true, |chunk| !chunk.is_empty()))).boxed()
}
