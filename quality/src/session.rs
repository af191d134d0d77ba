//! A run over a target: the target made ready, the collections brought in one after the other, questions asked, answers asked.

use std::{path::PathBuf, time::Duration};

use contract_types::{Limits, RetrievalMode};
use harness::{
    credential::Credential,
    pace::Pace,
    prepare::{PrepareError, Prepared},
    profile::Resolved,
};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use crate::{
    answers::{self, Answered, model_judge::Judge},
    collection::{self, Collection, CollectionError, FIXTURES},
    evaluate::{Evaluated, evaluate},
    faults::Fault,
    fill::{Filled, fill},
    wire::{RunError, Wire},
};

/// The credential that is used for everything.
const CREDENTIAL: &str = "all";
/// Longest wait for writes to become visible.
const LONGEST_CONSISTENCY: Duration = Duration::from_mins(2);

/// Why there is no run. Its text is one message for a person.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The target could not be made ready.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// A collection cannot be used.
    #[error(transparent)]
    Collection(#[from] CollectionError),
    /// A run broke off.
    #[error(transparent)]
    Run(#[from] RunError),
}

impl SessionError {
    /// The exit code that it leads to.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Prepare(error) => error.exit_code(),
            Self::Collection(_) => harness::exit::USAGE,
            Self::Run(error) => error.exit_code(),
        }
    }
}

/// What is asked of every question.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ask<'a> {
    /// The mode; `None` for the tenant's own.
    pub mode: Option<RetrievalMode>,
    /// Whether answers are asked for too.
    pub answers: bool,
    /// Questions whose follow-ups are asked.
    pub follow_ups: usize,
    /// A model that judges answers.
    pub judge: Option<&'a Judge>,
    /// What is wrong on the way, where the gate is being tried.
    pub fault: Option<Fault>,
    /// Seed of what a fault picks.
    pub seed: u64,
}

/// What one collection came to.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Its rankings.
    pub evaluated: Evaluated,
    /// Its answers; empty where none were asked for.
    pub answered: Vec<(String, Vec<Answered>)>,
    /// Answers that were none.
    pub problems: Vec<String>,
    /// What was brought in.
    pub filled: Filled,
}

/// Reads the collections in `folders`; `most` bounds the questions of each.
///
/// # Errors
///
/// [`CollectionError`] of the first that cannot be used.
pub fn read(folders: &[PathBuf], most: Option<usize>) -> Result<Vec<Collection>, CollectionError> {
    let mut collections: Vec<Collection> = Vec::new();
    for folder in folders {
        let mut collection = collection::read(folder)?;
        if collection.name == FIXTURES || collections.iter().any(|other| other.name == collection.name) {
            let message = format!("a collection of the name `{}` is there already", collection.name);
            return Err(CollectionError::Folder { folder: folder.clone(), message });
        }
        collection.questions.truncate(most.unwrap_or(usize::MAX));
        collections.push(collection);
    }
    Ok(collections)
}

/// A target that is ready.
#[derive(Debug)]
pub struct Session {
    /// The target and its profile.
    pub prepared: Prepared,
    pace: Pace,
    progress: ProgressBar,
}

impl Session {
    /// Makes the target of the profile `name` ready, with the fixtures in it where the profile says so.
    ///
    /// # Errors
    ///
    /// [`SessionError::Prepare`], also where collections are asked for and the profile names no tenant for them.
    pub fn open(runtime: &tokio::runtime::Runtime, name: &str, with_collections: bool) -> Result<Self, SessionError> {
        let mut prepared = Prepared::open(name, &[])?;
        if with_collections {
            shelf(&prepared.profile)?;
        }
        runtime.block_on(prepared.fill())?;
        let pace = Pace::new(prepared.profile.spec.pace.as_ref());
        let style = ProgressStyle::with_template("{msg:32} {bar:30} {pos}/{len} {elapsed}");
        let progress = ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Ok(Self { prepared, pace, progress })
    }

    /// Runs one collection of a folder.
    ///
    /// # Errors
    ///
    /// [`SessionError`] when the run breaks off.
    pub async fn collection(&self, collection: &Collection, ask: Ask<'_>) -> Result<Outcome, SessionError> {
        let credential = shelf(&self.prepared.profile)?;
        self.part(collection, credential, ask).await
    }

    /// Runs the fixtures: every tenant's questions, as one collection.
    ///
    /// # Errors
    ///
    /// [`SessionError`] when the run breaks off.
    pub async fn fixtures(&self, ask: Ask<'_>, most: Option<usize>) -> Result<Outcome, SessionError> {
        let mut whole = Outcome::default();
        for (tenant, credential) in self.prepared.tenants() {
            let mut collection = collection::of_fixture(tenant);
            collection.questions.truncate(most.unwrap_or(usize::MAX));
            let part = self.part(&collection, credential, ask).await?;
            whole.evaluated.join(part.evaluated);
            whole.answered.extend(part.answered);
            whole.problems.extend(part.problems);
            whole.filled.sent += part.filled.sent;
            whole.filled.kept += part.filled.kept;
            whole.filled.removed += part.filled.removed;
        }
        Ok(whole)
    }

    async fn part(
        &self,
        collection: &Collection,
        credential: &Credential,
        ask: Ask<'_>,
    ) -> Result<Outcome, SessionError> {
        let fault = ask.fault;
        let stranger = self.prepared.tenants().map(|(_, other)| other).find(|other| other.tenant != credential.tenant);
        let wire = Wire {
            client: &self.prepared.client,
            credential,
            pace: &self.pace,
            fault: fault.as_ref(),
            stranger,
            seed: ask.seed,
        };
        let clean = Wire { fault: None, ..wire };
        let capabilities: Value = clean.ask("GET", "/capabilities", None).await?;
        let limits: Option<Limits> = serde_json::from_value(capabilities["limits"].clone()).ok();
        // A fault of the way in changes what the target holds, so everything is sent again; all others leave it as it is.
        let again = fault == Some(Fault::TextTruncated);
        let mut filled = Filled::default();
        if collection.alone || self.prepared.profile.spec.seed_fixtures {
            let way = if again { wire } else { clean };
            filled = fill(&way, collection, limits.as_ref(), again, &self.progress).await?;
        }
        if filled.sent + filled.removed > 0 {
            self.settle(&capabilities).await;
        }
        let evaluated = evaluate(&wire, collection, ask.mode, &self.progress).await?;
        let mut outcome = Outcome { evaluated, filled, ..Outcome::default() };
        if ask.answers {
            let options = answers::Options { mode: ask.mode, follow_ups: ask.follow_ups, judge: ask.judge };
            let (answered, problems) = answers::ask_all(&wire, collection, options, &self.progress).await?;
            outcome.answered.push((credential.tenant.clone(), answered));
            outcome.problems = problems;
        }
        self.progress.finish_and_clear();
        Ok(outcome)
    }

    /// Waits until writes are visible.
    async fn settle(&self, capabilities: &Value) {
        let own = self.prepared.profile.spec.consistency_ms.unwrap_or(0);
        let said = capabilities["consistency_ms"].as_u64().unwrap_or(0);
        tokio::time::sleep(Duration::from_millis(own.max(said)).min(LONGEST_CONSISTENCY)).await;
    }
}

/// The credential of the tenant for collections.
fn shelf(profile: &Resolved) -> Result<&Credential, PrepareError> {
    let file = profile.file.display();
    let missing = "/collections: expected the tenant that collections may fill and empty; add `collections: <tenant>`";
    let tenant = profile.spec.collections.as_ref().ok_or_else(|| PrepareError::Usage(format!("{file}: {missing}")))?;
    profile.credential(&tenant.0, CREDENTIAL).ok_or_else(|| {
        PrepareError::Usage(format!(
            "{file}: /credentials: expected a credential `{CREDENTIAL}` of tenant `{}`",
            tenant.0
        ))
    })
}
