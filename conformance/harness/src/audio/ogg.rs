//! Ogg with Opus, page by page.

use super::{Sound, array};

/// Opus counts its time in samples of this rate, whatever went in.
const RATE: u32 = 48_000;
const HEADER: usize = 27;

/// Follows every page to the end of the file.
pub(super) fn read(file: &[u8]) -> Result<Sound, String> {
    let (mut at, mut sequence, mut granule, mut last) = (0_usize, 0_u32, 0_u64, false);
    let mut head: Option<(u16, u64, u32)> = None;
    while at < file.len() {
        let cut = || format!("the Ogg page at byte {at} is cut");
        if last {
            return Err("an Ogg page follows the last one".to_owned());
        }
        if file.get(at..at + 4) != Some(b"OggS") {
            return Err(format!("no Ogg page at byte {at}"));
        }
        let segments = usize::from(*file.get(at + 26).ok_or_else(cut)?);
        let lacing = file.get(at + HEADER..at + HEADER + segments).ok_or_else(cut)?;
        let body = at + HEADER + segments;
        let end = body + lacing.iter().map(|length| usize::from(*length)).sum::<usize>();
        let page = file.get(at..end).ok_or_else(cut)?;
        let number = |from: usize| array::<4>(page, from).map_or(0, u32::from_le_bytes);
        if checksum(page) != number(22) {
            return Err(format!("the checksum of the Ogg page at byte {at} is wrong"));
        }
        if number(18) != sequence {
            return Err(format!("Ogg page {sequence} is missing"));
        }
        if sequence == 0 {
            let packet = page.get(HEADER + segments..).unwrap_or_default();
            if !packet.starts_with(b"OpusHead") {
                return Err("the Ogg file does not hold Opus".to_owned());
            }
            let skipped = array::<2>(packet, 10).map_or(0, u16::from_le_bytes);
            let rate = array::<4>(packet, 12).map_or(RATE, u32::from_le_bytes);
            head = Some((u16::from(packet.get(9).copied().unwrap_or(0)), u64::from(skipped), rate));
        }
        let position = array::<8>(page, 6).map_or(0, u64::from_le_bytes);
        if position != u64::MAX {
            granule = granule.max(position);
        }
        last = page.get(5).is_some_and(|flags| flags & 4 != 0);
        sequence += 1;
        at = end;
    }
    let (channels, skipped, sample_rate_hz) = head.ok_or("the Ogg file holds no page")?;
    if !last {
        return Err("the Ogg file has no last page".to_owned());
    }
    #[expect(clippy::cast_precision_loss, reason = "an answer has far fewer samples than 2^52")]
    let seconds = granule.saturating_sub(skipped) as f64 / f64::from(RATE);
    Ok(Sound { format: "opus", sample_rate_hz, channels, seconds, samples: None })
}

/// The checksum of a page, its own four bytes taken for nothing.
fn checksum(page: &[u8]) -> u32 {
    let mut sum = 0_u32;
    for (at, byte) in page.iter().enumerate() {
        let byte = if (22..26).contains(&at) { 0 } else { *byte };
        sum ^= u32::from(byte) << 24;
        for _ in 0..8 {
            sum = if sum & 0x8000_0000 == 0 { sum << 1 } else { (sum << 1) ^ 0x04c1_1db7 };
        }
    }
    sum
}
