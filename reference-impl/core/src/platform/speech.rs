//! Speech: at once, streamed, or as a job whose result is the audio.

use std::sync::Arc;
#[cfg(feature = "sabotage")]
use std::sync::{Mutex, PoisonError};

use contract_types::ErrorCode;
use futures_util::StreamExt;
use futures_util::future::{Either, ready, select};
use futures_util::stream;
use serde_json::{Value as Json, json};

use super::{JobError, Platform};
use crate::ids::JobId;
use crate::ports::{AudioError, Database, DatabaseError, ModelError, SpeechFormat, SpeechVoice};
use crate::sabotage::{self, Sabotage};
use crate::speech::{Recording, SpeechError, SpeechRequest, collected};
use crate::store::audio::{self, Kept};
use crate::store::jobs::{self, Ending, Job, JobFailure, JobKind, JobStatus, NewJob};
use crate::tenancy::{Scope, TenantContext};
use crate::trace::WorkOrigin;

/// How often a running job looks whether it was cancelled, in milliseconds.
const LOOK_EVERY_MS: u64 = 100;

/// The last audio of any job, for the flaw that confuses tenants.
#[cfg(feature = "sabotage")]
static LAST: Mutex<Option<SpokenAudio>> = Mutex::new(None);

/// What became of a request to speak.
#[derive(Debug)]
pub enum SpeechOutcome {
    /// The recording, whole or while it is made.
    Recording(Recording),
    /// It is made by a job.
    Accepted(Job),
}

/// The audio of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpokenAudio {
    /// Name of the provider that spoke.
    pub provider: String,
    /// Its media type, with parameters.
    pub media_type: String,
    /// Its bytes.
    pub audio: Vec<u8>,
}

impl Platform {
    /// The voices of the tenant's providers, by id, each with the name of its provider.
    ///
    /// # Errors
    ///
    /// [`SpeechError::NotEnabled`].
    pub fn voices(&self, tenant: &TenantContext) -> Result<Vec<(SpeechVoice, String)>, SpeechError> {
        self.speech.voices(tenant)
    }

    /// Speaks, or has a job do it: where `queued` asks for that, and where the text is longer than the tenant's
    /// `tts_sync_chars`. With `streamed` the recording goes on while it is read.
    ///
    /// # Errors
    ///
    /// [`SpeechError`].
    pub async fn speak(
        self: &Arc<Self>,
        tenant: &TenantContext,
        request: &SpeechRequest,
        (streamed, queued): (bool, bool),
    ) -> Result<SpeechOutcome, SpeechError> {
        self.speech.check(tenant, request)?;
        let sync_chars = tenant.settings().limits.tts_sync_chars as usize;
        let long = request.text.chars().nth(sync_chars).is_some();
        if (queued || long) && !sabotage::on(Sabotage::SpeechNeverWaits) {
            self.meter.check_speech(tenant).await?;
            return Ok(SpeechOutcome::Accepted(self.start_speech_job(tenant, request).await?));
        }
        self.meter.admit_speech(tenant, request.characters()).await?;
        let recording = self.speech.record(tenant, request, !streamed).await;
        if !streamed || recording.is_err() {
            self.meter.close(tenant).await;
        }
        let mut recording = recording?;
        if streamed && sabotage::on(Sabotage::SpeechStreamDiffers) {
            recording.sound = Box::pin(recording.sound.take(1));
        }
        if streamed {
            let (meter, tenant) = (self.meter.clone(), tenant.clone());
            // Whoever has read to the end finds it counted; what is cut before is counted in the background.
            let counted = stream::once(async move { meter.close(&tenant).await }).filter_map(|()| ready(None));
            recording.sound = Box::pin(recording.sound.chain(counted));
        }
        Ok(SpeechOutcome::Recording(recording))
    }

    async fn start_speech_job(
        self: &Arc<Self>,
        tenant: &TenantContext,
        request: &SpeechRequest,
    ) -> Result<Job, SpeechError> {
        let job = NewJob {
            id: JobId::random(&*self.ports().ids),
            kind: JobKind::Speech,
            scope: Scope::TtsWrite,
            request: WorkOrigin::stamp(tenant, encode(request)),
            items: Vec::new(),
        };
        let created = async {
            let database = self.ports().databases.open(tenant).await?;
            let created = jobs::create(&*database, &job, self.ports().clock.now(tenant.id())).await?;
            self.see_jobs(tenant, &*database).await;
            Ok::<_, JobError>(created)
        };
        let created = created.await.map_err(Box::new)?;
        self.start_runner(tenant);
        Ok(created)
    }

    /// Runs a speech job to its end, which it gives, or to where it was cancelled, which ends the provider's work.
    pub(super) async fn run_speech_job(
        &self,
        tenant: &TenantContext,
        database: &dyn Database,
        job: &Job,
        request: &Json,
    ) -> Result<Option<Ending>, JobError> {
        // A context of its own: the tally of a runner is that of all its jobs.
        let owner = tenant.anew();
        let work = async {
            let Some(request) = decode(request) else {
                let message = "the work of this job cannot be read".to_owned();
                return Err(JobFailure { code: ErrorCode::InternalError, message });
            };
            self.spoken_whole(&owner, &request).await.map_err(|error| failure(&error))
        };
        let watch = async {
            loop {
                self.ports().timer.sleep(LOOK_EVERY_MS).await;
                let now = self.ports().clock.now(tenant.id());
                self.runners.seen(tenant.id(), self.ports().clock.monotonic_us());
                // A store that does not answer tells nothing; the end of the work asks it again.
                if matches!(jobs::progress(database, &job.id, &[], now).await, Ok(false)) {
                    return;
                }
            }
        };
        let ended = match select(Box::pin(work), Box::pin(watch)).await {
            Either::Left((spoken, watch)) => {
                // It may wait for the database, which nobody else gets while it does and is not polled.
                drop(watch);
                Some(spoken)
            }
            Either::Right(((), work)) => {
                drop(work);
                None
            }
        };
        self.meter.close(&owner).await;
        let Some(spoken) = ended else { return Ok(None) };
        let ending = match spoken {
            Ok(spoken) => match self.keep_audio(tenant, database, job, &spoken.audio).await? {
                (Kept::Yes, elsewhere) => {
                    let result = json!({
                        "provider": spoken.provider, "media_type": spoken.media_type, "elsewhere": elsewhere,
                    });
                    #[cfg(feature = "sabotage")]
                    LAST.lock().unwrap_or_else(PoisonError::into_inner).replace(spoken);
                    Ending::Succeeded(result)
                }
                (Kept::NotRunning, _) => return Ok(None),
                (Kept::NoRoom, _) => {
                    let message = "as much audio is kept as may be; it goes when results expire".to_owned();
                    Ending::Failed(JobFailure { code: ErrorCode::RateLimited, message })
                }
            },
            Err(failure) => Ending::Failed(failure),
        };
        let (now, ttl_ms) = (self.ports().clock.now(tenant.id()), tenant.settings().times.result_ttl_ms);
        let finished = jobs::finish(database, &job.id, &[], &ending, now, ttl_ms).await?;
        let elsewhere = self.audio.as_ref().filter(|_| !finished);
        if let Some(store) = elsewhere
            && jobs::get(database, &job.id, now).await?.is_none_or(|job| job.status != JobStatus::Succeeded)
        {
            // Cancelled meanwhile, or its tenant is gone: nobody can ask for this audio, and nobody else removes it. Another runner that
            // was quicker has kept the same.
            let removed = store.remove(tenant, job.id.as_str()).await;
            removed.map_err(|error| unreachable_audio(&error))?;
        }
        Ok(Some(ending))
    }

    /// Keeps the audio of a job, and says whether it lies outside the database.
    async fn keep_audio(
        &self,
        tenant: &TenantContext,
        database: &dyn Database,
        job: &Job,
        bytes: &[u8],
    ) -> Result<(Kept, bool), JobError> {
        if let Some(store) = &self.audio {
            let until = self.ports().clock.now(tenant.id()).saturating_add(tenant.settings().times.result_ttl_ms);
            match store.put(tenant, job.id.as_str(), bytes, until).await {
                Ok(()) => return Ok((Kept::Yes, true)),
                Err(AudioError::Full) => return Ok((Kept::NoRoom, true)),
                Err(error @ AudioError::Unavailable { .. }) => {
                    tracing::warn!(tenant = tenant.id().as_str(), %error, "audio is kept in the database");
                }
            }
        }
        Ok((audio::keep(database, &job.id, bytes).await?, false))
    }

    async fn spoken_whole(&self, tenant: &TenantContext, request: &SpeechRequest) -> Result<SpokenAudio, SpeechError> {
        self.meter.admit_speech(tenant, request.characters()).await?;
        let Recording { provider, media_type, sound } = self.speech.record(tenant, request, true).await?;
        Ok(SpokenAudio { provider, media_type, audio: collected(sound).await? })
    }

    /// The audio of a job that has succeeded; `None` where it cannot be read.
    pub(super) async fn spoken(
        &self,
        tenant: &TenantContext,
        database: &dyn Database,
        job: &Job,
        result: &Json,
    ) -> Result<Option<SpokenAudio>, JobError> {
        #[cfg(feature = "sabotage")]
        if sabotage::on(Sabotage::SpeechOfAnotherTenant) {
            return Ok(LAST.lock().unwrap_or_else(PoisonError::into_inner).clone());
        }
        let (Some(provider), Some(media_type)) = (result["provider"].as_str(), result["media_type"].as_str()) else {
            return Ok(None);
        };
        let audio = match (result["elsewhere"].as_bool(), &self.audio) {
            (Some(true), Some(store)) => {
                store.get(tenant, job.id.as_str()).await.map_err(|error| unreachable_audio(&error))?.unwrap_or_default()
            }
            (Some(true), None) => Vec::new(),
            (Some(false) | None, _) => audio::read(database, &job.id).await?,
        };
        if audio.is_empty() {
            tracing::warn!(tenant = tenant.id().as_str(), "the audio of a job is not there");
            return Ok(None);
        }
        Ok(Some(SpokenAudio { provider: provider.to_owned(), media_type: media_type.to_owned(), audio }))
    }
}

fn unreachable_audio(error: &AudioError) -> JobError {
    JobError::Database(DatabaseError::Unavailable { reason: error.to_string() })
}

/// What the job's reader may know: what is wrong with the request, or that nobody spoke.
fn failure(error: &SpeechError) -> JobFailure {
    let message = match error {
        SpeechError::Model(ModelError::BudgetExceeded { .. })
        | SpeechError::NotEnabled
        | SpeechError::TooLong(_)
        | SpeechError::UnknownVoice
        | SpeechError::UnknownLanguage
        | SpeechError::UnknownFormat
        | SpeechError::NothingToSay => error.to_string(),
        SpeechError::Model(_) | SpeechError::Job(_) => "no speech provider of the tenant spoke".to_owned(),
    };
    JobFailure { code: error.code(), message }
}

fn encode(request: &SpeechRequest) -> Json {
    json!({
        "text": request.text, "voice": request.voice, "language": request.language,
        "format": request.format.as_str(), "speed": request.speed,
    })
}

fn decode(json: &Json) -> Option<SpeechRequest> {
    let optional = |name: &str| json[name].as_str().map(str::to_owned);
    Some(SpeechRequest {
        text: optional("text")?,
        voice: optional("voice"),
        language: optional("language"),
        format: SpeechFormat::parse(json["format"].as_str()?)?,
        speed: json["speed"].as_f64()?,
    })
}
