//! Speech: audio at once, in chunks, or as a job.

use axum::body::Body;
use contract_types as wire;
use futures_util::StreamExt;
use reference_core::{
    platform::{Platform, SpeechOutcome, SpokenAudio},
    ports::SpeechFormat,
    speech::{Recording, SpeechError, SpeechRequest, collected},
};

use super::{ServiceParts, encode, problem};
use crate::{
    Call, Problem, Reply,
    generated::server::{ListVoicesResponse, SynthesizeSpeechResponse},
    reply::Audio,
};

pub(super) async fn speak(
    parts: &ServiceParts,
    call: &Call,
    request: wire::SpeechRequest,
) -> Result<SynthesizeSpeechResponse, Problem> {
    let told = |error: SpeechError| problem::speech(&error);
    let (streamed, queued) = (request.stream, request.r#async);
    let request = decoded(request);
    parts.platform.speech().check(&call.tenant, &request).map_err(told)?;
    let place = if streamed && !queued {
        let limit = call.tenant.settings().limits.concurrent_streams;
        Some(parts.streams.take(&call.tenant).ok_or_else(|| problem::too_many_streams(limit))?)
    } else {
        None
    };
    match parts.platform.speak(&call.tenant, &request, (streamed, queued)).await.map_err(told)? {
        SpeechOutcome::Accepted(job) => {
            let location = format!("/jobs/{}", job.id.as_str());
            let headers = vec![("location", location)];
            Ok(SynthesizeSpeechResponse::Accepted(Reply { body: encode::job(job), headers }))
        }
        SpeechOutcome::Recording(Recording { provider, media_type, sound }) => {
            let body = if streamed {
                // The place is free again when the last chunk is sent or the client goes away. What fails now cuts the body.
                let held = sound.map(move |chunk| {
                    let _held = &place;
                    chunk.map_err(std::io::Error::other)
                });
                Body::from_stream(held)
            } else {
                Body::from(collected(sound).await.map_err(|error| told(error.into()))?)
            };
            Ok(SynthesizeSpeechResponse::Ok(audio(provider, Audio { media_type, body })))
        }
    }
}

/// Audio with the name of who spoke.
fn audio(provider: String, audio: Audio) -> Reply<Audio> {
    Reply { body: audio, headers: vec![("x-tts-provider", provider)] }
}

/// The audio of a job.
pub(super) fn of_job(spoken: SpokenAudio) -> (Audio, Vec<(&'static str, String)>) {
    let SpokenAudio { provider, media_type, audio: bytes } = spoken;
    let Reply { body, headers } = audio(provider, Audio { media_type, body: Body::from(bytes) });
    (body, headers)
}

pub(super) fn voices(platform: &Platform, call: &Call) -> Result<ListVoicesResponse, Problem> {
    let voices = platform.voices(&call.tenant).map_err(|error| problem::speech(&error))?;
    let formats = formats(&platform.speech().formats());
    let voices = voices.into_iter().map(|(voice, provider)| {
        let rates = vec![u64::from(voice.sample_rate_hz)];
        wire::Voice::new(voice.id.into(), voice.name, voice.language.into(), provider, formats.clone(), rates)
    });
    Ok(ListVoicesResponse::Ok(wire::VoiceList::new(voices.collect()).into()))
}

/// The contract's words for formats.
pub(super) fn formats(formats: &[SpeechFormat]) -> Vec<wire::SpeechFormat> {
    formats
        .iter()
        .map(|format| match format {
            SpeechFormat::Mp3 => wire::SpeechFormat::Mp3,
            SpeechFormat::Wav => wire::SpeechFormat::Wav,
            SpeechFormat::Opus => wire::SpeechFormat::Opus,
            SpeechFormat::Pcm => wire::SpeechFormat::Pcm,
        })
        .collect()
}

fn decoded(request: wire::SpeechRequest) -> SpeechRequest {
    let format = match request.format.unwrap_or(wire::SpeechFormat::Wav) {
        wire::SpeechFormat::Mp3 => SpeechFormat::Mp3,
        wire::SpeechFormat::Wav => SpeechFormat::Wav,
        wire::SpeechFormat::Opus => SpeechFormat::Opus,
        wire::SpeechFormat::Pcm => SpeechFormat::Pcm,
    };
    SpeechRequest {
        text: request.text,
        voice: request.voice.map(|voice| voice.to_string()),
        language: request.language.map(|language| language.to_string()),
        format,
        speed: request.speed,
    }
}
