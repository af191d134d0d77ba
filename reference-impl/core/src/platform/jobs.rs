//! Ingestion as a job, and everything about jobs.

mod work;

use std::sync::Arc;

use contract_types::ErrorCode;
use futures_util::future::{Either, select};

use super::{JobError, Page, Platform, SpokenAudio};
use crate::ids::JobId;
use crate::ingest::pipeline::{self, Pipeline};
use crate::ingest::{
    ChunkOptions, DocumentInput, DocumentOutcome, DocumentStatus, IngestError, IngestReport, ItemError,
};
use crate::ports::{Database, DatabaseError};
use crate::retrieve::index::corpus_version;
use crate::sabotage::{self, Sabotage};
use crate::store::jobs::{
    self, Claimed, Ending, Job, JobFailure, JobItem, JobKind, JobPosition, JobResult, JobStatus, NewJob,
};
use crate::tenancy::{ChunkSettings, Feature, Scope, TenantContext};
use crate::tools::{ToolOutput, decode_output};
use crate::trace::{Followed, StepName, StepOutcome, WorkOrigin};

use work::{decode_report, decode_work, encode_report, encode_work, failure};

const LIST: &str = "list_jobs";

/// What became of an ingest request.
#[derive(Debug, Clone, PartialEq)]
pub enum IngestOutcome {
    /// It is done.
    Done(IngestReport),
    /// It goes on as a job.
    Accepted(Job),
}

/// The result of a job.
#[derive(Debug, Clone, PartialEq)]
pub enum JobReport {
    /// Of an ingest.
    Ingest(IngestReport),
    /// Of a tool call.
    Tool(ToolOutput),
    /// Of speech.
    Speech(SpokenAudio),
}

/// How far a runner got with a job.
enum Run {
    /// To its end.
    Ended(Vec<JobItem>, Ending),
    /// To where it was cancelled.
    Cancelled,
    /// To where the embedding model did not answer; it is queued again.
    Waits,
}

impl Platform {
    /// Starts ingestion as a job and a runner for it.
    ///
    /// # Errors
    ///
    /// [`JobError::NotEnabled`], [`JobError::Ingest`] when the request as a whole is refused, or a store's failure.
    pub async fn start_ingest_job(
        self: &Arc<Self>,
        tenant: &TenantContext,
        documents: &[DocumentInput],
        options: ChunkOptions,
    ) -> Result<Job, JobError> {
        if !tenant.settings().has_feature(Feature::AsyncIngest) {
            return Err(JobError::NotEnabled);
        }
        let mut settings = pipeline::check(tenant, documents, options)?;
        if sabotage::on(Sabotage::AsyncDropsOptions) {
            settings = tenant.settings().chunking;
        }
        self.meter.check(tenant, &tenant.settings().models.embedding).await.map_err(IngestError::from)?;
        let database = self.ports().databases.open(tenant).await?;
        let job = NewJob {
            id: JobId::random(&*self.ports().ids),
            kind: JobKind::Ingest,
            scope: Scope::IngestWrite,
            request: WorkOrigin::stamp(tenant, encode_work(documents, settings)),
            items: documents.iter().map(|document| document.id.clone()).collect(),
        };
        let created = jobs::create(&*database, &job, self.ports().clock.now(tenant.id())).await?;
        self.see_jobs(tenant, &*database).await;
        self.start_runner(tenant);
        Ok(created)
    }

    /// Has the tenant's queued jobs run in the background, by the runner that is at it already or by a new one.
    pub fn start_runner(self: &Arc<Self>, tenant: &TenantContext) {
        let Some(runner) = self.runners.start(tenant.id(), self.ports().clock.monotonic_us()) else { return };
        let (platform, owner) = (Arc::clone(self), tenant.beside_request());
        self.ports().background.spawn(Box::pin(async move {
            loop {
                // What goes wrong with a job is recorded with it; a store that fails leaves it for the next runner.
                let _ = platform.run_jobs(&owner).await;
                if !runner.again() {
                    break;
                }
            }
        }));
    }

    /// Runs the tenant's queued jobs until there is none left, or one must wait for the embedding model; returns how many it
    /// began. Any number of runners may do so at once: each job is claimed by one.
    ///
    /// # Errors
    ///
    /// A store's failure; the job it was at is still marked as running and is queued again by [`Platform::resume_jobs`].
    pub async fn run_jobs(&self, tenant: &TenantContext) -> Result<usize, JobError> {
        let database = self.ports().databases.open(tenant).await?;
        let mut ran = 0;
        while let Some(claimed) = jobs::claim_next(&*database, self.ports().clock.now(tenant.id())).await? {
            ran += 1;
            self.see_jobs(tenant, &*database).await;
            self.runners.seen(tenant.id(), self.ports().clock.monotonic_us());
            let (clock, ids) = (&self.ports().clock, &*self.ports().ids);
            let job = (claimed.job.id.clone(), claimed.job.kind);
            let (within, followed) = Followed::begin(tenant, job, &claimed.request, clock, ids);
            let id = claimed.job.id.clone();
            let work = Box::pin(self.run_claimed(&within, claimed));
            let ended = match select(work, self.ports().background.watch(tenant, &id)).await {
                Either::Left((ended, _)) => ended,
                Either::Right(((), work)) => work.await,
            };
            if let Some(followed) = followed {
                let outcome = ended.as_ref().map_or(StepOutcome::Error, |&(outcome, _)| outcome);
                followed.end(tenant.id(), outcome, self.traces.as_ref());
            }
            if let (_, true) = ended? {
                self.runners.wait(tenant);
                self.ports().background.wake_later(tenant).await;
                break;
            }
        }
        self.see_jobs(tenant, &*database).await;
        Ok(ran)
    }

    /// Runs a job that was claimed; gives how it ended, and whether it waits for a model.
    async fn run_claimed(
        &self,
        tenant: &TenantContext,
        Claimed { job, request, so_far }: Claimed,
    ) -> Result<(StepOutcome, bool), JobError> {
        let outcome = |ending: &Ending| match ending {
            Ending::Succeeded(_) => StepOutcome::Ok,
            Ending::Failed(_) => StepOutcome::Error,
        };
        // Opened within the job, so that its batches are steps of it.
        let database = self.ports().databases.open(tenant).await?;
        let (items, ending) = match (job.kind, decode_work(&request)) {
            (JobKind::Tool, _) => match self.run_tool_job(tenant, &*database, &job, &request).await? {
                Some(ending) => (job.items.clone(), ending),
                None => return Ok((StepOutcome::Skipped, false)),
            },
            (JobKind::Speech, _) => {
                let ending = self.run_speech_job(tenant, &*database, &job, &request).await?;
                return Ok((ending.as_ref().map_or(StepOutcome::Skipped, outcome), false));
            }
            (JobKind::Ingest, Some((documents, settings))) => {
                let report = so_far.as_ref().and_then(decode_report);
                let outcomes = report.map(|it| it.documents).unwrap_or_default();
                match self.run_ingest(tenant, &*database, &job, &documents, settings, outcomes).await? {
                    Run::Ended(items, ending) => (items, ending),
                    Run::Cancelled => return Ok((StepOutcome::Skipped, false)),
                    Run::Waits => return Ok((StepOutcome::Skipped, true)),
                }
            }
            (JobKind::Ingest, None) => {
                let message = "the work of this job cannot be read".to_owned();
                (job.items.clone(), Ending::Failed(JobFailure { code: ErrorCode::InternalError, message }))
            }
        };
        let ttl_ms = tenant.settings().times.result_ttl_ms;
        jobs::finish(&*database, &job.id, &items, &ending, self.ports().clock.now(tenant.id()), ttl_ms).await?;
        Ok((outcome(&ending), false))
    }

    /// Starts runners for the tenants whose jobs wait for an embedding model that did not answer; to be called by the host from
    /// time to time. Returns how many tenants that were.
    pub fn wake(self: &Arc<Self>) -> usize {
        let waiting = self.runners.take_waiting();
        for tenant in &waiting {
            self.start_runner(tenant);
        }
        waiting.len()
    }

    /// Queues every running job of the tenant again; for a host that starts anew. Returns how many.
    ///
    /// # Errors
    ///
    /// A store's failure.
    pub async fn resume_jobs(&self, tenant: &TenantContext) -> Result<usize, JobError> {
        let database = self.ports().databases.open(tenant).await?;
        Ok(jobs::resume(&*database, self.ports().clock.now(tenant.id())).await?)
    }

    /// Ingests the documents of a job one by one, from the first that has none of the `outcomes` on.
    async fn run_ingest(
        &self,
        tenant: &TenantContext,
        database: &dyn Database,
        job: &Job,
        documents: &[DocumentInput],
        settings: ChunkSettings,
        mut outcomes: Vec<DocumentOutcome>,
    ) -> Result<Run, JobError> {
        let model = match self.embedder(tenant) {
            Ok(embedder) => embedder,
            Err(model) => {
                let failure = failure(&IngestError::UnknownModel { model });
                return Ok(Run::Ended(job.items.clone(), Ending::Failed(failure)));
            }
        };
        let mut items = job.items.clone();
        for (index, document) in documents.iter().enumerate().skip(outcomes.len()) {
            if let Some(item) = items.get_mut(index) {
                item.status = JobStatus::Running;
            }
            if !jobs::progress(database, &job.id, &items, self.ports().clock.now(tenant.id())).await? {
                return Ok(Run::Cancelled);
            }
            self.runners.seen(tenant.id(), self.ports().clock.monotonic_us());
            let guard = Some(jobs::while_running(&job.id)).filter(|_| !sabotage::on(Sabotage::CancelledJobGoesOn));
            // Each document asks the budget by itself, so that a long job stops where nothing is left.
            let (within, step) = tenant.step(StepName::Document);
            let work = within.anew();
            let pipeline = Pipeline { guard, ..self.pipeline(&work, database, &*model) };
            let outcome = pipeline.one(document, settings).await;
            self.meter.close(&work).await;
            step.end(StepOutcome::of(&outcome));
            let outcome = match outcome {
                Ok(outcome) => outcome,
                Err(IngestError::Database(DatabaseError::GuardFailed { .. })) => return Ok(Run::Cancelled),
                Err(IngestError::Model(error)) if error.passes() && self.may_wait(tenant, job) => {
                    if let Some(item) = items.get_mut(index) {
                        item.status = JobStatus::Queued;
                    }
                    let so_far = encode_report(&IngestReport { documents: outcomes, corpus_version: 0 });
                    let now = self.ports().clock.now(tenant.id());
                    let queued = jobs::requeue(database, &job.id, &items, &so_far, now).await?;
                    return Ok(if queued { Run::Waits } else { Run::Cancelled });
                }
                Err(error) => pipeline.failed(document, &error).await,
            };
            if let Some(item) = items.get_mut(index) {
                let failed = outcome.status == DocumentStatus::Failed;
                item.status = if failed { JobStatus::Failed } else { JobStatus::Succeeded };
                let failure = |error: &ItemError| JobFailure { code: error.code, message: error.message.clone() };
                item.error = outcome.error.as_ref().map(failure);
            }
            outcomes.push(outcome);
        }
        // The report is the result even where every document failed, as it is the answer of the same request made at once.
        let version = corpus_version(database).await?;
        let report = IngestReport { documents: outcomes, corpus_version: u64::try_from(version).unwrap_or(0) };
        Ok(Run::Ended(items, Ending::Succeeded(encode_report(&report))))
    }

    /// Whether a job may still wait for a model: as long as its result would be kept, and then no longer.
    fn may_wait(&self, tenant: &TenantContext, job: &Job) -> bool {
        let waited = self.ports().clock.now(tenant.id()).saturating_sub(job.created_at);
        waited < tenant.settings().times.result_ttl_ms
    }

    /// One page of the tenant's jobs that the credential may see, newest first.
    ///
    /// # Errors
    ///
    /// [`JobError::Cursor`], or a store's failure.
    pub async fn list_jobs(
        &self,
        tenant: &TenantContext,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<Job>, JobError> {
        let after = cursor.map(|cursor| self.cursors.open(tenant, LIST, cursor)).transpose()?;
        let after = after.as_deref().and_then(|position| {
            let (time, id) = position.split_once(' ')?;
            Some(JobPosition { created_at: time.parse().ok()?, id: JobId::parse(id)? })
        });
        let all = sabotage::on(Sabotage::JobScopeIgnored);
        let scopes: Vec<Scope> = Scope::ALL.iter().copied().filter(|scope| all || tenant.has_scope(*scope)).collect();
        let database = self.ports().databases.open(tenant).await?;
        let now = self.ports().clock.now(tenant.id());
        let found = jobs::list(&*database, &scopes, after.as_ref(), limit.saturating_add(1), now).await?;
        let position = |job: &Job| format!("{} {}", job.created_at, job.id.as_str());
        Ok(self.page(tenant, LIST, found, limit as usize, position))
    }

    /// One job.
    ///
    /// # Errors
    ///
    /// [`JobError::NotFound`], [`JobError::Scope`], or a store's failure.
    pub async fn get_job(&self, tenant: &TenantContext, id: &str) -> Result<Job, JobError> {
        let id = JobId::parse(id).ok_or(JobError::NotFound)?;
        let database = self.ports().databases.open(tenant).await?;
        let job = jobs::get(&*database, &id, self.ports().clock.now(tenant.id())).await?;
        #[cfg(feature = "sabotage")]
        if sabotage::on(Sabotage::ForeignJobReadable) && job.is_none() {
            return self.foreign_job(tenant, &id).await.ok_or(JobError::NotFound);
        }
        let job = job.ok_or(JobError::NotFound)?;
        let open = tenant.has_scope(job.scope) || sabotage::on(Sabotage::JobScopeIgnored);
        if open { Ok(job) } else { Err(JobError::Scope { scope: job.scope }) }
    }

    /// Cancels a job that has not ended, and returns it as it is then. What it has already ingested stays.
    ///
    /// # Errors
    ///
    /// [`JobError::NotFound`], or a store's failure.
    pub async fn cancel_job(&self, tenant: &TenantContext, id: &str) -> Result<Job, JobError> {
        let seen = self.get_job(tenant, id).await?;
        if seen.kind == JobKind::Speech && sabotage::on(Sabotage::CancelledSpeechGoesOn) {
            return Ok(Job { status: JobStatus::Cancelled, ..seen });
        }
        let database = self.ports().databases.open(tenant).await?;
        let (now, ttl_ms) = (self.ports().clock.now(tenant.id()), tenant.settings().times.result_ttl_ms);
        let call = match seen.kind {
            JobKind::Tool => jobs::request(&*database, &seen.id).await?,
            JobKind::Ingest | JobKind::Speech => None,
        };
        let job = jobs::cancel(&*database, &seen.id, now, ttl_ms).await?.ok_or(JobError::NotFound)?;
        if job.status == JobStatus::Cancelled
            && let Some(call) = call
        {
            self.record_cancelled(tenant, &*database, &call).await?;
        }
        Ok(job)
    }

    /// The result of a job: what the same request would have answered at once.
    ///
    /// # Errors
    ///
    /// [`JobError::NotReady`] before it has ended, [`JobError::NoResult`] when it failed or was cancelled,
    /// [`JobError::NotFound`], or a store's failure.
    pub async fn job_result(&self, tenant: &TenantContext, id: &str) -> Result<JobReport, JobError> {
        let seen = self.get_job(tenant, id).await?;
        let database = self.ports().databases.open(tenant).await?;
        let found = jobs::result(&*database, &seen.id, self.ports().clock.now(tenant.id())).await?;
        match found.ok_or(JobError::NotFound)? {
            JobResult::NotReady if sabotage::on(Sabotage::UnfinishedResultMissing) => Err(JobError::NotFound),
            JobResult::NotReady => Err(JobError::NotReady),
            JobResult::Absent(failure) => Err(JobError::NoResult { failure }),
            JobResult::Ready(json) => match seen.kind {
                JobKind::Ingest => decode_report(&json).map(JobReport::Ingest),
                JobKind::Tool => decode_output(&json).map(JobReport::Tool),
                JobKind::Speech => self.spoken(tenant, &*database, &seen, &json).await?.map(JobReport::Speech),
            }
            .ok_or(JobError::NoResult { failure: None }),
        }
    }
}
