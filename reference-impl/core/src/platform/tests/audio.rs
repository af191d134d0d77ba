//! Where the audio of speech jobs lies: in the tenant's database, or in a store that the host has for it.

use std::collections::HashMap;

use futures_util::{FutureExt as _, StreamExt as _, stream};

use super::*;
use crate::ports::{AudioError, SoundChunks, SpeechCall, SpeechFormat, SpeechProvider, SpeechVoice, UnixMillis};
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
struct Shelf {
    kept: Mutex<HashMap<(String, String), Vec<u8>>>,
    down: AtomicBool,
}

impl Shelf {
    fn count(&self) -> usize {
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
        let done = self.state().map(|()| drop(self.kept.lock().unwrap().insert(key(tenant, job), audio.to_vec())));
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
}

fn speaking(shelf: Option<&Arc<Shelf>>) -> House {
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

/// The id of a job that has spoken.
async fn spoken(house: &House, owner: &TenantContext) -> String {
    let request = SpeechRequest {
        text: "The doors open at nine.".to_owned(),
        voice: None,
        language: None,
        format: SpeechFormat::Wav,
        speed: 1.0,
    };
    let outcome = house.platform.speak(owner, &request, (false, true)).await.unwrap();
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
    let shelf = Shelf::default();
    crate::ports::contract::assert_audio_isolates_tenants(&shelf, &tenants.owner(), &tenants.stranger(), i64::MAX)
        .await;
}
