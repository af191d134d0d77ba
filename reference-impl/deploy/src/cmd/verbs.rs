//! The commands that speak to the API.

mod run;

use std::path::PathBuf;
use std::rc::Rc;

use super::args::{Files, Remote, Which};
use super::{Failure, Output};
use crate::config::Environment;
use crate::credentials::Verb;
use crate::fleet::Order;
use crate::remove::Names;
use crate::stop::Stop;
use crate::wanted::Wanted;
use crate::{apply, drift, promote, remove, rollback};
use run::{Job, Work};

/// How many at once.
#[derive(Debug, Clone, clap::Args)]
struct Fleet {
    /// Most tenants at once, 1 to 64.
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    parallel: u8,
    /// A tenant that comes before the others, alone; may be given several times, in order.
    #[arg(long, value_name = "NAME")]
    first: Vec<String>,
    /// Goes on to other tenants after one has failed.
    #[arg(long)]
    keep_going: bool,
}

impl Fleet {
    fn order(&self) -> Order {
        Order {
            first: self.first.clone(),
            parallel: self.parallel.into(),
            keep_going: self.keep_going,
            stop: Stop::default(),
        }
    }

    /// Reading is always carried to the end.
    fn reading(&self) -> Order {
        Order { keep_going: true, ..self.order() }
    }
}

/// One tenant, for verbs that are never for many.
fn alone() -> Order {
    Order { first: Vec::new(), parallel: 1, keep_going: false, stop: Stop::default() }
}

/// Shows what an application would do, and changes nothing.
#[derive(Debug, clap::Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    remote: Remote,
    #[command(flatten)]
    fleet: Fleet,
}

impl Plan {
    pub(super) fn run(self, output: &Output) -> Result<u8, Failure> {
        let wanted = self.remote.wanted(self.which.choose(&self.files.read()?)?)?;
        let work: Work = Rc::new(|means, wanted, _| Box::pin(async move { apply::show(&means.api, &wanted).await }));
        Job::new(Verb::Plan, &self.files, &self.remote, self.fleet.reading()).run(wanted, work, output)
    }
}

/// Brings tenants to what their configuration says.
///
/// Missing resources are made, a version is uploaded and deployed at 0 %, tried by its id, given all traffic, and everything is read
/// again. A step that fails takes those before it back. A new Worker, and one with a migration, has all traffic at once.
#[derive(Debug, clap::Args)]
pub(crate) struct Apply {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    remote: Remote,
    #[command(flatten)]
    fleet: Fleet,
    /// Uploads a secret again although the Worker has it; may be given several times.
    #[arg(long, value_name = "NAME")]
    rotate_secret: Vec<String>,
    /// Takes up a run that was cut off or failed, by its id: what it did is skipped.
    #[arg(long, value_name = "RUN")]
    resume: Option<String>,
}

impl Apply {
    pub(super) fn run(self, output: &Output) -> Result<u8, Failure> {
        let deployments = self.which.choose(&self.files.read()?)?;
        self.files.secrets_of(&deployments)?;
        for name in &self.rotate_secret {
            let has = |it: &&crate::config::Deployment| {
                it.settings.secrets.iter().flatten().any(|secret| secret.name == *name)
            };
            if let Some(lacks) = deployments.iter().find(|it| !has(it)) {
                return Err(Failure::Usage(format!("--rotate-secret: {} has no secret `{name}`", lacks.label())));
            }
        }
        let wanted = self.remote.wanted(deployments)?;
        let progress = output.clone();
        let work: Work = Rc::new(move |means, wanted, count| {
            let progress = progress.clone();
            Box::pin(async move {
                let label = wanted.deployment.label();
                apply::apply(&means, &wanted, &|step| run::tell(&progress, &count, &label, step)).await
            })
        });
        let mut job = Job::new(Verb::Apply, &self.files, &self.remote, self.fleet.order());
        job.rotate.clone_from(&self.rotate_secret);
        job.resume.clone_from(&self.resume);
        job.run(wanted, work, output)
    }
}

/// Brings the artefact of stage to prod, once the gate on stage has opened.
///
/// Stage must be as its configuration says, its version must carry the artefact at hand, and the gate on the target that deploy.yaml names
/// must open by run records that are not older than that version: the verdict of `reports gate`, of whole suites alone.
#[derive(Debug, clap::Args)]
pub(crate) struct Promote {
    #[command(flatten)]
    files: Files,
    /// A tenant; may be given several times.
    #[arg(long, value_name = "NAME", required = true)]
    tenant: Vec<String>,
    /// Where it comes from: dev or stage.
    #[arg(long, value_name = "ENV", default_value = "stage")]
    from: Environment,
    /// Where it goes, the next environment: stage or prod.
    #[arg(long, value_name = "ENV", default_value = "prod")]
    to: Environment,
    /// Folder of run records.
    #[arg(long, default_value = "reports/out", value_name = "DIR")]
    records: PathBuf,
    #[command(flatten)]
    remote: Remote,
    #[command(flatten)]
    fleet: Fleet,
}

impl Promote {
    pub(super) fn run(self, output: &Output) -> Result<u8, Failure> {
        // Nor past stage: the gate is held there, and says nothing of a version that was not.
        if self.from >= self.to || (self.from, self.to) == (Environment::Dev, Environment::Prod) {
            let message = format!(
                "--from, --to: expected one step on the way from dev over stage to prod, found {} to {}",
                self.from, self.to
            );
            return Err(Failure::Usage(message));
        }
        let folder = self.files.read()?;
        let which = |env| Which { tenant: self.tenant.clone(), all: false, env };
        let sources = self.remote.wanted(which(self.from).choose(&folder)?)?;
        let chosen = which(self.to).choose(&folder)?;
        self.files.secrets_of(&chosen)?;
        let wanted = self.remote.wanted(chosen)?;
        let (files, remote) = (self.files.clone(), self.remote.clone());
        let (records, progress) = (self.records.clone(), output.clone());
        let sources = Rc::new(sources);
        let work: Work = Rc::new(move |means, wanted: Wanted, count| {
            let (sources, records, progress) = (sources.clone(), records.clone(), progress.clone());
            let (files, remote) = (files.clone(), remote.clone());
            Box::pin(async move {
                let source = sources.iter().find(|it| it.deployment.tenant == wanted.deployment.tenant);
                let source = source.expect("both environments were chosen by the same names");
                let opened = match remote.one(&files, Verb::Plan, std::slice::from_ref(source), source, &[]).await {
                    Ok(of_source) => promote::gate(&of_source.api, source, &records).await,
                    Err(trouble) => Err(apply::DeployError::Refused(trouble.message)),
                };
                let label = wanted.deployment.label();
                match opened {
                    Ok(_) => apply::apply(&means, &wanted, &|step| run::tell(&progress, &count, &label, step)).await,
                    Err(error) => apply::Account::new(&wanted.deployment).fail(&error),
                }
            })
        });
        Job::new(Verb::Promote, &self.files, &self.remote, self.fleet.order()).run(wanted, work, output)
    }
}

/// Finds what is live and not as the configuration says; exit code 100 where there is any.
#[derive(Debug, clap::Args)]
pub(crate) struct Drift {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    remote: Remote,
    #[command(flatten)]
    fleet: Fleet,
    /// Repairs it. What is too much is deleted by `deploy remove` alone.
    #[arg(long)]
    repair: bool,
    /// Repairs only this: version, binding, secret, route, schedule, compatibility, index or resource; may be given several times.
    #[arg(long, value_name = "WHAT", requires = "repair")]
    only: Vec<String>,
}

impl Drift {
    pub(super) fn run(self, output: &Output) -> Result<u8, Failure> {
        if let Some(strange) = self.only.iter().find(|it| !drift::WHATS.contains(&it.as_str())) {
            return Err(Failure::Usage(format!(
                "--only: expected one of {}, found `{strange}`",
                drift::WHATS.join(", ")
            )));
        }
        let chosen = self.which.choose(&self.files.read()?)?;
        if self.repair {
            self.files.secrets_of(&chosen)?;
        }
        let wanted = self.remote.wanted(chosen)?;
        let (progress, repair, only) = (output.clone(), self.repair, self.only.clone());
        let work: Work = Rc::new(move |means, wanted, count| {
            let (progress, only) = (progress.clone(), only.clone());
            Box::pin(async move {
                if !repair {
                    return drift::look(&means.api, &wanted).await;
                }
                let label = wanted.deployment.label();
                drift::repair(&means, &wanted, &only, &|step| run::tell(&progress, &count, &label, step)).await
            })
        });
        let verb = if self.repair { Verb::Apply } else { Verb::Drift };
        let order = if self.repair { self.fleet.order() } else { self.fleet.reading() };
        Job::new(verb, &self.files, &self.remote, order).told_as(Verb::Drift, wanted, work, output)
    }
}

/// Gives all traffic back to an earlier version.
///
/// Refused where it cannot be: across a migration of Durable Objects, or where a resource that the version needs was deleted. The built
/// Worker is not needed.
#[derive(Debug, clap::Args)]
pub(crate) struct Rollback {
    #[command(flatten)]
    files: Files,
    /// The tenant.
    #[arg(long, value_name = "NAME")]
    tenant: String,
    /// The environment: dev, stage or prod.
    #[arg(long, value_name = "ENV")]
    env: Environment,
    /// Id of the version.
    #[arg(long, value_name = "VERSION")]
    to: String,
    #[command(flatten)]
    remote: Remote,
}

impl Rollback {
    pub(super) fn run(self, output: &Output) -> Result<u8, Failure> {
        let which = Which { tenant: vec![self.tenant], all: false, env: self.env };
        let wanted = Remote::without_artefact(which.choose(&self.files.read()?)?);
        let (progress, version) = (output.clone(), self.to);
        let work: Work = Rc::new(move |means, wanted, count| {
            let (progress, version) = (progress.clone(), version.clone());
            Box::pin(async move {
                let label = wanted.deployment.label();
                rollback::rollback(&means, &wanted, &version, &|step| run::tell(&progress, &count, &label, step)).await
            })
        });
        Job::new(Verb::Rollback, &self.files, &self.remote, alone()).run(wanted, work, output)
    }
}

/// Deletes what is named, and nothing else. A name that is not of the tenant and environment is refused.
#[derive(Debug, clap::Args)]
pub(crate) struct Remove {
    #[command(flatten)]
    files: Files,
    /// The tenant.
    #[arg(long, value_name = "NAME")]
    tenant: String,
    /// The environment: dev, stage or prod.
    #[arg(long, value_name = "ENV")]
    env: Environment,
    /// Pattern of a route; may be given several times.
    #[arg(long, value_name = "PATTERN")]
    route: Vec<String>,
    /// Name of a secret; may be given several times.
    #[arg(long, value_name = "NAME")]
    secret: Vec<String>,
    /// A metadata index as INDEX/PROPERTY; may be given several times.
    #[arg(long, value_name = "INDEX/PROPERTY")]
    metadata_index: Vec<String>,
    /// Name of the Worker, which goes with its Durable Objects and all that they hold.
    #[arg(long, value_name = "NAME")]
    worker: Option<String>,
    /// Name of a KV namespace, an index, a bucket or a queue of tenant.yaml; may be given several times.
    #[arg(long, value_name = "NAME")]
    resource: Vec<String>,
    #[command(flatten)]
    remote: Remote,
}

impl Remove {
    pub(super) fn run(self, output: &Output) -> Result<u8, Failure> {
        let names = Names {
            routes: self.route,
            secrets: self.secret,
            metadata_indexes: self.metadata_index,
            worker: self.worker,
            resources: self.resource,
        };
        if names.is_empty() {
            let message = "expected a name: --route, --secret, --metadata-index, --worker or --resource";
            return Err(Failure::Usage(message.to_owned()));
        }
        let which = Which { tenant: vec![self.tenant], all: false, env: self.env };
        let wanted = Remote::without_artefact(which.choose(&self.files.read()?)?);
        let progress = output.clone();
        let work: Work = Rc::new(move |means, wanted, count| {
            let (progress, names) = (progress.clone(), names.clone());
            Box::pin(async move {
                let label = wanted.deployment.label();
                remove::remove(&means, &wanted, &names, &|step| run::tell(&progress, &count, &label, step)).await
            })
        });
        Job::new(Verb::Remove, &self.files, &self.remote, alone()).run(wanted, work, output)
    }
}
