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
    /// Ids of the wanted routes' zones, by name.
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
        let worker = wanted.worker();
        let mut live = Self { script: api.settings(worker).await?, ..Self::default() };
        if live.script.is_some() {
            live.versions = api.versions(worker).await?;
            live.traffic = api.traffic(worker).await?;
            live.schedules = api.schedules(worker).await?;
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

    async fn read_routes(&mut self, api: &Api, wanted: &Wanted) -> Result<(), ApiError> {
        let routes: Vec<_> = wanted.deployment.settings.routes.iter().flatten().collect();
        if routes.is_empty() {
            return Ok(());
        }
        let names: BTreeSet<&str> = routes.iter().map(|route| route.zone.as_str()).collect();
        let zones = api.zones().await?;
        self.zones =
            zones.into_iter().filter(|zone| names.contains(zone.name.as_str())).map(|it| (it.name, it.id)).collect();
        for id in self.zones.values() {
            for route in api.routes(id).await? {
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
