use std::sync::Mutex;

use futures_util::{FutureExt, StreamExt, stream};

use super::*;
use crate::limits::LimitError;
use crate::ports::{BoxFuture, ModelError, SoundChunks, SpeechCall};
use crate::testkit::TestTenants;

/// Says a byte pair for each character, and fails as it is told to.
struct Scripted {
    name: &'static str,
    voices: Vec<SpeechVoice>,
    fails: Option<fn(String) -> ModelError>,
    /// Fails after the first piece instead of at once.
    late: bool,
    /// Makes a second of sound for each character more than it should.
    endless: bool,
    asked: Mutex<Vec<(String, String, String)>>,
}

impl Scripted {
    fn new(name: &'static str, voices: &[(&str, &str, bool)]) -> Self {
        let voice = |(id, language, any): &(&str, &str, bool)| SpeechVoice {
            id: (*id).to_owned(),
            name: (*id).to_owned(),
            language: (*language).to_owned(),
            any_language: *any,
            sample_rate_hz: 8_000,
        };
        Self {
            name,
            voices: voices.iter().map(voice).collect(),
            fails: None,
            late: false,
            endless: false,
            asked: Mutex::default(),
        }
    }

    fn texts(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(text, _, _)| text.clone()).collect()
    }
}

impl SpeechProvider for Scripted {
    fn name(&self) -> &str {
        self.name
    }

    fn voices(&self) -> &[SpeechVoice] {
        &self.voices
    }

    fn piece_chars(&self) -> usize {
        40
    }

    fn speak<'a>(
        &'a self,
        _tenant: &'a TenantContext,
        call: SpeechCall<'a>,
    ) -> BoxFuture<'a, Result<SoundChunks, ModelError>> {
        let mut asked = self.asked.lock().unwrap();
        asked.push((call.text.to_owned(), call.voice.id.clone(), call.language.to_owned()));
        let fails = self.fails.filter(|_| !self.late || asked.len() > 1);
        if let Some(fails) = fails {
            return std::future::ready(Err(fails(self.name.to_owned()))).boxed();
        }
        let mut pcm: Vec<u8> = call.text.bytes().flat_map(|byte| [byte, 0]).collect();
        if self.endless {
            pcm = vec![1; 80_000_000];
        }
        // In odd pieces, which no sample keeps to.
        let chunks: Vec<_> = pcm.chunks(3_000_001.min(pcm.len() / 2 + 1)).map(|chunk| Ok(chunk.to_vec())).collect();
        std::future::ready(Ok(stream::iter(chunks).boxed())).boxed()
    }
}

fn request(text: &str, format: SpeechFormat) -> SpeechRequest {
    SpeechRequest { text: text.to_owned(), voice: None, language: None, format, speed: 1.0 }
}

fn tenant(names: &[&str]) -> TenantContext {
    TestTenants::with(|settings| {
        settings.features.insert(Feature::Tts);
        settings.tts.providers = names.iter().map(|name| (*name).to_owned()).collect();
        settings.limits.tts_max_chars = 200;
    })
    .owner()
}

fn speech(providers: &[&Arc<Scripted>]) -> Arc<Speech> {
    let providers = providers.iter().map(|it| Arc::clone(it) as Arc<dyn SpeechProvider>).collect();
    Arc::new(Speech::new(providers, None))
}

/// The bytes of a recording, and who made it.
fn record(
    speech: &Arc<Speech>,
    tenant: &TenantContext,
    request: &SpeechRequest,
    whole: bool,
) -> Result<(String, Vec<u8>), SpeechError> {
    let made = async {
        let recording = speech.record(tenant, request, whole).await?;
        Ok((recording.provider, collected(recording.sound).await?))
    };
    made.now_or_never().unwrap()
}

fn unavailable(model: String) -> ModelError {
    ModelError::Unavailable { model, reason: "down".to_owned() }
}

fn rejected(model: String) -> ModelError {
    ModelError::Rejected { model, reason: "no".to_owned() }
}

#[test]
fn cuts_a_text_at_its_sentences_and_loses_nothing() {
    let text = "One lamp. Two lamps are lit. Three. Four lamps are lit here. A very long sentence without any end that goes on";
    let found = pieces(text, 30);
    assert_eq!(found[..2], ["One lamp.", "Two lamps are lit. Three."]);
    assert!(found.iter().all(|piece| piece.chars().count() <= 30), "{found:?}");
    assert_eq!(found.join(" "), text);
    let letters = "ä\u{308}".repeat(50);
    let cut = pieces(&letters, 7);
    assert!(cut.iter().all(|piece| piece.chars().count() <= 7 && piece.starts_with('ä')) && cut.concat() == letters);
    assert!(pieces(" \n ", 10).is_empty() && pieces("", 10).is_empty());
}

#[test]
fn joins_the_pieces_in_order_under_one_true_header() {
    let one = Arc::new(Scripted::new("one", &[("en-a", "en-GB", false)]));
    let (speech, tenant) = (speech(&[&one]), tenant(&["one"]));
    let text = "One lamp. Two lamps are lit. Three lamps are lit too, and a fourth one.";
    let (provider, wav) = record(&speech, &tenant, &request(text, SpeechFormat::Wav), true).unwrap();
    let samples: String = wav[44..].chunks(2).map(|sample| char::from(sample[0])).collect();
    assert_eq!(provider, "one");
    assert_eq!(samples, one.texts().concat());
    assert_eq!(one.texts().join(" "), text);
    assert_eq!(&wav[..4], b"RIFF");
    assert_eq!(u32::from_le_bytes(wav[40..44].try_into().unwrap()) as usize + 44, wav.len());
    assert_eq!(u32::from_le_bytes(wav[24..28].try_into().unwrap()), 8_000);
    let streamed = record(&speech, &tenant, &request(text, SpeechFormat::Wav), false).unwrap();
    assert_eq!(streamed.1, wav, "in chunks it is the same");
    let (_, raw) = record(&speech, &tenant, &request("ab", SpeechFormat::Pcm), false).unwrap();
    assert_eq!(raw, [0, b'a', 0, b'b'], "network byte order");
    assert_eq!(speech.calls(Some(tenant.id()))["one"], speech.calls(None)["one"]);
}

#[test]
fn asks_the_next_provider_when_one_fails_and_nobody_after_a_refusal() {
    type Case = (Option<fn(String) -> ModelError>, bool, Option<&'static str>, usize);
    let cases: [Case; 4] = [
        (None, false, Some("one"), 0),
        (Some(unavailable), false, Some("two"), 2),
        (Some(unavailable), true, Some("two"), 2),
        (Some(rejected), false, None, 0),
    ];
    for (fails, late, speaks, asked) in cases {
        let mut one = Scripted::new("one", &[("en-a", "en", false)]);
        (one.fails, one.late) = (fails, late);
        let (one, two) = (Arc::new(one), Arc::new(Scripted::new("two", &[("b", "de", true)])));
        let three = Arc::new(Scripted::new("three", &[("c", "en", false)]));
        let (speech, tenant) = (speech(&[&three, &two, &one]), tenant(&["one", "two"]));
        let made = record(&speech, &tenant, &request("One lamp. Two lamps.", SpeechFormat::Wav), true);
        assert_eq!(made.ok().map(|(provider, _)| provider).as_deref(), speaks);
        assert_eq!((two.texts().len(), three.texts().len()), (asked, 0), "{speaks:?}");
    }
}

#[test]
fn chooses_voices_by_name_and_language() {
    let one =
        Arc::new(Scripted::new("one", &[("de", "de", false), ("en-b", "en-US", false), ("en-a", "en-GB", false)]));
    let two = Arc::new(Scripted::new("two", &[("any", "en", true)]));
    let (speech, tenant) = (speech(&[&one, &two]), tenant(&["one", "none", "two"]));
    let said = |voice: Option<&str>, language: Option<&str>| {
        let mut asked = request("lamp", SpeechFormat::Wav);
        (asked.voice, asked.language) = (voice.map(str::to_owned), language.map(str::to_owned));
        record(&speech, &tenant, &asked, true).map(|_| {
            let last = |it: &Scripted| it.asked.lock().unwrap().pop();
            let (_, voice, language) = last(&one).or_else(|| last(&two)).unwrap();
            format!("{voice} {language}")
        })
    };
    for (voice, language, expected) in [
        (None, None, "en-b en"),
        (None, Some("EN-gb"), "en-a EN-gb"),
        (None, Some("de-AT"), "de de-AT"),
        (None, Some("sv"), "any sv"),
        (Some("de"), None, "de de"),
        (Some("any"), Some("pl"), "any pl"),
    ] {
        assert_eq!(said(voice, language).unwrap(), expected, "{voice:?} {language:?}");
    }
    assert!(matches!(said(Some("no"), None), Err(SpeechError::UnknownVoice)));
    assert!(matches!(said(Some("de"), Some("en")), Err(SpeechError::UnknownLanguage)));
    let voices: Vec<String> =
        speech.voices(&tenant).unwrap().into_iter().map(|(voice, of)| voice.id + " " + &of).collect();
    assert_eq!(voices, ["any two", "de one", "en-a one", "en-b one"]);
}

#[test]
fn refuses_what_cannot_be_said_before_anybody_is_asked() {
    let one = Arc::new(Scripted::new("one", &[("en", "en", false)]));
    let speech = speech(&[&one]);
    let refused =
        |tenant: &TenantContext, text: &str, format| record(&speech, tenant, &request(text, format), true).unwrap_err();
    for names in [&[][..], &["none"], &["another"]] {
        assert!(matches!(refused(&tenant(names), "a", SpeechFormat::Wav), SpeechError::NotEnabled), "{names:?}");
    }
    let owner = tenant(&["one"]);
    let long = "a".repeat(201);
    assert!(matches!(
        refused(&owner, &long, SpeechFormat::Wav),
        SpeechError::TooLong(LimitError::Speech { limit: 200 })
    ));
    assert!(matches!(refused(&owner, " \u{1}\n", SpeechFormat::Wav), SpeechError::NothingToSay));
    assert!(matches!(refused(&owner, "a", SpeechFormat::Mp3), SpeechError::UnknownFormat));
    assert!(one.texts().is_empty() && speech.calls(None)["one"] == 0);
}

#[test]
fn bounds_the_sound_by_the_text() {
    let mut one = Scripted::new("one", &[("en", "en", false)]);
    one.endless = true;
    let speech = speech(&[&Arc::new(one)]);
    let failed = record(&speech, &tenant(&["one"]), &request("lamp", SpeechFormat::Wav), true).unwrap_err();
    assert!(matches!(failed, SpeechError::Model(ModelError::Unusable { .. })), "{failed}");
}
