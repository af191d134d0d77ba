use std::time::Duration;

use super::*;

fn answer(content_type: &str, body: Vec<u8>) -> Response {
    Response {
        status: 200,
        headers: vec![("content-type".to_owned(), content_type.to_owned())],
        body: body.into(),
        truncated: false,
        broken: false,
        headers_after: Duration::ZERO,
        arrivals: Vec::new(),
        stopped: false,
    }
}

fn told(content_type: &str, body: &[u8]) -> String {
    match read(&answer(content_type, body.to_vec())) {
        Ok(sound) => format!("{} {} Hz {:.3} s", sound.format, sound.sample_rate_hz, sound.seconds),
        Err(message) => message,
    }
}

/// A WAV file of one channel.
fn wav(rate: u32, samples: &[i16]) -> Vec<u8> {
    let length = u32::try_from(samples.len() * 2).unwrap();
    let mut file = b"RIFF".to_vec();
    file.extend((length + 36).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(rate.to_le_bytes());
    file.extend((rate * 2).to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend(length.to_le_bytes());
    file.extend(samples.iter().flat_map(|it| it.to_le_bytes()));
    file
}

#[test]
fn takes_a_wav_file_by_its_header_and_refuses_one_that_lies() {
    let file = wav(8_000, &[5; 800]);
    assert_eq!(told("audio/wav", &file), "wav 8000 Hz 0.100 s");
    for (at, byte, expected) in [
        (0, b'X', "does not begin"),
        (4, 0, "tells of"),
        (20, 3, "16-bit PCM"),
        (28, 1, "contradict"),
        (40, 0, "bytes of sound"),
    ] {
        let mut other = file.clone();
        other[at] = byte;
        assert!(told("audio/wav", &other).contains(expected), "{at}: {}", told("audio/wav", &other));
    }
    let mut cut = file.clone();
    cut.truncate(900);
    assert!(told("audio/wav", &cut).contains("tells of"));
    assert!(told("audio/mpeg", &file).contains("no MP3 frame"));
    assert!(told("audio/l16; rate=8000; channels=1", &file[44..]).starts_with("pcm 8000 Hz 0.100"));
    assert!(told("audio/L16", &file).contains("sample rate") && told("text/plain", &file).contains("no audio"));
}

#[test]
fn follows_mp3_frame_by_frame() {
    // MPEG 2, layer III, 48 kbit/s at 22,050 a second, one channel: 156 bytes with 576 samples.
    let frame: Vec<u8> = [0xff, 0xf3, 0x60, 0xc0].into_iter().chain([0; 152]).collect();
    let file = frame.repeat(10);
    assert_eq!(told("audio/mpeg", &file), "mp3 22050 Hz 0.261 s");
    assert_eq!(told("audio/mpeg", &[b"ID3\x04\0\0\0\0\0\x02ab".as_slice(), &file].concat()), "mp3 22050 Hz 0.261 s");
    assert!(told("audio/mpeg", &file[..file.len() - 1]).contains("cut"));
    assert!(told("audio/mpeg", &file[1..]).contains("no MP3 frame"));
    assert!(told("audio/mpeg", b"").contains("holds no frame"));
}

/// A page with one packet and a right checksum.
fn page(sequence: u32, flags: u8, granule: u64, packet: &[u8]) -> Vec<u8> {
    let mut page = b"OggS\0".to_vec();
    page.push(flags);
    page.extend(granule.to_le_bytes());
    page.extend([7, 0, 0, 0]);
    page.extend(sequence.to_le_bytes());
    page.extend([0; 4]);
    page.extend([1, u8::try_from(packet.len()).unwrap()]);
    page.extend(packet);
    let mut sum = 0_u32;
    for byte in &page {
        sum ^= u32::from(*byte) << 24;
        sum = (0..8).fold(sum, |sum, _| (sum << 1) ^ (sum >> 31).wrapping_mul(0x04c1_1db7));
    }
    page.splice(22..26, sum.to_le_bytes());
    page
}

#[test]
fn follows_ogg_page_by_page() {
    let head = b"OpusHead\x01\x01\x38\x01\x22\x56\0\0\0\0\0";
    let pages = [page(0, 2, 0, head), page(1, 0, 0, b"OpusTags"), page(2, 0, 24_000, b"a"), page(3, 4, 48_312, b"b")];
    assert_eq!(told("audio/ogg", &pages.concat()), "opus 22050 Hz 1.000 s");
    for (file, expected) in [
        (pages[..3].concat(), "no last page"),
        ([&pages[..2], &pages[3..]].concat().concat(), "page 2 is missing"),
        ([pages.concat(), vec![0]].concat(), "follows the last one"),
        (pages.concat()[..100].to_vec(), "Ogg"),
    ] {
        assert!(told("audio/ogg", &file).contains(expected), "{}", told("audio/ogg", &file));
    }
    let mut bent = pages.concat();
    bent[30] ^= 1;
    assert!(told("audio/ogg", &bent).contains("checksum"));
}

#[test]
#[expect(clippy::cast_possible_truncation, reason = "a wave of this height fits")]
fn tells_a_tone_noise_and_silence_by_how_little_they_change() {
    let tone: Vec<i16> = (0..44_100).map(|at| ((f64::from(at) * 0.125).sin() * 9_000.0) as i16).collect();
    let mut state = 1_u32;
    let noise: Vec<i16> = (0..44_100)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 17) as i16 - 16_384
        })
        .collect();
    for (name, samples) in [("tone", tone.clone()), ("noise", noise), ("silence", vec![0; 44_100])] {
        let found = measures(&samples, 22_050);
        assert!(found.crossings < 0.06 && found.centre_hz < 600.0, "{name}: {found:?}");
    }
    // A hum and a hiss in turn, ten times a second, change as speech does.
    let turns: Vec<i16> = (0..44_100)
        .map(|at| {
            let height = if at / 2_205 % 2 == 0 { 0.05 } else { 1.6 };
            ((f64::from(at) * height).sin() * 9_000.0) as i16
        })
        .collect();
    let found = measures(&turns, 22_050);
    assert!(found.crossings > 0.06 && found.centre_hz > 600.0, "{found:?}");
    assert!(likeness(&turns, &turns, 22_050) > 0.99);
    let late: Vec<i16> = turns.iter().enumerate().map(|(at, it)| if at % 9_000 < 4_000 { 0 } else { *it }).collect();
    assert!(likeness(&turns, &late, 22_050) < 0.9);
}
