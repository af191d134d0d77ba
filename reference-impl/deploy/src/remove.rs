//! Removes what is named, and nothing else.

use contract_types::{DeployOutcome, DeployOutcomeOutcome, DeployStepState};

use crate::api::ApiError;
use crate::apply::{Account, DeployError, Means, Progress};
use crate::live::Live;
use crate::wanted::{Resource, Wanted};

/// What is to go, each by its full name.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Patterns of routes.
    pub routes: Vec<String>,
    /// Names of secrets.
    pub secrets: Vec<String>,
    /// `index/property`.
    pub metadata_indexes: Vec<String>,
    /// The Worker, with its Durable Objects and all that they hold.
    pub worker: Option<String>,
    /// Names of KV namespaces, indexes, buckets and queues.
    pub resources: Vec<String>,
}

impl Names {
    /// Whether nothing is named.
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
            && self.secrets.is_empty()
            && self.metadata_indexes.is_empty()
            && self.worker.is_none()
            && self.resources.is_empty()
    }
}

/// Removes them, routes first and resources last. Who asks it to stop keeps what it has not come to yet.
pub async fn remove(means: &Means, wanted: &Wanted, names: &Names, progress: Progress<'_>) -> DeployOutcome {
    let mut account = Account::new(&wanted.deployment);
    let live = match Live::read(&means.api, wanted).await {
        Ok(live) => live,
        Err(error) => return account.fail(&error.into()),
    };
    let strange = not_ours(wanted, &live, names);
    if !strange.is_empty() {
        let label = wanted.deployment.label();
        return account
            .fail(&DeployError::Refused(format!("{} is not of {label}; nothing was removed", strange.join(", "))));
    }
    let mut all = order(names).into_iter();
    while let Some((words, what)) = all.next() {
        if means.stop.asked() {
            for (words, _) in std::iter::once((words, what)).chain(all) {
                account.step(words, DeployStepState::Planned, progress);
            }
            return account.fail(&DeployError::StoppedRemoving);
        }
        match one(means, wanted, &live, &what).await {
            Ok(()) => account.step(words, DeployStepState::Done, progress),
            Err(error) => {
                account.step(words, DeployStepState::Failed, progress);
                return account.fail(&error.into());
            }
        }
    }
    account.end(DeployOutcomeOutcome::Changed)
}

enum What {
    Route(String),
    Secret(String),
    Property(String),
    Worker,
    Resource(String),
}

fn order(names: &Names) -> Vec<(String, What)> {
    let mut all = Vec::new();
    all.extend(names.routes.iter().map(|it| (format!("delete the route `{it}`"), What::Route(it.clone()))));
    all.extend(names.secrets.iter().map(|it| (format!("delete the secret `{it}`"), What::Secret(it.clone()))));
    all.extend(
        names
            .metadata_indexes
            .iter()
            .map(|it| (format!("delete the metadata index `{it}`"), What::Property(it.clone()))),
    );
    all.extend(
        names.worker.iter().map(|it| (format!("delete the Worker `{it}` with its Durable Objects"), What::Worker)),
    );
    all.extend(names.resources.iter().map(|it| (format!("delete the resource `{it}`"), What::Resource(it.clone()))));
    all
}

fn name_of(resource: &Resource) -> &str {
    match resource {
        Resource::Namespace(name) | Resource::Bucket(name) | Resource::Queue(name) | Resource::Index { name, .. } => {
            name
        }
    }
}

/// What was named and belongs to somebody else, or is not there.
fn not_ours(wanted: &Wanted, live: &Live, names: &Names) -> Vec<String> {
    let mut strange = Vec::new();
    let worker = wanted.worker();
    let routes = |pattern: &String| {
        live.routes.iter().any(|(_, it)| it.pattern == *pattern && it.script.as_deref() == Some(worker))
    };
    strange.extend(names.routes.iter().filter(|it| !routes(it)).map(|it| format!("the route `{it}`")));
    strange.extend(
        names
            .secrets
            .iter()
            .filter(|it| !live.secrets().any(|name| name == *it))
            .map(|it| format!("the secret `{it}`")),
    );
    strange.extend(names.worker.iter().filter(|it| *it != worker).map(|it| format!("the Worker `{it}`")));
    let resources = |name: &String| wanted.resources.iter().any(|it| name_of(it) == name);
    strange.extend(names.resources.iter().filter(|it| !resources(it)).map(|it| format!("the resource `{it}`")));
    let property = |place: &String| {
        place.split_once('/').is_some_and(|(index, property)| {
            live.indexes.get(index).is_some_and(|it| it.properties.iter().any(|(name, _)| name == property))
        })
    };
    strange.extend(
        names.metadata_indexes.iter().filter(|it| !property(it)).map(|it| format!("the metadata index `{it}`")),
    );
    strange
}

async fn one(means: &Means, wanted: &Wanted, live: &Live, what: &What) -> Result<(), ApiError> {
    let api = &means.api;
    match what {
        What::Route(pattern) => {
            for (zone, route) in live.routes.iter().filter(|(_, it)| it.pattern == *pattern) {
                api.delete_route(zone, &route.id).await?;
            }
            Ok(())
        }
        What::Secret(name) => api.delete_secret(wanted.worker(), name).await,
        What::Property(place) => {
            let (index, property) = place.split_once('/').unwrap_or_default();
            api.delete_metadata_index(index, property).await
        }
        What::Worker => api.delete_script(wanted.worker()).await,
        What::Resource(name) => {
            for resource in wanted.resources.iter().filter(|it| name_of(it) == name) {
                match resource {
                    Resource::Namespace(title) => {
                        if let Some(id) = live.namespaces.get(title) {
                            api.delete_namespace(id).await?;
                        }
                    }
                    Resource::Index { name, .. } => api.delete_index(name).await?,
                    Resource::Bucket(name) => api.delete_bucket(name).await?,
                    Resource::Queue(name) => {
                        if let Some(id) = live.queues.get(name) {
                            api.delete_queue(id).await?;
                        }
                    }
                }
            }
            Ok(())
        }
    }
}
