//! Back to an earlier version, where that is possible, and a clear word where it is not.

use contract_types::{DeployOutcome, DeployOutcomeOutcome};
use serde_json::Value;

use crate::apply::{Account, DeployError, Means, Performer, Progress, carry_out};
use crate::live::Live;
use crate::plan::Step;
use crate::wanted::Wanted;

/// Gives all traffic to `version`.
pub async fn rollback(means: &Means, wanted: &Wanted, version: &str, progress: Progress<'_>) -> DeployOutcome {
    let mut account = Account::new(&wanted.deployment);
    let live = match Live::versions(&means.api, wanted).await {
        Ok(live) => live,
        Err(error) => return account.fail(&error.into()),
    };
    account.version(live.current().map(|it| it.id.clone()));
    match refusal(means, wanted, &live, version).await {
        Ok(None) => {}
        Ok(Some(why)) => return account.fail(&DeployError::Refused(why)),
        Err(error) => return account.fail(&error),
    }
    if live.traffic.iter().any(|share| share.version == version && share.percentage >= 100.0) {
        return account.end(DeployOutcomeOutcome::Unchanged);
    }
    let steps = [Step::Take(version.to_owned()), Step::Idle, Step::Smoke, Step::Traffic];
    let mut means = means.clone();
    means.smoke.earlier = true;
    let mut performer = Performer::new(&means, wanted, live);
    if let Err(error) = carry_out(&mut performer, &steps, &mut account, progress).await {
        return account.fail(&error);
    }
    let now = match means.api.traffic(wanted.worker()).await {
        Ok(now) => now,
        Err(error) => return account.fail(&error.into()),
    };
    if now.len() == 1 && now[0].version == version {
        account.version(Some(version.to_owned()));
        account.end(DeployOutcomeOutcome::Changed)
    } else {
        account.fail(&DeployError::Unverified(format!("the traffic is not at {version} alone")))
    }
}

/// Why it cannot be: a version that is gone, another state of the Durable Objects, or a resource that was deleted.
async fn refusal(means: &Means, wanted: &Wanted, live: &Live, version: &str) -> Result<Option<String>, DeployError> {
    let Some(script) = &live.script else {
        return Ok(Some(format!("there is no Worker `{}`; deploy apply makes it", wanted.worker())));
    };
    let Some(found) = means.api.version(wanted.worker(), version).await? else {
        let known: Vec<String> = live
            .versions
            .iter()
            .take(5)
            .map(|it| format!("{} ({})", it.id, it.tag.as_deref().unwrap_or("no tag")))
            .collect();
        return Ok(Some(format!("there is no version {version}; the newest are {}", known.join(", "))));
    };
    let tag = found["resources"]["script_runtime"]["migration_tag"].as_str();
    if tag != script.migration_tag.as_deref() {
        return Ok(Some(format!(
            "the version was made at migration {}, the Durable Objects are at {}; a migration is not taken back: deploy a mended version instead",
            tag.unwrap_or("none"),
            script.migration_tag.as_deref().unwrap_or("none")
        )));
    }
    let others = live.traffic.iter().filter(|share| share.percentage > 0.0).count();
    if others > 1 && !live.has_traffic(version) {
        return Ok(Some(format!(
            "the traffic is shared by {others} versions, and {version} cannot be tried beside them; roll back to one of them first"
        )));
    }
    let mut gone = Vec::new();
    for binding in found["resources"]["bindings"].as_array().into_iter().flatten() {
        if let Some(name) = deleted(means, live, binding).await? {
            gone.push(name);
        }
    }
    if gone.is_empty() {
        return Ok(None);
    }
    Ok(Some(format!(
        "the version needs what was deleted since: {}; deploy a version without it, or make it again",
        gone.join(", ")
    )))
}

/// The resource of a binding, where it is gone.
async fn deleted(means: &Means, live: &Live, binding: &Value) -> Result<Option<String>, DeployError> {
    let text = |field: &str| binding[field].as_str().unwrap_or_default().to_owned();
    let api = &means.api;
    let (what, name, there) = match binding["type"].as_str().unwrap_or_default() {
        "kv_namespace" => {
            let id = text("namespace_id");
            let there =
                live.namespaces.values().any(|it| *it == id) || api.namespaces().await?.iter().any(|(_, it)| *it == id);
            ("KV namespace", id, there)
        }
        "vectorize" => ("Vectorize index", text("index_name"), api.index(&text("index_name")).await?.is_some()),
        "r2_bucket" => ("R2 bucket", text("bucket_name"), api.has_bucket(&text("bucket_name")).await?),
        "queue" => ("queue", text("queue_name"), api.queues().await?.iter().any(|(it, _)| *it == text("queue_name"))),
        _ => return Ok(None),
    };
    Ok((!there).then(|| format!("the {what} `{name}`")))
}
