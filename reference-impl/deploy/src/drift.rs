//! Drift: what is live and not as the configuration says.

use contract_types::{DeployOutcome, DeployOutcomeOutcome};

use crate::api::Api;
use crate::apply::{self, Account, DeployError, Means, Progress};
use crate::wanted::Wanted;

/// What can be repaired alone by name.
pub const WHATS: [&str; 8] =
    ["version", "binding", "secret", "route", "schedule", "compatibility", "index", "resource"];

/// Looks, and changes nothing.
pub async fn look(api: &Api, wanted: &Wanted) -> DeployOutcome {
    let mut account = Account::new(&wanted.deployment);
    match apply::plan(api, wanted).await {
        Ok((live, plan)) => {
            account.version(live.current().map(|version| version.id.clone()));
            let drift = !plan.findings.is_empty() || !plan.refusals.is_empty();
            account.found(plan.findings);
            account.end(if drift { DeployOutcomeOutcome::Drift } else { DeployOutcomeOutcome::Unchanged })
        }
        Err(error) => account.fail(&error.into()),
    }
}

/// Repairs what differs in the ways named by `only`, such as `route` or `schedule`; all ways where it is empty. What is left is told.
pub async fn repair(means: &Means, wanted: &Wanted, only: &[String], progress: Progress<'_>) -> DeployOutcome {
    let before = look(&means.api, wanted).await;
    if before.outcome != DeployOutcomeOutcome::Drift {
        return before;
    }
    let others: Vec<&str> = before
        .findings
        .iter()
        .map(|it| it.what.as_str())
        .filter(|what| !only.is_empty() && !only.iter().any(|it| it == what))
        .collect();
    if !others.is_empty() && only.iter().any(|it| !["route", "schedule"].contains(&it.as_str())) {
        let mut account = Account::new(&wanted.deployment);
        account.found(before.findings.clone());
        let error = format!(
            "only {} was to be repaired, but a version carries all settings at once and {} differ too; repair those as well, or none",
            only.join(", "),
            others.join(", ")
        );
        return account.fail(&DeployError::Refused(error));
    }
    if only.is_empty() || others.is_empty() {
        return apply::apply(means, wanted, progress).await;
    }
    apply::apply_some(means, wanted, only, progress).await
}
