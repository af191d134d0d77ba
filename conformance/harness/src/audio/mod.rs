//! Audio answers: whether the bytes are what their media type says, to the end, and whether they can be speech.
//!
//! MP3 and Ogg are followed frame by frame and page by page without decoding them: that tells their length, their sample rate, and
//! whether they are whole. WAV and raw PCM give samples, which are measured.

mod measure;
mod mp3;
mod ogg;
mod pcm;
#[cfg(test)]
mod tests;

pub use measure::{Measures, likeness, measures};

use crate::client::Response;

/// What an audio answer holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Sound {
    /// `wav`, `mp3`, `opus` or `pcm`.
    pub format: &'static str,
    /// Samples in a second.
    pub sample_rate_hz: u32,
    /// Channels.
    pub channels: u16,
    /// Its length.
    pub seconds: f64,
    /// The samples of its first channel, where the format holds them plainly.
    pub samples: Option<Vec<i16>>,
}

/// Reads an audio answer as its media type says.
///
/// # Errors
///
/// What is wrong with it, or with its media type.
pub fn read(response: &Response) -> Result<Sound, String> {
    let content_type = response.header("content-type").unwrap_or_default();
    let mut parts = content_type.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
    match kind.as_str() {
        "audio/wav" => pcm::wav(&response.body),
        "audio/mpeg" => mp3::read(&response.body),
        "audio/ogg" => ogg::read(&response.body),
        "audio/l16" => {
            let parameter = |name: &str| {
                let value = parts.clone().filter_map(|part| part.split_once('='));
                let mut value = value.filter(|(key, _)| key.trim().eq_ignore_ascii_case(name));
                value.next().and_then(|(_, value)| value.trim().parse::<u32>().ok())
            };
            let rate = parameter("rate").ok_or("the content type does not name the sample rate")?;
            let channels = parameter("channels").unwrap_or(1);
            pcm::raw(&response.body, rate, u16::try_from(channels).unwrap_or(0))
        }
        _ => Err(format!("`{content_type}` is no audio of the contract")),
    }
}

/// Bytes at a place, as many as the array has.
fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}
