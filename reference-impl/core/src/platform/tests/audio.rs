//! Where the audio of speech jobs lies: in the tenant's database, or in a store that the host has for it.

use std::collections::HashMap;

use futures_util::{FutureExt as _, StreamExt as _, stream};

use super::*;
use crate::ports::{
    AudioError, MOST_AUDIO_BYTES, SoundChunks, SpeechCall, SpeechFormat, SpeechProvider, SpeechVoice, UnixMillis,
};
use crate::speech::SpeechRequest;
use crate::tenancy::Feature;

/// Says what it is asked, a byte pair a letter.
struct Voice(Vec<SpeechVoice>);

impl SpeechProvider for Voice {
    fn name(&self) -> &'static str {
        "voice"
    }

    fn voices(&self) -> &[SpeechVoice] {
        &self.0
    }

    fn piece_chars(&self) -> usize {
        400
    }

    fn speak<'a>(
        &'a self,
        _tenant: &'a TenantContext,
        call: SpeechCall<'a>,
    ) -> BoxFuture<'a, Result<SoundChunks, ModelError>> {
        let pcm = call.text.bytes().flat_map(|byte| [byte, 0]).collect();
        std::future::ready(Ok(stream::iter([Ok(pcm)]).boxed())).boxed()
    }
}

/// A store in memory with a switch.
#[derive(Default)]
pub(super) struct Shelf {
    pub(super) kept: Mutex<HashMap<(String, String), Vec<u8>>>,
    pub(super) down: AtomicBool,
    /// Most bytes of a tenant where that is not the port's.
    bound: Option<usize>,
}

impl Shelf {
    pub(super) fn count(&self) -> usize {
        self.kept.lock().unwrap().len()
    }

    fn state(&self) -> Result<(), AudioError> {
        if self.down.load(Relaxed) { Err(AudioError::Unavailable { reason: "down".to_owned() }) } else { Ok(()) }
    }
}

fn key(tenant: &TenantContext, job: &str) -> (String, String) {
    (tenant.id().as_str().to_owned(), job.to_owned())
}

impl AudioStore for Shelf {
    fn put<'a>(
        &'a self,
        tenant: &'a TenantContext,
        job: &'a str,
        audio: &'a [u8],
        _expires_at: UnixMillis,
    ) -> BoxFuture<'a, Result<(), AudioError>> {
        let done = self.state().and_then(|()| {
            let mut kept = self.kept.lock().unwrap();
            let key = key(tenant, job);
            let others = kept.iter().filter(|(other, _)| other.0 == key.0 && **other != key);
            let bytes = audio.len() + others.map(|(_, audio)| audio.len()).sum::<usize>();
            if bytes > self.bound.unwrap_or(usize::try_from(MOST_AUDIO_BYTES).unwrap()) {
                return Err(AudioError::Full);
            }
            kept.insert(key, audio.to_vec());
            Ok(())
        });
        std::future::ready(done).boxed()
    }

    fn get<'a>(
        &'a self,
        tenant: &'a TenantContext,
        job: &'a str,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, AudioError>> {
        let found = self.state().map(|()| self.kept.lock().unwrap().get(&key(tenant, job)).cloned());
        std::future::ready(found).boxed()
    }

    fn remove<'a>(&'a self, tenant: &'a TenantContext, job: &'a str) -> BoxFuture<'a, Result<(), AudioError>> {
        let done = self.state().map(|()| drop(self.kept.lock().unwrap().remove(&key(tenant, job))));
        std::future::ready(done).boxed()
    }

    fn clear<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, Result<usize, AudioError>> {
        let done = self.state().map(|()| {
            let mut kept = self.kept.lock().unwrap();
            let before = kept.len();
            kept.retain(|(owner, _), _| owner != tenant.id().as_str());
            before - kept.len()
        });
        std::future::ready(done).boxed()
    }
}

pub(super) fn speaking(shelf: Option<&Arc<Shelf>>) -> House {
    let house = house_with(|settings| {
        settings.features.insert(Feature::Tts);
        settings.tts.providers = vec!["voice".to_owned()];
    });
    let voice = SpeechVoice {
        id: "en".to_owned(),
        name: "en".to_owned(),
        language: "en".to_owned(),
        any_language: true,
        sample_rate_hz: 8_000,
    };
    let speech = Speech::new(vec![Arc::new(Voice(vec![voice]))], None);
    let House { platform, tenants, embedder, writer, later } = house;
    let platform = Arc::into_inner(platform).expect("nobody else has it yet").with_speech(Arc::new(speech));
    let platform = match shelf {
        Some(shelf) => platform.with_audio(Arc::clone(shelf) as Arc<dyn AudioStore>),
        None => platform,
    };
    House { platform: Arc::new(platform), tenants, embedder, writer, later }
}

pub(super) fn speech_of(text: &str) -> SpeechRequest {
    SpeechRequest { text: text.to_owned(), voice: None, language: None, format: SpeechFormat::Wav, speed: 1.0 }
}

/// The id of a job that has spoken.
pub(super) async fn spoken(house: &House, owner: &TenantContext) -> String {
    let outcome = house.platform.speak(owner, &speech_of("The doors open at nine."), (false, true)).await.unwrap();
    let SpeechOutcome::Accepted(job) = outcome else { panic!("a job was asked for") };
    house.platform.run_jobs(owner).await.unwrap();
    job.id.as_str().to_owned()
}

async fn heard(house: &House, owner: &TenantContext, job: &str) -> Result<usize, JobError> {
    match house.platform.job_result(owner, job).await? {
        JobReport::Speech(audio) => Ok(audio.audio.len()),
        JobReport::Ingest(_) | JobReport::Tool(_) => panic!("it was a job of speech"),
    }
}

#[tokio::test]
async fn audio_lies_where_the_host_has_a_place_for_it() {
    let here = speaking(None);
    let owner = here.tenants.owner();
    let job = spoken(&here, &owner).await;
    let length = heard(&here, &owner, &job).await.unwrap();

    let shelf = Arc::new(Shelf::default());
    let house = speaking(Some(&shelf));
    let (owner, stranger) = (house.tenants.owner(), house.tenants.stranger());
    let job = spoken(&house, &owner).await;
    assert_eq!((heard(&house, &owner, &job).await.unwrap(), shelf.count()), (length, 1));
    let database = house.platform.ports().databases.open(&owner).await.unwrap();
    let rows = crate::store::audio::read(&*database, &crate::ids::JobId::parse(&job).unwrap()).await.unwrap();
    assert!(rows.is_empty(), "it is not in the database too");
    assert!(matches!(heard(&house, &stranger, &job).await, Err(JobError::NotFound)));

    shelf.down.store(true, Relaxed);
    let failed = heard(&house, &owner, &job).await;
    assert!(matches!(&failed, Err(error) if error.code() == ErrorCode::UpstreamUnavailable), "{failed:?}");
    let other = spoken(&house, &owner).await;
    assert_eq!(heard(&house, &owner, &other).await.unwrap(), length, "kept in the database while the store is down");
    shelf.down.store(false, Relaxed);
    assert_eq!((heard(&house, &owner, &job).await.unwrap(), shelf.count()), (length, 1));
    shelf.kept.lock().unwrap().clear();
    assert!(matches!(heard(&house, &owner, &job).await, Err(JobError::NoResult { .. })), "what is gone is no result");
}

#[tokio::test]
async fn a_shelf_keeps_the_contract() {
    let tenants = TestTenants::new();
    let (owner, stranger) = (tenants.owner(), tenants.stranger());
    let shelf = Shelf { bound: Some(100_000), ..Shelf::default() };
    crate::ports::contract::assert_audio_isolates_tenants(&shelf, &owner, &stranger, i64::MAX).await;
    crate::ports::contract::assert_audio_is_bounded(&shelf, &owner, &stranger, i64::MAX, 100_000).await;
}

#[tokio::test]
async fn fails_a_job_whose_audio_has_no_room() {
    let shelf = Arc::new(Shelf { bound: Some(64), ..Shelf::default() });
    let house = speaking(Some(&shelf));
    let owner = house.tenants.owner();
    let job = spoken(&house, &owner).await;
    let ended = house.platform.get_job(&owner, &job).await.unwrap();
    assert_eq!((ended.status, ended.error.map(|it| it.code)), (JobStatus::Failed, Some(ErrorCode::RateLimited)));
    assert_eq!(shelf.count(), 0);
}
