//! Sound as hosts send it, as the PCM that the port wants: 16 bits in little-endian order, one channel, the voice's sample rate.

use std::io::Cursor;

use symphonia::core::audio::SampleBuffer;
use symphonia::core::codecs::{CODEC_TYPE_NULL, DecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::{FormatOptions, FormatReader};
use symphonia::core::io::MediaSourceStream;
use symphonia::default::{codecs::MpaDecoder, formats::MpaReader};

/// A whole recording of whatever form: WAV, MP3, or PCM without a header.
///
/// # Errors
///
/// What is wrong with it.
pub(crate) fn pcm(bytes: Vec<u8>, rate_hz: u32) -> Result<Vec<u8>, &'static str> {
    if bytes.starts_with(b"RIFF") {
        return wav(&bytes, rate_hz);
    }
    if bytes.starts_with(b"ID3") || matches!(bytes.get(..2), Some([0xff, second]) if second & 0xe0 == 0xe0) {
        return mp3(bytes, rate_hz);
    }
    if bytes.len().is_multiple_of(2) { Ok(bytes) } else { Err("its sound ends within a sample") }
}

/// The samples of a WAV file. A length beyond the end is one that was not known when the header was written.
fn wav(file: &[u8], rate_hz: u32) -> Result<Vec<u8>, &'static str> {
    const CUT: &str = "its WAV file is cut short";
    let number = |at: usize| {
        let bytes: Option<[u8; 4]> = file.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map(u32::from_le_bytes).ok_or(CUT)
    };
    let (mut at, mut fits) = (12, false);
    loop {
        let (name, length) = (file.get(at..at + 4).ok_or(CUT)?, number(at + 4)?);
        let body = at + 8;
        let end = body.saturating_add(length as usize);
        match name {
            b"fmt " => {
                let mono_16 =
                    file.get(body..body + 4) == Some(&[1, 0, 1, 0]) && file.get(body + 14..body + 16) == Some(&[16, 0]);
                fits = mono_16 && number(body + 4)? == rate_hz;
            }
            b"data" if !fits => return Err("its WAV file has another form or sample rate than its voice"),
            b"data" => {
                let unknown = length == 0 || length >= 0x7fff_0000;
                let end = if unknown { file.len() } else { end };
                let samples = file.get(body..end).ok_or(CUT)?;
                return if samples.len() % 2 == 0 { Ok(samples.to_vec()) } else { Err(CUT) };
            }
            _ => {}
        }
        at = end + end % 2;
    }
}

/// The samples of an MP3 file; of two channels the mean.
fn mp3(file: Vec<u8>, rate_hz: u32) -> Result<Vec<u8>, &'static str> {
    const UNREADABLE: &str = "its MP3 file cannot be read";
    let source =
        MediaSourceStream::new(Box::new(Cursor::new(file)), symphonia::core::io::MediaSourceStreamOptions::default());
    let mut reader = MpaReader::try_new(source, &FormatOptions::default()).map_err(|_| UNREADABLE)?;
    let track = reader.tracks().iter().find(|track| track.codec_params.codec != CODEC_TYPE_NULL).ok_or(UNREADABLE)?;
    if track.codec_params.sample_rate != Some(rate_hz) {
        return Err("its MP3 file has another sample rate than its voice");
    }
    let mut decoder =
        <MpaDecoder as symphonia::core::codecs::Decoder>::try_new(&track.codec_params, &DecoderOptions::default())
            .map_err(|_| UNREADABLE)?;
    let mut pcm = Vec::new();
    loop {
        let packet = match reader.next_packet() {
            Ok(packet) => packet,
            Err(Error::IoError(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(pcm),
            Err(_) => return Err(UNREADABLE),
        };
        let decoded = symphonia::core::codecs::Decoder::decode(&mut decoder, &packet).map_err(|_| UNREADABLE)?;
        let channels = decoded.spec().channels.count().max(1);
        let mut samples = SampleBuffer::<i16>::new(decoded.capacity() as u64, *decoded.spec());
        samples.copy_interleaved_ref(decoded);
        for frame in samples.samples().chunks_exact(channels) {
            let sum: i32 = frame.iter().map(|sample| i32::from(*sample)).sum();
            let mean = sum / i32::try_from(channels).unwrap_or(1);
            pcm.extend_from_slice(&i16::try_from(mean).unwrap_or_default().to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(rate_hz: u32, told: u32, samples: &[u8]) -> Vec<u8> {
        let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
        file.extend(rate_hz.to_le_bytes());
        file.extend((rate_hz * 2).to_le_bytes());
        file.extend(b"\x02\0\x10\0LIST\x02\0\0\0ab");
        file.extend(b"data");
        file.extend(told.to_le_bytes());
        file.extend(samples);
        file
    }

    #[test]
    fn finds_the_samples_of_a_file_and_refuses_what_is_none() {
        let right = [1, 2, 3, 4];
        for told in [4, 0, u32::MAX] {
            assert_eq!(pcm(file(24_000, told, &right), 24_000).unwrap(), right);
        }
        assert_eq!(pcm(right.to_vec(), 24_000).unwrap(), right);
        let mut wide = file(24_000, 4, &right);
        wide[22] = 2;
        for wrong in
            [file(22_050, 4, &right), file(24_000, 8, &right), wide, vec![1, 2, 3], b"RIFF".to_vec(), b"ID3x".to_vec()]
        {
            assert!(pcm(wrong.clone(), 24_000).is_err(), "{wrong:?}");
        }
    }
}
