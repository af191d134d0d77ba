//! Text to sound.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reference_core::ports::{SpeechCall, SpeechProvider, SpeechVoice};
use reference_providers::ProviderSpeech;
use serde_json::{Value, json};

use super::*;

/// Whether an error is the one that is meant.
type Is = fn(&ModelError) -> bool;

fn voice() -> SpeechVoice {
    SpeechVoice {
        id: "luna".to_owned(),
        name: "Luna".to_owned(),
        language: "en".to_owned(),
        any_language: false,
        sample_rate_hz: 8_000,
    }
}

fn workers_ai() -> Api {
    Api::WorkersAi { account: "acc".to_owned() }
}

/// The sound of a call.
fn spoken(upstream: &Arc<Upstream>, api: Api, model: &str, speed: f64) -> Result<Vec<u8>, ModelError> {
    let provider = Provider {
        model: model.to_owned(),
        id: "voices".to_owned(),
        ..provider(ProviderKind::Speech { voices: vec![voice()] }, api)
    };
    let speech = ProviderSpeech::new(endpoint(upstream, provider)).unwrap();
    let (tenant, voice) = (tenant(), voice());
    let call = SpeechCall { text: "Good morning.", voice: &voice, language: "en-GB", speed };
    let heard = async {
        let mut sound = speech.speak(&tenant, call).await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = sound.next().await {
            bytes.extend(chunk?);
        }
        Ok(bytes)
    };
    heard.now_or_never().unwrap()
}

fn asked(upstream: &Upstream) -> (String, Value) {
    let request = upstream.asked();
    assert_eq!(header(&request, "authorization"), Some("Bearer recorded-key"));
    (request.url, serde_json::from_str(&request.body).unwrap())
}

/// A WAV file of the voice's rate in characters alone.
fn wav() -> String {
    "RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\0\0\0\0\x02\0\x10\0data\x04\0\0\0abcd".to_owned()
}

#[test]
fn asks_for_pcm_as_openai_does_and_hands_it_on_as_it_comes() {
    let upstream = Arc::new(Upstream { pieces: 3, ..Upstream::new("audio/pcm", "abcdefgh") });
    assert_eq!(spoken(&upstream, Api::OpenAi, "tts-1", 1.5).unwrap(), b"abcdefgh");
    let (url, body) = asked(&upstream);
    assert_eq!(url, "https://up.example/v1/audio/speech");
    let expected =
        json!({"model": "tts-1", "input": "Good morning.", "voice": "luna", "response_format": "pcm", "speed": 1.5});
    assert_eq!(body, expected);
    let file = Arc::new(Upstream::new("audio/wav", wav()));
    assert_eq!(spoken(&file, Api::OpenAi, "tts-1", 1.0).unwrap(), b"abcd", "a host that gives a file all the same");
}

#[test]
fn asks_the_models_of_workers_ai_in_their_own_words() {
    let aura = Arc::new(Upstream::new("audio/l16", "abcd"));
    assert_eq!(spoken(&aura, workers_ai(), "@cf/deepgram/aura-2-en", 1.0).unwrap(), b"abcd");
    let (url, body) = asked(&aura);
    assert!(url.ends_with("/accounts/acc/ai/run/@cf/deepgram/aura-2-en"), "{url}");
    let expected = json!({
        "text": "Good morning.", "speaker": "luna", "encoding": "linear16", "container": "none", "sample_rate": 8000,
    });
    assert_eq!(body, expected);
    let answer = json!({"success": true, "result": {"audio": STANDARD.encode(wav())}});
    let melo = Upstream::json(&answer);
    assert_eq!(spoken(&melo, workers_ai(), "@cf/myshell-ai/melotts", 1.0).unwrap(), b"abcd");
    assert_eq!(asked(&melo).1, json!({"prompt": "Good morning.", "lang": "en"}));
    let hurried = spoken(&melo, workers_ai(), "@cf/myshell-ai/melotts", 1.5);
    assert!(matches!(hurried, Err(ModelError::Unusable { .. })) && melo.asked.lock().unwrap().len() == 1);
}

#[test]
fn makes_errors_of_what_is_no_sound() {
    let plain = || Upstream::new("audio/pcm", "abcd");
    let unusable: [Upstream; 5] = [
        Upstream::new("text/html", "<html>"),
        Upstream::new("audio/pcm", "abc"),
        Upstream::new("audio/mpeg", "ID3 and no more"),
        Upstream::new("audio/wav", wav().replace('\x1f', "\x1e")),
        Upstream::new("application/json", "{\"result\": {}}"),
    ];
    for upstream in unusable {
        let told = upstream.content_type;
        let failed = spoken(&Arc::new(upstream), Api::OpenAi, "m", 1.0);
        assert!(matches!(failed, Err(ModelError::Unusable { .. })), "{told}: {failed:?}");
    }
    let broken = spoken(&Arc::new(Upstream { breaks: true, ..plain() }), Api::OpenAi, "m", 1.0);
    assert!(matches!(broken, Err(ModelError::Unavailable { .. })), "{broken:?}");
    let statuses: [(u16, Is); 3] = [
        (400, |it| matches!(it, ModelError::Rejected { .. })),
        (429, |it| matches!(it, ModelError::Refused { .. })),
        (500, |it| matches!(it, ModelError::Unavailable { .. })),
    ];
    for (status, is) in statuses {
        let failed = spoken(&Arc::new(Upstream { status, ..plain() }), Api::OpenAi, "m", 1.0).unwrap_err();
        assert!(is(&failed) && !failed.to_string().contains("Good morning"), "{status}: {failed}");
    }
}
