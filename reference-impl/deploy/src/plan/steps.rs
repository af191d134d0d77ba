//! Steps: what they are, in which order, and what they are called.

use super::find::Found;
use super::pending;
use crate::api::{Route, Version};
use crate::live::Live;
use crate::wanted::{Migrate, Resource, Wanted};

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Make a KV namespace.
    Namespace(String),
    /// Make a Vectorize index.
    Index {
        /// Its name.
        name: String,
        /// Its dimensions.
        dimensions: u64,
        /// How it compares.
        metric: &'static str,
    },
    /// Make a metadata index.
    Property {
        /// The index.
        index: String,
        /// The property.
        property: String,
        /// Its type.
        kind: &'static str,
    },
    /// Make a bucket.
    Bucket(String),
    /// Make a queue.
    Queue(String),
    /// Upload a Worker that has all traffic at once.
    Script {
        /// The migrations that it carries.
        migrate: Option<Migrate>,
    },
    /// Upload a version.
    Version {
        /// Whether it is marked as uploaded again.
        afresh: bool,
    },
    /// Take a version that is there already.
    Take(String),
    /// Give the new version a share of 0 %, so that it can be asked for by name.
    Idle,
    /// Try the new version.
    Smoke,
    /// Give the new version all traffic.
    Traffic,
    /// Make a route.
    Route {
        /// Name of its zone.
        zone: String,
        /// Its pattern.
        pattern: String,
    },
    /// Lead a route here.
    Lead {
        /// Name of its zone.
        zone: String,
        /// The route as it is.
        route: Route,
    },
    /// Set the schedules.
    Schedules(Vec<String>),
    /// Read everything again.
    Verify,
}

impl Step {
    /// What drift it repairs, as `--only` names it; `None` where it belongs to whatever else is done.
    pub(crate) fn repairs(&self) -> Option<&'static str> {
        match self {
            Self::Namespace(_) | Self::Bucket(_) | Self::Queue(_) => Some("resource"),
            Self::Index { .. } | Self::Property { .. } => Some("index"),
            Self::Route { .. } | Self::Lead { .. } => Some("route"),
            Self::Schedules(_) => Some("schedule"),
            Self::Script { .. } | Self::Version { .. } | Self::Take(_) | Self::Idle | Self::Traffic => Some("version"),
            Self::Smoke | Self::Verify => None,
        }
    }

    /// What it does, for people.
    pub fn words(&self) -> String {
        match self {
            Self::Namespace(title) => format!("create the KV namespace `{title}`"),
            Self::Index { name, dimensions, metric } => {
                format!("create the Vectorize index `{name}` ({dimensions} dimensions, {metric})")
            }
            Self::Property { index, property, kind } => {
                format!("create the metadata index `{property}` ({kind}) of `{index}`")
            }
            Self::Bucket(name) => format!("create the R2 bucket `{name}`"),
            Self::Queue(name) => format!("create the queue `{name}`"),
            Self::Script { migrate: Some(migrate) } => {
                let last = migrate.steps.last().map(|step| step.tag.as_str()).unwrap_or_default();
                format!("upload the Worker with the migration to `{last}`; it has all traffic at once")
            }
            Self::Script { migrate: None } => "upload the Worker; it has all traffic at once".to_owned(),
            Self::Version { .. } => "upload a version".to_owned(),
            Self::Take(id) => format!("take the version {id}, which is uploaded already"),
            Self::Idle => "deploy the version at 0 %".to_owned(),
            Self::Smoke => "try the version".to_owned(),
            Self::Traffic => "deploy the version at 100 %".to_owned(),
            Self::Route { pattern, .. } => format!("create the route `{pattern}`"),
            Self::Lead { route, .. } => format!(
                "lead the route `{}` here, away from {}",
                route.pattern,
                route.script.as_deref().map_or_else(|| "no Worker".to_owned(), |it| format!("`{it}`"))
            ),
            Self::Schedules(crons) if crons.is_empty() => "set no schedules".to_owned(),
            Self::Schedules(crons) => format!("set the schedules {}", crons.join(" | ")),
            Self::Verify => "verify".to_owned(),
        }
    }
}

pub(super) fn steps(wanted: &Wanted, live: &Live, found: &Found) -> Vec<Step> {
    let mut steps = Vec::new();
    for resource in &wanted.resources {
        resource_steps(resource, live, &mut steps);
    }
    let migrate = pending(wanted, live);
    let new = live.script.is_none();
    let routes = route_steps(wanted, live);
    if new {
        // A new Worker is reached by its routes alone, so they come before it is tried.
        steps.push(Step::Script { migrate });
        steps.extend(routes);
        steps.push(Step::Smoke);
    } else {
        if migrate.is_some() {
            steps.extend([Step::Script { migrate }, Step::Smoke]);
        } else if found.afresh || found.other_version {
            let is_of = |version: &&Version| version.tag.as_deref().is_some_and(|tag| wanted.is_of(tag));
            let mut waiting: Vec<&Version> = live.versions.iter().filter(is_of).collect();
            // One that has traffic already comes before newer ones, for no third can stand beside two.
            waiting.sort_by_key(|version| !live.has_traffic(&version.id));
            steps.push(match waiting.first() {
                Some(version) if !found.afresh => Step::Take(version.id.clone()),
                Some(_) => Step::Version { afresh: true },
                None => Step::Version { afresh: false },
            });
            steps.extend([Step::Idle, Step::Smoke, Step::Traffic]);
        }
        // Also one that an earlier run was cut off at: a Worker is tried before a run ends well.
        let reached = !routes.is_empty() && !steps.contains(&Step::Smoke);
        steps.extend(routes);
        if reached {
            steps.push(Step::Smoke);
        }
    }
    let schedules = wanted.deployment.settings.schedules.clone().unwrap_or_default();
    let differ = found.findings.iter().any(|finding| finding.what == "schedule");
    if differ || (new && !schedules.is_empty()) {
        steps.push(Step::Schedules(schedules));
    }
    if !steps.is_empty() {
        steps.push(Step::Verify);
    }
    steps
}

fn resource_steps(resource: &Resource, live: &Live, steps: &mut Vec<Step>) {
    match resource {
        Resource::Namespace(title) if !live.namespaces.contains_key(title) => {
            steps.push(Step::Namespace(title.clone()));
        }
        Resource::Bucket(name) if !live.buckets.contains(name) => steps.push(Step::Bucket(name.clone())),
        Resource::Queue(name) if !live.queues.contains_key(name) => steps.push(Step::Queue(name.clone())),
        Resource::Namespace(_) | Resource::Bucket(_) | Resource::Queue(_) => {}
        Resource::Index { name, dimensions, metric, properties } => {
            let there = live.indexes.get(name);
            if there.is_none() {
                steps.push(Step::Index { name: name.clone(), dimensions: *dimensions, metric });
            }
            for (property, kind) in properties {
                if !there.is_some_and(|index| index.properties.iter().any(|(it, _)| it == property)) {
                    steps.push(Step::Property { index: name.clone(), property: property.clone(), kind });
                }
            }
        }
    }
}

fn route_steps(wanted: &Wanted, live: &Live) -> Vec<Step> {
    let routes = wanted.deployment.settings.routes.iter().flatten();
    routes
        .filter_map(|route| match live.routes.iter().find(|(_, it)| it.pattern == route.pattern) {
            None => Some(Step::Route { zone: route.zone.clone(), pattern: route.pattern.clone() }),
            Some((_, there)) if there.script.as_deref() != Some(wanted.worker()) => {
                Some(Step::Lead { zone: route.zone.clone(), route: there.clone() })
            }
            Some(_) => None,
        })
        .collect()
}
