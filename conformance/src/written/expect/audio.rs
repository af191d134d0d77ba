//! What a step expects of an audio answer.

use harness::{
    audio::{self, Sound},
    client::Exchange,
};

use super::super::{format::AudioExpect, run::Stop, template::Variables};

/// Below these a sound changes too little to be speech: the least that `espeak-ng` makes of short sentences lies well above, a
/// tone and noise well below.
const LEAST_LOUDNESS: f64 = 300.0;
const LEAST_CROSSINGS: f64 = 0.06;
const LEAST_CENTRE_HZ: f64 = 600.0;
/// How alike the loudness of two sounds rises and falls that begin with the same words.
const LEAST_LIKENESS: f64 = 0.9;

/// What does not hold of the audio.
pub(super) fn problems(
    variables: &Variables<'_>,
    expect: &AudioExpect,
    exchange: &Exchange,
    tenant: &str,
) -> Result<Vec<String>, Stop> {
    let sound = match audio::read(&exchange.response) {
        Ok(sound) => sound,
        Err(message) => return Ok(vec![message]),
    };
    let mut problems = Vec::new();
    if let Some(wanted) = expect.format.as_deref().filter(|wanted| *wanted != sound.format) {
        problems.push(format!("expected audio as {wanted}, found {}", sound.format));
    }
    let rate = variables.json(&expect.rate_hz, tenant).map_err(Stop::Error)?;
    if let Some(wanted) = rate.as_u64().or_else(|| rate.as_str().and_then(|text| text.parse().ok()))
        && wanted != u64::from(sound.sample_rate_hz)
    {
        problems.push(format!("expected {wanted} samples a second, found {}", sound.sample_rate_hz));
    }
    if let Some([least, most]) = expect.seconds
        && !(least..=most).contains(&sound.seconds)
    {
        problems.push(format!("expected audio of {least} to {most} s, found {:.2} s", sound.seconds));
    }
    if expect.speech == Some(true) {
        problems.extend(unlike_speech(&sound));
    }
    if let Some(bound) = expect.first_byte_within_ms
        && let Some((at, _)) = exchange.response.arrivals.first()
        && at.as_millis() > u128::from(bound)
    {
        problems.push(format!("expected the first byte within {bound} ms, it came after {} ms", at.as_millis()));
    }
    if let Some(name) = &expect.begins_as {
        let other = earlier(variables, name)?;
        let (Some(own), Some(begin)) = (&sound.samples, &other.samples) else {
            return Err(Stop::Error("`begins_as` needs audio as wav or pcm".to_owned()));
        };
        let likeness = audio::likeness(own, begin, sound.sample_rate_hz);
        if sound.seconds < other.seconds || likeness < LEAST_LIKENESS {
            let message = "expected audio that begins as that of";
            problems.push(format!("{message} `{name}`, found {:.2} s with a likeness of {likeness:.2}", sound.seconds));
        }
    }
    if let Some((name, [least, most])) = &expect.length_of {
        let share = sound.seconds / earlier(variables, name)?.seconds.max(0.001);
        if !(*least..=*most).contains(&share) {
            problems.push(format!("expected {least} to {most} times the length of `{name}`, found {share:.2}"));
        }
    }
    Ok(problems)
}

fn earlier(variables: &Variables<'_>, name: &str) -> Result<Sound, Stop> {
    let other = variables.answers.get(name);
    let other = other.ok_or_else(|| Stop::Error(format!("no earlier step is called `{name}`")))?;
    audio::read(&other.response).map_err(|message| Stop::Error(format!("`{name}` holds no audio: {message}")))
}

fn unlike_speech(sound: &Sound) -> Option<String> {
    let Some(samples) = &sound.samples else { return Some("`speech` needs audio as wav or pcm".to_owned()) };
    let measures = audio::measures(samples, sound.sample_rate_hz);
    let speaks = measures.loudest >= LEAST_LOUDNESS
        && measures.crossings >= LEAST_CROSSINGS
        && measures.centre_hz >= LEAST_CENTRE_HZ;
    let message = || {
        let audio::Measures { loudest, crossings, centre_hz } = measures;
        format!(
            "expected speech, found a loudness of {loudest:.0}, crossings that vary by {crossings:.3} and a centre that varies by {centre_hz:.0} Hz"
        )
    };
    (!speaks).then(message)
}
