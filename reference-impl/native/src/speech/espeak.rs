//! Speech by `espeak-ng`: a process for each piece of text, which reads it from its standard input. Text as an argument would be
//! taken for options that read and write files.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use reference_core::ports::{BoxFuture, ModelError, SoundChunks, SpeechCall, SpeechProvider, SpeechVoice};
use reference_core::tenancy::TenantContext;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::child::{Bounds, Program};

/// Words a minute at the usual speed.
const USUAL_WPM: f64 = 175.0;
/// Samples in a second of every voice.
const RATE_HZ: u32 = 22_050;
/// Most characters of a piece: some twenty seconds of speech.
const PIECE_CHARS: usize = 300;
/// Most bytes that one piece may make.
const MOST_BYTES: u64 = 64 << 20;
/// Longest time of one piece.
const LONGEST: Duration = Duration::from_secs(20);
/// The program looks for a sound card also when it writes to a pipe, and sets memory aside for that, which counts as a file.
const BOUNDS: Bounds = Bounds { cpu_s: 20, memory_bytes: 512 << 20, file_bytes: 64 << 20 };

/// Id of a voice, which is also what `espeak-ng` calls it, its name for people, and the tag of its language. The first of a
/// language speaks where a request names the language alone.
const VOICES: [(&str, &str, &str); 13] = [
    ("en-gb", "English (Great Britain)", "en-GB"),
    ("en-us", "English (America)", "en-US"),
    ("de", "German", "de"),
    ("fr-fr", "French (France)", "fr-FR"),
    ("es", "Spanish (Spain)", "es"),
    ("it", "Italian", "it"),
    ("nl", "Dutch", "nl"),
    ("pl", "Polish", "pl"),
    ("pt", "Portuguese (Portugal)", "pt"),
    ("pt-br", "Portuguese (Brazil)", "pt-BR"),
    ("ru", "Russian", "ru"),
    ("sv", "Swedish", "sv"),
    ("tr", "Turkish", "tr"),
];

/// The provider `espeak-ng`.
#[derive(Debug)]
pub struct Espeak {
    program: Result<Program, &'static str>,
    voices: Vec<SpeechVoice>,
}

impl Espeak {
    /// The name that tenants enable it by.
    pub const NAME: &'static str = "espeak-ng";

    /// The program where `PATH` says; without one the provider has no voices.
    pub fn find() -> Self {
        let program = Program::find(Self::NAME);
        let listed = program.as_ref().ok().and_then(|program| program.tells(&["--voices"])).unwrap_or_default();
        let known: Vec<&str> = listed.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)).collect();
        let voice = |(id, name, language): &(&str, &str, &str)| SpeechVoice {
            id: (*id).to_owned(),
            name: (*name).to_owned(),
            language: (*language).to_owned(),
            any_language: false,
            sample_rate_hz: RATE_HZ,
        };
        let voices = VOICES.iter().filter(|(id, _, _)| known.contains(id)).map(voice).collect();
        Self { program, voices }
    }

    /// What is not there, for an operator; `None` when it can speak.
    pub fn missing(&self) -> Option<String> {
        match &self.program {
            Err("prlimit") => Some("prlimit is not found; install the package util-linux".to_owned()),
            Err(name) => Some(format!("{name} is not found; install the package {}", Self::NAME)),
            Ok(_) if self.voices.is_empty() => Some(format!("{} lists no voices that are known here", Self::NAME)),
            Ok(_) => None,
        }
    }

    fn unavailable(reason: impl Into<String>) -> ModelError {
        ModelError::Unavailable { model: Self::NAME.to_owned(), reason: reason.into() }
    }

    fn unusable(reason: &str) -> ModelError {
        ModelError::Unusable { model: Self::NAME.to_owned(), reason: reason.to_owned() }
    }

    async fn pcm(&self, call: SpeechCall<'_>) -> Result<Vec<u8>, ModelError> {
        let program = self.program.as_ref().map_err(|name| Self::unavailable(format!("{name} is not found")))?;
        let words_a_minute = format!("{:.0}", USUAL_WPM * call.speed);
        let mut command = program.command(BOUNDS);
        command.args(["--stdin", "--stdout", "-b", "1", "-s", &words_a_minute, "-v", &call.voice.id]);
        let mut child = command.spawn().map_err(|error| Self::unavailable(error.to_string()))?;
        let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Self::unavailable("its streams cannot be had"));
        };
        let text = literal(call.text);
        let write = async move {
            // A process that ends early says so by its status.
            let _ = stdin.write_all(text.as_bytes()).await;
        };
        let mut wav = Vec::new();
        let mut stdout = stdout.take(MOST_BYTES + 1);
        let ((), read) = futures_util::future::join(write, stdout.read_to_end(&mut wav)).await;
        read.map_err(|error| Self::unavailable(error.to_string()))?;
        if wav.len() as u64 > MOST_BYTES {
            return Err(Self::unusable("it made more sound than a piece may have"));
        }
        let status = child.wait().await.map_err(|error| Self::unavailable(error.to_string()))?;
        if !status.success() {
            return Err(Self::unavailable(format!("it ended with {status}")));
        }
        samples(&wav).ok_or_else(|| Self::unusable("what it wrote is no WAV file of its usual form"))
    }
}

impl SpeechProvider for Espeak {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn voices(&self) -> &[SpeechVoice] {
        &self.voices
    }

    fn piece_chars(&self) -> usize {
        PIECE_CHARS
    }

    fn speak<'a>(
        &'a self,
        _tenant: &'a TenantContext,
        call: SpeechCall<'a>,
    ) -> BoxFuture<'a, Result<SoundChunks, ModelError>> {
        Box::pin(async move {
            // Read to its end before any of it is handed on: a client that reads slowly must not hold a process.
            let pcm = tokio::time::timeout(LONGEST, self.pcm(call)).await.map_err(|_| ModelError::TimedOut {
                model: Self::NAME.to_owned(),
                after_ms: u64::try_from(LONGEST.as_millis()).unwrap_or(u64::MAX),
            })??;
            Ok(stream::iter([Ok(pcm)]).boxed())
        })
    }
}

/// The text without what `espeak-ng` would take for something else than text: control characters, some of which change voice
/// and speed, and double brackets, which begin phonemes.
fn literal(text: &str) -> String {
    let plain: String = text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
    let mut apart = String::with_capacity(plain.len());
    for it in plain.chars() {
        if it == '[' && apart.ends_with('[') {
            apart.push(' ');
        }
        apart.push(it);
    }
    apart
}

/// The samples of a WAV file whose header does not know its length, as the program writes it to a pipe.
fn samples(wav: &[u8]) -> Option<Vec<u8>> {
    if wav.is_empty() {
        return Some(Vec::new());
    }
    let number = |at: usize| Some(u32::from_le_bytes(wav.get(at..at + 4)?.try_into().ok()?));
    let mono_16 = wav.get(20..24)? == [1, 0, 1, 0] && wav.get(34..36)? == [16, 0];
    let right = wav.get(..4)? == b"RIFF" && wav.get(36..40)? == b"data" && mono_16 && number(24)? == RATE_HZ;
    right.then(|| wav.get(44..).unwrap_or_default().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_nothing_in_a_text_for_a_command() {
        let cases = [("a\u{1}5Sb\0c", "a 5Sb c"), ("[[h@'loU]]", "[ [h@'loU]]"), ("[[[x", "[ [ [x"), ("<b>", "<b>")];
        for (text, expected) in cases {
            assert_eq!(literal(text), expected);
        }
    }

    #[test]
    fn reads_a_file_of_the_usual_form_alone() {
        let mut wav =
            b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x22\x56\0\0\x44\xac\0\0\x02\0\x10\0data\0\0\0\0".to_vec();
        wav.extend([1, 2, 3, 4]);
        assert_eq!(samples(&wav), Some(vec![1, 2, 3, 4]));
        assert_eq!(samples(&[]), Some(Vec::new()));
        for at in [0, 20, 22, 25, 34, 36] {
            let mut other = wav.clone();
            other[at] ^= 1;
            assert_eq!(samples(&other), None, "{at}");
        }
    }
}
