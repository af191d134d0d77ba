//! One run against one target: the profile, the started or running target, what it declares, and what cases share.

mod apart;
mod copies;
mod facts;
mod objects;
mod sending;
mod tenants;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize},
    },
    time::Duration,
};

use contracts::{Contract, catalogue};
use fixtures::Fixtures;
use futures_util::{StreamExt, TryStreamExt, stream};
use harness::{
    canary::Scanner,
    client::{Bounds, Client, ClientError, Request},
    judge::Judge,
    mark,
    pace::Pace,
    prepare::PrepareError,
    profile::{self, Resolved},
    redact::Redactor,
    root::fixtures_root,
    seed,
    target::{Target, TargetError},
};
use indicatif::ProgressBar;

pub use facts::Facts;
pub use objects::{NoObject, Objects, delete_documents, delete_session, wait};
pub use sending::{Guard, Judged, Turn};

use crate::coverage::Coverage;
use apart::Apart;

/// Longest wait for writes to become visible.
const LONGEST_CONSISTENCY: Duration = Duration::from_mins(2);
/// Whose the key of a model provider is: no tenant's, so that no answer to any may hold it.
const MODEL_PROVIDER: &str = "(model provider)";

/// A run against a target. A started target is stopped when this is dropped.
#[derive(Debug)]
pub struct Session {
    /// The contract.
    pub contract: Arc<Contract>,
    /// The profile.
    pub profile: Resolved,
    /// The fixtures.
    pub fixtures: Arc<Fixtures>,
    /// The target.
    pub target: Target,
    /// A client of it.
    pub client: Client,
    /// Bounds on each exchange of a case.
    pub bounds: Bounds,
    /// Judges every response.
    pub judge: Arc<Judge>,
    /// Looks for canaries in every response.
    pub scanner: Arc<Scanner>,
    /// Finds what no line of the target's log may hold.
    pub forbidden: Arc<Scanner>,
    /// Takes secrets and canaries out of records.
    pub redactor: Arc<Redactor>,
    /// How hard the target may be pressed.
    pub pace: Arc<Pace>,
    /// What each tenant has.
    pub facts: Arc<BTreeMap<String, Facts>>,
    /// What cases need to exist, by tenant.
    pub objects: Arc<BTreeMap<String, Objects>>,
    /// What the run has touched.
    pub coverage: Mutex<Coverage>,
    /// Id of the run.
    pub run_id: String,
    /// A short unique name of the run, for ids: its mark, by which what it leaves behind is found.
    pub run: String,
    /// Seed of the property tier.
    pub seed: u64,
    /// Time that each property is given.
    pub property_time: Duration,
    /// The generated cases, whose examples are requests to start from.
    pub examples: Arc<Vec<catalogue::Case>>,
    /// How many tests the run has.
    pub planned: AtomicUsize,
    /// Longest time that a step asks again for.
    pub longest_wait: Duration,
    /// Whether enough is known: written cases then begin no further step, and take back what they have made.
    pub enough: AtomicBool,
    /// Held by what measures times, one after the other.
    pub quiet: Arc<tokio::sync::Mutex<()>>,
    /// Why the profile and the target disagree; empty when they do not.
    pub disagreements: Vec<String>,
    apart: Arc<Apart>,
    root: PathBuf,
}

impl Session {
    /// Reads the profile `name` and starts its target, or takes the one that runs. Blocks.
    ///
    /// # Errors
    ///
    /// [`PrepareError`].
    pub fn open(name: &str, contract: Contract) -> Result<Self, PrepareError> {
        let usage = |error: &dyn std::fmt::Display| PrepareError::Usage(error.to_string());
        let fixtures = Fixtures::load(&fixtures_root()).map_err(|error| usage(&error))?;
        let read = profile::find(name).map_err(|error| usage(&error))?;
        let root = read.base();
        let variable = |name: &str| std::env::var(name).ok();
        let sources = profile::Sources { root: &root, fixtures: &fixtures, variable: &variable };
        let profile = profile::resolve(&read, sources).map_err(|error| usage(&error))?;
        if profile.spec.tenants.is_empty() {
            let message =
                format!("{}: /tenants: expected at least one tenant that may be written to", profile.file.display());
            return Err(PrepareError::Usage(message));
        }
        let (mut scanner, mut redactor) = (Scanner::new(), Redactor::new());
        for credential in &profile.credentials {
            redactor.add(credential.secret.expose(), &format!("${}", credential.variable()));
        }
        for tenant in fixtures.tenants() {
            scanner.add(&tenant.id, &tenant.canaries);
            tenant.canaries.values().for_each(|canary| redactor.add(canary, "[canary]"));
        }
        let target = Target::open(&profile, &root).map_err(|error| not_opened(&error))?;
        if let Some(upstream) = &target.upstream {
            scanner.add(MODEL_PROVIDER, &BTreeMap::from([("key".to_owned(), upstream.key().to_owned())]));
            redactor.add(upstream.key(), "[key of the model provider]");
        }
        let forbidden = Arc::new(crate::sweep::forbidden(&scanner, &fixtures, &profile.credentials));
        target.log().into_iter().for_each(|log| log.watch(Arc::clone(&forbidden)));
        let bounds = Bounds::of_run(variable).map_err(|error| usage(&error))?;
        let client = Client::new(&target.base_url, bounds).and_then(|client| client.carrying(profile.headers()));
        let client = client.map_err(|error| usage(&error))?;
        let run_id = harness::record::run_id();
        let apart = Apart::new(profile.spec.tenants.iter().map(ToString::to_string));
        Ok(Self {
            judge: Arc::new(Judge::new(&contract)),
            pace: Arc::new(Pace::new(profile.spec.pace.as_ref())),
            apart: Arc::new(apart),
            facts: Arc::default(),
            objects: Arc::default(),
            coverage: Mutex::default(),
            run: mark::of_run(&run_id),
            run_id,
            seed: 1,
            property_time: Duration::ZERO,
            examples: Arc::default(),
            planned: AtomicUsize::new(0),
            longest_wait: Duration::MAX,
            enough: AtomicBool::new(false),
            quiet: Arc::default(),
            disagreements: Vec::new(),
            contract: Arc::new(contract),
            profile,
            fixtures: Arc::new(fixtures),
            target,
            client,
            bounds,
            scanner: Arc::new(scanner),
            forbidden,
            redactor: Arc::new(redactor),
            root,
        })
    }

    /// Asks the target what it is, brings the fixtures in where the profile says so, and makes what cases need.
    ///
    /// # Errors
    ///
    /// [`PrepareError::Unreachable`] or [`PrepareError::Refused`].
    pub async fn fill(&mut self) -> Result<(), PrepareError> {
        self.client.send(&Request::new("GET", "/health")).await.map_err(|error| unreachable(&error))?;
        let mut told = BTreeMap::new();
        for tenant in self.profile.spec.tenants.clone() {
            let Some(credential) = self.principal(&tenant) else { continue };
            let request = Request::new("GET", "/capabilities").bearer(&credential.secret);
            let exchange = seed::send_patiently(&self.client, &request).await.map_err(|error| unreachable(&error))?;
            if exchange.response.status != 200 {
                let message = format!(
                    "GET /capabilities with the credential `{}` of `{tenant}`: expected status 200, found {}",
                    credential.name, exchange.response.status
                );
                return Err(PrepareError::Refused(message));
            }
            let facts = Facts::read(&exchange.response.json().unwrap_or_default(), &self.profile.spec);
            told.insert(tenant.to_string(), facts);
        }
        self.facts = Arc::new(told);
        let declared = self.features(self.main_tenant());
        for promised in &self.profile.spec.features {
            if !declared.contains(promised) {
                self.disagreements.push(format!(
                    "the profile promises the feature `{promised}`, which GET /capabilities of `{}` does not declare",
                    self.main_tenant()
                ));
            }
        }
        if self.profile.spec.seed_fixtures && !self.is_safe_only() {
            self.seed().await?;
        }
        if !self.is_safe_only() {
            let tenants = [self.bench_tenant(), self.stranger()].into_iter().flatten().map(str::to_owned);
            let tenants: BTreeSet<String> = tenants.collect();
            let mut made = BTreeMap::new();
            for tenant in tenants {
                made.insert(tenant.clone(), Objects::make(self, &tenant).await);
            }
            self.objects = Arc::new(made);
        }
        let consistency = self.facts.values().map(|facts| facts.consistency).max().unwrap_or_default();
        tokio::time::sleep(consistency.min(LONGEST_CONSISTENCY)).await;
        Ok(())
    }

    async fn seed(&self) -> Result<(), PrepareError> {
        let tenants = self.profile.spec.tenants.iter().filter_map(|id| self.fixtures.tenant(id));
        let tenants: Vec<_> = tenants.filter(|tenant| !tenant.documents.is_empty()).collect();
        let total = tenants.iter().map(|tenant| tenant.documents.len()).sum::<usize>();
        let progress = ProgressBar::new(u64::try_from(total).unwrap_or(0)).with_message("seeding");
        let seeds = tenants.into_iter().filter_map(|tenant| {
            let credential = self.with_scope(&tenant.id, &["ingest:write".to_owned()])?;
            let limits = self.facts.get(&tenant.id).and_then(|facts| facts.limits.as_ref());
            Some(seed::documents(&self.client, tenant, credential, limits, &progress))
        });
        // Some tenants beside each other: one alone leaves a target with several processors idle.
        let seeded = stream::iter(seeds).buffered(self.pace.concurrency()).try_collect::<()>().await;
        progress.finish_and_clear();
        seeded.map_err(|error| PrepareError::Refused(error.to_string()))
    }

    /// Deletes what the run has made for its own use.
    pub async fn clean_up(&self) {
        for (tenant, objects) in &*self.objects {
            delete_documents(self, tenant, &objects.made(self)).await;
        }
    }
}

fn not_opened(error: &TargetError) -> PrepareError {
    match error {
        TargetError::Run { .. }
        | TargetError::NoBinary { .. }
        | TargetError::Local { .. }
        | TargetError::Upstream(_) => PrepareError::Usage(error.to_string()),
        TargetError::Build { .. } | TargetError::NotReady { .. } => PrepareError::Unreachable(error.to_string()),
    }
}

fn unreachable(error: &ClientError) -> PrepareError {
    PrepareError::Unreachable(format!("the target cannot be reached: {error}"))
}
