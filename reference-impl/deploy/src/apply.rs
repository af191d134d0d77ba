//! Carries a plan out: step by step, each remembered with what takes it back, and taken back in reverse when a later one fails.

mod journal;
mod lock;
mod perform;
mod smoke;
mod undo;

use std::time::Instant;

use contract_types::{DeployFinding, DeployOutcome, DeployOutcomeOutcome, DeployStep, DeployStepState, TenantId};

use crate::api::{Api, ApiError};
use crate::config::Deployment;
use crate::credentials::{Origin, SecretError};
use crate::live::Live;
use crate::plan::{Plan, Step};
use crate::stop::Stop;
use crate::wanted::Wanted;

pub use journal::{Journal, JournalError};
pub use lock::{Lock, LockError};
pub(crate) use perform::Performer;
pub use smoke::{OVERRIDE, Smoke, SmokeError};
pub(crate) use undo::Undo;

/// Why a deployment failed or was not begun.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// A call failed.
    #[error("the API did not do what was asked")]
    Api(#[from] ApiError),
    /// A secret cannot be had.
    #[error("a secret cannot be had")]
    Secret(#[from] SecretError),
    /// The new version does not work.
    #[error("the new version does not work")]
    Smoke(#[from] SmokeError),
    /// After everything was done, something is still not as wanted.
    #[error("everything was done and is still not as wanted: {0}")]
    Unverified(String),
    /// Somebody else shared the traffic out while this ran.
    #[error(
        "the traffic was changed by somebody else meanwhile: expected {0}, found {1}; see who deploys beside you, then begin again"
    )]
    Meanwhile(String, String),
    /// Somebody asked for it.
    #[error("stopped, as was asked; what had been done was taken back")]
    Stopped,
    /// Somebody asked for it, and what is deleted does not come back.
    #[error("stopped, as was asked; what is planned is still there, and what was deleted before does not come back")]
    StoppedRemoving,
    /// It must not be begun.
    #[error("{0}")]
    Refused(String),
}

impl DeployError {
    /// The error with its causes.
    pub fn chain(&self) -> String {
        chain(self)
    }
}

/// An error with its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Who is told of each step.
pub type Progress<'a> = &'a (dyn Fn(&DeployStep) + Sync);

/// What an application needs beside its configuration.
#[derive(Debug, Clone)]
pub struct Means {
    /// The API of the account.
    pub api: Api,
    /// How a version is tried.
    pub smoke: Smoke,
    /// Where secrets come from.
    pub origin: Origin,
    /// Secrets that are uploaded again, for a rotation.
    pub rotate: Vec<String>,
    /// Whether to stop.
    pub stop: Stop,
}

/// An outcome in the making.
#[derive(Debug)]
pub struct Account {
    outcome: DeployOutcome,
    began: Instant,
}

impl Account {
    /// Begins the clock.
    pub fn new(deployment: &Deployment) -> Self {
        Self {
            outcome: DeployOutcome {
                tenant: TenantId(deployment.tenant.clone()),
                environment: deployment.environment.wire(),
                outcome: DeployOutcomeOutcome::Failed,
                version: None,
                steps: Vec::new(),
                findings: Vec::new(),
                error: None,
                took_ms: 0,
            },
            began: Instant::now(),
        }
    }

    /// Ends it.
    pub fn end(mut self, outcome: DeployOutcomeOutcome) -> DeployOutcome {
        self.outcome.outcome = outcome;
        self.outcome.took_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.outcome
    }

    /// Ends it with an error.
    pub fn fail(mut self, error: &DeployError) -> DeployOutcome {
        self.outcome.error = Some(crate::credentials::redacted(&error.chain()).chars().take(8000).collect());
        let refused = matches!(error, DeployError::Refused(_));
        self.end(if refused { DeployOutcomeOutcome::Refused } else { DeployOutcomeOutcome::Failed })
    }

    pub(crate) fn found(&mut self, findings: Vec<DeployFinding>) {
        self.outcome.findings = findings;
    }

    pub(crate) fn version(&mut self, version: Option<String>) {
        self.outcome.version = version;
    }

    pub(crate) fn step(&mut self, words: String, state: DeployStepState, progress: Progress<'_>) {
        let step = DeployStep { step: words, state };
        progress(&step);
        self.outcome.steps.push(step);
    }

    pub(crate) fn steps(&mut self) -> &mut Vec<DeployStep> {
        &mut self.outcome.steps
    }
}

/// Reads what is live and plans.
///
/// # Errors
///
/// [`ApiError`] of a read.
pub async fn plan(api: &Api, wanted: &Wanted) -> Result<(Live, Plan), ApiError> {
    let live = Live::read(api, wanted).await?;
    let plan = Plan::new(wanted, &live);
    Ok((live, plan))
}

/// Shows a plan and changes nothing.
pub async fn show(api: &Api, wanted: &Wanted) -> DeployOutcome {
    let mut account = Account::new(&wanted.deployment);
    match plan(api, wanted).await {
        Ok((live, plan)) => {
            account.version(live.current().map(|version| version.id.clone()));
            let nothing = plan.findings.is_empty();
            account.found(plan.findings);
            for step in &plan.steps {
                account.step(step.words(), DeployStepState::Planned, &|_| {});
            }
            if !plan.refusals.is_empty() {
                return account.fail(&DeployError::Refused(plan.refusals.join("; ")));
            }
            account.end(if nothing { DeployOutcomeOutcome::Unchanged } else { DeployOutcomeOutcome::Planned })
        }
        Err(error) => account.fail(&error.into()),
    }
}

/// Brings a deployment to what is wanted.
pub async fn apply(means: &Means, wanted: &Wanted, progress: Progress<'_>) -> DeployOutcome {
    let mut account = Account::new(&wanted.deployment);
    let (live, mut plan) = match plan(&means.api, wanted).await {
        Ok(found) => found,
        Err(error) => return account.fail(&error.into()),
    };
    account.found(plan.findings);
    account.version(live.current().map(|version| version.id.clone()));
    if !plan.refusals.is_empty() {
        return account.fail(&DeployError::Refused(plan.refusals.join("; ")));
    }
    if !means.rotate.is_empty() && !plan.steps.iter().any(|step| matches!(step, Step::Script { .. })) {
        plan.steps.retain(|step| {
            !matches!(
                step,
                Step::Take(_) | Step::Version { .. } | Step::Idle | Step::Smoke | Step::Traffic | Step::Verify
            )
        });
        plan.steps.extend([Step::Version { afresh: true }, Step::Idle, Step::Smoke, Step::Traffic, Step::Verify]);
    }
    if wanted.cut_off && live.script.is_some() && !plan.steps.contains(&Step::Smoke) {
        // A run that was killed may have given it traffic before it was tried.
        plan.steps.retain(|step| *step != Step::Verify);
        plan.steps.extend([Step::Smoke, Step::Verify]);
    }
    if plan.steps.is_empty() {
        return account.end(DeployOutcomeOutcome::Unchanged);
    }
    let mut performer = Performer::new(means, wanted, live);
    match carry_out(&mut performer, &plan.steps, &mut account, progress).await {
        Ok(()) => {
            account.version(performer.version().map(str::to_owned));
            account.end(DeployOutcomeOutcome::Changed)
        }
        Err(error) => account.fail(&error),
    }
}

/// Does the steps; where one fails, takes back those before it.
pub(crate) async fn carry_out(
    performer: &mut Performer<'_>,
    steps: &[Step],
    account: &mut Account,
    progress: Progress<'_>,
) -> Result<(), DeployError> {
    let mut undos: Vec<(usize, Undo)> = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        match perform(performer, step).await {
            Ok(undo) => {
                undos.push((account.steps().len(), undo));
                account.step(step.words(), DeployStepState::Done, progress);
            }
            Err(error) => {
                account.step(step.words(), DeployStepState::Failed, progress);
                for (place, undo) in undos.into_iter().rev() {
                    let state = match undo.take_back(performer.api(), performer.worker()).await {
                        Ok(true) => DeployStepState::Undone,
                        Ok(false) => continue,
                        Err(_) => DeployStepState::Left,
                    };
                    account.steps()[place].state = state;
                    progress(&account.steps()[place].clone());
                }
                for step in &steps[at + 1..] {
                    account.step(step.words(), DeployStepState::Planned, &|_| {});
                }
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Does one step, unless the run is to stop. A step that only looks is cut short; one that changes something is never left half done.
async fn perform(performer: &mut Performer<'_>, step: &Step) -> Result<Undo, DeployError> {
    let stop = performer.stop().clone();
    if stop.asked() {
        return Err(DeployError::Stopped);
    }
    if !matches!(step, Step::Smoke | Step::Verify) {
        return performer.perform(step).await;
    }
    tokio::select! {
        biased;
        () = stop.wait() => Err(DeployError::Stopped),
        done = performer.perform(step) => done,
    }
}

/// Does only those of the steps that `chosen` names.
pub(crate) async fn apply_some(
    means: &Means,
    wanted: &Wanted,
    chosen: &dyn Fn(&Step) -> bool,
    progress: Progress<'_>,
) -> DeployOutcome {
    let mut account = Account::new(&wanted.deployment);
    let (live, plan) = match plan(&means.api, wanted).await {
        Ok(found) => found,
        Err(error) => return account.fail(&error.into()),
    };
    account.version(live.current().map(|version| version.id.clone()));
    account.found(plan.findings);
    if !plan.refusals.is_empty() {
        return account.fail(&DeployError::Refused(plan.refusals.join("; ")));
    }
    let steps: Vec<Step> = plan.steps.into_iter().filter(chosen).collect();
    if steps.is_empty() {
        return account.end(DeployOutcomeOutcome::Unchanged);
    }
    let mut performer = Performer::new(means, wanted, live);
    match carry_out(&mut performer, &steps, &mut account, progress).await {
        Ok(()) => {
            account.version(performer.version().map(str::to_owned));
            account.end(DeployOutcomeOutcome::Changed)
        }
        Err(error) => account.fail(&error),
    }
}
