//! Performs single steps.

use super::{DeployError, Means, Undo};
use crate::api::{Api, Upload, VersionShare};
use crate::credentials::Secret;
use crate::live::Live;
use crate::plan::{Plan, Step};
use crate::stop::Stop;
use crate::wanted::{Migrate, Wanted, at_once, metadata};

/// One deployment under way.
#[derive(Debug)]
pub(crate) struct Performer<'a> {
    means: &'a Means,
    wanted: &'a Wanted,
    live: Live,
    /// The version that the steps are about, once it is known.
    version: Option<String>,
    /// The traffic as it was read or set last.
    expected: Vec<VersionShare>,
}

impl<'a> Performer<'a> {
    pub(crate) fn new(means: &'a Means, wanted: &'a Wanted, live: Live) -> Self {
        let expected = live.traffic.clone();
        Self { means, wanted, live, version: None, expected }
    }

    pub(crate) fn api(&self) -> &'a Api {
        &self.means.api
    }

    pub(crate) fn stop(&self) -> &'a Stop {
        &self.means.stop
    }

    pub(crate) fn worker(&self) -> &'a str {
        self.wanted.worker()
    }

    pub(crate) fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Performs a step; gives the way back.
    pub(crate) async fn perform(&mut self, step: &Step) -> Result<Undo, DeployError> {
        let (api, worker) = (self.api(), self.worker());
        Ok(match step {
            Step::Namespace(title) => {
                let id = api.create_namespace(title).await?;
                self.live.namespaces.insert(title.clone(), id.clone());
                Undo::Namespace(id)
            }
            Step::Index { name, dimensions, metric } => {
                api.create_index(name, *dimensions, metric).await?;
                Undo::Index(name.clone())
            }
            Step::Property { index, property, kind } => {
                api.create_metadata_index(index, property, kind).await?;
                Undo::Property { index: index.clone(), property: property.clone() }
            }
            Step::Bucket(name) => {
                api.create_bucket(name).await?;
                Undo::Bucket(name.clone())
            }
            Step::Queue(name) => Undo::Queue(api.create_queue(name).await?),
            Step::Script { migrate } => self.script(migrate.as_ref()).await?,
            Step::Version { afresh } => {
                let tag = if *afresh { format!("{}r{}", self.wanted.tag, random()) } else { self.wanted.tag.clone() };
                let upload = self.upload(None, &tag).await?;
                self.version = Some(api.upload_version(worker, &upload, &tag).await?.id);
                Undo::Nothing
            }
            Step::Take(id) => {
                self.version = Some(id.clone());
                Undo::Nothing
            }
            Step::Idle => {
                let before = self.before();
                // What has a share of the traffic can be asked for already; and a Worker without a version in force has nothing beside
                // which another could stand idle.
                if before.is_empty() || before.iter().any(|share| Some(&share.version) == self.version.as_ref()) {
                    return Ok(Undo::Nothing);
                }
                let mut shares = before.clone();
                shares.push(self.share(0.0));
                self.deploy(shares.clone()).await?;
                Undo::Traffic { before, ours: shares }
            }
            Step::Traffic => {
                let ours = vec![self.share(100.0)];
                self.deploy(ours.clone()).await?;
                let before = self.before();
                if before.is_empty() { Undo::Never } else { Undo::Traffic { before, ours } }
            }
            Step::Smoke => {
                let url = self.wanted.deployment.smoke_url();
                let version = self.version.clone().or_else(|| self.live.current().map(|it| it.id.clone()));
                self.means.smoke.run(url.as_deref(), worker, version.as_deref()).await?;
                self.still_there(version.as_deref()).await?;
                Undo::Nothing
            }
            Step::Route { zone, pattern } => {
                let zone = self.zone(zone)?;
                let id = api.create_route(&zone, pattern, worker).await?;
                Undo::Route { zone, id }
            }
            Step::Lead { zone, route } => {
                let zone = self.zone(zone)?;
                api.update_route(&zone, route, Some(worker)).await?;
                Undo::Lead { zone, route: route.clone() }
            }
            Step::Schedules(crons) => {
                api.set_schedules(worker, crons).await?;
                Undo::Schedules(self.live.schedules.clone())
            }
            Step::Verify => {
                self.verify().await?;
                Undo::Nothing
            }
        })
    }

    fn zone(&self, name: &str) -> Result<String, DeployError> {
        self.live
            .zones
            .get(name)
            .cloned()
            .ok_or_else(|| DeployError::Refused(format!("the account has no zone {name}")))
    }

    /// Shares the traffic out, unless somebody else has done so since it was read or set last.
    async fn deploy(&mut self, shares: Vec<VersionShare>) -> Result<(), DeployError> {
        let now = self.api().traffic(self.worker()).await?;
        if !same_traffic(&now, &self.expected) {
            return Err(DeployError::Meanwhile(told(&self.expected), told(&now)));
        }
        self.api().deploy(self.worker(), &shares, &self.wanted.message()).await?;
        self.expected = shares;
        Ok(())
    }

    /// A version that is not deployed is not asked for by its id: another one would have answered in its place.
    async fn still_there(&self, version: Option<&str>) -> Result<(), DeployError> {
        let Some(version) = version else { return Ok(()) };
        let now = self.api().traffic(self.worker()).await?;
        let there = now.iter().any(|share| share.version == version);
        if there { Ok(()) } else { Err(DeployError::Meanwhile(told(&self.expected), told(&now))) }
    }

    /// The traffic before the run, without shares of nothing.
    fn before(&self) -> Vec<VersionShare> {
        self.live.traffic.iter().filter(|share| share.percentage > 0.0).cloned().collect()
    }

    fn share(&self, percentage: f64) -> VersionShare {
        VersionShare { version: self.version.clone().unwrap_or_default(), percentage }
    }

    async fn script(&mut self, migrate: Option<&Migrate>) -> Result<Undo, DeployError> {
        let mut upload = self.upload(migrate, &self.wanted.tag).await?;
        upload.metadata = at_once(upload.metadata);
        let api = self.api();
        let new = self.live.script.is_none();
        if let Err(error) = api.upload_script(self.worker(), &upload).await {
            // It may have taken effect: look before saying so.
            if !error.is_open() {
                return Err(error.into());
            }
            let versions = api.versions(self.worker()).await?;
            if versions.first().is_none_or(|version| version.tag.as_deref() != Some(&self.wanted.tag)) {
                api.upload_script(self.worker(), &upload).await?;
            }
        }
        self.expected = self.api().traffic(self.worker()).await?;
        self.version = self.expected.first().map(|share| share.version.clone());
        Ok(if new { Undo::Script } else { Undo::Never })
    }

    /// What is uploaded: with the values of secrets that are missing or rotated, and of no others.
    async fn upload(&self, migrate: Option<&Migrate>, tag: &str) -> Result<Upload, DeployError> {
        let mut values: Vec<(String, Secret)> = Vec::new();
        for secret in self.wanted.deployment.settings.secrets.iter().flatten() {
            let there = self.live.secrets().any(|name| name == secret.name);
            if !there || self.means.rotate.contains(&secret.name) {
                values.push((secret.name.clone(), self.means.origin.read(&secret.source).await?));
            }
        }
        let metadata = metadata(self.wanted, &self.live.namespaces, &values, migrate, tag);
        Ok(Upload { metadata, modules: self.wanted.artefact.modules.clone() })
    }

    /// Reads everything again: what an application would still do must be nothing.
    async fn verify(&self) -> Result<(), DeployError> {
        let live = Live::read(self.api(), self.wanted).await?;
        let plan = Plan::new(self.wanted, &live);
        let open: Vec<String> = plan.steps.iter().map(Step::words).chain(plan.refusals).collect();
        if open.is_empty() { Ok(()) } else { Err(DeployError::Unverified(open.join("; "))) }
    }
}

/// Whether two shares of the traffic are the same; who has nothing does not count.
pub(super) fn same_traffic(one: &[VersionShare], other: &[VersionShare]) -> bool {
    let some = |shares: &[VersionShare]| {
        let mut some: Vec<(String, u64)> = shares
            .iter()
            .filter(|share| share.percentage > 0.0)
            .map(|share| (share.version.clone(), share.percentage.to_bits()))
            .collect();
        some.sort();
        some
    };
    some(one) == some(other)
}

fn told(shares: &[VersionShare]) -> String {
    let told: Vec<String> = shares.iter().map(|it| format!("{} {} %", it.version, it.percentage)).collect();
    if told.is_empty() { "nothing".to_owned() } else { told.join(", ") }
}

/// Six hex digits that no version had.
fn random() -> String {
    let mut bytes = [0; 3];
    getrandom::fill(&mut bytes).expect("this system gives random bytes");
    hex::encode(bytes)
}
