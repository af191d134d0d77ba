//! Drift: what is live and not as the configuration says.

use std::collections::BTreeSet;

use contract_types::{DeployOutcome, DeployOutcomeOutcome};

use crate::api::Api;
use crate::apply::{self, Account, DeployError, Means, Progress};
use crate::plan::Step;
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

/// What a version carries along: all of it at once, so that one of these cannot be repaired without the others.
const OF_A_VERSION: [&str; 6] = ["version", "binding", "secret", "compatibility", "worker", "migration"];

/// Repairs what differs in the ways named by `only`, such as `route` or `schedule`; all ways where it is empty. What is left is told, and
/// the outcome is drift as long as there is any.
pub async fn repair(means: &Means, wanted: &Wanted, only: &[String], progress: Progress<'_>) -> DeployOutcome {
    let before = look(&means.api, wanted).await;
    if before.outcome != DeployOutcomeOutcome::Drift {
        return before;
    }
    let asked = |what: &str| only.is_empty() || only.iter().any(|it| it == what);
    let of_a_version = |what: &str| OF_A_VERSION.contains(&what);
    let differ: BTreeSet<&str> = before.findings.iter().map(|it| it.what.as_str()).collect();
    let others: Vec<&str> = differ.iter().copied().filter(|what| of_a_version(what) && !asked(what)).collect();
    let versions = differ.iter().any(|what| of_a_version(what) && asked(what));
    if versions && !others.is_empty() {
        let mut account = Account::new(&wanted.deployment);
        account.found(before.findings.clone());
        let error = format!(
            "only {} was to be repaired, but a version carries all settings at once and {} differ too; repair those as well, or none",
            only.join(", "),
            others.join(", ")
        );
        return account.fail(&DeployError::Refused(error));
    }
    let done = if only.is_empty() {
        apply::apply(means, wanted, progress).await
    } else {
        let chosen = |step: &Step| match step.repairs() {
            Some("version") => versions,
            Some(what) => asked(what),
            None => versions && *step == Step::Smoke,
        };
        apply::apply_some(means, wanted, &chosen, progress).await
    };
    if !matches!(done.outcome, DeployOutcomeOutcome::Changed | DeployOutcomeOutcome::Unchanged) {
        return done;
    }
    let after = look(&means.api, wanted).await;
    DeployOutcome {
        steps: done.steps,
        took_ms: before.took_ms + done.took_ms + after.took_ms,
        ..left(after, done.outcome)
    }
}

/// What is told after a repair: the drift that is left, or that it was done.
fn left(after: DeployOutcome, done: DeployOutcomeOutcome) -> DeployOutcome {
    match after.outcome {
        DeployOutcomeOutcome::Unchanged => DeployOutcome { outcome: done, ..after },
        DeployOutcomeOutcome::Drift
        | DeployOutcomeOutcome::Changed
        | DeployOutcomeOutcome::Planned
        | DeployOutcomeOutcome::Failed
        | DeployOutcomeOutcome::Refused
        | DeployOutcomeOutcome::Skipped => after,
    }
}
