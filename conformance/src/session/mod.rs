//! One run against one target: the profile, the started or running target, what it declares, and what cases share.

mod facts;
mod objects;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, atomic::AtomicUsize},
    time::Duration,
};

use contract_types::Feature;
use contracts::{Contract, catalogue};
use fixtures::Fixtures;
use harness::{
    canary::Scanner,
    client::{Bounds, Client, ClientError, Exchange, Flow, Request, Response},
    credential::Credential,
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
use tokio::sync::{OwnedSemaphorePermit, RwLock, RwLockReadGuard, RwLockWriteGuard, SemaphorePermit};

pub use facts::Facts;
pub use objects::{NoObject, Objects, delete_documents, wait};

use crate::coverage::Coverage;

/// Most attempts of a request that is refused for being one too many.
const ATTEMPTS: usize = 6;
/// Longest wait for writes to become visible.
const LONGEST_CONSISTENCY: Duration = Duration::from_mins(2);

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
    /// Why the profile and the target disagree; empty when they do not.
    pub disagreements: Vec<String>,
    locks: Arc<BTreeMap<String, RwLock<()>>>,
}

/// What keeps a case and others of its tenants apart.
#[derive(Debug)]
pub enum Guard<'a> {
    /// Beside others.
    Shared(RwLockReadGuard<'a, ()>),
    /// Alone.
    Alone(RwLockWriteGuard<'a, ()>),
}

/// The right to send something.
#[derive(Debug)]
pub struct Turn<'a> {
    _case: Option<SemaphorePermit<'a>>,
    _tenants: Vec<OwnedSemaphorePermit>,
}

/// A judged exchange.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The exchange.
    pub exchange: Exchange,
    /// Departures from the contract, and canaries of other tenants.
    pub problems: Vec<String>,
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
        let target = Target::open(&profile, &root).map_err(|error| match error {
            TargetError::Run { .. } | TargetError::NoBinary { .. } | TargetError::Local { .. } => usage(&error),
            TargetError::Build { .. } | TargetError::NotReady { .. } => PrepareError::Unreachable(error.to_string()),
        })?;
        let bounds = Bounds::of_run(variable).map_err(|error| usage(&error))?;
        let client = Client::new(&target.base_url, bounds).map_err(|error| usage(&error))?;
        let run_id = harness::record::run_id();
        let locks = profile.spec.tenants.iter().map(|tenant| (tenant.to_string(), RwLock::new(())));
        Ok(Self {
            judge: Arc::new(Judge::new(&contract)),
            pace: Arc::new(Pace::new(profile.spec.pace.as_ref())),
            locks: Arc::new(locks.collect()),
            facts: Arc::default(),
            objects: Arc::default(),
            coverage: Mutex::default(),
            run: mark::of_run(&run_id),
            run_id,
            seed: 1,
            property_time: Duration::ZERO,
            examples: Arc::default(),
            planned: AtomicUsize::new(0),
            disagreements: Vec::new(),
            contract: Arc::new(contract),
            profile,
            fixtures: Arc::new(fixtures),
            target,
            client,
            bounds,
            scanner: Arc::new(scanner),
            redactor: Arc::new(redactor),
        })
    }

    /// The same session with its target behind another address, such as that of a proxy. It shares everything that keeps
    /// cases apart, counts coverage of its own, and stops nothing when it is dropped.
    ///
    /// # Errors
    ///
    /// [`ClientError::Address`].
    pub fn through(&self, base_url: &str) -> Result<Self, ClientError> {
        Ok(Self {
            contract: Arc::clone(&self.contract),
            profile: self.profile.clone(),
            fixtures: Arc::clone(&self.fixtures),
            target: self.target.behind(base_url),
            client: Client::new(base_url, self.bounds)?,
            bounds: self.bounds,
            judge: Arc::clone(&self.judge),
            scanner: Arc::clone(&self.scanner),
            redactor: Arc::clone(&self.redactor),
            pace: Arc::clone(&self.pace),
            facts: Arc::clone(&self.facts),
            objects: Arc::clone(&self.objects),
            coverage: Mutex::default(),
            run_id: self.run_id.clone(),
            run: self.run.clone(),
            seed: self.seed,
            property_time: self.property_time,
            examples: Arc::clone(&self.examples),
            planned: AtomicUsize::new(0),
            disagreements: Vec::new(),
            locks: Arc::clone(&self.locks),
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
        for tenant in tenants {
            let Some(credential) = self.with_scope(&tenant.id, &["ingest:write".to_owned()]) else { continue };
            let limits = self.facts.get(&tenant.id).and_then(|facts| facts.limits.as_ref());
            let seeded = seed::documents(&self.client, tenant, credential, limits, &progress).await;
            seeded.map_err(|error| PrepareError::Refused(error.to_string()))?;
        }
        progress.finish_and_clear();
        Ok(())
    }

    /// The tenant that most cases use.
    pub fn main_tenant(&self) -> &str {
        self.profile.spec.tenants.first().map_or("", |tenant| tenant.as_str())
    }

    /// The tenant that generated requests go to; empty where the profile has none.
    pub fn bench(&self) -> &str {
        self.bench_tenant().unwrap_or_default()
    }

    /// The tenant that generated requests go to.
    pub fn bench_tenant(&self) -> Option<&str> {
        let bench = self.profile.spec.bench.as_ref().map(|tenant| tenant.as_str());
        bench.or_else(|| self.profile.spec.tenants.first().map(|tenant| tenant.as_str()))
    }

    /// A tenant that is not the bench: the one whose things the isolation matrix reaches for.
    pub fn stranger(&self) -> Option<&str> {
        let bench = self.bench_tenant();
        let tenants = self.profile.spec.tenants.iter().map(|tenant| tenant.as_str());
        let mut others = tenants.filter(|tenant| Some(*tenant) != bench);
        // The second tenant of the profile, where there are three: the first is the one that most cases watch.
        let first = others.next();
        others.next().or(first)
    }

    /// Another tenant of the target.
    pub fn foreign_tenant(&self) -> Option<&str> {
        self.profile.spec.tenants.get(1).map(|tenant| tenant.as_str())
    }

    /// Whether only cases that change nothing may run.
    pub fn is_safe_only(&self) -> bool {
        self.profile.spec.safe_only.unwrap_or(false)
    }

    /// The features that `tenant` declares.
    pub fn features(&self, tenant: &str) -> BTreeSet<Feature> {
        self.facts.get(tenant).map(|facts| facts.features.clone()).unwrap_or_default()
    }

    /// The credential that a tenant's cases use unless they say otherwise: `all`, or the first.
    pub fn principal(&self, tenant: &str) -> Option<&Credential> {
        let first = || self.profile.credentials.iter().find(|credential| credential.tenant == tenant);
        self.profile.credential(tenant, "all").or_else(first)
    }

    /// A credential of `tenant` with all of `scopes`.
    pub fn with_scope(&self, tenant: &str, scopes: &[String]) -> Option<&Credential> {
        let fits = |credential: &&Credential| scopes.iter().all(|scope| credential.holds(scope));
        self.profile.credential(tenant, "all").filter(fits).or_else(|| {
            let usable =
                |credential: &&Credential| !matches!(credential.name.as_str(), "revoked" | "expired" | "rotating");
            self.profile.credentials.iter().filter(|c| c.tenant == tenant).filter(usable).find(fits)
        })
    }

    /// Sends a request of `tenant` and judges the response. `patient` waits and asks again when it was one too many.
    ///
    /// # Errors
    ///
    /// As [`Client::send`].
    pub async fn send(&self, request: &Request, tenant: Option<&str>, patient: bool) -> Result<Judged, ClientError> {
        self.read(request, tenant, patient, |_, _, _| Flow::On).await
    }

    /// As [`Session::send`], telling `each` of every piece of a body as it arrives.
    ///
    /// # Errors
    ///
    /// As [`Client::send`].
    pub async fn read<F>(
        &self,
        request: &Request,
        tenant: Option<&str>,
        patient: bool,
        mut each: F,
    ) -> Result<Judged, ClientError>
    where
        F: FnMut(&Response, Duration, &[u8]) -> Flow + Send,
    {
        let mut attempt = 1;
        let exchange = loop {
            self.pace.request().await;
            let exchange = match self.client.watch(request, self.bounds, &mut each).await {
                // A server may refuse a large body before it has read it; whether the answer is seen is a race.
                Err(ClientError::Broken(_))
                    if attempt < 3 && request.body.as_ref().is_some_and(|b| b.len() > 1 << 16) =>
                {
                    attempt += 1;
                    continue;
                }
                sent => sent?,
            };
            match seed::retry_after(&exchange) {
                Some(wait) if patient && attempt < ATTEMPTS => tokio::time::sleep(wait).await,
                _ => break exchange,
            }
            attempt += 1;
        };
        if let Some(operation) = self.judge.operation(&request.method, request.path())
            && let Ok(mut coverage) = self.coverage.lock()
        {
            coverage.exchange(&self.contract, operation, request, exchange.response.status);
        }
        let violations = self.judge.violations(&exchange).into_iter().map(|violation| violation.to_string());
        let leaks = self.scanner.leaks(tenant, &exchange).into_iter().map(|leak| leak.to_string());
        let problems = violations.chain(leaks).collect();
        Ok(Judged { exchange, problems })
    }

    /// Waits until a case of these tenants may send something. Held while it does, and not while it waits for a time to pass.
    pub async fn turn(&self, tenants: &BTreeSet<String>) -> Turn<'_> {
        let tenants = self.pace.tenants(tenants).await;
        Turn { _case: self.pace.case().await, _tenants: tenants }
    }

    /// Deletes what the run has made for its own use.
    pub async fn clean_up(&self) {
        for (tenant, objects) in &*self.objects {
            delete_documents(self, tenant, &objects.made(self)).await;
        }
    }

    /// Waits until a case may run beside others of these tenants, or without them where `alone` says so.
    pub async fn guard<'a>(&'a self, tenants: &BTreeSet<String>, alone: impl Fn(&str) -> bool) -> Vec<Guard<'a>> {
        let mut guards = Vec::new();
        // In the order of their names, so that two cases never wait for each other.
        for (tenant, lock) in tenants.iter().filter_map(|tenant| self.locks.get_key_value(tenant)) {
            let guard = if alone(tenant) { Guard::Alone(lock.write().await) } else { Guard::Shared(lock.read().await) };
            guards.push(guard);
        }
        guards
    }

    /// Every tenant of the profile.
    pub fn tenants(&self) -> BTreeSet<String> {
        self.profile.spec.tenants.iter().map(ToString::to_string).collect()
    }
}

fn unreachable(error: &ClientError) -> PrepareError {
    PrepareError::Unreachable(format!("the target cannot be reached: {error}"))
}
