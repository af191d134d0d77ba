//! MPEG audio, layer III, frame by frame.

use super::Sound;

const KBPS_1: [u32; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const KBPS_2: [u32; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];

struct Frame {
    bytes: usize,
    samples: u32,
    rate: u32,
    channels: u16,
}

/// Follows every frame to the end of the file.
pub(super) fn read(file: &[u8]) -> Result<Sound, String> {
    let mut at = match file.get(..10) {
        // A tag before the first frame says its own length, seven bits a byte.
        Some(tag) if tag.starts_with(b"ID3") => {
            10 + tag.iter().skip(6).fold(0_usize, |size, byte| (size << 7) | usize::from(byte & 0x7f))
        }
        Some(_) | None => 0,
    };
    let (mut samples, mut first): (u64, Option<(u32, u16)>) = (0, None);
    while at < file.len() {
        let frame = file.get(at..).and_then(frame).ok_or_else(|| format!("no MP3 frame at byte {at}"))?;
        if at + frame.bytes > file.len() {
            return Err(format!("the last MP3 frame is cut: {} bytes are missing", at + frame.bytes - file.len()));
        }
        let form = *first.get_or_insert((frame.rate, frame.channels));
        if form.0 != frame.rate {
            return Err("the MP3 frames have several sample rates".to_owned());
        }
        samples += u64::from(frame.samples);
        at += frame.bytes;
    }
    let (sample_rate_hz, channels) = first.ok_or("the MP3 file holds no frame")?;
    #[expect(clippy::cast_precision_loss, reason = "an answer has far fewer samples than 2^52")]
    let seconds = samples as f64 / f64::from(sample_rate_hz);
    Ok(Sound { format: "mp3", sample_rate_hz, channels, seconds, samples: None })
}

fn frame(bytes: &[u8]) -> Option<Frame> {
    let [first, second, third, fourth] = super::array::<4>(bytes, 0)?;
    let layer_3 = first == 0xff && second & 0xe0 == 0xe0 && (second >> 1) & 3 == 1;
    let (version, bitrate, rate) = ((second >> 3) & 3, usize::from(third >> 4), usize::from((third >> 2) & 3));
    if !layer_3 || version == 1 || bitrate == 0 {
        return None;
    }
    let kbps = if version == 3 { KBPS_1.get(bitrate)? } else { KBPS_2.get(bitrate)? };
    let halved = match version {
        3 => 0,
        2 => 1,
        _ => 2,
    };
    let rate = [44_100_u32, 48_000, 32_000].get(rate)? >> halved;
    let samples = if version == 3 { 1152 } else { 576 };
    let padding = u32::from((third >> 1) & 1);
    let length = samples / 8 * kbps * 1000 / rate + padding;
    let channels = if fourth >> 6 == 3 { 1 } else { 2 };
    Some(Frame { bytes: usize::try_from(length).ok()?, samples, rate, channels })
}
