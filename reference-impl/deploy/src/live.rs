//! What is there, read from the API: only what one deployment touches, and only by reading.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{Api, ApiError, IndexInfo, Route, Script, Version, VersionShare};
use crate::wanted::{Resource, Wanted};

/// A Vectorize index with its metadata indexes.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveIndex {
    /// Dimensions and metric.
    pub info: IndexInfo,
    /// Properties and types.
    pub properties: Vec<(String, String)>,
}

/// The state of one deployment.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// The Worker; `None` where there is none.
    pub script: Option<Script>,
    /// Its versions, newest first.
    pub versions: Vec<Version>,
    /// How its traffic is shared out.
    pub traffic: Vec<VersionShare>,
    /// Its schedules.
    pub schedules: Vec<String>,
    /// Ids, by name, of the zones that a wanted route or a host name lies in.
    pub zones: BTreeMap<String, String>,
    /// Routes of those zones that lead to the Worker or have a wanted pattern, with the id of their zone.
    pub routes: Vec<(String, Route)>,
    /// Ids of the account's KV namespaces, by title.
    pub namespaces: BTreeMap<String, String>,
    /// The wanted indexes that exist.
    pub indexes: BTreeMap<String, LiveIndex>,
    /// The wanted buckets that exist.
    pub buckets: BTreeSet<String>,
    /// Ids of the account's queues, by name.
    pub queues: BTreeMap<String, String>,
}

impl Live {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// [`ApiError`] of the first call that failed.
    pub async fn read(api: &Api, wanted: &Wanted) -> Result<Self, ApiError> {
        let mut live = Self::versions(api, wanted).await?;
        if live.script.is_some() {
            live.schedules = api.schedules(wanted.worker()).await?;
        }
        live.read_routes(api, wanted).await?;
        for resource in &wanted.resources {
            match resource {
                Resource::Namespace(_) if live.namespaces.is_empty() => {
                    live.namespaces = api.namespaces().await?.into_iter().collect();
                }
                Resource::Queue(_) if live.queues.is_empty() => live.queues = api.queues().await?.into_iter().collect(),
                Resource::Namespace(_) | Resource::Queue(_) => {}
                Resource::Bucket(name) => {
                    if api.has_bucket(name).await? {
                        live.buckets.insert(name.clone());
                    }
                }
                Resource::Index { name, .. } => {
                    if let Some(info) = api.index(name).await? {
                        let properties = api.metadata_indexes(name).await?;
                        live.indexes.insert(name.clone(), LiveIndex { info, properties });
                    }
                }
            }
        }
        Ok(live)
    }

    /// Reads the Worker and its versions alone, which is all that a rollback is about.
    ///
    /// # Errors
    ///
    /// [`ApiError`] of the first call that failed.
    pub async fn versions(api: &Api, wanted: &Wanted) -> Result<Self, ApiError> {
        let worker = wanted.worker();
        let mut live = Self { script: api.settings(worker).await?, ..Self::default() };
        if live.script.is_some() {
            live.versions = api.versions(worker).await?;
            live.traffic = api.traffic(worker).await?;
        }
        Ok(live)
    }

    /// Reads the routes of every zone that a wanted route or a host name lies in: one that was taken out of the configuration still leads
    /// to the Worker.
    async fn read_routes(&mut self, api: &Api, wanted: &Wanted) -> Result<(), ApiError> {
        let deployment = &wanted.deployment;
        let routes: Vec<_> = deployment.settings.routes.iter().flatten().collect();
        if routes.is_empty() && deployment.hostnames.is_empty() {
            return Ok(());
        }
        let names: BTreeSet<&str> = routes.iter().map(|route| route.zone.as_str()).collect();
        let zones = match api.zones().await {
            // Who has no route needs no permission for routes, and sees none that is left.
            Err(error) if names.is_empty() && error.is_forbidden() => return Ok(()),
            zones => zones?,
        };
        let holds = |zone: &str| deployment.hostnames.iter().any(|host| lies_in(host, zone));
        let zones = zones.into_iter().filter(|zone| names.contains(zone.name.as_str()) || holds(&zone.name));
        self.zones = zones.map(|it| (it.name, it.id)).collect();
        for (name, id) in &self.zones {
            let there = match api.routes(id).await {
                Err(error) if !names.contains(name.as_str()) && error.is_forbidden() => continue,
                there => there?,
            };
            for route in there {
                let ours = route.script.as_deref() == Some(wanted.worker());
                if ours || routes.iter().any(|it| it.pattern == route.pattern) {
                    self.routes.push((id.clone(), route));
                }
            }
        }
        Ok(())
    }

    /// The version with most of the traffic.
    pub fn current(&self) -> Option<&Version> {
        let share = self.traffic.iter().max_by(|a, b| a.percentage.total_cmp(&b.percentage))?;
        self.versions.iter().find(|version| version.id == share.version)
    }

    /// Whether a version has a share of the traffic.
    pub fn has_traffic(&self, version: &str) -> bool {
        self.traffic.iter().any(|share| share.version == version && share.percentage > 0.0)
    }

    /// Names of the Worker's secrets.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        let bindings = self.script.iter().flat_map(|script| &script.bindings);
        bindings
            .filter(|it| it["type"] == "secret_text" || it["type"] == "secret_key")
            .filter_map(|it| it["name"].as_str())
    }
}

/// Whether a host name is that of a zone or below it.
pub(crate) fn lies_in(host: &str, zone: &str) -> bool {
    host.strip_suffix(zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}
