//! WAV, and PCM without a header.

use super::{Sound, array};

/// A RIFF file of 16-bit PCM whose lengths are true.
pub(super) fn wav(file: &[u8]) -> Result<Sound, String> {
    let number = |at: usize| array::<4>(file, at).map(u32::from_le_bytes).ok_or("the WAV file ends within its header");
    let short = |at: usize| array::<2>(file, at).map(u16::from_le_bytes).ok_or("the WAV file ends within its header");
    if file.get(..4) != Some(b"RIFF") || file.get(8..12) != Some(b"WAVE") {
        return Err("the body does not begin as a WAV file".to_owned());
    }
    let told = number(4)? as usize;
    if told + 8 != file.len() {
        return Err(format!("the WAV header tells of {} bytes, found {}", told.saturating_add(8), file.len()));
    }
    let (mut at, mut form) = (12, None);
    loop {
        let name = file.get(at..at + 4).ok_or("the WAV file has no data")?;
        let (length, body) = (number(at + 4)? as usize, at + 8);
        match name {
            b"fmt " => {
                let (kind, channels, bits) = (short(body)?, short(body + 2)?, short(body + 14)?);
                let (rate, bytes_a_second, frame) = (number(body + 4)?, number(body + 8)?, short(body + 12)?);
                if kind != 1 || bits != 16 {
                    return Err(format!("expected 16-bit PCM in the WAV file, found kind {kind} with {bits} bits"));
                }
                if u32::from(frame) != u32::from(channels) * 2
                    || bytes_a_second != rate.saturating_mul(u32::from(frame))
                {
                    return Err("the numbers of the WAV header contradict each other".to_owned());
                }
                form = Some((rate, channels));
            }
            b"data" => {
                let (rate, channels) = form.ok_or("the WAV file has data before its form")?;
                let found = file.len() - body;
                if length != found {
                    return Err(format!("the WAV header tells of {length} bytes of sound, found {found}"));
                }
                let samples = file.get(body..).unwrap_or_default();
                return sound("wav", samples, (rate, channels), u16::from_le_bytes);
            }
            _ => {}
        }
        at = body.saturating_add(length).saturating_add(length % 2);
    }
}

/// Samples in network byte order, as the type `audio/L16` has them.
pub(super) fn raw(bytes: &[u8], rate: u32, channels: u16) -> Result<Sound, String> {
    sound("pcm", bytes, (rate, channels), u16::from_be_bytes)
}

fn sound(
    format: &'static str,
    bytes: &[u8],
    (sample_rate_hz, channels): (u32, u16),
    order: fn([u8; 2]) -> u16,
) -> Result<Sound, String> {
    let frame = usize::from(channels) * 2;
    if frame == 0 || sample_rate_hz == 0 || !bytes.len().is_multiple_of(frame) {
        return Err(format!("{} bytes are no whole samples of {channels} channels", bytes.len()));
    }
    let first = |frame: &[u8]| array::<2>(frame, 0).map_or(0, |sample| order(sample).cast_signed());
    let samples: Vec<i16> = bytes.chunks_exact(frame).map(first).collect();
    #[expect(clippy::cast_precision_loss, reason = "an answer has far fewer samples than 2^52")]
    let seconds = samples.len() as f64 / f64::from(sample_rate_hz);
    Ok(Sound { format, sample_rate_hz, channels, seconds, samples: Some(samples) })
}
